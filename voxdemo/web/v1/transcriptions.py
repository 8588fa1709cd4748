"""POST /v1/audio/transcriptions: what is said in a recording, in the formats that OpenAI's API has."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, PlainTextResponse, Response

from voxdemo.intake import languages
from voxdemo.intake.request import AskedRecording
from voxdemo.speech import Transcript, result_of
from voxdemo.stores import captions
from voxdemo.web.v1 import catalogue
from voxdemo.web.v1.bodies import unknown_format
from voxdemo.web.v1.entrance import TheEntrance, while_there
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
    stream: Annotated[
        bool, Form(description="The transcript as events, once it is whole; ignored for whisper-1.")
    ] = False,
) -> Response:
    """Recognise a recording. The times in verbose_json, srt and vtt are those of sentences."""
    info = entrance.service.recognizer_info
    form = _form_of(response_format)
    catalogue.check_model(model, info)
    code = languages.code_of(language, info)
    ignored = _ignored(await request.form(), info.title)
    recording = await entrance.kept(partial(recording_in, file))
    context = await entrance.admitted(request, "recognition", lambda: AskedRecording(recording, code), recording)
    with entrance.service.holding(context):
        transcript = await while_there(request, result_of(entrance.transcribe(recording, code, context), Transcript))
    answer = _events(transcript) if stream and model != NEVER_STREAMS else form(transcript)
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
    segments = [
        {"id": number, "start": round(each.start_s, 3), "end": round(each.end_s, 3), "text": each.text}
        | ({"emotion": each.emotion} if each.emotion else {})
        for number, each in enumerate(transcript.segments)
    ]
    told: dict[str, Any] = {
        "task": "transcribe",
        "language": transcript.language or "",
        "duration": round(transcript.duration_s, 3),
        "text": transcript.text,
        "segments": segments,
    }
    return JSONResponse(told)


def _events(transcript: Transcript) -> Response:
    """The events of OpenAI's newer models, all at once."""
    events = [
        {"type": "transcript.text.delta", "delta": transcript.text},
        {"type": "transcript.text.done", "text": transcript.text},
    ]
    body = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events)
    return Response(body, media_type="text/event-stream")


_FORMATS: dict[str, Callable[[Transcript], Response]] = {
    "json": lambda transcript: JSONResponse({"text": transcript.text}),
    "text": lambda transcript: PlainTextResponse(f"{transcript.text}\n"),
    "srt": lambda transcript: PlainTextResponse(captions.srt(transcript.segments)),
    "vtt": lambda transcript: PlainTextResponse(captions.webvtt(transcript.segments)),
    "verbose_json": _verbose,
}
"""By the name that OpenAI's API gives it."""
