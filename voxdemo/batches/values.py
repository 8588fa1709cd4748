"""What batches are made of: plain values. They know no disk and no line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from voxdemo.speech import Utterance

State = Literal["queued", "running", "done", "failed", "cancelled"]
MOST_TEXTS = 1_000
"""Of one batch."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How all texts of a batch are to be spoken: fields of an `Utterance`, and the format of the files."""

    format: str
    prompt_text: str = ""
    cfg_value: float = 2.0
    inference_timesteps: int = 10
    control: str = ""
    voice: str | None = None
    seed: int | None = None
    speed: float = 1.0
    has_prompt: bool = False
    """Whether there is a recording to speak like, as `Store.prompt`."""

    def utterance(self, text: str, prompt: Path | None) -> Utterance:
        """One of the texts, to be spoken in this manner, like the recording `prompt`."""
        fields = {name: value for name, value in asdict(self).items() if name not in ("format", "has_prompt")}
        return Utterance(text=text, prompt_audio=prompt, **fields)


@dataclass(frozen=True, slots=True)
class Order:
    """A batch as it comes in; `units` is how much each text is, by `plan.units_of`."""

    caller: str
    manner: Manner
    texts: Sequence[str]
    units: Sequence[float]
    digest: str
    """Of all that was asked for."""
    idempotency_key: str | None = None
    prompt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a batch, and what became of it."""

    batch: str
    number: int
    """From 1."""
    text: str
    units: float
    state: State
    error: str | None = None
    duration_s: float | None = None
    seed: int | None = None
    cached: bool | None = None
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch with all of its texts."""

    id: str
    manner: Manner
    created_at: float
    finished_at: float | None
    texts: Sequence[Text] = field(repr=False)


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
