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

from voxdemo import logs
from voxdemo.audio.reading.decode import told_duration_s
from voxdemo.errors import InputError, UnavailableError, VoxdemoError
from voxdemo.estimates.paces import speech_units
from voxdemo.intake.request import RecordingRequest, SpeechRequest
from voxdemo.intake.validate import readable_text
from voxdemo.lanes.turns import Size
from voxdemo.monitoring import outcomes
from voxdemo.monitoring.visit import DoorName, Visit
from voxdemo.service.service import SpeechService
from voxdemo.speech import Utterance
from voxdemo.web.guards import gradio_client

UNSEEN_RECORDING_S = 10.0
"""How long a recording is taken to be whose file doesn't tell: about what people say into a microphone."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One to be recognised, in a language if it's known."""

    path: Path
    language: str | None = None


Wish = Utterance | Recording | None
"""What a handler is asked for: to say this, to recognise this recording, or nothing."""


@dataclass(frozen=True, slots=True)
class Door:
    """What must be known of a handler before it's called, where it needs a model: the attribute `door` of those."""

    wish: Callable[[Sequence[Any]], Wish]
    """Tells what arguments ask for, as they were sent, which may be anything. Raises as `sent_file`."""
    speaks: bool = False
    """Whether it speaks; the others read recordings."""
    refusal: Callable[[VoxdemoError], list[Any]] | None = None
    """What it returns to show the page an error; None: scripts are told by an error."""

    @property
    def task(self) -> outcomes.Task:
        """What it does, as it is counted."""
        return "generation" if self.speaks else "recognition"

    @property
    def name(self) -> DoorName:
        """Who comes this way, as they are counted."""
        return "page" if self.refusal else "gradio"


def door_of(handler: Callable[..., Any] | None) -> Door:
    """The door of a handler in the line."""
    door: Door = handler.door  # type: ignore[union-attr]
    return door


@dataclass(eq=False)
class Entry:
    """What somebody asks for: so many units to be spoken, or seconds of recording to be read.

    `caller` is who is counted for it, `key` that of the request; `objection` says why it can't be.
    """

    units: float | None = None
    recording_s: float = UNSEEN_RECORDING_S
    caller: str = ""
    key: str = ""
    request_id: str = field(default_factory=logs.request_id)
    is_at_hand: bool = False
    """Whether the answer was there, or on its way, when it came."""
    asked: SpeechRequest | RecordingRequest | None = None
    warnings: tuple[str, ...] = ()
    """What of the text will be left out, in sentences."""
    objection: InputError | UnavailableError | None = None
    error: VoxdemoError | None = None
    """By which its job has failed."""
    is_taken_up: bool = False
    """Whether it has reached the service."""
    when_taken_up: Callable[[], None] = lambda: None
    """Called then."""
    visit: Visit = field(default_factory=Visit)

    @property
    def speaks(self) -> bool:
        """Whether it is to be spoken; else a recording is to be read."""
        return self.units is not None

    @property
    def task(self) -> outcomes.Task:
        """As it is counted."""
        return "generation" if self.speaks else "recognition"

    def size(self, service: SpeechService) -> Size:
        """How much work it is."""
        if self.units is None:
            return Size(service.listening_s(self.recording_s), speaks=False)
        return Size(service.speaking_s(self.units))


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


def take_up() -> Visit:
    """To be called when a handler begins: its task goes on with what Gradio's line has begun for its event.

    From here on the log tells the id of the request that joined. Returns how it came here.
    """
    entry = _current()
    logs.enter_request(entry.request_id)
    entry.is_taken_up = True
    entry.when_taken_up()
    return entry.visit


def note_failure(error: VoxdemoError) -> None:
    """To be called when the job of this task has failed by `error`: its last message has the code and the values."""
    _current().error = error


def _current() -> Entry:
    return _told.get(LocalContext.event_id.get(None) or "") or Entry()


async def requested(wish: Wish, service: SpeechService) -> SpeechRequest | RecordingRequest | None:
    """The request that a wish amounts to; None where there's nothing in it. Raises InputError for what can't be."""
    match wish:
        case Utterance(prompt_audio=recording) as utterance:
            if recording is not None and not _was_sent(recording, service.files):
                utterance = replace(utterance, prompt_audio=None)  # Gradio refuses it, when it looks
            return await service.request(utterance)
        case Recording(path, language) if _was_sent(path, service.files):
            return await service.recording_request(path, language)
    return None


def examined(request: SpeechRequest | RecordingRequest | None) -> Entry:
    """What somebody asks for who wants to join the line. Takes up to a second, on any thread."""
    match request:
        case RecordingRequest(recording=recording):
            return Entry(recording_s=told_duration_s(recording) or UNSEEN_RECORDING_S)
        case SpeechRequest(utterance=utterance, engine=engine):
            try:
                text, warnings = readable_text(utterance.text, engine)
                return Entry(units=speech_units(replace(utterance, text=text), engine), warnings=warnings)
            except InputError as error:
                return Entry(units=0.0, objection=error)
    return Entry()


def sent_file(file: object) -> Path | None:
    """The path of an uploaded file, as Gradio's clients send it; None where there is none.

    Raises InputError for what isn't a file, and LimitError for one whose upload was refused.
    """
    if not file:
        return None
    if isinstance(file, dict) and isinstance(file.get("path"), str):
        path = Path(file["path"])
        gradio_client.check_uploaded(path)
        return path
    sentence = "The recording must be an uploaded file: with gradio_client, wrap its path in handle_file()."
    raise InputError(sentence, code="not_an_upload")


def sent_recording(data: Sequence[Any]) -> Recording | None:
    """What a handler is asked for whose first argument is an uploaded file. Raises as `sent_file`."""
    path = sent_file(next(iter(data), None))
    return Recording(path) if path else None


def whole(number: Any) -> Any:
    """A whole number as an int, however JSON spelled it; anything else as it is, to be refused in words."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _was_sent(path: Path, files: Path) -> bool:
    """Whether it lies where people's files are; a path may be anything that somebody wrote."""
    return Path(os.path.abspath(path)).is_relative_to(files)  # noqa: PTH100 - it takes out ".."
