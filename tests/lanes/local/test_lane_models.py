"""Models that load, fail, hang, die and are replaced while people wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import pytest
from fakes import CLONER, Stage, until
from lining import (
    PLAIN,
    MakeLane,
    all_started,
    everything,
    in_line,
    job,
    next_closed,
    next_started,
    parts,
    ready,
)

from voxdemo.errors import EngineError, InputError, JobTimeoutError, ModelDiedError, NotReadyError
from voxdemo.lanes.jobs import Cut, PartRetaken, Piece, Started
from voxdemo.lanes.turns import Size
from voxdemo.speech import Waiting


async def test_a_standby_serves_until_the_wanted_engine_is_ready_and_jobs_in_flight_stay_with_it(
    make_lane: MakeLane, stage: Stage
) -> None:
    standby = Stage()
    stage.may_load.clear()
    lane = make_lane(standby=standby)
    await until(lambda: lane.stats().ready_seats == 1)
    assert lane.catalogue.usual.name == "plain"
    running, _ = await in_line(lane, replace(job("one two"), engine=PLAIN))
    waiting, _ = await in_line(lane, replace(job("three"), engine=PLAIN))
    await next_started(standby)
    stage.may_load.set()
    await until(lambda: lane.catalogue.usual.name == "fake")
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
    await until(lambda: lane.catalogue.usual.name == "fake")
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
    await until(lambda: lane.catalogue.usual.name == "fake")
    for _ in range(3):
        with pytest.raises(ModelDiedError):
            await everything(lane, "die")
    await until(lambda: lane.catalogue.usual.name == "plain")
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
    await until(lambda: lane.catalogue.usual.name == "fake")
    with pytest.raises((ModelDiedError, NotReadyError)):
        await everything(lane, "some words die")
    await until(lambda: lane.catalogue.usual.name == "plain")
    stage.may_load.clear()
    retried = asyncio.ensure_future(everything(lane, "planned before"))
    await until(lambda: lane.stats().models[0].status.state == "loading")
    assert lane.catalogue.usual.name == "plain"
    stage.may_load.set()
    assert isinstance((await retried)[-1], Piece)
    assert lane.catalogue.usual.name == "fake"


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
    assert lane.foretell(Size(None)).start_s == pytest.approx(0, abs=1)


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


async def test_the_time_that_a_job_may_take_starts_again_with_each_part(
    make_lane: MakeLane, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    call_later, deadlines = loop.call_later, list[asyncio.TimerHandle]()

    def record(seconds: float, function: Callable[..., None], *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        timer = call_later(seconds, function, *arguments, **options)
        if seconds == 7.0:
            deadlines.append(timer)
        return timer

    lane = make_lane(job_timeout_s=7.0)
    stage.open = True
    monkeypatch.setattr(loop, "call_later", record)
    await everything(lane, parts("one", "two", "three"))
    await until(lambda: lane.stats().running == 0)
    assert len(deadlines) == 1 + 3, "one for the job when it starts, then one for each part"
    assert all(timer.cancelled() for timer in deadlines)


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
    assert lane.foretell(Size(None)).start_s is None
    early, events = await in_line(lane, "early")
    assert await events.get() == Waiting(ahead=0, seconds=None, loading="Fake voice")
    stage.may_load.set()
    stage.steps.release()
    assert isinstance((await early)[-1], Piece)


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
