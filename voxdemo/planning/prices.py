"""What machines cost: a table that people edit, as a CSV file."""

import csv
import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from voxdemo.errors import InputError
from voxdemo.planning import text_of

EXAMPLES = Path(__file__).with_name("prices.csv")
BALANCER = "balancer"
"""The row of what several machines need beside themselves."""
DAYS_A_MONTH = 365 / 12


def _dated(written: str) -> str:
    try:
        date.fromisoformat(written)
    except ValueError as error:
        raise PydanticCustomError("date", "it isn't a date such as 2026-11-29") from error
    return written


class Machine(BaseModel, allow_inf_nan=False):
    """A row of the table. `generators` is how many it runs at most; `per_month` what it costs then, in `currency`."""

    machine: str = Field(min_length=1)
    what: str = Field(alias="is")
    generators: int = Field(ge=0, le=2)
    memory_gb: float = Field(gt=0)
    per_month: float = Field(ge=0)
    currency: str = Field(min_length=1)
    date: Annotated[str, AfterValidator(_dated)]
    source: str

    @property
    def per_day(self) -> float:
        return self.per_month / DAYS_A_MONTH

    @property
    def per_generator_s(self) -> float:
        """What a generator costs a second."""
        return self.per_day / 86_400 / self.generators


Prices = Mapping[str, Machine]
_Rows = TypeAdapter(list[Machine])


def read(file: Path) -> Prices:
    """The machines of a price table, by name. Raises InputError for a file that can't be read as one."""
    try:
        rows = _Rows.validate_python(list(csv.DictReader(io.StringIO(text_of(file), newline=""))))
    except ValidationError as error:
        raise _wrong(file, error) from error
    except csv.Error as error:
        raise _damaged(file, "it isn't CSV") from error
    prices = {row.machine: row for row in rows}
    if BALANCER not in prices:
        raise _damaged(file, f"it has no row {BALANCER!r}")
    if len({row.currency for row in rows}) > 1:
        raise _damaged(file, "it mixes currencies")
    return prices


def _wrong(file: Path, error: ValidationError) -> InputError:
    first = error.errors()[0]
    row, *column = first["loc"] or ("",)
    where = f"row {row + 1}, {column[0]}: " if isinstance(row, int) and column else ""
    return _damaged(file, f"{where}{first['msg']}")


def _damaged(file: Path, why: str) -> InputError:
    sentence = "The price table {name} can't be used ({why}): mend it, or begin with a copy of {example}."
    example = f"voxdemo/planning/{EXAMPLES.name}"
    return InputError(sentence, code="wrong_prices", name=file.name, why=why, example=example)
