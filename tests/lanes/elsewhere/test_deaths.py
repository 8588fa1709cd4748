"""What becomes of jobs when the line, a voice or a front end is killed: real processes, ended by SIGKILL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fakes import until
from line_elsewhere import INFO, RATE, SECRET, sound_of
from programs import samples_of, speech
from rings import long
from serving import Server, StartServer, eventually, free_port

from voxdemo.estimates.paces import Paces
from voxdemo.lanes.elsewhere.front_end import LineElsewhere, offer_of
from voxdemo.lanes.jobs import PartRetaken, Piece, SpeakJob, Started
from voxdemo.lanes.line import Claim
from voxdemo.speech import Utterance, Waiting

pytestmark = long
WORD_S = 0.02


class House:
    """The processes of a line, each of which may be killed, and the line started again at its address."""

    def __init__(self, start: StartServer) -> None:
        self._start = start
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"

    def line(self, **settings: object) -> Server:
        return self._run("line", port=self._port, **settings)

    def voice(self, **settings: object) -> Server:
        return self._run("voice", VOXDEMO_LINE_URL=self.url, **{"WORD_S": WORD_S, **settings})

    def front_end(self, places: int) -> Server:
        return self._run("front end", VOXDEMO_LINE_URL=self.url, PLACES=places)

    def _run(self, role: str, **settings: Any) -> Server:
        return self._start("tests/line_elsewhere.py", ROLE=role, VOXDEMO_LINE_SECRET=SECRET, **settings)


def killed(process: Server) -> None:
    """It is gone from one moment to the next."""
    process.process.kill()
    process.process.wait(10)


@pytest.fixture
def house(start_server: StartServer) -> House:
    return House(start_server)


@pytest.fixture
async def front_ends(house: House) -> AsyncGenerator[Callable[[int], Any], None]:
    opened: list[LineElsewhere] = []

    async def reached(count: int) -> Sequence[LineElsewhere]:
        offer = await offer_of(house.url, SECRET, within_s=120.0)
        for _ in range(count):
            opened.append(LineElsewhere(house.url, SECRET, offer, Paces()))
            opened[-1].start()
        await until(lambda: all(line.stats().ready_seats for line in opened))
        return opened

    yield reached
    for line in opened:
        await line.close()


class Somebody:
    """In line with a text of several parts; what they were told, and what they have heard."""

    def __init__(self, line: LineElsewhere, *parts: str) -> None:
        text = " ".join(parts)
        self.parts = parts
        self.job = SpeakJob(INFO, Utterance(text, seed=1), parts, len(text.split()) * WORD_S, units=float(len(text)))
        self.events: list[Any] = []
        self.ticket = line.take(Claim(self.job.size), time.monotonic())
        self.began = 0.0
        self.task = asyncio.ensure_future(self._wait(line))

    async def _wait(self, line: LineElsewhere) -> None:
        async with aclosing(line.run(self.job, self.ticket)) as events:
            async for event in events:
                self.events.append(event)
                if isinstance(event, Started):
                    self.began = time.monotonic()

    @property
    def heard(self) -> list[Any]:
        """The sound of all parts, without what was said again."""
        pieces: dict[int, list[Any]] = {}
        for event in self.events:
            if isinstance(event, PartRetaken):
                pieces[event.part] = []
            elif isinstance(event, Piece):
                pieces.setdefault(event.part, []).append(event.samples)
        return [np.concatenate(pieces[part]) for part in sorted(pieces)]

    @property
    def is_whole(self) -> bool:
        wanted = [np.concatenate([sound_of(word) for word in part.split()]) for part in self.parts]
        return len(self.heard) == len(wanted) and all(map(np.array_equal, self.heard, wanted))

    def is_in_part(self, part: int) -> bool:
        return any(isinstance(event, Piece) and event.part == part for event in self.events)


async def in_order(lines: Sequence[LineElsewhere], count: int) -> list[Somebody]:
    people = []
    for number in range(count):
        people.append(Somebody(lines[number % len(lines)], f"w{number} x y", "and z"))
        await until(lambda: people[-1].ticket.since is not None)
    return people


ENDLESS = "and so on " * 1000
"""What somebody says until they leave, in one part, so that nobody else is served meanwhile."""


async def test_a_voice_that_is_killed_in_a_text_is_followed_by_another_from_the_part_not_heard_whole(
    house: House, front_ends: Any
) -> None:
    house.line(GATHER_S=0)
    first = house.voice(WORD_S=0.4)
    (line,) = await front_ends(1)
    text = Somebody(line, "one", "two three four five six", "seven eight")
    await until(lambda: text.is_in_part(1))
    killed(first)
    house.voice()
    await asyncio.wait_for(text.task, 60)
    assert text.is_whole
    assert [type(event).__name__ for event in text.events].count("Started") == 1
    assert not [event for event in text.events if isinstance(event, PartRetaken)]  # nothing is heard twice


async def test_a_line_that_is_killed_is_followed_by_one_in_which_all_stand_as_before(
    house: House, front_ends: Any
) -> None:
    first = house.line()
    house.voice()
    lines = await front_ends(2)
    speaking = Somebody(lines[0], ENDLESS)
    await until(lambda: speaking.is_in_part(0))
    people = await in_order(lines, 16)
    killed(first)
    await until(lambda: all(line.fault for line in lines))
    heard_by_then = len(speaking.events)
    late = Somebody(lines[1], "late")
    house.line()
    await until(lambda: late.ticket.since is not None)
    places = list(range(1, 17))
    await until(lambda: [line.place(each.ticket).ahead for each, line in zip(people, lines * 8, strict=True)] == places)
    assert len(speaking.events) > heard_by_then
    speaking.task.cancel()
    await asyncio.wait_for(asyncio.gather(*(each.task for each in (*people, late))), 120)
    assert all(each.is_whole for each in (*people, late))
    assert sorted((*people, late), key=lambda each: each.began) == [*people, late]
    everybody = [event for each in (speaking, *people, late) for event in each.events]
    assert not [event for event in everybody if isinstance(event, PartRetaken)]
    assert any(isinstance(event, Waiting) for event in people[-1].events)


async def test_a_front_end_that_the_line_has_forgotten_enters_its_people_again(house: House, front_ends: Any) -> None:
    process = house.line(DEAF_S=0.2, GATHER_S=0)
    house.voice()
    lines = await front_ends(2)
    speaking = Somebody(lines[1], ENDLESS)
    await until(lambda: speaking.is_in_part(0))
    people = await in_order(lines[:1], 3)
    later = await in_order(lines[1:], 2)
    lines[0]._listening.cancel()  # its stream breaks, and isn't there for longer than it is remembered
    await until(lambda: lines[1].stats().waiting == len(later))
    lines[0].start()
    await until(lambda: lines[1].place(later[0].ticket).ahead == 1 + len(people))
    speaking.task.cancel()
    await asyncio.wait_for(asyncio.gather(*(each.task for each in (*people, *later))), 120)
    assert all(each.is_whole for each in (*people, *later))
    assert sorted((*people, *later), key=lambda each: each.began) == [*people, *later]
    assert process.process.poll() is None


async def test_the_places_of_a_front_end_that_is_killed_go_to_those_behind_them(house: House, front_ends: Any) -> None:
    house.line(DEAF_S=0.2, GATHER_S=0)
    house.voice()
    (line,) = await front_ends(1)
    speaking = Somebody(line, ENDLESS)
    await until(lambda: speaking.is_in_part(0))
    dying = house.front_end(places=8)
    await until(lambda: "in line" in dying.log)
    last = Somebody(line, "last")
    await until(lambda: line.place(last.ticket).ahead == 9)
    killed(dying)
    await until(lambda: line.place(last.ticket).ahead == 1)
    speaking.task.cancel()
    await asyncio.wait_for(last.task, 60)
    assert last.is_whole


async def test_a_voice_that_is_told_to_stop_ends_what_it_says_and_gets_no_more(house: House, front_ends: Any) -> None:
    house.line(GATHER_S=0)
    ending = house.voice(VOXDEMO_DRAIN_S=60, WORD_S=0.2)
    (line,) = await front_ends(1)
    text, waiting = Somebody(line, "one two", "three four"), Somebody(line, "waits")
    await until(lambda: text.is_in_part(0))
    assert await asyncio.to_thread(ending.stop) == 0
    await asyncio.wait_for(text.task, 60)
    assert text.is_whole
    assert not waiting.heard
    house.voice()
    await asyncio.wait_for(waiting.task, 60)
    assert not [event for event in (*text.events, *waiting.events) if isinstance(event, PartRetaken)]


def test_a_real_server_speaks_over_a_line_and_a_voice_that_are_killed_and_come_back(
    house: House, start_server: StartServer
) -> None:
    first, voice = house.line(GATHER_S=0), house.voice()
    page = start_server(VOXDEMO_LINE_URL=house.url, VOXDEMO_LINE_SECRET=SECRET)
    page.wait_until_ready()
    assert words_in(samples_of(speech(page, "one two").content, "pcm")) == ["one", "two"]
    assert words_in(heard_on_the_page(page, "three four five")) == ["three", "four", "five"]
    assert f"The line is at {house.url}." in first.log
    assert f"a voice has come: {voice.url}" in first.log
    assert f"The voice is at {voice.url} and" in voice.log
    killed(first)
    killed(voice)
    eventually(lambda: page.http.get("/ready").json()["reason"].startswith("The line can't be reached"))
    assert page.http.get("/ready").status_code == 503
    with ThreadPoolExecutor() as people:
        waits = people.submit(speech, page, "six")
        house.line(GATHER_S=0)
        eventually(lambda: page.http.get("/ready").json()["pending"] == "The line has no voice at the moment.")
        assert page.http.get("/ready").status_code == 200
        house.voice()
        assert words_in(samples_of(waits.result(60).content, "pcm")) == ["six"]
    page.wait_until_ready()
    assert words_in(heard_on_the_page(page, "seven eight")) == ["seven", "eight"]


def test_what_two_servers_are_asked_for_is_said_once_and_heard_by_both_whatever_becomes_of_the_first(
    house: House, start_server: StartServer, tmp_path: Path
) -> None:
    house.line(GATHER_S=0)
    voice = house.voice(GO=tmp_path)
    pages = [start_server(VOXDEMO_LINE_URL=house.url, VOXDEMO_LINE_SECRET=SECRET) for _ in range(2)]
    for page in pages:
        page.wait_until_ready()
    ends: dict[str, Callable[[httpx.Response], None]] = {
        "waita": lambda first: None,
        "waitb": lambda first: first.close(),
        "waitc": lambda first: killed(pages[0]),
    }
    for word, end in ends.items():
        with ExitStack() as streams:
            first, second = (streams.enter_context(asked(page, f"one two {word} three")) for page in pages)
            heard = [[next(sound)] for sound in (first.sound, second.sound)]
            end(first.answer)
            (tmp_path / word).touch()
            heard[1] += second.sound
            assert words_in(samples_of(b"".join(heard[1]), "pcm"))[-1] == "three"
            if word == "waita":
                assert b"".join([*heard[0], *first.sound]) == b"".join(heard[1])
        assert voice.log.count(f"says: one two {word} three") == 1


@contextmanager
def asked(page: Server, text: str) -> Generator[Asked, None, None]:
    """A program that hears a text as it comes."""
    with page.http.stream("POST", "/v1/audio/speech", json={"input": text, "response_format": "pcm"}) as answer:
        yield Asked(answer, answer.iter_raw())


@dataclass
class Asked:
    answer: httpx.Response
    sound: Iterator[bytes]


def heard_on_the_page(page: Server, text: str) -> tuple[Any, int]:
    told = page.messages("generate", [text, None, "", 2.0, 10, False, False])
    path = Path(next(each for each in told if each["msg"] == "process_completed")["output"]["data"][0]["path"])
    return samples_of(page.http.get(f"/speech/{path.parent.name}").content, "wav")


WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]


def words_in(sound: tuple[Any, int]) -> list[str]:
    """What was said, by the loudness in the middle of each word."""
    samples, rate = sound
    assert rate == RATE
    middles = samples[len(sound_of("")) // 2 :: len(sound_of(""))]
    return [min(WORDS, key=lambda word: abs(sound_of(word)[0] - middle)) for middle in middles]
