"""POST /v1/audio/speech: a text becomes sound, heard while it is spoken."""

import base64
from collections.abc import AsyncGenerator, AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

from fastapi import APIRouter, Request
from starlette.responses import FileResponse, Response

from voxdemo.audio.streaming import Encoder, StreamFormat, encoder
from voxdemo.errors import EngineError, StorageError
from voxdemo.intake.request import SpeechRequest
from voxdemo.service.request_context import RequestContext
from voxdemo.speech import Segment, Speaking, Spoken, Utterance, Waiting, Word
from voxdemo.threads import CONVERTING, in_thread
from voxdemo.web.v1.bodies import MIME_TYPES, SpeechBody, decoded, options_of
from voxdemo.web.v1.entrance import Entrance, Streamed, TheEntrance, ended_in_words, server_event, while_there
from voxdemo.web.v1.errors import warning
from voxdemo.web.v1.job_stream import Captioned, JobEvent, JobStream, SoundBegins
from voxdemo.web.v1.voices import kept_voice, voices_in

AnswerPiece = Waiting | Speaking | bytes | Path | Captioned | Spoken
"""Of an answer: Waiting… → Speaking, bytes and captions as they come, or the path of what is whole → Spoken."""

router = APIRouter(tags=["speech"])


@router.post(
    "/audio/speech",
    summary="Speak a text",
    response_class=Response,
    responses={200: {"content": {"audio/mpeg": {}}}},
)
async def speech(asked: SpeechBody, request: Request, entrance: TheEntrance) -> Response:
    """Speak a text.

    The sound comes as it is spoken; a job waits in the same line as everybody's. `X-Voxdemo-Seed` gives the seed,
    `X-Voxdemo-Warning` what was asked for and is ignored. With `stream_format` "sse" the events are
    `speech.progress`, `speech.audio.delta`, `speech.captions`, `speech.audio.done`, or `error`.
    """
    service = entrance.service
    prompt = await entrance.kept(partial(decoded, asked.prompt_audio)) if asked.prompt_audio else None
    kept = await kept_voice(asked, request, entrance)
    own = await voices_in([asked.input], request, entrance)

    def utterance() -> Utterance:
        return options_of(asked, prompt, service.catalogue, kept=kept, own=own).saying(asked.input)

    context = await entrance.admitted(request, "generation", utterance, prompt)
    stream = JobStream(entrance.speak(context), service.live_sounds)
    if asked.stream_format == "sse":
        events = ended_in_words(sound_events(pieces_of(aiter(stream), asked.response_format, entrance)))
        return Streamed(events, stream.leave, "text/event-stream", {})
    try:
        return await while_there(request, _sound(stream, context, asked.response_format, entrance))
    except BaseException:
        await stream.leave()
        raise


async def _sound(stream: JobStream, context: RequestContext, format: str, entrance: Entrance) -> Response:
    """The answer once it is known what it is: sound that begins, a file that is whole, or an error."""
    pieces = pieces_of(aiter(stream), format, entrance)
    async for piece in pieces:
        match piece:
            case bytes():  # up to here it can still fail in whole
                return Streamed(_rest(piece, pieces), stream.leave, MIME_TYPES[format], _headers(context))
            case Path():
                return FileResponse(piece, headers=_headers(context))
    raise AssertionError("a generation that raises nothing ends with Spoken")


async def _rest(first: bytes, pieces: AsyncIterator[AnswerPiece]) -> AsyncGenerator[bytes, None]:
    """The file as it comes. Raises what the job raises, so that the answer breaks off: half a text is no result."""
    yield first
    async for piece in pieces:
        if isinstance(piece, bytes):
            yield piece


async def sound_events(pieces: AsyncIterator[AnswerPiece]) -> AsyncGenerator[bytes, None]:
    """The same as server-sent events, with the place in line."""
    async for piece in pieces:
        match piece:
            case Waiting() | Speaking():
                yield _progress(piece)
            case bytes():
                yield _delta(piece)
            case Path():
                yield _delta(await in_thread(piece.read_bytes))
            case Captioned(segments):
                yield server_event("speech.captions", segments=list(map(_caption, segments)))
            case Spoken():
                yield _done(piece)


async def pieces_of(
    heard: AsyncIterator[JobEvent], format: str, entrance: Entrance
) -> AsyncGenerator[AnswerPiece, None]:
    """What comes of a job in this format. Raises what the job raises, and EngineError for half a text."""
    made: Encoder | None = None
    async for event in heard:
        match event:
            case Waiting() | Speaking() | Captioned():
                yield event
            case SoundBegins() if format in get_args(StreamFormat):
                made = encoder(cast(StreamFormat, format), event.sample_rate, event.frames)
            case bytes() if made:
                yield await in_thread(made.encode, event) if made.takes_time else made.encode(event)
            case Spoken():
                if event.failure:
                    raise EngineError.told(event.failure)
                yield await in_thread(made.finish) if made else await _file(event, format, entrance)
                yield event


async def _file(spoken: Spoken, format: str, entrance: Entrance) -> Path:
    """The finished sound in this format."""
    try:
        path = await in_thread(entrance.service.results.open, spoken.path.parent.name, format, pool=CONVERTING)
    except OSError as error:
        raise StorageError from error
    assert path, "it was made just now"
    return path


def _progress(event: Waiting | Speaking) -> bytes:
    if isinstance(event, Waiting):
        told = {"state": "waiting", "ahead": event.ahead, "seconds": event.seconds, "done_fraction": 0.0}
    else:
        told = {"state": "speaking", "ahead": 0, "seconds": event.seconds_left, "done_fraction": event.done_fraction}
    if event.loading:
        told["loading"] = event.loading
    return server_event(
        "speech.progress", **{name: round(v, 2) if isinstance(v, float) else v for name, v in told.items()}
    )


def _delta(data: bytes) -> bytes:
    return server_event("speech.audio.delta", audio=base64.b64encode(data).decode()) if data else b""


def _caption(segment: Segment) -> dict[str, Any]:
    """As OpenAI's transcriptions have it."""

    def times(heard: Segment | Word) -> dict[str, float]:
        return {"start": round(heard.start_s, 3), "end": round(heard.end_s, 3)}

    words = [{"word": word.text, **times(word)} for word in segment.words]
    return {"text": segment.text, **times(segment), "words": words}


def _done(spoken: Spoken) -> bytes:
    return server_event(
        "speech.audio.done",
        seed=spoken.seed,
        cached=spoken.cached,
        duration_s=round(spoken.duration_s, 3),
        warnings=spoken.warnings,
    )


def _headers(context: RequestContext) -> dict[str, str]:
    """What is known of a job before it is done."""
    examined = context.examined
    if not examined or not isinstance(request := examined.request, SpeechRequest):
        return {}
    seed = {} if request.seed is None else {"X-Voxdemo-Seed": str(request.seed)}
    return seed | warning(*request.warnings, *(examined.plan.warnings if examined.plan else ()))
