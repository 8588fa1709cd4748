"""POST /v1/audio/transcriptions: what is said in a recording, in the formats that OpenAI's API has."""

import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, PlainTextResponse, Response

from voxdemo.errors import InputError
from voxdemo.intake import languages
from voxdemo.intake.request import AskedRecording
from voxdemo.speech import Listening, RecognitionEvent, RecognizerInfo, Segment, Transcript, Waiting, Word, result_of
from voxdemo.stores import captions
from voxdemo.web.v1 import catalogue
from voxdemo.web.v1.bodies import unknown_format
from voxdemo.web.v1.entrance import Streamed, TheEntrance, ended_in_words, server_event, while_there
from voxdemo.web.v1.errors import warning
from voxdemo.web.v1.forms import RecordingForm, recording_in

NEVER_STREAMS = "whisper-1"
"""The one of OpenAI's names for which `stream` is ignored, as OpenAI does."""
IGNORED = {
    "prompt": "a prompt",
    "include": "include",
    "keywords": "keywords",
    "known_speaker_names": "names of speakers",
    "known_speaker_references": "recordings of speakers",
}
"""Fields of OpenAI's that would change the answer there, and nothing here, with what they ask for."""
NO_WORDS = "Words have no times of their own here: the times are those of sentences."
BY_SPEAKERS = "diarized_json"
"""OpenAI's format of its model that tells speakers apart."""
NO_SPEAKERS = "No recogniser here tells speakers apart: ask for verbose_json instead of diarized_json."
GRANULARITIES = ("timestamp_granularities[]", "timestamp_granularities")

router = APIRouter(tags=["recognition"], route_class=RecordingForm)


@router.post(
    "/audio/transcriptions",
    summary="Recognise a recording",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
async def transcriptions(
    request: Request,
    entrance: TheEntrance,
    file: Annotated[UploadFile, File(description="A recording of up to 10 minutes: wav, mp3, flac, m4a, ogg, webm.")],
    model: Annotated[str, Form(description="The id of the recogniser's model, or a name of OpenAI's.")] = NEVER_STREAMS,
    language: Annotated[
        str, Form(description='Its code, tag or name, such as "en", "en-US" or "English"; empty: to be found out.')
    ] = "",
    response_format: Annotated[str, Form(description="json, text, srt, vtt or verbose_json.")] = "json",
    stream: Annotated[bool, Form(description="The transcript as events, as it grows; ignored for whisper-1.")] = False,
) -> Response:
    """Recognise a recording. The times are those of sentences; in verbose_json, if asked for, of words, too."""
    info = entrance.service.recognizer_info
    form = _form_of(response_format)
    catalogue.check_recognizer(model, info)
    code = languages.code_of(language, info)
    fields = await request.form()
    ignored = _ignored(fields, info)
    recording = await entrance.kept(partial(recording_in, "file", file))
    asked = AskedRecording(recording, code, info.times_words and _wants_words(fields))
    context = await entrance.admitted(request, "recognition", lambda: asked, recording)
    with entrance.service.holding(context):
        events = entrance.transcribe(asked, context)
        if stream and model.lower() != NEVER_STREAMS:
            return await while_there(request, _streamed(events, warning(*ignored)))
        transcript = await while_there(request, result_of(events, Transcript))
    answer = form(transcript, asked.with_words)
    answer.headers.update(warning(*ignored, *transcript.warnings))
    return answer


def _form_of(response_format: str) -> Callable[[Transcript, bool], Response]:
    if response_format.lower() == BY_SPEAKERS:
        raise InputError(NO_SPEAKERS, code="no_speakers")
    form = _FORMATS.get(response_format.lower())
    if form is None:
        raise unknown_format(response_format, _FORMATS)
    return form


def _wants_words(form: FormData) -> bool:
    return "word" in [value for name in GRANULARITIES for value in form.getlist(name)]


def _ignored(form: FormData, info: RecognizerInfo) -> Sequence[str]:
    """What was sent that changes nothing here, in sentences."""
    sent = {name.removesuffix("[]"): value for name, value in form.multi_items() if value}
    told = [f"{info.title} doesn't support {what}: ignored." for name, what in IGNORED.items() if name in sent]
    return [*told, NO_WORDS] if _wants_words(form) and not info.times_words else told


def _verbose(transcript: Transcript, with_words: bool) -> Response:
    segments = [_segment(each) | _details(number, each) for number, each in enumerate(transcript.segments)]
    words = [word for segment in transcript.segments for word in segment.words]
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": round(transcript.duration_s, 3),
        "text": transcript.text,
        "segments": segments,
    }
    return JSONResponse(told | ({"words": [_word(each) for each in words]} if with_words else {}))


async def _streamed(events: AsyncGenerator[RecognitionEvent, None], warned: Mapping[str, str]) -> Response:
    """The answer from when the recogniser begins: up to then it can still fail in whole."""
    try:
        event = await anext(events)
        while isinstance(event, Waiting):
            event = await anext(events)
    except BaseException:
        await events.aclose()
        raise
    return Streamed(ended_in_words(_events(event, events)), events.aclose, "text/event-stream", warned)


async def _events(first: RecognitionEvent, rest: AsyncGenerator[RecognitionEvent, None]) -> AsyncGenerator[bytes, None]:
    """Those of OpenAI's newer models: what is recognised, as it grows. The deltas together are the text."""
    said = Transcript("", None, (), 0.0)

    def grown(heard: Transcript) -> Iterator[bytes]:
        if added := heard.text[len(said.text) :]:
            yield server_event("transcript.text.delta", delta=added)
        for number, segment in enumerate(heard.segments[len(said.segments) :], len(said.segments)):
            yield server_event("transcript.text.segment", speaker="", **_segment(segment), id=str(number))

    async for event in _chained(first, rest):
        heard = event.heard if isinstance(event, Listening) else event
        if isinstance(heard, Transcript):
            for told in grown(heard):
                yield told
            said = heard
    yield server_event("transcript.text.done", text=said.text)


async def _chained(
    first: RecognitionEvent, rest: AsyncGenerator[RecognitionEvent, None]
) -> AsyncGenerator[RecognitionEvent, None]:
    yield first
    async for event in rest:
        yield event


def _segment(segment: Segment) -> dict[str, Any]:
    emotion = {"emotion": segment.emotion} if segment.emotion else {}
    return {"start": round(segment.start_s, 3), "end": round(segment.end_s, 3), "text": segment.text, **emotion}


def _details(number: int, segment: Segment) -> dict[str, Any]:
    """What else OpenAI's segments have, because libraries with types demand it."""
    written = segment.text.encode()
    return {
        "id": number,
        "seek": 0,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(segment.avg_logprob, 4),
        "compression_ratio": round(len(written) / len(zlib.compress(written)), 4),
        "no_speech_prob": round(segment.no_speech_prob, 4),
    }


def _word(word: Word) -> dict[str, Any]:
    return {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)}


_FORMATS: dict[str, Callable[[Transcript, bool], Response]] = {
    "json": lambda transcript, _: JSONResponse({"text": transcript.text}),
    "text": lambda transcript, _: PlainTextResponse(f"{transcript.text}\n"),
    "srt": lambda transcript, _: PlainTextResponse(captions.srt(transcript.segments)),
    "vtt": lambda transcript, _: PlainTextResponse(captions.webvtt(transcript.segments)),
    "verbose_json": _verbose,
}
"""By the name that OpenAI's API gives it."""
