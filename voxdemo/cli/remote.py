"""The commands done by a running server, over the HTTP that all programs speak with it; each as in `local`."""

import base64
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

import httpx

from voxdemo.cli.results import ShowProgress
from voxdemo.errors import UNAVAILABLE_CODES, EngineError, InputError, NotReadyError, VoxdemoError
from voxdemo.settings import client_key
from voxdemo.speech import RARE_DIALS, Segment, Speaking, Transcript, Utterance, Waiting
from voxdemo.web.components import wording

CONNECT_S = 10.0
"""How long a server may take to be reached; after that it may take as long as its line is."""
NOT_NOW = (429, 502, 503, 504)
"""What servers, and proxies in front of them, answer a client that should try again later."""


def speak(url: str, utterance: Utterance, format: str, to: BinaryIO, tell: ShowProgress) -> Sequence[str]:
    body = _body(utterance) | {"response_format": format, "stream_format": "sse"}
    with _client(url) as client, client.stream("POST", "/v1/audio/speech", json=body) as answer:
        _check(answer)
        return _written(_events(answer), to, tell)


def listen(url: str, recording: Path, language: str | None, tell: ShowProgress) -> Transcript:
    form = {"response_format": "verbose_json", "language": language or ""}
    tell("Sending", 0.0)
    with _client(url) as client, _opened(recording) as file:
        answer = client.post("/v1/audio/transcriptions", data=form, files={"file": (recording.name, file)})
    _check(answer)
    told = answer.json()
    segments = tuple(Segment(each["text"], each["start"], each["end"]) for each in told["segments"])
    return Transcript(told["text"], told["language"] or None, segments, told["duration"])


def voices(url: str) -> Mapping[str, Any]:
    with _client(url) as client:
        answer = client.get("/v1/audio/voices")
    _check(answer)
    told: Mapping[str, Any] = answer.json()
    return told


def add_voice(url: str, name: str, recording: Path, transcript: str, consent: bool) -> str:
    form = {"name": name, "transcript": transcript, "consent": str(consent).lower()}
    with _client(url) as client, _opened(recording) as file:
        answer = client.post("/v1/audio/voices", data=form, files={"audio_sample": (recording.name, file)})
    _check(answer)
    return str(answer.json()["id"])


def remove_voice(url: str, voice: str) -> None:
    with _client(url) as client:
        _check(client.delete(f"/v1/audio/voices/{quote(voice, safe='')}"))


def _body(utterance: Utterance) -> dict[str, Any]:
    rare = (dial.name for dial in RARE_DIALS)
    names = ("prompt_text", "cfg_value", "inference_timesteps", "seed", "speed", *rare)
    body = {"input": utterance.text, **{name: getattr(utterance, name) for name in names}}
    if utterance.prompt_audio:
        with _opened(utterance.prompt_audio) as file:
            body["prompt_audio"] = base64.b64encode(file.read()).decode()
    return body | {name: value for name in ("voice", "language") if (value := getattr(utterance, name))}


@contextmanager
def _client(url: str) -> Generator[httpx.Client, None, None]:
    timeout = httpx.Timeout(None, connect=CONNECT_S)
    try:
        with httpx.Client(base_url=site(url), headers=headers(), timeout=timeout) as client:
            yield client
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise not_an_address(url) from None
    except httpx.TransportError as error:
        raise unreachable(url) from error


def site(url: str) -> str:
    """The address below which all of the server's are."""
    return url.rstrip("/").removesuffix("/v1")


def headers() -> dict[str, str]:
    """The key that the server may want, if there is one."""
    key = client_key()
    return {"Authorization": f"Bearer {key}"} if key else {}


def not_an_address(url: str) -> InputError:
    sentence = "{url!r} isn't an address: write it like http://127.0.0.1:7860."
    return InputError(sentence, code="not_an_address", url=url[:80])


def unreachable(url: str) -> NotReadyError:
    sentence = "{url} can't be reached or has stopped: check that it is running, then try again."
    return NotReadyError(sentence, reason="unreachable", url=url)


@contextmanager
def _opened(path: Path) -> Generator[BinaryIO, None, None]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        sentence = "{path!r} can't be read ({why}): check its name."
        raise InputError(sentence, code="cannot_read", path=str(path), why=error.strerror) from error


def _check(answer: httpx.Response) -> None:
    if not answer.is_success:
        raise refusal(answer.status_code, answer.read())


def refusal(status: int, body: bytes) -> VoxdemoError:
    """The error that an answer with this status means."""
    try:
        told = {**json.loads(body)["error"]}
        str(told["message"])
    except (ValueError, KeyError, TypeError):
        told = {"message": f"This isn't a voxdemo server, or it is down: the answer was {status}."}
    return error_of(told, status)


def error_of(told: Mapping[str, Any], status: int = 500) -> VoxdemoError:
    """The error in a server's answer, by its code, and by the HTTP status if the answer had not begun yet."""
    kind: type[NotReadyError | InputError | EngineError] = EngineError
    if status in NOT_NOW or told.get("code") in UNAVAILABLE_CODES:
        kind = NotReadyError
    elif status < 500 or told.get("type") == "invalid_request_error":
        kind = InputError
    return kind.told(told)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _written(events: Iterator[dict[str, Any]], to: BinaryIO, tell: ShowProgress) -> Sequence[str]:
    for event in events:
        match event["type"]:
            case "speech.progress":
                tell(wording.status(_place(event)), event["done_fraction"])
            case "speech.audio.delta":
                to.write(base64.b64decode(event["audio"]))
            case "speech.audio.done":
                return tuple(event["warnings"])
            case "error":
                raise error_of(event["error"])
    raise NotReadyError("The server closed the connection: try again in a minute.", reason="connection_closed")


def _place(event: dict[str, Any]) -> Waiting | Speaking:
    if event["state"] == "waiting":
        return Waiting(event["ahead"], event["seconds"], event.get("loading", ""))
    return Speaking(event["done_fraction"], event["seconds"], loading=event.get("loading", ""))
