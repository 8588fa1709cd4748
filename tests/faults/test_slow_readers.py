"""Clients that take what they asked for slowly or not at all: nobody else waits for them."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing

import pytest
from callers import callers
from rings import AT_NIGHT
from witness import LONG_TEXT, Witness, connected, eventually, live_token, new_text, spoken_token

pytestmark = pytest.mark.long

READERS = 50 if AT_NIGHT else 5


def asleep(fake: Witness, path: str, readers: int = READERS) -> ExitStack:
    """Connections that have asked for `path` and read nothing."""
    holding = ExitStack()
    for _ in range(readers):
        connection = holding.enter_context(connected(fake, receives=2048))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return holding


async def test_of_the_event_stream(fake: Witness) -> None:
    async with callers(fake.url) as people:
        slow = [await people.join(new_text("slow")) for _ in range(3)]
        with ExitStack() as holding:
            for call in slow:
                holding.enter_context(asleep(fake, f"/gradio_api/queue/data?session_hash={call.session}", 1))
            fake.stage("open")
            quick = await people.call(new_text("quick"))
            assert quick.is_served
            eventually(lambda: fake.in_line() == 0, "the line is empty")
    assert fake.ask("GET", "/stage").json()["started"] == [*(call.text for call in slow), quick.text]


def test_of_sound_that_is_being_made(fake: Witness) -> None:
    told = fake.server.messages("speak", fake.server.page_values(new_text(LONG_TEXT)))
    with closing(told), asleep(fake, f"/live/{(token := live_token(told))}"):
        fake.stage("open")
        assert any(message["msg"] == "process_completed" for message in told)
        fake.speaks()
        assert len(fake.ask("GET", f"/speech/{token}").content) > 2_000 * 3_200


@pytest.mark.parametrize("door", ["/speech/{}", "/gradio_api/file={}"])
def test_of_finished_sound(fake: Witness, door: str) -> None:
    token = spoken_token(fake, LONG_TEXT)
    place = token if "speech" in door else fake.cache / "files" / "results" / token / "speech.wav"
    memory = fake.memory
    with asleep(fake, door.format(place), 50):
        fake.speaks()
        assert fake.memory - memory < 50_000_000, "less than the 50 sounds that nobody takes"


def test_who_sends_a_request_letter_by_letter(fake: Witness) -> None:
    body = json.dumps({"data": [new_text("slow"), None, "", 2.0, 10, False, False]})
    head = "POST /gradio_api/call/generate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
    with ExitStack() as holding:
        senders = [holding.enter_context(connected(fake)) for _ in range(READERS)]
        for letter in f"{head}{len(body)}\r\n\r\n{body}"[:-1]:
            for sender in senders:
                sender.sendall(letter.encode())
        fake.speaks()
        for sender in senders:
            sender.sendall(b"}")
            assert sender.recv(1000).startswith(b"HTTP/1.1 200")
    fake.stage("open")
    eventually(lambda: fake.in_line() == 0)
