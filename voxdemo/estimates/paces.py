"""How long things take, learned from how long they took. Arithmetic, and one small file.

Knows no models but their keys, no line and no clock.
"""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, TypeAdapter

from voxdemo.files import replacing
from voxdemo.speech import EngineInfo, Utterance
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.threads import KEEPING

log = logging.getLogger(__name__)

REMEMBERED_JOBS = 50
"""How many finished jobs a pace remembers; the file holds no more either."""
HALF_LIFE = 8
"""After so many further jobs, one counts half. Eight new ones outvote all older ones when the machine changes, and
with one job in five disturbed the disturbed ones hardly ever outvote the rest."""
SPREAD = 2.0
"""How far apart the sizes of the remembered jobs must lie before a fixed part can be told from a part per unit."""
FIXED_SHARES = np.array([0.0, *np.geomspace(0.001, 4.0, 100)])
"""What is tried as the fixed part, in units, as shares of the largest job's size. At the end of it a job 50 times as
large as any before is expected to take eleven times as long: never next to nothing more."""
EARNED = 0.02
"""How much smaller the mean relative error must become before a fixed part is believed in at all."""
WARM_UP_TRUST = 1.5
"""A warm-up that differs from what was expected by more than this factor means another machine, or a busier one."""
WARM_UP_KEEPS = 4
"""How many of the older jobs then stay, scaled to the warm-up: they hold the ratio of fixed part and part per unit, and
are soon outvoted where the warm-up was what was out of line."""


class Pace:
    """Seconds that a job of so many units takes: a fixed part and a part per unit, neither below 0.

    Both are such that the relative error is least: the weighted median of what the last jobs say, so that up to half of
    them may be far off (the machine was busy). Recent jobs count more. Where sizes are too alike to tell the parts
    apart it is simple proportion.
    """

    def __init__(self, jobs: Iterable[tuple[float, float]] = ()) -> None:
        self._jobs = deque(jobs, maxlen=REMEMBERED_JOBS)
        self._line = _fit(self._jobs)

    @property
    def jobs(self) -> tuple[tuple[float, float], ...]:
        """Units and seconds of the jobs it remembers, the oldest first."""
        return tuple(self._jobs)

    def learn(self, units: float, seconds: float) -> None:
        """A job of `units` took `seconds`. What isn't above 0 teaches nothing."""
        if 0 < units < math.inf and 0 < seconds < math.inf:
            self._jobs.append((units, seconds))
            self._line = _fit(self._jobs)

    def learn_warm_up(self, units: float, seconds: float) -> None:
        """A model that has just been loaded took `seconds` for `units`: if it's another pace now, older jobs yield."""
        expected = self.seconds(units)
        if expected and seconds > 0 and not 1 / WARM_UP_TRUST <= seconds / expected <= WARM_UP_TRUST:
            kept = [(size, took * seconds / expected) for size, took in self.jobs[-WARM_UP_KEEPS:]]
            self._jobs = deque(kept, maxlen=REMEMBERED_JOBS)
        self.learn(units, seconds)

    def seconds(self, units: float) -> float | None:
        """What a job of `units` will take; None before the first was learned."""
        if self._line is None:
            return None
        fixed, per_unit = self._line
        return fixed + per_unit * units


def _fit(jobs: deque[tuple[float, float]]) -> tuple[float, float] | None:
    """The fixed part and the part per unit that fit these jobs best, the last of them the most recent."""
    if not jobs:
        return None
    units, seconds = np.array(jobs, dtype=np.float64).T
    weights = 0.5 ** (np.arange(len(jobs))[::-1] / HALF_LIFE)
    shares = FIXED_SHARES if units.max() >= SPREAD * units.min() else FIXED_SHARES[:1]
    fixed_units = shares * units.max()
    rates = seconds / (units + fixed_units[:, np.newaxis])
    medians = np.quantile(rates, 0.5, axis=1, weights=weights, method="inverted_cdf")
    errors = np.average(np.abs(np.log(rates / medians[:, np.newaxis])), axis=1, weights=weights)
    best = int(np.argmin(errors))
    if errors[best] > errors[0] - EARNED:
        best = 0
    return float(medians[best] * fixed_units[best]), float(medians[best])


# What a job comes to

FULL_STEPS = 10
"""Diffusion steps at which a unit of text is one unit of work; VoxCPM's default."""
INSTANT = 0.5
"""Seconds of work per second of speech up to which people hear a voice at once."""
SENTENCE_UNITS = 60.0
"""A usual sentence."""


def speech_units(utterance: Utterance, info: EngineInfo) -> float:
    """How much work it is for this engine to speak this, in the units of a speech pace.

    Half of VoxCPM's time goes with the diffusion steps (real-time factor 0.85 at 10 steps, 0.64 at 5, on two cores in
    int8), all of it with the length of the sound.
    """
    units = spoken_length(utterance.text)
    if "inference_timesteps" in info.honours:
        units *= (1 + max(0, utterance.inference_timesteps) / FULL_STEPS) / 2
    if "speed" in info.honours and utterance.speed > 0:
        units /= utterance.speed
    return units


# What is kept across restarts

FORMAT = 1
"""Raise it when a unit means something else: what was measured in the old one is then forgotten."""
KEPT_MODELS = 8
"""Of each kind. The file stays under 20 kB."""
MAX_FILE_BYTES = 200_000
MAX_KEY_CHARS = 200
MAX_VALUE = 1e6
"""Units or seconds of one job; more was never measured."""
_Key = Annotated[str, Field(max_length=MAX_KEY_CHARS)]
_Value = Annotated[float, Field(gt=0, le=MAX_VALUE)]
_KEPT = TypeAdapter(dict[_Key, list[tuple[_Value, _Value]]])
_KEPT_LOADS = TypeAdapter(dict[_Key, _Value])


class Paces:
    """How fast the models are, by a key that names model, device and precision ("VoxCPM2 cuda:0 bfloat16").

    Beside it how long they took to load, by their titles, because their devices are known only then.

    For the event loop's thread.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._speech: dict[str, Pace] = {}
        self._listening: dict[str, Pace] = {}
        self._loading: dict[str, float] = {}

    def load_s(self, model: str) -> float | None:
        """How long the model with this title took to load the last time; None where it never was loaded here."""
        return self._loading.get(model)

    def note_load(self, model: str, seconds: float) -> None:
        """The model with this title took so long to load."""
        self._loading.pop(model, None)
        self._loading[model] = seconds

    def speech(self, model: str) -> Pace:
        """How fast a model speaks; its units are those of `speech_units`."""
        return _moved_to_end(self._speech, model)

    def speaking_s(self, work: Mapping[str, float]) -> float | None:
        """Seconds in which models speak so many units each; None: not known yet of one of them."""
        seconds = [self.speech(model).seconds(units) for model, units in work.items()]
        return None if None in seconds else sum(each or 0.0 for each in seconds)

    def listening(self, model: str) -> Pace:
        """How fast a model listens; its units are seconds of recording."""
        return _moved_to_end(self._listening, model)

    def is_instant(self, engine: EngineInfo) -> bool | None:
        """Whether it speaks at once here, by what was learned of it, else by what is known of it; None: neither."""
        learned = self.speech(engine.key).seconds(SENTENCE_UNITS)
        factor = engine.usual_factor if learned is None else learned / (SENTENCE_UNITS * S_PER_UNIT)
        return None if factor is None else factor <= INSTANT

    def snapshot(self) -> str:
        """All of it as text, the models that were asked for last only."""
        kinds = {"speech": _kept(self._speech), "listening": _kept(self._listening)}
        loading = {model: _rounded(seconds) for model, seconds in list(self._loading.items())[-2 * KEPT_MODELS :]}
        return json.dumps({"format": FORMAT, **kinds, "loading": loading}) + "\n"

    def keep(self) -> None:
        """Have a `snapshot` written where this was loaded from, on another thread."""
        if self._path:
            KEEPING.submit(write, self._path, self.snapshot())

    def adopt(self, snapshot: str) -> None:
        """Take over the `snapshot` of what another process has learned. Raises ValueError for what is none."""
        told = Paces()
        told._understand(json.loads(snapshot))
        self._speech |= told._speech
        self._listening |= told._listening
        self._loading |= told._loading

    def _understand(self, kept: Any) -> None:
        if kept["format"] == FORMAT:
            self._speech, self._listening = _paces(kept["speech"]), _paces(kept["listening"])
            self._loading = _KEPT_LOADS.validate_python(kept.get("loading", {}))

    @classmethod
    def load(cls, path: Path) -> Paces:
        """What `write` left at `path`; nothing where there's no such file, or where it isn't one of ours.

        Reads a small file; never raises.
        """
        paces = cls(path)
        try:
            paces._understand(json.loads(_read(path)))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            log.warning("starting without the times in %s, which can't be used: %s", path, type(error).__name__)
        return paces


def write(path: Path, snapshot: str) -> None:
    """Put a snapshot of `Paces` at `path`, whole or not at all. Blocks; never raises; complains once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_text(snapshot, encoding="utf-8")
    except OSError as error:
        _complain(path, error.strerror or type(error).__name__)


@lru_cache(maxsize=64)
def _complain(path: Path, why: str) -> None:
    log.warning("can't keep what was learned of the models' speed in %s: %s", path, why)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError("the file is too large")
    return content


def _moved_to_end(paces: dict[str, Pace], model: str) -> Pace:
    paces[model] = paces.pop(model) if model in paces else Pace()
    return paces[model]


def _kept(paces: dict[str, Pace]) -> dict[str, list[list[float]]]:
    learned = {model: pace.jobs for model, pace in paces.items() if pace.jobs}
    return {
        model: [[_rounded(value) for value in job] for job in jobs]
        for model, jobs in list(learned.items())[-KEPT_MODELS:]
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _paces(kept: Any) -> dict[str, Pace]:
    """The paces of one kind, out of JSON that anybody may have written. Raises ValueError."""
    checked = _KEPT.validate_python(kept)
    return {model: Pace(jobs) for model, jobs in list(checked.items())[-KEPT_MODELS:] if jobs}
