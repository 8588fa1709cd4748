"""What batches are made of: plain values. They know no disk and no line."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voxdemo.errors import A_MINUTE_S, InputError, UnavailableError
from voxdemo.speech import SpeakOptions

State = Literal["queued", "running", "done", "failed", "cancelled"]
MOST_TEXTS = 1_000
"""Of one batch."""
MOST_NAME_CHARS = 80
_UNFIT = re.compile(r"[^\w .,()+-]")
"""What no file's name should have in it, here or where it is unpacked."""


@dataclass(frozen=True, slots=True)
class Order:
    """A batch as it comes in; `units` is how much each text is, by `estimates.paces.speech_units`."""

    caller: str
    options: SpeakOptions
    """How all texts are to be spoken, and the format of the files; its recordings are `prompt` and `own`."""
    texts: Sequence[str]
    units: Sequence[float]
    digest: str
    """Of all that was asked for."""
    idempotency_key: str | None = None
    prompt: bytes | None = None
    own: Sequence[bytes] = ()
    """The recordings of the voices that its options have as `own`, in their order."""
    starts: Sequence[float] | None = None
    """Seconds at which each text begins in the joined sound, in their order; None: one after the other."""
    refused: Mapping[int, InputError] = field(default_factory=dict)
    """Texts that can't be spoken, by their number from 1, and why; they are kept as failed."""
    names: Sequence[str] | None = None
    """What the files of the texts are called, without their ending, as by `file_names`; None: by their numbers."""
    reader: str | None = None
    """The key or the account that alone may see it; None: everybody with its id."""
    warnings: Sequence[str] = ()
    """What will be left out or ignored of it, in sentences."""
    left_out: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """What will be left out of its texts, by their number, in sentences."""
    id: str | None = None
    """What it is to be called, by `new_id`; None: the store finds it a name."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a batch, and what became of it."""

    batch: str
    number: int
    """From 1."""
    text: str
    units: float
    state: State
    error: Mapping[str, Any] | None = None
    """Why it can't be spoken, as `VoxdemoError.described`; of texts from before there were codes the code is None."""
    duration_s: float | None = None
    seed: int | None = None
    cached: bool | None = None
    warnings: Sequence[str] = ()
    start_s: float | None = None
    name: str = ""
    """Of its file for people, without the ending."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many texts of a batch are in one state, and so much altogether."""

    texts: int = 0
    units: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, how far it is as a whole, and those of its texts that were asked for."""

    id: str
    options: SpeakOptions
    created_at: float
    finished_at: float | None
    tallies: Mapping[State, Tally]
    texts: Sequence[Text] = field(repr=False)
    warnings: Sequence[str] = ()
    """What was said when it was accepted, in sentences."""

    def tally(self, *states: State) -> Tally:
        """Of the texts in one of these states."""
        found = [tally for state, tally in self.tallies.items() if state in states]
        return Tally(sum(each.texts for each in found), sum(each.units for each in found))


@dataclass(frozen=True, slots=True)
class Load:
    """What is still to be spoken of one batch: how many texts, and how much altogether."""

    batch: str
    texts: int
    units: float


class TooMuch(Exception):  # noqa: N818
    """So many texts wait already that these can't be accepted now: of everybody's, or of this client's."""

    def __init__(self, is_theirs: bool) -> None:
        super().__init__(is_theirs)
        self.is_theirs = is_theirs


class KeyReused(Exception):  # noqa: N818
    """The idempotency key belongs to another request of this client."""


def jobs_unreachable() -> UnavailableError:
    """For jobs whose database can't be reached."""
    sentence = "Jobs can't be reached just now: try again in a minute."
    return UnavailableError(sentence, A_MINUTE_S, reason="jobs_away")


def new_id() -> str:
    """What a batch can be called: nobody can guess it."""
    return secrets.token_urlsafe(16)


def file_names(wished: Sequence[str]) -> list[str]:
    """Names of files for texts in their order: as they are wished where they can be, no two alike on any disk."""
    names: list[str] = []
    taken: set[str] = set()
    for number, wish in enumerate(wished, 1):
        name = numbered(number)
        if fit := _UNFIT.sub("", wish)[:MOST_NAME_CHARS].strip(". "):
            name = fit if fit.casefold() not in taken else f"{fit}-{name}"
        while name.casefold() in taken:
            name += "-"
        taken.add(name.casefold())
        names.append(name)
    return names


def numbered(number: int) -> str:
    """What a file is called after its text's number."""
    return f"{number:04}"
