"""What the line of one process does beside that which every line must do, as tests/lanes/contract/ has it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from typing import Any

import pytest
from fakes import Stage, until
from lining import (
    MakeLane,
    begun,
    events_of,
    everything,
    in_line,
    job,
    let_run,
    next_closed,
    next_started,
    parts,
    ready,
    recording,
)

from voxdemo.errors import InputError, NotReadyError
from voxdemo.lanes.jobs import Piece, Started
from voxdemo.lanes.line import Claim
from voxdemo.lanes.local.seats import RESTART_S
from voxdemo.lanes.turns import Size, foretold


async def test_a_recognition_is_told_the_place_that_its_turn_gives_it(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    tasks = await begun(lane, stage, "a", "b", "c")
    events = events_of(lane, recording())
    assert (await anext(events)).ahead == 1
    await events.aclose()
    await let_run(stage, tasks)


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
    events = events_of(lane, replace(job("hello"), transcription=recording()))
    assert isinstance(await anext(events), Started)
    await events.aclose()
    stage.may_hear.set()
    await until(lambda: lane.stats().running == 0)
    assert stage.started.empty()


async def test_tickets_are_served_in_order_of_arrival_however_long_their_jobs_take_to_prepare(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    await ready(lane)
    stage.open = True
    tickets = {name: lane.take(Claim(Size(10.0)), arrived) for name, arrived in (("b", 2.0), ("c", 3.0), ("a", 1.0))}
    tasks = []
    for name in ("c", "b", "a"):
        assert stage.started.empty()
        tasks.append(asyncio.ensure_future(everything(lane, name, tickets[name])))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert [await next_started(stage) for _ in tickets] == ["a", "b", "c"]


async def test_a_text_does_not_wait_for_a_recording_that_is_still_being_decoded(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane = make_lane()
    await ready(lane)
    stage.open = True
    recording = lane.take(Claim(Size(1.0, speaks=False)), 1.0)
    text = lane.take(Claim(Size(10.0)), 2.0)
    await everything(lane, "text", text)
    assert await next_started(stage) == "text"
    lane.leave(recording)


async def test_a_line_that_closes_refuses_tickets_whose_jobs_are_still_being_prepared(make_lane: MakeLane) -> None:
    lane = make_lane()
    await ready(lane)
    tickets = [lane.take(Claim(Size(20.0)), 0.0) for _ in range(3)]
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
    tickets = [lane.take(Claim(Size(20.0 if number % 2 else 1.0)), float(number)) for number in range(8)]
    assert [ticket.is_called for ticket in tickets] == [True] * 6 + [False] * 2
    lane.leave(tickets[0])
    assert [ticket.is_called for ticket in tickets[6:]] == [True, False]


async def test_a_door_that_fails_to_show_places_troubles_no_other(
    make_lane: MakeLane, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    lane, told = make_lane(), list[bool]()

    def fail() -> None:
        raise ValueError("list.remove(x): x not in list")

    await ready(lane)
    lane.moved += [fail, lambda: told.append(True)]
    ticket = lane.take(Claim(Size(20.0)), 0.0)
    await asyncio.sleep(0)  # they are told in the next turn of the loop
    assert told
    lane.leave(ticket)
    stage.open = True
    await everything(lane, "another")
    assert lane.stats().waiting == 0
    assert "x not in list" in caplog.text


async def test_the_line_is_forecast_and_told_once_a_turn_of_the_loop_however_many_wait_and_leave(
    make_lane: MakeLane, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane, forecasts = make_lane(), []

    def counted(*line: Any) -> Any:
        forecasts.append(line)
        return foretold(*line)

    monkeypatch.setattr("voxdemo.lanes.local.order.foretold", counted)
    tickets = [lane.take(Claim(Size(20.0)), 0.0) for _ in range(20)]
    await asyncio.sleep(0)
    told: list[int] = []
    lane.moved += [lambda: [lane.place(ticket) for ticket in tickets]] * 20
    lane.moved.append(lambda: told.append(lane.place(tickets[-1]).ahead))
    forecasts.clear()
    for ticket in tickets[:5]:
        lane.leave(ticket)
    assert told == []
    await asyncio.sleep(0)
    assert (len(forecasts), told) == (1, [14])
    lane.leave(tickets[5])
    assert lane.place(tickets[-1]).ahead == 13  # who asks before that isn't told what was


async def test_two_seats_halve_the_wait(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane(seats=2)
    await ready(lane)
    tasks = [(await in_line(lane, text))[0] for text in ("a", "b", "c", "d")]
    await next_started(stage)
    await next_started(stage)
    assert lane.foretell(Size(None)).start_s == pytest.approx(20, abs=1)
    stage.steps.release(4)
    await asyncio.gather(*tasks)


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


async def test_what_is_left_of_a_running_job_goes_by_the_parts_that_are_done(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    await ready(lane)
    running, events = await in_line(lane, replace(parts("one", "two", "three", "four"), expected_s=1000.0))
    stage.steps.release(3)
    while not isinstance(event := await events.get(), Piece) or event.part < 2:
        pass
    assert lane.foretell(Size(None)).start_s == pytest.approx(
        250, abs=1
    )  # half is done in no time, so the other will hardly take 500 s
    stage.steps.release()
    await running


async def test_closing_ends_the_threads_of_its_models(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    (running,) = await begun(lane, stage, "a b c")
    closing = asyncio.ensure_future(lane.close())
    with pytest.raises(NotReadyError, match="stopping"):
        await running
    stage.steps.release()
    await closing
    assert stage.threads
    assert not any(thread.ident in stage.threads for thread in threading.enumerate())


@pytest.mark.parametrize(("expected_s", "within_s", "left_s"), [(10.0, 60.0, 10), (100.0, 30.0, 30), (None, 30.0, 30)])
async def test_when_to_come_again_goes_by_what_is_left_of_the_running_job(
    make_lane: MakeLane, stage: Stage, expected_s: float | None, within_s: float, left_s: float
) -> None:
    lane = make_lane()
    await begun(lane, stage, job("long", expected_s))
    load_s = max(model.status.load_s or 0.0 for model in lane.stats().models)
    assert lane.refuse_all(within_s).retry_after_s == pytest.approx(left_s + RESTART_S + load_s, abs=1.5)


async def test_a_job_whose_model_still_loads_is_turned_away_and_nothing_is_waited_for(
    make_lane: MakeLane, stage: Stage
) -> None:
    stage.may_load.clear()
    lane = make_lane()
    early, _ = await in_line(lane, "early")
    lane.refuse_all(within_s=600.0)
    with pytest.raises(NotReadyError, match="restarting"):
        await early
    await asyncio.wait_for(lane.drain(within_s=600.0), timeout=60)
    await asyncio.wait_for(lane.close(), timeout=60)
    stage.may_load.set()


async def test_busy_seconds_add_up_over_jobs(make_lane: MakeLane, stage: Stage) -> None:
    lane = make_lane()
    stage.open = True
    await everything(lane, "one")
    await until(lambda: lane.stats().running == 0)
    once = lane.stats().busy_s
    await everything(lane, "two")
    await until(lambda: lane.stats().running == 0)
    assert lane.stats().busy_s > once > 0
