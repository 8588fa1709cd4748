from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from fakes import CLONER, LISTENER, PIECE, RATE, FakeEngine, FakeRecognizer, Stage, until, wired

from voxdemo.engines.base import SpeechPart
from voxdemo.errors import BusyError, EngineError, InputError, JobTimeoutError, ModelDiedError, NotReadyError
from voxdemo.lanes.jobs import Cut, LineTicket, ListenJob, PartRetaken, Piece, SpeakJob, Started
from voxdemo.lanes.local import seat
from voxdemo.lanes.local.job_run import JobRun, PartBegins
from voxdemo.lanes.local.lane import RESTART_S, Lane
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.lanes.turns import TURN_S, Busy, Size, foretold, in_turn
from voxdemo.speech import EngineInfo, Transcript, Utterance, Waiting

MakeLane = Callable[..., Lane]
PLAIN = replace(CLONER, name="plain", title="Plain voice")


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def make_lane(stage: Stage) -> AsyncGenerator[MakeLane, None]:
    lanes: list[tuple[Lane, Sequence[Stage]]] = []

    def make(
        seats: int = 1,
        queue_size: int = 100,
        job_timeout_s: float = 30.0,
        hang_grace_s: float = 30.0,
        standby: Stage | None = None,
    ) -> Lane:
        def worker(info: EngineInfo, where: Stage) -> ModelWorker[FakeEngine]:
            return ModelWorker(info, lambda tell: FakeEngine(where, info, tell), check, hang_grace_s=hang_grace_s)

        def seat() -> Seat:
            speech = Role(worker(CLONER, stage), worker(PLAIN, standby) if standby else None)
            listener = ModelWorker(LISTENER, lambda tell: FakeRecognizer(stage), lambda _: [(1.0, 1.0)])
            return Seat(speech, Role(listener))

        lane = wired(Lane([seat() for _ in range(seats)], queue_size, job_timeout_s))
        lane.start()
        lanes.append((lane, [stage, standby] if standby else [stage]))
        return lane

    def check(engine: FakeEngine) -> list[tuple[float, float]]:
        list(engine.speak(SpeechPart(Utterance("Ready."), "Ready.")))
        return [(1.0, 1.0)]

    yield make
    for lane, stages in lanes:
        for each in stages:
            each.open = True
            each.steps.release(1000)
        await lane.close()


def job(text: str, expected_s: float | None = 10.0) -> SpeakJob:
    return SpeakJob(CLONER, Utterance(text), [text], expected_s)


def parts(*texts: str) -> SpeakJob:
    return replace(job(" ".join(texts)), parts=texts)


def recording() -> ListenJob:
    return ListenJob("fake", PIECE, RATE, None, 1.0)


async def everything(lane: Lane, what: str | SpeakJob | ListenJob, ticket: LineTicket | None = None) -> list[Any]:
    async with aclosing(lane.run(job(what) if isinstance(what, str) else what, ticket)) as events:
        return [event async for event in events]


async def next_started(stage: Stage) -> str:
    return await asyncio.to_thread(stage.started.get, timeout=10)


async def next_closed(stage: Stage) -> str:
    return await asyncio.to_thread(stage.closed.get, timeout=10)


async def in_line(lane: Lane, what: str | SpeakJob | ListenJob) -> tuple[asyncio.Task[list[Any]], asyncio.Queue[Any]]:
    """A job that has taken its place: its task, and its events as they come."""
    events: asyncio.Queue[Any] = asyncio.Queue()

    async def consume() -> list[Any]:
        seen = []
        async with aclosing(lane.run(job(what) if isinstance(what, str) else what)) as stream:
            async for event in stream:
                seen.append(event)
                events.put_nowait(event)
        return seen

    task = asyncio.ensure_future(consume())
    await asyncio.sleep(0)  # one turn of the loop, in which it takes its place
    return task, events


async def begun(lane: Lane, stage: Stage, *what: str | SpeakJob) -> list[asyncio.Task[list[Any]]]:
    """Jobs in line, the first of which is being spoken by a lane whose models are ready."""
    await ready(lane)
    tasks = [(await in_line(lane, each))[0] for each in what]
    await next_started(stage)
    return tasks


async def ready(lane: Lane) -> None:
    await until(lambda: all(model.status.state == "ready" for model in lane.stats().models))


@pytest.mark.parametrize("seats", [1, 2])
async def test_never_more_jobs_run_than_there_are_seats(make_lane: MakeLane, stage: Stage, seats: int) -> None:
    lane = make_lane(seats=seats)
    tasks = [asyncio.ensure_future(everything(lane, f"job-{number}")) for number in range(50)]
    for _ in range(seats):
        await next_started(stage)
    stage.steps.release(50)
    assert all(isinstance(events[-1], Piece) for events in await asyncio.gather(*tasks))
    assert stage.most_running == seats
    assert len(stage.threads) == seats


async def test_jobs_run_in_order_of_arrival(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    tasks = [(await in_line(lane, f"job-{number}"))[0] for number in range(10)]
    stage.open = True
    stage.steps.release(100)
    await asyncio.gather(*tasks)
    assert [await next_started(stage) for _ in tasks] == [f"job-{number}" for number in range(10)]


@pytest.mark.parametrize(
    ("arrived", "overtook", "turns"),
    [
        ("S1 S2 R1", False, "R1 S1 S2"),
        ("S1 S2 R1", True, "S1 R1 S2"),
        ("S1 S2 S3 R1 R2 R3", False, "R1 S1 R2 S2 R3 S3"),
        ("R1 R2 S1", False, "R1 R2 S1"),
        ("S1 S2", True, "S1 S2"),
        ("S1 R1 S2 R2", False, "R1 S1 R2 S2"),
        ("", False, ""),
    ],
)
def test_a_recognition_goes_first_but_never_twice_before_the_same_generation(
    arrived: str, overtook: bool, turns: str
) -> None:
    line = arrived.split()
    assert in_turn(line, [name.startswith("R") for name in line], overtook) == turns.split()


async def test_recognitions_stand_in_the_same_line_and_overtake_at_most_every_other_time(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    served: list[str] = []

    async def run(name: str) -> Any:
        async with aclosing(lane.run(job(name) if name.startswith("S") else recording())) as events:
            async for event in events:
                if isinstance(event, Started):
                    served.append(name)
        return event

    tasks = [asyncio.ensure_future(run("S0"))]
    await next_started(stage)
    tasks += [asyncio.ensure_future(run(name)) for name in ("S1", "S2", "S3", "R1", "R2")]
    await until(lambda: lane.stats().waiting == 5)
    assert served == ["S0"]
    stage.steps.release(10)
    results = await asyncio.gather(*tasks)
    assert served == ["S0", "R1", "S1", "R2", "S2", "S3"]
    assert [isinstance(last, Transcript) for last in results] == [False] * 4 + [True] * 2


async def test_a_recognition_is_told_the_place_that_its_turn_gives_it(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    tasks = await begun(lane, stage, "a", "b", "c")
    events = lane.run(recording())
    assert (await anext(events)).ahead == 1
    await events.aclose()
    await let_run(stage, tasks)


LONG = replace(job("one two three", expected_s=60.0), parts=["one", "two", "three"], units=3000.0)
"""Three parts of 20 s of work each, and 200 s of speech: of a voice that is ahead of its listeners."""
BRIEF = job("brief", expected_s=5.0)


def kinds(events: Sequence[Any]) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, Waiting)]


async def let_run(stage: Stage, tasks: Sequence[asyncio.Task[Any]]) -> None:
    stage.open = True
    stage.steps.release(100)
    await asyncio.gather(*tasks)


def all_started(stage: Stage) -> list[str]:
    return [stage.started.get() for _ in range(stage.started.qsize())]


async def aside(lane: Lane, stage: Stage) -> list[asyncio.Task[list[Any]]]:
    """A longer text that stands aside, and the brief one that is being spoken meanwhile."""
    tasks = await begun(lane, stage, LONG, BRIEF)
    stage.steps.release(1)
    assert await next_started(stage) == "brief"
    return tasks


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens live to what the fakes say, so that a longer text stands aside after any part."""
    monkeypatch.setattr(seat, "TURN_S", 0.0)


async def test_a_brief_text_is_spoken_between_two_parts_of_a_longer_one(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    await ready(lane)
    long, _ = await in_line(lane, LONG)
    later, later_events = await in_line(lane, replace(LONG, utterance=Utterance("four"), parts=["four"]))
    assert await next_started(stage) == "one"
    brief, places = await in_line(lane, job("brief", expected_s=5.0))
    place = await places.get()
    assert place == Waiting(1, pytest.approx(20 + 5, abs=1))  # the part, and its own
    assert (await later_events.get()).ahead == 1
    assert (lane.stats().running, lane.stats().waiting) == (1, 2)
    stage.steps.release(1)
    assert await next_started(stage) == "brief"
    assert (lane.stats().running, lane.stats().waiting) == (2, 1)
    stage.steps.release(1)
    assert await next_started(stage) == "two"
    await let_run(stage, [long, later, brief])
    assert all_started(stage) == ["three", "four"]
    assert kinds(long.result()) == ["Started", "Piece", "Paused", "Resumed", "Piece", "Piece"]
    assert [event.part for event in long.result() if isinstance(event, Piece)] == [0, 1, 2]
    assert (lane.stats().running, lane.stats().waiting) == (0, 0)


async def test_a_longer_text_goes_on_by_a_part_after_each_brief_job_whichever_kind_it_is(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    (long,) = await begun(lane, stage, LONG)
    others = [(await in_line(lane, job(text, expected_s=5.0)))[0] for text in ("brief", "briefer")]
    listening, _ = await in_line(lane, recording())
    await let_run(stage, [long, *others, listening])
    assert all_started(stage) == ["two", "brief", "three", "briefer"]  # the recording came first of all
    assert kinds(long.result()) == [*["Started", "Piece", "Paused", "Resumed", "Piece"], "Paused", "Resumed", "Piece"]


@pytest.mark.parametrize("expected_s", [None, 10.1])
async def test_of_longer_texts_the_first_goes_on_to_its_end(
    make_lane: MakeLane, stage: Stage, patient: None, expected_s: float | None
) -> None:
    lane = make_lane()
    await let_run(stage, await begun(lane, stage, LONG, job("other", expected_s=expected_s)))
    assert all_started(stage) == ["two", "three", "other"]


async def test_a_text_that_is_just_heard_does_not_stand_aside_before_its_turn_is_over(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    await let_run(stage, await begun(lane, stage, LONG, BRIEF))  # a part of the fake's lasts 0.1 s
    assert all_started(stage) == ["two", "three", "brief"]


async def test_with_two_seats_a_brief_text_waits_for_neither_of_two_longer_ones(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane(seats=2)
    longer = await begun(lane, stage, LONG, LONG)
    assert await next_started(stage) == "one"
    brief, _ = await in_line(lane, BRIEF)
    stage.steps.release(1)
    assert await next_started(stage) == "brief"
    assert (lane.stats().running, stage.running) == (3, 2)
    await let_run(stage, [*longer, brief])
    assert [kinds(task.result()).count("Piece") for task in longer] == [3, 3]


async def test_who_leaves_while_standing_aside_is_gone_and_the_brief_job_goes_on(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    long, brief = await aside(lane, stage)
    long.cancel()
    await until(lambda: lane.stats().running == 1)
    await let_run(stage, [brief])
    await until(lambda: not lane.stats().running)
    assert not all_started(stage)


async def test_a_brief_job_that_leaves_lets_the_longer_one_go_on(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    (long,) = await begun(lane, stage, LONG)
    waiting, _ = await in_line(lane, job("left before", expected_s=5.0))
    waiting.cancel()
    await until(lambda: not lane.stats().waiting)
    stage.steps.release(1)
    assert await next_started(stage) == "two"
    brief, _ = await in_line(lane, job("left while it is spoken", expected_s=5.0))
    stage.steps.release(1)
    assert await next_started(stage) == "left while it is spoken"
    brief.cancel()
    await let_run(stage, [long])
    assert kinds(long.result())[-3:] == ["Paused", "Resumed", "Piece"]


@pytest.mark.parametrize("ending", ["drain", "close"])
async def test_a_server_that_stops_ends_what_stands_aside_too(
    make_lane: MakeLane, stage: Stage, patient: None, ending: str
) -> None:
    lane = make_lane()
    long, brief = await aside(lane, stage)
    if ending == "drain":
        lane.refuse_all(within_s=0)
        await lane.drain(within_s=0)
    else:
        stage.open = True
        stage.steps.release(1)
        await lane.close()
    for task in (long, brief):
        with suppress(NotReadyError):
            await asyncio.wait_for(task, timeout=5)
    assert isinstance(long.exception(), NotReadyError)


async def test_what_stands_aside_is_finished_where_there_is_time_to(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    long, brief = await aside(lane, stage)
    lane.refuse_all(within_s=30)
    await let_run(stage, [long, brief])
    assert kinds(long.result()).count("Piece") == 3


def told_places(seats: list[Busy], waiting: list[Size]) -> list[tuple[int, float | None, float | None]]:
    return [(place.ahead, place.start_s, place.end_s) for place in foretold(seats, len(seats), waiting, False)]


@pytest.mark.parametrize(
    ("seats", "waiting", "told"),
    [
        pytest.param([Busy(4.0)], [Size(1.0), Size(2.0)], [(1, 4, 5), (2, 5, 7)], id="one after the other"),
        pytest.param([Busy(4.0), Busy(1.0)], [Size(5.0), Size(2.0)], [(2, 1, 6), (3, 4, 6)], id="two seats"),
        pytest.param([Busy(2.0, 50.0, True, 2.0)], [Size(1.0)], [(1, 2, 3)], id="after a part"),
        pytest.param(
            [Busy(2.0, 50.0, True, 3.0)], [Size(1.0), Size(1.0)], [(1, 2, 3), (2, 6, 7)], id="a part between two"
        ),
        pytest.param(
            [Busy(2.0, 50.0, True, 2.0)], [Size(20.0), Size(1.0)], [(2, 53, 73), (1, 2, 3)], id="before a longer one"
        ),
        pytest.param([Busy(2.0, 50.0)], [Size(1.0)], [(1, 12, 13)], id="after the one that it is at, and a turn"),
        pytest.param(
            [Busy(0.0)], [Size(30.0), Size(1.0)], [(1, 0, 31), (2, TURN_S, TURN_S + 1)], id="into one that waits"
        ),
        pytest.param([Busy(None)], [Size(1.0)], [(1, None, None)], id="nothing known of who runs"),
        pytest.param(
            [Busy(1.0)], [Size(None), Size(2.0)], [(1, 1, None), (2, None, None)], id="nothing known of who waits"
        ),
        pytest.param([Busy(1.0)], [Size(2.0), Size(3.0, speaks=False)], [(2, 4, 6), (1, 1, 4)], id="a recording first"),
    ],
)
def test_places_and_seconds(seats: list[Busy], waiting: list[Size], told: list[Any]) -> None:
    assert told_places(seats, waiting) == told


async def test_prompt_audio_is_read_on_the_same_seat_before_it_is_used(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    seen = await everything(lane, replace(job("hello there"), transcription=recording()))
    assert kinds(seen) == ["Started", "Transcript", "Piece", "Piece"]
    assert stage.utterances[-1].prompt_text == "heard"
    await until(lambda: lane.stats().running == 0)


async def test_prompt_audio_without_speech_ends_the_job_in_words(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.hears = ""
    with pytest.raises(InputError, match="No speech was found in the prompt audio"):
        await everything(lane, replace(job("hello"), transcription=recording()))
    await until(lambda: lane.stats().running == 0)
    assert stage.started.empty()


async def test_a_job_that_is_left_while_its_prompt_is_read_never_speaks(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    await ready(lane)
    stage.may_hear.clear()
    events = lane.run(replace(job("hello"), transcription=recording()))
    assert isinstance(await anext(events), Started)
    await events.aclose()
    stage.may_hear.set()
    await until(lambda: lane.stats().running == 0)
    assert stage.started.empty()


async def test_a_standby_serves_until_the_wanted_engine_is_ready_and_jobs_in_flight_stay_with_it(
    make_lane: MakeLane, stage: Stage
) -> None:
    standby = Stage()
    stage.may_load.clear()
    lane = make_lane(standby=standby)
    await until(lambda: lane.stats().ready_seats == 1)
    assert lane.engine_info.name == "plain"
    running, _ = await in_line(lane, replace(job("one two"), engine=PLAIN))
    waiting, _ = await in_line(lane, replace(job("three"), engine=PLAIN))
    await next_started(standby)
    stage.may_load.set()
    await until(lambda: lane.engine_info.name == "fake")
    later, _ = await in_line(lane, replace(job("four"), engine=CLONER))
    standby.steps.release(3)
    stage.steps.release(1)
    results = await asyncio.gather(running, waiting, later)
    assert [len([event for event in events if isinstance(event, Piece)]) for events in results] == [2, 1, 1]
    assert [utterance.text for utterance in standby.utterances] == ["one two", "three"]
    assert [utterance.text for utterance in stage.utterances] == ["four"]


async def test_a_seat_that_has_only_its_standby_gets_no_jobs_for_the_wanted_engine(
    make_lane: MakeLane, stage: Stage
) -> None:
    stage.open, stage.broken_builds = True, frozenset({2})
    lane = make_lane(seats=2, standby=Stage(open=True))
    await until(lambda: [model.status.state for model in lane.stats().models].count("failed") == 1)
    await until(lambda: lane.engine_info.name == "fake")
    jobs = (everything(lane, f"job-{number}") for number in range(6))
    assert all(isinstance(events[-1], Piece) for events in await asyncio.gather(*jobs))
    assert stage.builds == 2


async def test_what_loading_is_at_is_told_while_a_standby_serves(make_lane: MakeLane, stage: Stage) -> None:
    stage.may_load.clear()
    lane = make_lane(standby=Stage(open=True))
    await until(lambda: lane.stats().ready_seats == 1)
    await until(lambda: "1 of 4 GB" in lane.stats().models[0].status.reason)
    assert [model.serving for model in lane.stats().models] == [False, True, True]
    stage.may_load.set()
    await until(lambda: lane.stats().models[0].serving)
    assert lane.stats().models[0].status.load_s is not None


async def test_a_standby_steps_in_for_an_engine_that_stays_down(make_lane: MakeLane, stage: Stage) -> None:
    stage.open = True
    lane = make_lane(standby=Stage(open=True))
    await until(lambda: lane.engine_info.name == "fake")
    for _ in range(3):
        with pytest.raises(ModelDiedError):
            await everything(lane, "die")
    await until(lambda: lane.engine_info.name == "plain")
    assert lane.stats().ready_seats == 1


async def test_after_three_deaths_in_a_row_a_model_stays_down_and_says_why(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    for _ in range(3):
        with pytest.raises(ModelDiedError):
            await everything(lane, "die")  # repeated once, which is no death of its own
    await until(lambda: lane.stats().models[0].status.state == "failed")
    with pytest.raises(NotReadyError, match=r"Fake voice died 3 times in a row .* stays down"):
        await everything(lane, "fine")
    assert stage.builds == 6


async def test_a_job_that_was_left_does_not_make_up_for_deaths(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    await ready(lane)
    for number in range(3):
        dying, _ = await in_line(lane, "some die")
        for _ in range(2):  # it is tried again once
            await next_started(stage)
            stage.steps.release(2)
        with pytest.raises(ModelDiedError):
            await dying
        if number < 2:
            await until(lambda: lane.stats().models[0].status.state == "ready")
            left, _ = await in_line(lane, "left behind")
            await next_started(stage)
            left.cancel()
            await asyncio.wait([left])
            stage.steps.release(1)
            await until(lambda: lane.stats().running == 0)
    await until(lambda: lane.stats().models[0].status.state == "failed")


async def test_a_standby_serves_while_a_failed_rebuild_is_tried_again(make_lane: MakeLane, stage: Stage) -> None:
    stage.open, stage.broken_builds = True, frozenset({2})
    lane = make_lane(standby=Stage(open=True))
    await until(lambda: lane.engine_info.name == "fake")
    with pytest.raises((ModelDiedError, NotReadyError)):
        await everything(lane, "some words die")
    await until(lambda: lane.engine_info.name == "plain")
    stage.may_load.clear()
    retried = asyncio.ensure_future(everything(lane, "planned before"))
    await until(lambda: lane.stats().models[0].status.state == "loading")
    assert lane.engine_info.name == "plain"
    stage.may_load.set()
    assert isinstance((await retried)[-1], Piece)
    assert lane.engine_info.name == "fake"


async def test_a_job_planned_for_an_engine_that_turned_out_another_is_refused_in_words(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    other = replace(CLONER, title="Other voice", sample_rate=48_000)
    with pytest.raises(InputError, match="Fake voice has been loaded meanwhile: press Speak again"):
        await everything(lane, replace(job("hello"), engine=other))


async def test_a_job_done_well_makes_up_for_earlier_deaths(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    for _ in range(3):
        with pytest.raises(ModelDiedError):
            await everything(lane, "some words die")
        assert isinstance((await everything(lane, "fine"))[-1], Piece)
    assert stage.builds == 7


async def test_what_an_engine_takes_back_and_cuts_off_is_told(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    kinds = [type(event) for event in await everything(lane, "one retake two ran-on")]
    assert kinds[-4:] == [Piece, PartRetaken, Piece, Cut]


async def test_who_waits_is_told_a_place_and_seconds_that_shrink(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    await ready(lane)
    first, _ = await in_line(lane, "first")
    await next_started(stage)
    second, _ = await in_line(lane, "second")
    third, places = await in_line(lane, "third")
    place = await places.get()
    assert place.ahead == 2
    assert place.seconds == pytest.approx(30, abs=1)
    stage.steps.release()
    place = await places.get()
    assert place.ahead == 1
    assert place.seconds == pytest.approx(20, abs=1)
    stage.steps.release(2)
    await asyncio.gather(first, second, third)


async def test_tickets_are_served_in_order_of_arrival_however_long_their_jobs_take_to_prepare(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    await ready(lane)
    stage.open = True
    tickets = {name: lane.take(lambda: Size(10.0), arrived) for name, arrived in (("b", 2.0), ("c", 3.0), ("a", 1.0))}
    tasks = []
    for name in ("c", "b", "a"):
        assert stage.started.empty()
        tasks.append(asyncio.ensure_future(everything(lane, name, tickets[name])))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert [await next_started(stage) for _ in tickets] == ["a", "b", "c"]


@pytest.mark.parametrize("has_job", [False, True], ids=["while its job is prepared", "while it waits"])
async def test_a_ticket_that_leaves_holds_up_nobody_and_lets_nobody_past_those_before_it(
    make_lane: MakeLane, stage: Stage, has_job: bool
) -> None:
    lane = make_lane()
    await ready(lane)
    stage.open = True
    first, leaving, last = (lane.take(lambda: Size(10.0), float(arrived)) for arrived in range(3))
    waits = asyncio.ensure_future(everything(lane, "last", last))
    if has_job:
        gone = asyncio.ensure_future(everything(lane, "leaving", leaving))
        await asyncio.sleep(0)
        gone.cancel()
    else:
        lane.leave(leaving)
    await asyncio.sleep(0)
    assert stage.started.empty()
    await asyncio.gather(everything(lane, "first", first), waits)
    assert [await next_started(stage) for _ in range(2)] == ["first", "last"]
    assert lane.stats().waiting == 0


async def test_a_text_does_not_wait_for_a_recording_that_is_still_being_decoded(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    await ready(lane)
    stage.open = True
    recording = lane.take(lambda: Size(1.0, speaks=False), 1.0)
    text = lane.take(lambda: Size(10.0), 2.0)
    await everything(lane, "text", text)
    assert await next_started(stage) == "text"
    lane.leave(recording)


async def test_between_two_parts_no_brief_text_is_spoken_before_an_earlier_one_that_is_being_prepared(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    await ready(lane)
    long, _ = await in_line(lane, LONG)
    assert await next_started(stage) == "one"
    first, second = (lane.take(lambda: Size(1.0)) for _ in range(2))
    later = asyncio.ensure_future(everything(lane, job("second", 1.0), second))
    await asyncio.sleep(0)
    stage.steps.release(1)
    assert await next_started(stage) == "two"
    earlier = asyncio.ensure_future(everything(lane, job("first", 1.0), first))
    await asyncio.sleep(0)
    await let_run(stage, [long, earlier, later])
    assert all_started(stage) == ["first", "three", "second"]


async def test_a_line_that_closes_refuses_tickets_whose_jobs_are_still_being_prepared(make_lane: MakeLane) -> None:
    lane = make_lane()
    await ready(lane)
    tickets = [lane.take(lambda: Size(20.0)) for _ in range(3)]
    moves: list[list[bool]] = []
    lane.moved.append(lambda: moves.append([ticket.refusal is not None for ticket in tickets]))
    refusal = lane.refuse_all(within_s=60.0)
    assert moves == [[True] * 3]
    assert [(ticket.refusal, lane.place(ticket).end_s) for ticket in tickets] == [(refusal, None)] * 3
    with pytest.raises(NotReadyError):
        await everything(lane, "too late", tickets[0])
    for ticket in tickets:
        lane.leave(ticket)
    await lane.drain(within_s=10.0)


async def test_of_brief_and_of_longer_jobs_one_more_than_there_are_seats_is_called(make_lane: MakeLane) -> None:
    lane = make_lane(seats=2)
    tickets = [lane.take(partial(Size, 20.0 if number % 2 else 1.0)) for number in range(8)]
    assert [ticket.is_called for ticket in tickets] == [True] * 6 + [False] * 2
    lane.leave(tickets[0])
    assert [ticket.is_called for ticket in tickets[6:]] == [True, False]


async def test_those_that_wait_for_the_same_answer_are_called_together_and_take_no_time(make_lane: MakeLane) -> None:
    lane = make_lane()
    await ready(lane)
    keys = ["same", "b", "c", "same", "d", "same"]
    tickets = [lane.take(lambda: Size(20.0), float(arrived), key=key) for arrived, key in enumerate(keys)]
    assert [ticket.is_called for ticket in tickets] == [True, True, False, True, False, True]
    assert [lane.place(ticket).ahead for ticket in tickets] == [0, 3, 4, 1, 5, 2]
    assert lane.place(tickets[-2]).end_s == pytest.approx(80.0, abs=1.0)


async def test_a_door_that_fails_to_show_places_troubles_no_other(
    make_lane: MakeLane, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    lane, told = make_lane(), list[bool]()

    def fail() -> None:
        raise ValueError("list.remove(x): x not in list")

    await ready(lane)
    lane.moved += [fail, lambda: told.append(True)]
    ticket = lane.take(lambda: Size(20.0))
    assert told
    lane.leave(ticket)
    stage.open = True
    await everything(lane, "another")
    assert lane.stats().waiting == 0
    assert "x not in list" in caplog.text


async def test_the_line_is_forecast_once_a_move_however_many_wait(
    make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, forecasts = make_lane(), []

    def counted(*line: Any) -> Any:
        forecasts.append(line)
        return foretold(*line)

    monkeypatch.setattr("voxdemo.lanes.local.lane.foretold", counted)
    tickets = [lane.take(lambda: Size(20.0)) for _ in range(20)]
    lane.moved += [lambda: [lane.place(ticket) for ticket in lane.waiting()]] * 20
    forecasts.clear()
    lane.leave(tickets[0])
    assert len(forecasts) == 1


async def test_two_seats_halve_the_wait(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane(seats=2)
    await ready(lane)
    tasks = [(await in_line(lane, text))[0] for text in ("a", "b", "c", "d")]
    await next_started(stage)
    await next_started(stage)
    assert lane.foretell([Size(None)])[0].start_s == pytest.approx(20, abs=1)
    stage.steps.release(4)
    await asyncio.gather(*tasks)


async def test_a_cancelled_waiting_job_leaves_the_line_at_once(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    first, second, third = await begun(lane, stage, "first", "second", "third")
    second.cancel()
    await asyncio.wait([second])
    assert lane.stats().waiting == 1
    stage.steps.release(2)
    await asyncio.gather(first, third)
    assert await next_started(stage) == "third"


async def test_a_cancelled_running_job_frees_its_seat_within_one_step_and_not_before(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    first, second = await begun(lane, stage, "one two three four", "second")
    first.cancel()
    await asyncio.wait([first])
    assert lane.stats().running == 1, "the engine is still in its step"
    assert stage.started.empty()
    stage.steps.release()
    assert await next_closed(stage) == "one two three four"
    assert await next_started(stage) == "second"
    stage.steps.release()
    await second
    assert stage.most_running == 1


async def test_a_full_line_refuses_the_next_in_one_sentence(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane(queue_size=2)
    tasks = await begun(lane, stage, "a", "b", "c")
    with pytest.raises(BusyError, match=r"^Busy: 2 people are waiting. Try again in about \d+ s.$") as refusal:
        await everything(lane, "d")
    assert refusal.value.retry_after_s == pytest.approx(30, abs=1)
    stage.steps.release(3)
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("fault", ["raise", "panic"])
async def test_a_job_that_raises_fails_alone(make_lane: MakeLane, stage: Stage, fault: str) -> None:
    lane = make_lane()
    stage.open = True
    with pytest.raises(EngineError) as failure:
        await everything(lane, fault)
    assert "secret" not in failure.value.sentence
    assert isinstance((await everything(lane, "fine"))[-1], Piece)
    assert stage.builds == 1


async def test_a_seat_whose_model_cannot_be_built_takes_no_jobs(make_lane: MakeLane, stage: Stage) -> None:
    stage.broken_builds = frozenset({2})
    lane = make_lane(seats=2)
    stage.open = True
    await until(lambda: "failed" in [model.status.state for model in lane.stats().models])
    await until(lambda: lane.stats().ready_seats == 1)
    results = await asyncio.gather(*(everything(lane, f"job-{number}") for number in range(10)))
    assert all(isinstance(events[-1], Piece) for events in results)
    await until(lambda: lane.stats().running == 0)
    assert lane.foretell([Size(None)])[0].start_s == pytest.approx(0, abs=1)


async def test_a_rebuild_may_take_longer_than_a_job(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane(job_timeout_s=0.05, hang_grace_s=0.05)
    await ready(lane)
    stage.may_load.clear()
    task, _ = await in_line(lane, "die-once again")
    await next_started(stage)
    stage.open = True
    stage.steps.release()
    with pytest.raises(asyncio.TimeoutError):  # both deadlines pass while the model is rebuilt
        await asyncio.wait_for(asyncio.shield(task), timeout=0.5)
    stage.may_load.set()
    assert isinstance((await task)[-1], Piece)
    assert stage.builds == 2


async def test_what_the_engine_refuses_reaches_the_person_as_it_is(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    with pytest.raises(InputError, match="say something else"):
        await everything(lane, "refuse")


@pytest.mark.parametrize(("fault", "builds"), [("fail-once", 1), ("die-once", 2)])
async def test_a_part_that_fails_is_said_anew_and_the_others_are_not(
    make_lane: MakeLane, stage: Stage, fault: str, builds: int
) -> None:
    lane = make_lane()
    stage.open = True
    events = await everything(lane, parts("one two", f"three {fault}", "four"))
    told = [event.part if isinstance(event, Piece) else event for event in events if not isinstance(event, Waiting)]
    assert told == [Started(), 0, 0, 1, PartRetaken(1), 1, 1, 2]
    assert stage.builds == builds


async def test_an_engine_knows_a_job_by_its_id_and_a_part_by_its_number(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    asked = parts("one", "two fail-once", "three")
    await everything(lane, asked)
    await everything(lane, replace(parts("one"), id="another"))
    expected = [(asked.id, 0), (asked.id, 1), (asked.id, 1), (asked.id, 2), ("another", 0)]
    assert [(part.job, part.index) for part in stage.parts] == expected
    assert parts("one").id != parts("one").id


async def test_a_part_that_fails_twice_ends_the_job(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    with pytest.raises(EngineError):
        await everything(lane, parts("one", "two raise", "three"))
    assert all_started(stage) == ["one", "two raise", "two raise"]


async def test_a_model_that_dies_twice_in_a_job_ends_it_though_other_parts_went_well(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    stage.open = True
    with pytest.raises(ModelDiedError):
        await everything(lane, parts("one die-in-turn", "two die-in-turn", "three"))
    await until(lambda: stage.builds == 3)


async def test_the_time_that_a_job_may_take_starts_anew_with_each_part() -> None:
    loop = asyncio.get_running_loop()
    begun: list[float] = []
    timers: list[asyncio.TimerHandle] = []

    def later(self: JobRun[Any], seconds: float, function: Callable[..., None], *arguments: Any) -> None:
        self._stop_timer()
        begun.append(seconds)
        self._timer = loop.call_later(1000, function)
        timers.append(self._timer)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(JobRun, "call_later", later)
        run: JobRun[Any] = JobRun(lambda _: iter(()), lambda _: None, lambda: None, lambda: None)  # type: ignore[arg-type,return-value]
        run.start(7.0, lambda: None)
        run._pass_on(PartBegins())
        run._pass_on(PartBegins())
        run.release()
    assert begun == [7.0] * 3
    assert all(timer.cancelled() for timer in timers)


async def test_what_is_left_of_a_running_job_goes_by_the_parts_that_are_done(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    await ready(lane)
    running, events = await in_line(lane, replace(parts("one", "two", "three", "four"), expected_s=1000.0))
    stage.steps.release(3)
    while not isinstance(event := await events.get(), Piece) or event.part < 2:
        pass
    assert lane.foretell([Size(None)])[0].start_s == pytest.approx(
        250, abs=1
    )  # half is done in no time, so the other will hardly take 500 s
    stage.steps.release()
    await running


async def test_a_model_that_fails_its_check_after_a_fault_is_out_until_it_can_be_built(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    stage.open = True
    with pytest.raises(NotReadyError):
        await everything(lane, "break")
    await until(lambda: {model.status.state for model in lane.stats().models} == {"failed", "ready"})
    stage.broken = False
    assert isinstance((await everything(lane, "fine"))[-1], Piece)
    await ready(lane)


async def test_a_job_past_its_deadline_ends_in_words_and_keeps_its_seat_until_the_engine_stops(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane(job_timeout_s=0.05)
    with pytest.raises(JobTimeoutError, match=r"longer than 0\.05 s"):
        await everything(lane, "slow slow")
    assert lane.stats().running == 1
    stage.steps.release()
    assert await next_closed(stage) == "slow slow"
    await until(lambda: lane.stats().running == 0)
    assert stage.builds == 1


async def test_an_engine_that_hangs_past_the_grace_is_replaced(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane(job_timeout_s=0.05, hang_grace_s=0.05)
    with pytest.raises(JobTimeoutError):
        await everything(lane, "hang")
    await until(lambda: stage.builds == 2 and lane.stats().running == 0)
    await ready(lane)
    stage.open = True
    assert isinstance((await everything(lane, "fine"))[-1], Piece)
    assert len(stage.threads) == 2


async def test_a_job_that_comes_while_models_load_waits_for_them(make_lane: MakeLane, stage: Stage) -> None:
    stage.may_load.clear()
    lane = make_lane()
    assert lane.foretell([Size(None)])[0].start_s is None
    early, events = await in_line(lane, "early")
    assert await events.get() == Waiting(ahead=0, seconds=None)
    stage.may_load.set()
    stage.steps.release()
    assert isinstance((await early)[-1], Piece)


async def test_closing_turns_away_who_waits_and_stops_who_runs(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    running, waiting = await begun(lane, stage, "a b c", "later")
    closing = asyncio.ensure_future(lane.close())
    with pytest.raises(NotReadyError, match="stopping"):
        await waiting
    with pytest.raises(NotReadyError, match="stopping"):
        await running
    stage.steps.release()
    await closing
    assert not any(thread.ident in stage.threads for thread in threading.enumerate())


async def test_turning_away_refuses_all_but_who_runs_and_draining_waits_for_those(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    running, waiting = await begun(lane, stage, "a b c", "later")
    refusal = lane.refuse_all(within_s=60.0)
    with pytest.raises(NotReadyError) as turned_away:
        await waiting
    with pytest.raises(NotReadyError, match=r"^The server is restarting: try again in \d+ s\.$"):
        await everything(lane, "too late")
    assert turned_away.value.sentence == refusal.sentence
    draining = asyncio.ensure_future(lane.drain(within_s=60.0))
    stage.steps.release(3)
    assert [type(event) for event in await running][-3:] == [Piece] * 3
    await draining


@pytest.mark.parametrize(("expected_s", "within_s", "left_s"), [(10.0, 60.0, 10), (100.0, 30.0, 30), (None, 30.0, 30)])
async def test_when_to_come_again_goes_by_what_is_left_of_the_running_job(
    make_lane: MakeLane, stage: Stage, expected_s: float | None, within_s: float, left_s: float
) -> None:
    lane = make_lane()
    await begun(lane, stage, job("long", expected_s))
    load_s = max(model.status.load_s or 0.0 for model in lane.stats().models)
    assert lane.refuse_all(within_s).retry_after_s == pytest.approx(left_s + RESTART_S + load_s, abs=1.5)


async def test_what_runs_longer_than_it_may_is_stopped_with_the_refusal(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    (running,) = await begun(lane, stage, "a b c")
    lane.refuse_all(within_s=0.05)
    await lane.drain(within_s=0.05)
    with pytest.raises(NotReadyError, match="restarting"):
        await running


async def test_a_job_whose_model_still_loads_is_turned_away_and_nothing_is_waited_for(
    make_lane: MakeLane, stage: Stage
) -> None:
    stage.may_load.clear()
    lane = make_lane()
    early, _ = await in_line(lane, "early")
    lane.refuse_all(within_s=60.0)
    with pytest.raises(NotReadyError, match="restarting"):
        await early
    await asyncio.wait_for(lane.drain(within_s=60.0), timeout=1)
    await asyncio.wait_for(lane.close(), timeout=1)
    stage.may_load.set()


async def test_a_models_thread_works_in_the_context_of_whoever_asked(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    asked_by = ContextVar("asked_by", default="nobody")
    seen: list[str] = []

    def enter(text: str) -> None:
        seen.append(asked_by.get())
        entered(text)

    async def ask(name: str) -> None:
        asked_by.set(name)
        await everything(lane, name)

    entered, stage.enter = stage.enter, enter  # type: ignore[method-assign]
    await asyncio.gather(*(ask(name) for name in ("first", "second", "third")))
    assert seen == ["first", "second", "third"]


async def test_busy_seconds_add_up_over_jobs(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    await everything(lane, "one")
    await until(lambda: lane.stats().running == 0)
    once = lane.stats().busy_s
    await everything(lane, "two")
    await until(lambda: lane.stats().running == 0)
    assert lane.stats().busy_s > once > 0
