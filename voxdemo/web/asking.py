"""What is known of somebody who stands in Gradio's line: what they ask for, and the seconds they were told.

Knows Gradio's events and the service, not how the line works.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from gradio.context import LocalContext
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event

from voxdemo.audio.decode import told_duration_s
from voxdemo.countdown import Countdown
from voxdemo.errors import InputError
from voxdemo.plan import units_of
from voxdemo.service import SpeechService
from voxdemo.speech import EngineInfo, Utterance
from voxdemo.validate import SPEED_RANGE, TIMESTEPS_RANGE, readable_text

UNSEEN_RECORDING_S = 10.0
"""How long a recording is taken to be whose file doesn't tell: about what people say into a microphone."""


@dataclass(frozen=True, slots=True)
class Asks:
    """Which of a handler's arguments tell how long it will take to speak: an attribute of handlers that do."""

    text: int
    inference_timesteps: int | None = None
    speed: int | None = None

    def utterance(self, arguments: Sequence[Any]) -> Utterance | None:
        """What they ask for, as far as it matters here; None where there's no text at all.

        What is missing else, of a wrong kind or out of bounds is as usual.
        """
        given = {
            name: arguments[index]
            for name in ("text", "inference_timesteps", "speed")
            if (index := getattr(self, name)) is not None and index < len(arguments)
        }
        if not isinstance(given.pop("text", None), str):
            return None
        usable = {name: value for name, value in given.items() if _is_within(value, *_RANGES[name])}
        return replace(Utterance(arguments[self.text]), **usable)


_RANGES = {"inference_timesteps": TIMESTEPS_RANGE, "speed": SPEED_RANGE}


def _is_within(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and low <= value <= high


@dataclass
class Entry:
    """What somebody asks for: so many units to be spoken, or seconds of recording to be read.

    `objection` says why that can't be.
    """

    units: float | None = None
    recording_s: float = UNSEEN_RECORDING_S
    objection: str = ""
    countdown: Countdown = field(default_factory=Countdown)

    def expected_s(self, service: SpeechService) -> float | None:
        """Seconds that it will take."""
        return service.listening_s(self.recording_s) if self.units is None else service.speaking_s(self.units)


class Entries:
    """The entries of all events in the line, from before Gradio makes the event on. For the event loop's thread."""

    def __init__(self) -> None:
        self._arriving: dict[int, Entry] = {}
        self._by_event: WeakKeyDictionary[Event, Entry] = WeakKeyDictionary()

    @contextmanager
    def arriving(self, body: PredictBodyInternal, entry: Entry) -> Generator[None, None, None]:
        """While Gradio makes an event of this body, and tells of its place at once."""
        self._arriving[id(body)] = entry
        try:
            yield
        finally:
            del self._arriving[id(body)]

    def of(self, event: Event) -> Entry:
        """The entry of an event."""
        if event not in self._by_event:
            entry = self._arriving.get(id(event.data)) or Entry()
            self._by_event[event] = _told[event._id] = entry
        return self._by_event[event]


_told: WeakValueDictionary[str, Entry] = WeakValueDictionary()
"""By the ids of events, which no two apps of a process share."""


def countdown() -> Countdown:
    """The countdown of the event whose handler is running: what it was told in Gradio's line goes on at ours."""
    entry = _told.get(LocalContext.event_id.get(None) or "")
    return entry.countdown if entry else Countdown()


def examined(handler: Callable[..., Any], data: Sequence[Any], info: EngineInfo, files: Path) -> Entry:
    """What somebody asks for who wants to join the line. Takes up to a second; knows nothing that is the event loop's.

    `info` is the engine that would speak, `files` the folder below which what people send lies.
    """
    if not is_generation(handler):
        return Entry(recording_s=_recording_s(files, data))
    utterance = handler.asks.utterance(data)  # type: ignore[attr-defined]
    if utterance is None:
        return Entry(units=0.0)  # the service says what is wrong with it
    try:
        text, _ = readable_text(utterance.text, info)
        return Entry(units=units_of(replace(utterance, text=text), info))
    except InputError as error:
        return Entry(units=0.0, objection=error.sentence)


def is_generation(handler: Callable[..., Any] | None) -> bool:
    """Whether this handler speaks; the others in the line read recordings."""
    return hasattr(handler, "asks")


def _recording_s(files: Path, data: Sequence[Any]) -> float:
    given = data[0].get("path") if data and isinstance(data[0], dict) else None
    path = Path(os.path.abspath(given)) if isinstance(given, str) else files  # noqa: PTH100 - it takes out ".."
    known = told_duration_s(path) if path.is_relative_to(files) else None
    return known or UNSEEN_RECORDING_S
