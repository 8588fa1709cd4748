"""POST /v1/audio/transcriptions: what is said in a recording, in the formats that OpenAI's API has.

However a program sends the form, its part `file` is a file, even without a name: curl sends `-F "file=<talk.wav"` and
some libraries send bytes as a text field; Starlette would take it for text, decode it and stop after 1 MiB. A method of
its parser is overridden here; a test fails when Starlette changes it.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import JSONResponse, PlainTextResponse, Response

from voxdemo.errors import InputError, StorageError
from voxdemo.intake import languages
from voxdemo.intake.request import AskedRecording
from voxdemo.speech import Listening, RecognitionEvent, Segment, Transcript, Waiting, result_of
from voxdemo.stores import captions
from voxdemo.web.v1 import catalogue
from voxdemo.web.v1.bodies import unknown_format
from voxdemo.web.v1.entrance import Streamed, TheEntrance, ended_in_words, server_event, while_there
from voxdemo.web.v1.errors import warning

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

NAMELESS = "without a name"
"""What a file is called that came without a name."""
NOT_A_FORM = (
    "Send the recording in the field file of a form (multipart/form-data, not {kind}): curl does it by"
    " -F file=@talk.wav."
)
NO_BOUNDARY = "The Content-Type of this form lacks its boundary: let your HTTP library set that header by itself."
BROKEN = "This form can't be read: {why}"
A_NAME = "The field file has a text in it instead of a recording: with curl, write an @ before the file's name."
UNSET = ("null", "undefined")
"""What JavaScript puts into a form for a field that has no value."""
LONGEST_NAME = 1024
"""Bytes of what may be a name that somebody sent in place of the file."""


class _RecordingForm(APIRoute):
    """A route whose body is a form with a recording."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, with the form read before."""
        handle = super().get_route_handler()

        async def handle_form(request: Request) -> Response:
            request._form = await _form(request)  # where Starlette keeps it once it is read
            return await handle(request)

        return handle_form


router = APIRouter(tags=["recognition"], route_class=_RecordingForm)


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
    """Recognise a recording. The times in verbose_json, srt and vtt are those of sentences."""
    info = entrance.service.recognizer_info
    form = _form_of(response_format)
    catalogue.check_recognizer(model, info)
    code = languages.code_of(language, info)
    ignored = _ignored(await request.form(), info.title)
    recording = await entrance.kept(partial(_recording_in, file))
    context = await entrance.admitted(request, "recognition", lambda: AskedRecording(recording, code), recording)
    with entrance.service.holding(context):
        events = entrance.transcribe(recording, code, context)
        if stream and model != NEVER_STREAMS:
            return await while_there(request, _streamed(events, warning(*ignored)))
        transcript = await while_there(request, result_of(events, Transcript))
    answer = form(transcript)
    answer.headers.update(warning(*ignored, *transcript.warnings))
    return answer


def _form_of(response_format: str) -> Callable[[Transcript], Response]:
    form = _FORMATS.get(response_format.lower())
    if form is None:
        raise unknown_format(response_format, _FORMATS)
    return form


def _ignored(form: FormData, title: str) -> Sequence[str]:
    """What was sent that changes nothing here, in sentences."""
    sent = {name.removesuffix("[]"): value for name, value in form.multi_items() if value}
    told = [f"{title} doesn't support {what}: ignored." for name, what in IGNORED.items() if name in sent]
    granularities = [*form.getlist("timestamp_granularities[]"), *form.getlist("timestamp_granularities")]
    return [*told, NO_WORDS] if "word" in granularities else told


def _verbose(transcript: Transcript) -> Response:
    segments = [{"id": number, **_segment(each)} for number, each in enumerate(transcript.segments)]
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": round(transcript.duration_s, 3),
        "text": transcript.text,
        "segments": segments,
    }
    return JSONResponse(told)


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


def _recording_in(sent: UploadFile) -> BinaryIO:
    """The recording that was sent. Raises InputError where it is the name of one; blocks for a moment."""
    if sent.filename == NAMELESS and _is_text(sent.file.read(LONGEST_NAME + 1)):
        raise InputError(A_NAME, code="recording_is_text")
    sent.file.seek(0)
    return sent.file


class _Parser(MultiPartParser):
    def on_headers_finished(self) -> None:
        part = self._current_part
        described = part.content_disposition or b""
        _, options = parse_options_header(described)
        if options.get(b"name") == b"file" and b"filename" not in options:
            part.content_disposition = described + f'; filename="{NAMELESS}"'.encode()
        super().on_headers_finished()


async def _form(request: Request) -> FormData:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        raise InputError(NOT_A_FORM, code="not_a_form", kind=kind[:60] or "without a type")
    if "boundary=" not in kind:
        raise InputError(NO_BOUNDARY, code="form_without_boundary")
    try:
        async with aclosing(request.stream()) as stream:
            sent = await _Parser(request.headers, stream).parse()
    except MultiPartException as error:
        raise InputError(BROKEN, code="broken_form", why=error.message) from error
    except OSError as error:
        raise StorageError from error
    return FormData([(name, value) for name, value in sent.multi_items() if value not in UNSET])


def _is_text(data: bytes) -> bool:
    try:
        return 0 < len(data) <= LONGEST_NAME and data.decode().strip().isprintable()
    except UnicodeDecodeError:
        return False


_FORMATS: dict[str, Callable[[Transcript], Response]] = {
    "json": lambda transcript: JSONResponse({"text": transcript.text}),
    "text": lambda transcript: PlainTextResponse(f"{transcript.text}\n"),
    "srt": lambda transcript: PlainTextResponse(captions.srt(transcript.segments)),
    "vtt": lambda transcript: PlainTextResponse(captions.webvtt(transcript.segments)),
    "verbose_json": _verbose,
}
"""By the name that OpenAI's API gives it."""
