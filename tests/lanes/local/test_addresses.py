"""Servers at an address as seats of the line, beside models that are here: against a real one on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import CLONER, LISTENER, PIECE, FakeEngine, FakeRecognizer, Stage, until
from lining import everything, in_line, job, parts
from serving import free_port
from speaking_elsewhere import KEY, SECRET, Elsewhere

from voxdemo.engines.address.client import AddressEngine
from voxdemo.engines.address.config import Address
from voxdemo.errors import AddressError, InputError, JobTimeoutError, NotReadyError
from voxdemo.intake.request import Passage
from voxdemo.lanes.jobs import PartRetaken, Piece, SpeakJob, Started
from voxdemo.lanes.line import AddressLoad, WorkerStatus
from voxdemo.lanes.local.address_worker import MOST_FAILURES, AddressWorker
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.live import LiveStats
from voxdemo.monitoring.machine import Usage
from voxdemo.monitoring.metrics import Metrics, Snapshot
from voxdemo.speech import Utterance, Waiting

Make = Callable[..., Lane]


@pytest.fixture
async def make(elsewhere: Elsewhere, elsewhere_url: str, stage: Stage) -> AsyncGenerator[Make, None]:
    lanes: list[Lane] = []

    def make(
        at_once: int = 3, job_timeout_s: float = 30.0, pauses_s: Sequence[float] = (0.01,), url: str = "", **fields: Any
    ) -> Lane:
        there = {
            "name": "other",
            "url": url or elsewhere_url,
            "key": KEY,
            "at_once": at_once,
            "voices": ["wav"],
            **fields,
        }
        worker = AddressWorker(AddressEngine(Address(**there)), check, pauses_s=pauses_s)
        stage.open = True
        here = ModelWorker(CLONER, lambda tell: FakeEngine(stage), lambda _: [(1.0, 1.0)])
        listener = ModelWorker(LISTENER, lambda tell: FakeRecognizer(stage), lambda _: [(1.0, 1.0)])
        seats = [
            Seat(Role(here), Role(listener), servers=[worker]),
            *(Seat(Role(worker), None) for _ in range(at_once)),
        ]
        lanes.append(Lane(seats, 100, job_timeout_s))
        lanes[-1].start()
        return lanes[-1]

    async def check(engine: AddressEngine) -> Sequence[tuple[float, float]]:
        await engine.check("one two")
        return [(1.0, 1.0)]

    yield make
    for lane in lanes:
        await lane.close()


def there(lane: Lane, voice: str, *texts: str) -> SpeakJob:
    """A job for the address."""
    info = next(engine for engine in lane.catalogue.engines if engine.name == "other")
    said = texts or ("one two three",)
    return SpeakJob(info, Utterance(" ".join(said), voice=voice), said, 10.0)


def state(lane: Lane) -> WorkerStatus:
    (status,) = [model.status for model in lane.stats().models if model.info.name == "other"]
    return status


async def is_ready(lane: Lane) -> None:
    await until(lambda: state(lane).state == "ready" and lane.stats().ready_seats == 1)


def length_s(events: Sequence[Any], rate: int) -> float:
    return sum(len(event.samples) for event in events if isinstance(event, Piece)) / rate


async def test_as_many_are_spoken_at_once_as_may_be_and_the_others_wait_in_order(
    make: Make, elsewhere: Elsewhere
) -> None:
    lane = make(at_once=3)
    await is_ready(lane)
    jobs = [await in_line(lane, there(lane, "waits")) for _ in range(5)]
    await until(lambda: elsewhere.running == 3)
    assert (lane.stats().running, lane.stats().waiting) == (3, 2)
    told = [events.get_nowait() for _, events in jobs[3:]]
    assert [event.ahead for event in told if isinstance(event, Waiting)] == [3, 4]
    assert all(event.seconds > 0 for event in told)
    elsewhere.may_go_on.set()
    for task, _ in jobs:
        assert length_s(await task, 24_000) == pytest.approx(0.3, abs=0.01)
    assert elsewhere.most_running == 3


async def test_nobody_waits_for_seats_that_are_not_theirs(make: Make, elsewhere: Elsewhere, stage: Stage) -> None:
    lane = make(at_once=1)
    await is_ready(lane)
    busy = [(await in_line(lane, there(lane, "waits")))[0] for _ in range(2)]
    await until(lambda: elsewhere.running == 1)
    assert any(isinstance(event, Piece) for event in await everything(lane, "here"))
    stage.open = False
    long, _ = await in_line(lane, job("a b c", expected_s=100.0))
    await until(lambda: stage.running == 1)
    assert lane.foretell(replace(there(lane, "wav").size)).ahead == 2
    assert lane.foretell(job("here").size).ahead == 1
    elsewhere.may_go_on.set()
    await asyncio.gather(*busy)
    assert length_s(await everything(lane, there(lane, "wav")), 24_000) == pytest.approx(0.3, abs=0.01)
    assert not long.done()
    stage.open = True
    stage.steps.release(10)
    await long


async def test_a_voice_at_an_address_has_a_part_in_a_text_of_another_seat_and_no_more_at_once_than_it_takes(
    make: Make, elsewhere: Elsewhere, stage: Stage
) -> None:
    lane = make(at_once=1)
    await is_ready(lane)
    other = there(lane, "waits")
    busy, _ = await in_line(lane, other)
    await until(lambda: elsewhere.running == 1)
    guests = {1: Passage(other.utterance, other.engine)}
    mixed, _ = await in_line(lane, replace(parts("here one", "there", "here too"), guests=guests))
    await until(lambda: stage.closed.qsize() == 1)  # the first part is said, the second one waits for its turn there
    assert not mixed.done()
    elsewhere.may_go_on.set()
    said = [event for event in await mixed if isinstance(event, Piece)]
    await busy
    there_s = length_s([event for event in said if event.part == 1], CLONER.sample_rate)
    assert (len(said[0].samples), there_s) == (len(PIECE), pytest.approx(0.1, abs=0.01))
    assert [event.part for event in said] == sorted(event.part for event in said)
    assert {event.part for event in said} == {0, 1, 2}
    assert elsewhere.most_running == 1


async def test_a_part_of_a_text_of_another_seat_waits_for_one_part_there_not_for_a_whole_text(
    make: Make, elsewhere: Elsewhere
) -> None:
    lane = make(at_once=1)
    await is_ready(lane)
    busy, _ = await in_line(lane, there(lane, "waits", "one", "two", "three"))
    await until(lambda: elsewhere.running == 1)
    other = there(lane, "wav")
    for who in ("leaves", "stays"):
        asked = replace(parts(who, "here"), guests={0: Passage(other.utterance, other.engine)})
        mixed, told = await in_line(lane, asked)
        while not isinstance(await told.get(), Started):
            pass
        if who == "leaves":
            mixed.cancel()
            await until(lambda: lane.stats().running == 1)
    elsewhere.may_go_on.set()
    assert {event.part for event in await mixed if isinstance(event, Piece)} == {0, 1}
    await busy
    assert [asked["input"] for asked in elsewhere.heard[1:]] == ["one", "stays", "two", "three"]
    assert elsewhere.most_running == 1


async def test_who_leaves_is_hung_up_for_at_once_and_the_next_one_begins(make: Make, elsewhere: Elsewhere) -> None:
    lane = make(at_once=1)
    await is_ready(lane)
    first, _ = await in_line(lane, there(lane, "waits"))
    second, _ = await in_line(lane, there(lane, "waits"))
    await until(lambda: elsewhere.running == 1)
    first.cancel()
    await until(lambda: elsewhere.hung_up == 1 and elsewhere.running == 1)
    elsewhere.may_go_on.set()
    assert length_s(await second, 24_000) == pytest.approx(0.3, abs=0.01)


async def test_a_text_in_parts_is_spoken_in_order_and_a_brief_job_goes_between_two(
    make: Make, elsewhere: Elsewhere, patient: None
) -> None:
    lane = make(at_once=1)
    await is_ready(lane)
    long, _ = await in_line(lane, replace(there(lane, "waits", "one two", "three", "four five six"), expected_s=100.0))
    await until(lambda: elsewhere.running == 1)
    brief, _ = await in_line(lane, replace(there(lane, "wav", "brief"), expected_s=1.0))
    elsewhere.may_go_on.set()
    events, _ = await long, await brief
    assert [event.part for event in events if isinstance(event, Piece)] == sorted(
        event.part for event in events if isinstance(event, Piece)
    )
    assert [asked["input"] for asked in elsewhere.heard[1:]] == ["one two", "brief", "three", "four five six"]


async def test_what_failed_before_a_sound_is_asked_once_more(make: Make, elsewhere: Elsewhere) -> None:
    lane = make()
    await is_ready(lane)
    assert length_s(await everything(lane, there(lane, "500-once")), 24_000) == pytest.approx(0.3, abs=0.01)
    assert elsewhere.times("500-once") == 2
    for voice, times, code in [
        ("500", 2, "engine_failed"),
        ("dies", 1, "engine_broke_off"),
        ("401", 1, "engine_refused"),
    ]:
        with pytest.raises(AddressError) as failed:
            await everything(lane, there(lane, voice))
        assert (failed.value.code, elsewhere.times(voice)) == (code, times)
        await everything(lane, there(lane, "wav"))


async def test_what_was_heard_of_a_text_that_breaks_off_is_kept(make: Make) -> None:
    lane = make()
    await is_ready(lane)
    task, told = await in_line(lane, there(lane, "dies"))
    with pytest.raises(AddressError):
        await task
    events = [told.get_nowait() for _ in range(told.qsize())]
    assert length_s(events, 24_000) > 0.2
    assert not any(isinstance(event, PartRetaken) for event in events)


async def test_after_three_failures_in_a_row_it_is_left_alone_until_it_works_again(
    make: Make, elsewhere: Elsewhere, caplog: pytest.LogCaptureFixture
) -> None:
    lane = make(pauses_s=(0.01, 0.02))
    await is_ready(lane)
    elsewhere.down.add("all")
    for _ in range(MOST_FAILURES):
        with pytest.raises(AddressError):
            await everything(lane, there(lane, "wav"))
    await until(lambda: state(lane).state == "failed")
    assert state(lane).reason == "Other failed on this text: try again, or choose another voice."
    with pytest.raises(NotReadyError) as refused:
        await everything(lane, there(lane, "wav"))
    assert (refused.value.values["reason"], refused.value.retry_after_s) == ("engine_down", 0.02)
    assert not any(isinstance(event, Waiting) for event in await everything(lane, "here"))
    elsewhere.down.clear()
    await is_ready(lane)
    assert length_s(await everything(lane, there(lane, "wav")), 24_000) == pytest.approx(0.3, abs=0.01)
    assert SECRET not in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("voice", ["500", "404", "dies", "html"])
async def test_texts_that_it_fails_on_take_it_away_from_nobody(make: Make, elsewhere: Elsewhere, voice: str) -> None:
    lane = make()
    await is_ready(lane)
    for _ in range(MOST_FAILURES - 1):
        with pytest.raises(AddressError):
            await everything(lane, there(lane, voice))
    assert elsewhere.times("wav") == 1  # when it started: a job that is asked for twice counts once
    for _ in range(MOST_FAILURES):
        with pytest.raises(AddressError):
            await everything(lane, there(lane, voice))
        assert state(lane).state == "ready"
    await until(lambda: elsewhere.times("wav") > 1)
    await everything(lane, there(lane, "wav"))
    assert state(lane).state == "ready"


@pytest.mark.parametrize("voice", ["stalls", "waits"])
async def test_one_that_never_ends_its_first_words_does_not_work(
    make: Make, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, voice: str
) -> None:
    monkeypatch.setattr("voxdemo.lanes.local.address_worker.CHECK_S", 0.05)
    lane = make(voices=[voice], pauses_s=(60.0,))
    with pytest.raises(NotReadyError):
        await everything(lane, there(lane, voice))
    assert state(lane).reason == "Other sent no sound: try again in a minute, or choose another voice."


async def test_texts_that_it_refuses_are_no_failures(make: Make) -> None:
    lane = make()
    await is_ready(lane)
    for _ in range(MOST_FAILURES + 1):
        with pytest.raises(InputError):
            await everything(lane, there(lane, "422"))
    assert state(lane).state == "ready"


async def test_one_that_is_not_there_at_the_start_is_tried_again_and_joins(make: Make, elsewhere: Elsewhere) -> None:
    elsewhere.down.add("all")
    lane = make()
    await until(lambda: state(lane).state == "failed")
    assert any(isinstance(event, Piece) for event in await everything(lane, "here"))
    elsewhere.down.clear()
    await is_ready(lane)


async def test_a_server_that_nobody_runs_is_said_to_be_out_of_reach(make: Make) -> None:
    lane = make(url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NotReadyError) as refused:  # after it has waited for the first try
        await everything(lane, there(lane, "wav"))
    assert refused.value.values["reason"] == "engine_down"
    assert state(lane).reason == "Other can't be reached: try again in a minute, or choose another voice."


async def test_a_part_that_takes_too_long_is_stopped(make: Make, elsewhere: Elsewhere) -> None:
    lane = make(job_timeout_s=0.5)
    await is_ready(lane)
    with pytest.raises(JobTimeoutError):
        await everything(lane, there(lane, "waits"))
    await until(lambda: elsewhere.hung_up == 1)


async def test_jobs_that_run_when_the_server_stops_are_refused_and_hung_up_for(
    make: Make, elsewhere: Elsewhere
) -> None:
    lane = make()
    await is_ready(lane)
    task, _ = await in_line(lane, there(lane, "waits"))
    await until(lambda: elsewhere.running == 1)
    await lane.close()
    with pytest.raises(NotReadyError):
        await task
    await until(lambda: elsewhere.hung_up == 1)


async def test_its_voices_stand_in_the_catalogue_when_it_has_named_them(make: Make) -> None:
    lane = make(voices=[])
    await is_ready(lane)
    found = lane.catalogue.named("other/af_heart")
    assert found is not None
    assert (found[0].language, found[1].title, lane.catalogue.usual.name) == ("en-US", "Other", "fake")
    assert np.isfinite(length_s(await everything(lane, there(lane, "wav")), 24_000))


async def test_an_operator_sees_its_seats_how_many_are_busy_and_who_waits_for_one(
    make: Make, elsewhere: Elsewhere
) -> None:
    lane = make(at_once=2)
    await is_ready(lane)
    assert lane.stats().addresses == (AddressLoad("other", 2, 0, 0),)
    tasks = [(await in_line(lane, there(lane, "waits")))[0] for _ in range(3)]
    await until(lambda: elsewhere.running == 2)
    stats = lane.stats()
    assert (stats.addresses, stats.seats, stats.running) == ((AddressLoad("other", 2, 2, 1),), 1, 2)
    usage = Usage(0, 0.0, 0, 0, 0)
    registry = Metrics(lambda: Snapshot(lane.stats(), 1, LiveStats(0, 4, 0.0), 0, usage)).registry
    told = {name: registry.get_sample_value(f"voxdemo_{name}", {"model": "other"}) for name in OF_AN_ADDRESS}
    assert told == {"address_seats": 2, "address_jobs_running": 2, "address_jobs_waiting": 1}
    assert registry.get_sample_value("voxdemo_generators") == 1
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await until(lambda: lane.stats().addresses == (AddressLoad("other", 2, 0, 0),))


OF_AN_ADDRESS = "address_seats", "address_jobs_running", "address_jobs_waiting"
