"""POST /v1/audio/transcriptions: what is said in a recording, in the formats that OpenAI's API has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import JSONResponse, PlainTextResponse, Response

from voxdemo import captions
from voxdemo.errors import InputError
from voxdemo.speech import Transcript
from voxdemo.web.asking import Entry
from voxdemo.web.v1 import catalogue
from voxdemo.web.v1.entrance import Entrance, while_there


def routes(entrance: Entrance) -> APIRouter:
    """The route."""
    router = APIRouter(tags=["recognition"])

    @router.post(
        "/audio/transcriptions",
        summary="Read a recording",
        response_class=Response,
        responses={200: {"content": {"application/json": {}}}},
    )
    async def transcriptions(
        request: Request,
        file: Annotated[
            UploadFile, File(description="A recording of up to 10 minutes: wav, mp3, flac, m4a, ogg, webm.")
        ],
        model: Annotated[
            str, Form(description="The id of the recogniser's model, or a name of OpenAI's.")
        ] = "whisper-1",
        language: Annotated[str, Form(description="An ISO 639-1 code; empty: to be found out.")] = "",
        response_format: Annotated[str, Form(description="json, text, srt, vtt or verbose_json.")] = "json",
        stream: Annotated[bool, Form(description="Not offered: the words come when all are read.")] = False,
    ) -> Response:
        """Read a recording. The times in verbose_json, srt and vtt are those of sentences."""
        _check(response_format, stream)
        catalogue.check_model(model, entrance.service.recognizer_info)
        recording = await entrance.kept(lambda: file.file)
        entry = await entrance.admitted(request, "recognition", lambda: recording, recording)
        transcript = await while_there(request, _heard(entrance, entry, recording, language or None))
        return _FORMATS[response_format](transcript)

    return router


def _check(response_format: str, stream: bool) -> None:
    if response_format not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise InputError(f"response_format must be one of {known}, not {response_format[:20]!r}.")
    if stream:
        raise InputError("A transcript isn't streamed here: leave stream out.")


async def _heard(entrance: Entrance, entry: Entry, recording: Path, language: str | None) -> Transcript:
    begin = partial(entrance.service.transcribe, recording, language, visit=entry.visit)
    transcript: Transcript | None = None
    async with aclosing(entrance.served(entry, begin)) as events:
        async for event in events:
            if isinstance(event, Transcript):
                transcript = event
    assert transcript, "a recognition that raises nothing ends with a transcript"
    return transcript


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


_FORMATS: dict[str, Callable[[Transcript], Response]] = {
    "json": lambda transcript: JSONResponse({"text": transcript.text}),
    "text": lambda transcript: PlainTextResponse(f"{transcript.text}\n"),
    "srt": lambda transcript: PlainTextResponse(captions.srt(transcript.segments)),
    "vtt": lambda transcript: PlainTextResponse(captions.webvtt(transcript.segments)),
    "verbose_json": _verbose,
}
"""By the name that OpenAI's API gives it."""
