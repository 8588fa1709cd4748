"""Clients that hang up at every stage: the generator goes to the next one, and nothing of theirs stays."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
from contextlib import ExitStack, aclosing, closing
from functools import partial

import numpy as np
import pytest
from callers import callers
from rings import AT_NIGHT
from transcribing import opened, said
from websockets.asyncio.client import connect
from witness import LONG_TEXT, Witness, connected, eventually, live_token, new_text, spoken_token

LIVE_SESSIONS = 4
"""How many there may be at once, where nothing else is set."""
ROUNDS = 30 if AT_NIGHT else 3


def has_started(fake: Witness, text: str) -> bool:
    return any(started.startswith(text) for started in fake.ask("GET", "/stage").json()["started"])


def test_while_uploading(fake: Witness) -> None:
    for _ in range(ROUNDS):
        with connected(fake) as connection:
            head = "POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n"
            part = '--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
            connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=b\r\n\r\n{part}".encode())
            connection.sendall(bytes(1_000_000))


async def test_after_joining_the_line_and_before_listening(fake: Witness) -> None:
    async with callers(fake.url) as people:
        for _ in range(ROUNDS):
            await people.join(new_text("silent"))
    fake.stage("open")
    eventually(lambda: fake.in_line() == 0, "the line is empty")


async def test_while_waiting(fake: Witness) -> None:
    async with callers(fake.url) as people:
        first = await people.join(new_text("first"))
        for _ in range(ROUNDS):
            async with aclosing(people.messages(await people.join(new_text("leaver")))) as messages:
                await anext(messages)
        eventually(lambda: fake.in_line() == 1, "those who left are out of the line")
        fake.stage("open")
        eventually(lambda: fake.in_line() == 0)
    assert fake.ask("GET", "/stage").json()["started"] == [first.text]


async def test_while_running(fake: Witness) -> None:
    async with callers(fake.url) as people:
        for _ in range(ROUNDS):
            text = new_text("runner")
            async with aclosing(people.messages(await people.join(f"{text} {LONG_TEXT}"))) as messages:
                await anext(messages)
                eventually(partial(has_started, fake, text), "it is turned to")
            fake.step_until_free()
    assert fake.ask("GET", "/stage").json()["running"] == 0


async def test_the_same_session_leaving_and_coming_back(fake: Witness) -> None:
    session = secrets.token_hex(8)
    async with callers(fake.url) as people:
        for _ in range(ROUNDS):
            async with aclosing(people.messages(await people.join(new_text("again"), session))) as messages:
                await anext(messages)
            fake.step_until_free()
        fake.stage("open")
        assert (await people.listen(await people.join(new_text("at last"), session))).is_served


@pytest.mark.long
def test_while_downloading(fake: Witness) -> None:
    path = f"/speech/{spoken_token(fake, LONG_TEXT)}"
    for _ in range(ROUNDS):
        with connected(fake, receives=4096) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_while_listening_to_what_is_spoken(fake: Witness) -> None:
    with closing(fake.server.messages("speak", fake.server.page_values(new_text(LONG_TEXT)))) as told:
        token = live_token(told)
        for _ in range(ROUNDS):
            with connected(fake, receives=4096) as connection:
                connection.sendall(f"GET /live/{token} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                fake.stage("steps/1")
                heard = connection.recv(1000)
                assert heard.startswith(b"HTTP/1.1 200")
                while b'{"sound":' not in heard:  # or there would be nothing to be had of it
                    heard += connection.recv(1000)
    fake.step_until_free()
    eventually(lambda: fake.ask("GET", f"/speech/{token}").status_code == 200)  # the seat is free a moment before


SOCKETS, AT_ONCE = 200, 20
NOISE = base64.b64encode(np.random.default_rng(21).integers(-9_000, 9_000, 12_000, "<i2").tobytes()).decode()
"""Half a second."""


class Visits:
    """Clients of live sessions: they come, send sound, and some are cut off in the middle; how many there were."""

    def __init__(self, url: str) -> None:
        self.there = self.most = self.let_in = self.refused = 0
        self._url = f"{url.replace('http', 'ws', 1)}/v1/realtime?intent=transcription"

    async def come(self, sends: int, is_cut: bool) -> None:
        async with connect(self._url) as socket:
            first = json.loads(await socket.recv())
            if first["type"] == "error":
                assert first["error"]["code"] == "busy"
                self.refused += 1
                return
            self.let_in += 1
            self.there += 1
            self.most = max(self.most, self.there)
            await socket.send(json.dumps(UNDETECTED))
            for turn in range(sends):
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": NOISE}))
                if turn % 2:
                    await socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
            self.there -= 1  # the server notices later
            if is_cut:
                socket.transport.abort()


UNDETECTED = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}


@pytest.mark.long
async def test_while_live_sessions_listen(fake: Witness) -> None:
    before = len(fake.server.log)
    visits, chance, at_once = Visits(fake.url), random.Random(21), asyncio.Semaphore(AT_ONCE)

    async def visit(sends: int, is_cut: bool) -> None:
        async with at_once:
            await visits.come(sends, is_cut)

    await asyncio.gather(*(visit(chance.randrange(6), chance.random() < 0.5) for _ in range(SOCKETS)))
    assert visits.most <= LIVE_SESSIONS < visits.let_in
    assert visits.let_in + visits.refused == SOCKETS

    def are_all_free() -> bool:
        with ExitStack() as there:
            return all(
                said(there.enter_context(opened(fake.url)))["type"] == "session.created" for _ in range(LIVE_SESSIONS)
            )

    eventually(are_all_free, "all sessions are free again")
    assert "ERROR" not in fake.server.log[before:]
