"""The card that tells how a job is doing: its states as values, the component that draws them, the jobs behind it.

Turns the service's events into small JSON values; `assets/job/card.js` and `player.js` draw them. It knows no
engine, and never raises at the page: a failure is a state like any other.
"""

import itertools
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial, wraps
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from voxdemo.errors import UNEXPECTED, BusyError, InputError, VoxdemoError
from voxdemo.intake.request import Asked, AskedRecording
from voxdemo.service.service import SpeechService
from voxdemo.speech import Listening, RecognitionEvent, Segment, Speaking, SpeechEvent, Spoken, Transcript, Waiting
from voxdemo.stores.captions import as_row
from voxdemo.web.components.assets import asset, filled
from voxdemo.web.components.parts import IN_BROWSER, own_html
from voxdemo.web.components.wording import rounded
from voxdemo.web.line import gradio_queue
from voxdemo.web.line.handlers import HandlerInfo, sent_recording, take_up

log = logging.getLogger(__name__)

Events = AsyncGenerator[SpeechEvent, None] | AsyncGenerator[RecognitionEvent, None]
CardValue = dict[str, Any]
"""What the card shows: "state", and beside it what that state has to tell. `assets/job/card.js` lists them."""

NO_RECORDING = "There is no recording yet. Upload or record one first."
UPDATE_EVERY_S = 0.25
"""Progress is told at most this often; between two tellings the card counts the seconds by itself."""
WORDS: Mapping[str, str] = {
    "idle": "Nothing spoken yet.",
    "hint": "Your text appears here; each sentence lights up as it is spoken.",
    "gone": "This audio is gone: press Speak to make it again.",
    "heard": "{language}, {total} of audio, recognised in {took}",
    "heardBefore": "{language}, {total} of audio, reused from earlier",
    "cancelled": "Cancelled. {kept}",
    "back": "The server is back: press Speak again.",
    "lost": "Can't reach the server ({time}). Retrying; your text is safe.",
    "missing": "There is no text yet. Write something, then press Speak.",
    "kept": "Your text is kept.",
}
"""What the card on Speak says, and other cards otherwise; what all of them say is in `assets/job/card.js`."""

_EVENTS = ", ".join(f"{name}: () => trigger('{name}')" for name in ("end", "keep", "take"))
_JS = f"voxdemo.card(element, props, watch, {{{_EVENTS}}})"
_numbers = itertools.count()


class Card:
    """The component: a line of status and a progress bar, and below them the `player` of speech or of a recording.

    `text` selects the field with the text that is spoken, `rate` is the sample rate that its sound will likely have.
    """

    def __init__(
        self,
        elem_id: str,
        words: Mapping[str, str] = WORDS,
        player: Literal["speech", "recording"] | None = None,
        text: str = "",
        rate: int | None = None,
    ) -> None:
        self.view = own_html(
            elem_id,
            {"state": "idle"},
            html_template=_template(words, player),
            js_on_load=_JS,
            words=dict(words),
            text=text,
            rate=rate,
        )
        # Gradio shows an event's place only on a component with progress, which it fades: so this one is hidden.
        self._probe = gr.HTML("", js_on_load=None, elem_id=f"{elem_id}-probe", elem_classes="vx-probe")

    def tells_of(self, start: Any, work: Callable[..., Any], cancel: gr.Button, *beside: Any, **options: Any) -> None:
        """Have a job's work done when it is started, by an event with these options, until it's cancelled.

        It stands in line; what it gives goes to this card and to what is `beside`.
        """
        event = start(
            work,
            outputs=[self.view, *beside],
            api_visibility="private",
            trigger_mode="once",
            show_progress="minimal",
            show_progress_on=self._probe,
            **gradio_queue.IN_LINE,
            **options,
        )
        # What fails without its handler: an upload that is gone, a cut connection.
        event.failure(js=f"() => voxdemo.cards['{self.view.elem_id}'].fail()", **IN_BROWSER)
        cancel.click(cancels=event, **IN_BROWSER)


def handler(
    begin: Callable[..., Events],
    asked: Callable[[Sequence[Any]], Asked],
    kept: str = "",
    kept_of_wrong: str | None = None,
    speaks: bool = True,
    beside: Callable[[CardValue], Sequence[Any]] | None = None,
) -> Callable[..., Any]:
    """What serves an event in line: of the job that `begin` begins it gives the card's values, and what is `beside`.

    `asked` and `speaks` are as in `HandlerInfo`, `kept` and `kept_of_wrong` as in `told`, unless nothing was sent.
    """

    @wraps(begin)
    async def handle(*sent: Any) -> AsyncGenerator[Any, None]:
        said = kept if str(next(iter(sent), None) or "").strip() else ""
        async with aclosing(told(partial(begin, *sent), said, kept_of_wrong)) as values:
            async for value in values:
                yield [value, *beside(value)] if beside else value

    def refusal(error: VoxdemoError) -> list[Any]:
        untouched = [gr.skip() for _ in beside({})] if beside else []
        return [refused(error, kept), *untouched]

    handle.info = HandlerInfo(asked, speaks, refusal)  # type: ignore[attr-defined]
    return handle


def reader(service: SpeechService, kept: str, unread: Any, keep: bool = False) -> Callable[..., Any]:
    """A handler that reads a recording: its card, and the words, which are `unread` until they are there.

    With `keep` the recording is kept for the card's player.
    """

    def read(recording: str | None) -> AsyncGenerator[RecognitionEvent, None]:
        if not recording:
            raise InputError(NO_RECORDING, code="no_recording")
        return service.transcribe(AskedRecording(Path(recording)), keep, take_up())

    return handler(read, sent_recording, kept, "", speaks=False, beside=lambda value: [value.get("text", unread)])


async def told(
    begin: Callable[[], Events], kept: str, kept_of_wrong: str | None = None
) -> AsyncGenerator[CardValue, None]:
    """The values of a job that is begun here, at most four a second and the last one always; failures among them.

    `kept` is what is said behind a failure ("Your text is kept."), `kept_of_wrong` behind one of what was sent, if that
    is something else. Closing this closes the job's events.
    """
    last_kind, last_s = None, 0.0
    try:
        async with aclosing(begin()) as events:
            async for event in events:
                kind, now = _kind(event), time.monotonic()
                if kind == last_kind and now - last_s < UPDATE_EVERY_S:
                    continue
                last_kind, last_s = kind, now
                yield _numbered(value_of(event))
    except InputError as error:
        yield refused(error, kept if kept_of_wrong is None else kept_of_wrong)
    except VoxdemoError as error:
        yield refused(error, kept)
    except Exception:  # the door: whatever went wrong, the person reads a sentence and the log has the rest
        log.exception("a job of the page failed")
        yield refused(VoxdemoError(UNEXPECTED), kept)


def value_of(event: Waiting | Speaking | Listening | Spoken | Transcript) -> CardValue:
    match event:
        case Waiting(ahead, left, loading):
            first = {"loading": loading} if loading else {}
            return {"state": "waiting", "ahead": ahead, "seconds": rounded(left, 1), **first}
        case Speaking(done, told, sentence, sentences, total, left, sound, loading):
            first = {"loading": loading} if loading else {}
            progress = {"done": round(done, 3), "seconds": rounded(told, 1), **first}
            heard = {"sound": sound, "total": rounded(total, 1), "left": rounded(left, 1)}
            return {"state": "speaking", **progress, "sentence": sentence, "sentences": sentences, **heard}
        case Listening(done, left, heard):
            words = {"text": heard.text} if heard else {}
            return {"state": "listening", "done": round(done, 3), "seconds": rounded(left, 1), **words}
        case Spoken():
            return _done(event)
        case Transcript():
            return _heard(event)


def refused(error: VoxdemoError, kept: str = "") -> CardValue:
    """The card's value for what went wrong, with what is kept said behind it; a `field` of the Utterance may be wrong.

    Where the line is full, the time to try again is counted down.
    """
    if isinstance(error, BusyError) and error.retry_after_s is not None:
        return _numbered({"state": "limited", **error.described, "seconds": max(1, round(error.retry_after_s))})
    field = error.field if isinstance(error, InputError) else ""
    return _numbered({"state": "failed", **error.described, "kept": kept, "field": field})


def _kind(event: Waiting | Speaking | Listening | Spoken | Transcript) -> tuple[object, ...]:
    """What is told at once when it changes: the place in line, words that were recognised, that the end has begun."""
    match event:
        case Waiting(ahead, loading=loading):
            return Waiting, ahead, loading
        case Speaking(done, loading=loading):
            return Speaking, done >= 1, loading
        case Listening(heard=heard):
            return Listening, heard and heard.text
    return (type(event),)


def _done(spoken: Spoken) -> CardValue:
    return {
        "state": "done",
        **_playable(spoken.path, spoken.peaks, spoken.captions),
        "total": round(spoken.duration_s, 2),
        "took": round(spoken.seconds_spent, 2),
        "cached": spoken.cached,
        "factor": round(spoken.real_time_factor, 3),
        "seed": spoken.seed,
        "notes": [*([spoken.failure] if spoken.failure else []), *spoken.warnings],
        "format": spoken.path.suffix.removeprefix(".").upper(),
    }


def _heard(transcript: Transcript) -> CardValue:
    kept = _playable(transcript.path, transcript.peaks, transcript.segments) if transcript.path else {}
    return {
        "state": "heard",
        **kept,
        "text": transcript.text,
        "language": transcript.language,
        "total": round(transcript.duration_s, 2),
        "took": round(transcript.seconds_spent, 2),
        "cached": transcript.cached,
        "notes": list(transcript.warnings),
    }


def _playable(path: Path, peaks: Sequence[int], captions: Sequence[Segment]) -> CardValue:
    return {
        "url": f"speech/{path.parent.name}",
        "peaks": list(peaks),
        "captions": list(map(as_row, captions)),
    }


def _template(words: Mapping[str, str], player: Literal["speech", "recording"] | None) -> str:
    inside = player_of(player, words["hint"], facts=player == "speech") if player else ""
    return filled("job/card.html", {"idle": words["idle"], "player": inside})


def player_of(kind: Literal["speech", "recording"], hint: str, facts: bool = False) -> str:
    """The HTML of a player of speech or of a recording, with or without room for the facts of how it was made."""
    parts = {
        "downloads": asset(f"job/player-{kind}.html"),
        "facts": asset("job/player-facts.html") if facts else "",
        "example": '<button class="example" type="button">Hear an example</button>' if facts else "",
    }
    return filled("job/player.html", {"hint": hint, **parts})


def _numbered(value: CardValue) -> CardValue:
    # Gradio hands a value on only if it differs from the one before, and the same failure may come twice.
    return {**value, "number": next(_numbers)}
