"""How the models of a line and the line itself are doing, as plain values."""

from dataclasses import dataclass
from typing import Literal

from voxdemo.speech import ModelInfo

ReadyState = Literal["loading", "ready", "reloading", "failed", "closed"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Whether the model can work now, and if not, why: one sentence."""

    state: ReadyState
    """"reloading": it has been ready, and is checked after a fault or built again after its death."""
    reason: str = ""
    load_s: float | None = None
    """How long the last successful build and check took."""


@dataclass(frozen=True, slots=True)
class ModelReport:
    """How one model is: `serving` when jobs that come now are given to it."""

    info: ModelInfo
    status: WorkerStatus
    wanted: bool
    """Whether it is the one that should serve; else it stands by."""
    serving: bool
    hangs: bool = False
    """Whether a step of it goes on past its job's deadline."""
    loads: int = 0
    """How often it was loaded."""
    deaths: int = 0
    """How often it died, hung or failed its check."""


@dataclass(frozen=True, slots=True)
class LaneStats:
    """How the lane is doing."""

    seats: int
    running: int
    waiting: int
    queue_size: int
    """How many may wait."""
    busy_s: float
    """Seconds that seats have worked since the start, added up."""
    ready_seats: int
    """Seats whose models can work now."""
    models: tuple[ModelReport, ...]
    """Every model, seat by seat; for each kind the one that is wanted comes first."""
