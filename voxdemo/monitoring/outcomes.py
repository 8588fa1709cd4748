"""How every job ends, and how long each floor took: for the log, one line a job, and for those who count.

Of what went wrong it tells the kind: sentences may quote people. It knows the events of jobs, no line and no web.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Literal

from voxdemo.errors import InputError, UnavailableError
from voxdemo.speech import Listening, RecognitionEvent, Speaking, SpeechEvent, Spoken, Transcript

log = logging.getLogger(__name__)

DoorName = Literal["page", "gradio", "openai", "program"]
"""A person's browser, gradio_client, an HTTP client that speaks OpenAI's API, or in process."""
Task = Literal["generation", "recognition"]
Ending = Literal["done", "stopped", "cancelled", "refused", "failed"]
"""stopped: the model failed after something was heard; refused: this request, or any at this moment."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a job."""

    task: Task
    door: DoorName
    engine: str
    """Its title, or the recogniser's."""
    characters: int | None = None
    """Of the text, where there was one."""
    ending: Ending = "failed"
    reason: str = ""
    """The kind of the error, where there was one."""
    cached: bool = False
    audio_s: float = 0.0
    waiting_s: float = 0.0
    """From the request until the model began, or the end."""
    first_audio_s: float | None = None
    """From the request to the first sound that was spoken."""
    work_s: float = 0.0
    """Time the model took, for an answer that wasn't cached."""
    total_s: float = 0.0

    @property
    def rtf(self) -> float | None:
        """Seconds of work per second of sound."""
        return self.work_s / self.audio_s if self.work_s and self.audio_s else None

    @property
    def fields(self) -> dict[str, object]:
        """What there is to tell of it, by names, for the log."""
        told = {**asdict(self), "rtf": self.rtf}
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}


class Outcome:
    """A job that is on its way since the monotonic time `begun_at`; `ended` is what is known of it so far."""

    def __init__(self, task: Task, door: DoorName, begun_at: float, engine: str, characters: int | None) -> None:
        self._known = Ended(task, door, engine, characters)
        self._begun_at = begun_at
        self._turned_at: float | None = None
        self._has_come = False

    def note(self, event: SpeechEvent | RecognitionEvent) -> None:
        match event:
            case Speaking() | Listening():
                self._turned_at = self._turned_at or time.monotonic()
            case Spoken(timings=timings):
                self._come(event, "stopped" if event.failure else "done")
                first_s = self.ended.total_s if event.cached else self.ended.waiting_s + timings["first_chunk"]
                self._known = replace(self._known, first_audio_s=first_s)
            case Transcript():
                self._come(event, "done")

    def end(self, error: BaseException) -> None:
        """The job ends by this error, if it hasn't come to its end before."""
        if self._has_come:
            return
        match error:
            case GeneratorExit() | asyncio.CancelledError():
                self._known = replace(self._known, ending="cancelled")
            case InputError() | UnavailableError():
                self._known = replace(self._known, ending="refused", reason=type(error).__name__)
            case _:
                self._known = replace(self._known, ending="failed", reason=type(error).__name__)

    @property
    def ended(self) -> Ended:
        """What became of it, if it ends now."""
        now = time.monotonic()
        waiting_s = 0.0 if self._known.cached else (self._turned_at or now) - self._begun_at
        return replace(self._known, waiting_s=waiting_s, total_s=now - self._begun_at)

    def _come(self, result: Spoken | Transcript, ending: Ending) -> None:
        self._has_come = True
        work_s = 0.0 if result.cached else result.seconds_spent
        self._known = replace(
            self._known, ending=ending, cached=result.cached, audio_s=result.duration_s, work_s=work_s
        )


@contextmanager
def told(outcome: Outcome, *listeners: Callable[[Ended], None]) -> Generator[Outcome, None, None]:
    """While the job runs; at its end the log and the listeners are told, in the context in which this began."""
    context = contextvars.copy_context()
    try:
        yield outcome
    except BaseException as error:
        outcome.end(error)
        raise
    finally:
        ended = outcome.ended
        for tell in (_log, *listeners):
            context.run(tell, ended)


def _log(ended: Ended) -> None:
    level = logging.WARNING if ended.ending in ("stopped", "failed") else logging.INFO
    log.log(level, "%s", _sentence(ended), extra=ended.fields)


def _sentence(ended: Ended) -> str:
    what = ended.task if ended.characters is None else f"{ended.task} of {ended.characters} characters"
    how = f"{ended.ending} ({ended.reason})" if ended.reason else ended.ending
    times = [f"{ended.total_s:.2f} s in all", f"waited {ended.waiting_s:.2f} s"]
    if ended.first_audio_s is not None:
        times.append(f"first sound after {ended.first_audio_s:.2f} s")
    if ended.rtf is not None:
        times.append(f"worked {ended.work_s:.2f} s on {ended.audio_s:.2f} s of sound, RTF {ended.rtf:.2f}")
    whence = "from the cache" if ended.cached else f"by {ended.engine}"
    return f"{what} {how}, {whence}, door {ended.door}: {', '.join(times)}"
