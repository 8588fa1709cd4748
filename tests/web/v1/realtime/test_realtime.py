"""/v1/realtime as programs see it: OpenAI's own client, unmodified, and bare WebSockets."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import jiwer
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from programs import WARM_UP, WARM_UP_WORDS, program, words
from rings import first_of
from serving import Server, eventually
from transcribing import COMMITTED, DETECTED, SHORT, check_turns, closed, opened, pcm, said
from websockets.exceptions import ConnectionClosed

from voxdemo.server.examples_ahead import transcripts
from voxdemo.web.components.examples import RECORDINGS

TRANSCRIBES = {"intent": "transcription"}
SECOND = base64.b64encode(bytes(48_000)).decode()


@pytest.fixture
def quiet_server(fake_server: Server) -> Iterator[Server]:
    """It logs no error: what programs do wrong is none of the server's."""
    before = len(fake_server.log)
    yield fake_server
    assert not re.search(r"ERROR|Traceback", fake_server.log[before:])


def fed(connection: RealtimeConnection, sound: bytes, at_pace: bool) -> None:
    """Append it in pieces of a tenth of a second, at the pace of speech or as fast as they are taken."""
    begun = time.monotonic()
    for at in range(0, len(sound), 4_800):
        if at_pace:
            time.sleep(max(0.0, begun + at / 48_000 - time.monotonic()))
        connection.input_audio_buffer.append(audio=base64.b64encode(sound[at : at + 4_800]).decode())


def transcribed(connection: RealtimeConnection, seconds: float) -> list[Any]:
    """What is told until all that was said in the first `seconds` has its text."""
    told: list[Any] = []
    while not (told and told[-1].type.endswith("completed") and is_over(told, seconds)):
        told.append(connection.recv())
        assert told[-1].type in SHORT, told[-1]
    return told


def is_over(told: list[Any], seconds: float) -> bool:
    """Whether there was a turn's end within a second of the end, and every turn that began has ended."""
    stops = [event.audio_end_ms / 1000 for event in told if event.type.endswith("speech_stopped")]
    kinds = [SHORT[event.type] for event in told]
    return kinds.count("c") == kinds.count(".") and (not stops or stops[-1] > seconds - 2.5)


READ = {WARM_UP: WARM_UP_WORDS, **{each.path: transcripts("builtin")[each.path.stem].text for each in RECORDINGS}}
"""What the built-in recogniser reads in each, heard as a whole, as tests/server/test_examples_ahead.py sees."""


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager")  # openai 3.57 with websockets 17
@pytest.mark.parametrize(
    ("recording", "detects", "at_pace"),
    [
        (WARM_UP, True, True),
        *first_of((WARM_UP, False, False), *((each.path, nth < 2, False) for nth, each in enumerate(RECORDINGS))),
    ],
)
def test_openai_s_client_transcribes_a_recording_while_it_is_sent(
    server: Server, recording: Path, detects: bool, at_pace: bool
) -> None:
    """It hears the same as of the whole recording."""
    sound = pcm(recording)
    detection = {"type": "server_vad", "silence_duration_ms": 500} if detects else None
    heard = {"transcription": {"model": "gpt-live-transcribe", "language": "en"}, "turn_detection": detection}
    with program(server) as client, client.realtime.connect(extra_query=TRANSCRIBES) as connection:
        assert connection.recv().type == "session.created"
        connection.session.update(session={"type": "transcription", "audio": {"input": heard}})
        assert connection.recv().type == "session.updated"
        fed(connection, sound, at_pace)
        if not detects:
            connection.input_audio_buffer.commit()
        told = transcribed(connection, len(sound) / 48_000)
    text = check_turns([event.to_dict() for event in told], DETECTED if detects else COMMITTED)
    assert jiwer.wer(*(words(read).replace("harbour", "harbor") for read in (READ[recording], text))) <= 0.02


@pytest.mark.parametrize(
    "query", ["", "?", "?model=gpt-realtime", "?intent=", "?intent=conversation", "?call_id=c", "?Intent=transcription"]
)
def test_a_session_that_speaks_is_refused_in_a_sentence(quiet_server: Server, query: str) -> None:
    with opened(quiet_server.url, query) as socket:
        error = said(socket)["error"]
        assert error["code"] == "session_speaks"
        assert error["message"].endswith("open /v1/realtime?intent=transcription.")
        assert closed(socket) == (1008, error["message"])


@pytest.mark.parametrize(
    ("options", "chosen", "first"),
    [
        ({}, None, "session.created"),
        ({"subprotocols": ["realtime", "openai-insecure-api-key.none"]}, "realtime", "session.created"),
        ({"subprotocols": ["realtime", "openai-beta.realtime-v1"]}, "realtime", "transcription_session.created"),
        ({"additional_headers": {"OpenAI-Beta": "realtime=v1"}}, None, "transcription_session.created"),
    ],
)
def test_clients_of_today_and_of_the_beta_are_greeted_in_their_words(
    quiet_server: Server, options: dict[str, Any], chosen: str | None, first: str
) -> None:
    with opened(quiet_server.url, "?intent=transcription&model=gpt-4o-transcribe", **options) as socket:
        assert (socket.subprotocol, said(socket)["type"]) == (chosen, first)
        assert socket.response
        assert socket.response.headers["X-Request-ID"]


@pytest.mark.parametrize(("method", "status"), [("GET", 426), ("HEAD", 426), ("POST", 405)])
def test_what_is_no_websocket_is_told_so(quiet_server: Server, method: str, status: int) -> None:
    answer = quiet_server.http.request(method, "/v1/realtime?intent=transcription")
    assert answer.status_code == status
    assert method != "GET" or "WebSocket" in answer.json()["error"]["message"]


ODD = [
    b"bytes", "", "null", "[]", '"text"', "5", "{", "{}", '{"type": 1}', '{"type": "response.create"}', "[" * 100_000,
    '{"type": "input_audio_buffer.append"}', '{"type": "input_audio_buffer.append", "audio": "?"}',
    '{"type": "input_audio_buffer.commit"}', '{"type": "session.update"}', "9" * 5_000, '{"type": "\\ud800"}',
    '{"type": "session.update", "session": {"type": "realtime"}}', json.dumps({"type": "x" * 1_000_000}),
]  # fmt: skip


def test_what_is_no_event_ends_in_an_error_and_the_session_goes_on(quiet_server: Server) -> None:
    with opened(quiet_server.url) as socket:
        said(socket)
        for odd in ODD:
            socket.send(odd)
            told = said(socket)
            assert (told["type"], told["error"]["type"]) == ("error", "invalid_request_error"), odd
            assert len(told["error"]["message"]) < 400
        assert said(socket, type="input_audio_buffer.clear")["type"] == "input_audio_buffer.cleared"


@pytest.mark.parametrize("mib", [6, 50])
def test_a_frame_that_is_too_large_closes_it(quiet_server: Server, mib: int) -> None:
    with opened(quiet_server.url) as socket:
        said(socket)
        with suppress(ConnectionClosed):  # over what is unsent it may be closed before all of it is
            socket.send("x" * (mib << 20))
        with pytest.raises(ConnectionClosed) as closing:
            socket.recv(timeout=30)
    assert closing.value.rcvd is None or closing.value.rcvd.code == 1009, "it is told, where that isn't lost"


def test_one_session_more_than_there_may_be_is_told_that_it_is_busy(quiet_server: Server) -> None:
    with ExitStack() as there:
        sockets = [there.enter_context(opened(quiet_server.url)) for _ in range(4)]
        assert [said(socket)["type"] for socket in sockets] == ["session.created"] * 4
        with opened(quiet_server.url) as one_more:
            error = said(one_more)["error"]
            assert error["code"] == "busy"
            assert closed(one_more) == (1013, error["message"])
        sockets[0].close()

        def is_let_in() -> bool:
            with opened(quiet_server.url) as another:
                return said(another)["type"] == "session.created"

        assert eventually(is_let_in)


def test_who_is_silent_for_too_long_is_told_so(quiet_server: Server) -> None:
    with opened(quiet_server.url) as socket:
        said(socket)
        for _ in range(90):  # seconds, as fast as they are taken
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": SECOND}))
        error = said(socket)["error"]
        assert (error["code"], closed(socket)) == ("session_silent", (1000, error["message"]))


@pytest.mark.long
def test_more_bytes_than_sound_has_close_it(quiet_server: Server) -> None:
    with opened(quiet_server.url, compression=None) as socket:
        said(socket)
        with suppress(ConnectionClosed):
            for _ in range(100):  # it is closed long before
                socket.send(json.dumps({"type": "input_audio_buffer.clear", "more": "x" * (19 << 18)}))
        with suppress(ConnectionClosed):
            while (told := said(socket))["type"] != "error":
                pass
            assert told["error"]["code"] == "too_many_bytes"
        assert closed(socket)[0] == 1008
