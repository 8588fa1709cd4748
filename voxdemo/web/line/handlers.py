"""What the handlers in Gradio's line are asked for, and what must be known of that before they are called.

Knows the service, not how the line works.
"""

import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from voxdemo import logs
from voxdemo.audio.reading.decode import told_duration_s
from voxdemo.errors import InputError, VoxdemoError
from voxdemo.intake.request import (
    UNSEEN_RECORDING_S,
    Asked,
    AskedRecording,
    Examined,
    RecordingRequest,
    SpeechRequest,
    plan,
)
from voxdemo.monitoring import outcomes
from voxdemo.monitoring.outcomes import DoorName
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.speech import Utterance
from voxdemo.web.guards.refusals import check_uploaded


@dataclass(frozen=True, slots=True)
class HandlerInfo:
    """What must be known of a handler before it's called, where it needs a model: the attribute `info` of those."""

    asked: Callable[[Sequence[Any]], Asked]
    """What the arguments ask for; they are as a client sent them, and may be anything. Raises as `sent_file`."""
    speaks: bool = False
    """Whether it speaks; the others read recordings."""
    refusal: Callable[[VoxdemoError], list[Any]] | None = None
    """What it returns to show the page an error; None: scripts get an exception."""

    @property
    def task(self) -> outcomes.Task:
        """What it does, as it is counted."""
        return "generation" if self.speaks else "recognition"

    @property
    def name(self) -> DoorName:
        """The door that its requests are counted under."""
        return "page" if self.refusal else "gradio"


def info_of(handler: Callable[..., Any] | None) -> HandlerInfo:
    """What must be known of a handler in the line."""
    info: HandlerInfo = handler.info  # type: ignore[union-attr]
    return info


CURRENT: ContextVar[RequestContext] = ContextVar("request")
"""The request that Gradio's queue serves in this task."""


def take_up() -> RequestContext:
    """To be called when a handler begins: what is known of the request since it came.

    From here on the log tells the id of the request that joined.
    """
    context = CURRENT.get()
    logs.enter_request(context.request_id)
    return context


def note_failure(error: VoxdemoError) -> None:
    """To be called when the job of this task has failed by `error`: its last message has the code and the values."""
    CURRENT.get().error = error


async def requested(asked: Asked, service: SpeechService, names_files: bool = True) -> Examined:
    """The request that this amounts to; none where there's nothing in it. Raises InputError for what can't be.

    A client that `names_files` may name those alone that were sent.
    """
    match asked:
        case Utterance(prompt_audio=recording):
            if names_files and recording is not None and not was_sent(recording, service.files):
                asked = replace(asked, prompt_audio=None)  # Gradio refuses it, when it looks
            return Examined(asked, await service.request(asked))
        case AskedRecording(path) if was_sent(path, service.files):
            return Examined(asked, await service.recording_request(asked))
    return Examined(asked, None)


def examined(known: Examined) -> Examined:
    """The same with all that must be known before a request joins the line. Takes up to a second, on any thread.

    Raises InputError for a text that can't be spoken.
    """
    match known.request:
        case RecordingRequest(recording=recording):
            return replace(known, recording_s=told_duration_s(recording) or UNSEEN_RECORDING_S)
        case SpeechRequest() as request:
            return replace(known, plan=plan(request))
    return known


def sent_file(file: object) -> Path | None:
    """The path of an uploaded file, as Gradio's clients send it; None where there is none.

    Raises InputError for what isn't a file, and LimitError for one whose upload was refused.
    """
    if not file:
        return None
    if isinstance(file, dict) and isinstance(file.get("path"), str):
        path = Path(file["path"])
        check_uploaded(path)
        return path
    sentence = "The recording must be an uploaded file: with gradio_client, wrap its path in handle_file()."
    raise InputError(sentence, code="not_an_upload")


def sent_recording(data: Sequence[Any]) -> AskedRecording | None:
    """What a handler is asked for whose first argument is an uploaded file. Raises as `sent_file`."""
    path = sent_file(next(iter(data), None))
    return AskedRecording(path) if path else None


def whole(number: Any) -> Any:
    """A whole number as an int, however JSON spelled it; anything else as it is, to be refused in words."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


def was_sent(path: Path, files: Path) -> bool:
    """Whether it lies where people's files are; a path may be anything that a client wrote."""
    return Path(os.path.abspath(path)).is_relative_to(files)  # noqa: PTH100 - it takes out ".."
