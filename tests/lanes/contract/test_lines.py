"""What every line must do, wherever its models are: the same tests for each kind of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import PIECE, RATE, Stage, until
from lining import BRIEF, LONG, job, kinds, let_run, next_closed, next_started, parts, recording

from voxdemo.errors import BusyError, EngineError, InputError, LimitError, NotReadyError, UnavailableError
from voxdemo.estimates.paces import Paces
from voxdemo.lanes.jobs import Job, PartTimed, Piece, Started
from voxdemo.lanes.line import Claim, JobLine, LineTicket
from voxdemo.lanes.turns import Size
from voxdemo.live import LiveBounds, LiveOptions, TurnEnded
from voxdemo.server.assemble import service_of
from voxdemo.service.live_sessions import LiveSessions
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import Readiness
from voxdemo.settings import Settings
from voxdemo.speech import Transcript, Waiting

from .conftest import OpenLines


@dataclass(eq=False)
class Somebody:
    """In line with a job, which they bring when they are called."""

    line: JobLine
    job: Job
    ticket: LineTicket
    events: list[Any] = field(default_factory=list)
    task: asyncio.Task[None] = field(init=False)
    began: float = 0.0
    """When their job began, by the monotonic clock."""

    def __post_init__(self) -> None:
        self.task = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        await until(lambda: self.ticket.is_called or self.ticket.refusal is not None)
        async with aclosing(self.line.run(self.job, self.ticket)) as events:
            async for event in events:
                self.events.append(event)
                if isinstance(event, Started):
                    self.began = time.monotonic()

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        self.line.leave(self.ticket)

    def has(self, kind: type) -> bool:
        return any(isinstance(event, kind) for event in self.events)


async def somebody(line: JobLine, what: str | Job, caller: str = "", key: str = "") -> Somebody:
    """Somebody who has their place: whoever is asked for next stands behind them."""
    asked = job(what) if isinstance(what, str) else what
    line.check_room()
    line.check_caller(caller)
    ticket: Any = line.take(Claim(asked.size, caller=caller, key=key), time.monotonic())
    await until(lambda: ticket.refusal is not None or getattr(ticket, "since", 0.0) is not None)
    if ticket.refusal:
        raise ticket.refusal
    return Somebody(line, asked, ticket)


def _all(stats: Any) -> int:
    return int(stats.waiting + stats.running)


async def settled(line: JobLine, people: Iterable[Somebody]) -> None:
    """Returns when the line has the jobs of all whom it has called: it is told everything in its order."""
    await until(lambda: all(each.events for each in people if each.ticket.is_called))
    before, last = line.stats(), line.take(Claim(job("").size), time.monotonic())
    await until(lambda: _all(line.stats()) > _all(before))
    line.leave(last)
    await until(lambda: _all(line.stats()) == _all(before))


async def several(line: JobLine, *what: str | Job) -> list[Somebody]:
    """All of them in line, and the first being served."""
    people = [await somebody(line, each) for each in what]
    await until(lambda: people[0].has(Started))
    return people


async def served(*people: Somebody) -> None:
    await asyncio.gather(*(each.task for each in people))


async def test_jobs_of_all_front_ends_are_served_in_order_of_arrival(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    people = []
    for number in range(6):
        people.append(await somebody(lines[number % 2], f"job-{number}"))
        await until(lambda: all(line.stats().waiting + line.stats().running == len(people) for line in lines))
    await let_run(stage, [each.task for each in people])
    assert [await next_started(stage) for _ in people] == [f"job-{number}" for number in range(6)]


async def test_never_more_jobs_run_than_there_are_seats(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines(seats=2)
    people = [await somebody(line, f"job-{number}") for number in range(12)]
    await until(lambda: stage.running == 2)
    await let_run(stage, [each.task for each in people])
    assert all(each.has(Piece) for each in people)
    assert stage.most_running == 2
    assert len(stage.threads) == 2


async def test_a_request_that_arrived_earlier_stands_before_those_that_came_to_the_line_first(
    open_lines: OpenLines, stage: Stage
) -> None:
    (line,) = await open_lines()
    now, people = time.monotonic(), await several(line, "first")
    claim = Claim(job("").size)
    late, early = line.take(claim, now - 1.0), line.take(claim, now - 2.0)
    await until(lambda: line.place(late).ahead == 2)
    people += [Somebody(line, job("late"), late), Somebody(line, job("early"), early)]
    await let_run(stage, [each.task for each in people])
    assert [await next_started(stage) for _ in people] == ["first", "early", "late"]


async def test_everybody_is_told_a_place_and_seconds_that_shrink(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    people = await several(line, "first", "second", "third")
    ticket = people[2].ticket
    await until(lambda: line.place(ticket).ahead == 2)
    assert line.place(ticket).start_s == pytest.approx(20, abs=5)
    assert line.place(ticket).end_s == pytest.approx(30, abs=5)
    stage.steps.release()
    await until(lambda: line.place(ticket).ahead == 1)
    assert line.place(ticket).end_s == pytest.approx(20, abs=5)
    await until(lambda: bool(people[2].events) and isinstance(people[2].events[-1], Waiting))
    assert people[2].events[-1].ahead <= 2
    await let_run(stage, [each.task for each in people])


async def test_places_are_told_by_moves(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    told: list[int] = []
    people = await several(line, "first", "second", "third")
    line.moved.append(lambda: told.append(line.place(people[2].ticket).ahead))
    await people[1].leave()
    await until(lambda: 1 in told)
    await let_run(stage, [people[0].task, people[2].task])


async def test_a_coming_job_is_foretold_behind_everybody(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    assert line.foretell(Size(5.0)).start_s == pytest.approx(0, abs=1)
    people = await several(line, "first", "second")
    await until(lambda: line.foretell(Size(None)).ahead == 2)
    assert line.foretell(Size(None)).start_s == pytest.approx(20, abs=5)
    assert line.foretell(Size(30.0)).end_s == pytest.approx(50, abs=5)
    assert line.foretell(Size(1.0, speaks=False)).ahead == 1
    await let_run(stage, [each.task for each in people])


async def test_one_more_than_there_are_seats_is_called(open_lines: OpenLines) -> None:
    (line,) = await open_lines()
    tickets = [line.take(Claim(Size(20.0)), float(number)) for number in range(4)]
    await until(lambda: tickets[1].is_called)
    assert [ticket.is_called for ticket in tickets] == [True, True, False, False]
    line.leave(tickets[0])
    await until(lambda: tickets[2].is_called)
    assert not tickets[3].is_called


async def test_equal_requests_are_called_together_and_take_no_time(open_lines: OpenLines) -> None:
    (line,) = await open_lines()
    keys = ["same", "b", "c", "same", "d", "same"]
    tickets = [line.take(Claim(Size(20.0), key=key), float(arrived)) for arrived, key in enumerate(keys)]
    await until(lambda: line.place(tickets[-2]).ahead == 5 and tickets[-1].is_called)
    assert [ticket.is_called for ticket in tickets] == [True, True, False, True, False, True]
    assert [line.place(ticket).ahead for ticket in tickets] == [0, 3, 4, 1, 5, 2]
    assert line.place(tickets[-2]).end_s == pytest.approx(80.0, abs=5)


async def test_recognitions_overtake_at_most_every_other_time(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    people = {"S0": (await several(line, replace(LONG, parts=["S0"])))[0]}
    for name in ("S1", "S2", "S3", "R1", "R2"):
        people[name] = await somebody(line, replace(LONG, parts=[name]) if name[0] == "S" else recording())
    await settled(line, people.values())
    await let_run(stage, [each.task for each in people.values()])
    assert all(people[name].has(Transcript) for name in ("R1", "R2"))
    assert sorted(people, key=lambda name: people[name].began) == ["S0", "R1", "S1", "R2", "S2", "S3"]


@pytest.mark.usefixtures("patient")
async def test_a_longer_text_makes_room_for_a_brief_one_between_two_parts(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    long, brief = await several(line, LONG, BRIEF)
    await settled(line, [brief])
    stage.steps.release()
    assert [await next_started(stage) for _ in range(2)] == ["one", "brief"]
    await let_run(stage, [long.task, brief.task])
    assert kinds(long.events) == ["Started", "Piece", "Paused", "Resumed", "Piece", "Piece"]
    assert kinds(brief.events) == ["Started", "Piece"]


async def test_a_full_line_refuses_the_next_in_one_sentence(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines(queue_size=2)
    people = await several(line, "a")
    await until(lambda: line.stats().running == 1)
    people += [await somebody(line, "b"), await somebody(line, "c")]
    with pytest.raises(BusyError, match=r"^Busy: 2 people are waiting. Try again in about \d+ s.$") as refusal:
        await somebody(line, "d")
    assert refusal.value.values["waiting"] == 2
    assert refusal.value.retry_after_s == pytest.approx(30, abs=5)
    await let_run(stage, [each.task for each in people])


async def test_a_client_with_too_many_jobs_in_line_is_refused_and_others_are_not(
    open_lines: OpenLines, stage: Stage
) -> None:
    lines = await open_lines(most_waiting=1, front_ends=2)
    people = await several(lines[0], "a")
    people.append(await somebody(lines[0], "b", caller="ann"))
    await until(lambda: lines[1].stats().waiting == 1)
    with pytest.raises(LimitError, match="You already have a job waiting") as refusal:
        await somebody(lines[1], "c", caller="ann")
    assert (refusal.value.code, refusal.value.values["most"]) == ("rate_limit_exceeded", 1)
    people.append(await somebody(lines[1], "d", caller="bob"))
    await let_run(stage, [each.task for each in people])


async def test_a_ticket_that_leaves_before_its_turn_holds_up_nobody(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    first, leaving, last = await several(line, "first", "leaving", "last")
    unbrought = line.take(Claim(Size(10.0)), time.monotonic())
    line.leave(unbrought)
    await leaving.leave()
    await until(lambda: line.stats().waiting == 1)
    await let_run(stage, [first.task, last.task])
    assert [await next_started(stage) for _ in range(2)] == ["first", "last"]
    await until(lambda: line.stats().running == 0)


async def test_one_that_leaves_in_the_moment_of_its_turn_frees_its_seat(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    for _ in range(3):
        ticket = line.take(Claim(job("").size), time.monotonic())
        await until(lambda ticket=ticket: ticket.is_called)  # type: ignore[misc]
        going: AsyncGenerator[Any, None] = line.run(job("left in its first moment"), ticket)
        taken = asyncio.ensure_future(anext(going))
        await asyncio.sleep(0)
        taken.cancel()
        await asyncio.wait([taken])
        await going.aclose()
    last = await somebody(line, "last")
    await let_run(stage, [last.task])
    assert kinds(last.events) == ["Started", "Piece"]


async def test_one_that_leaves_while_it_is_served_frees_its_seat_at_a_step_and_not_before(
    open_lines: OpenLines, stage: Stage
) -> None:
    (line,) = await open_lines()
    text = "word " * 100
    first, second = await several(line, text, "second")
    assert await next_started(stage) == text
    await first.leave()
    assert stage.running == 1, "the engine is still in its step"
    assert stage.started.empty()
    steps = 0
    while stage.closed.empty():  # the voice may be elsewhere, and hears of it in the midst of a step
        stage.steps.release()
        steps += 1
        await asyncio.sleep(0.01)
    assert steps < 50
    assert await next_closed(stage) == text
    assert await next_started(stage) == "second"
    await let_run(stage, [second.task])
    assert stage.most_running == 1


async def test_what_is_heard_is_what_the_model_said(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    text = await somebody(line, parts("one two", "timed retake ran-on"))
    await let_run(stage, [text.task])
    assert kinds(text.events) == ["Started", "Piece", "Piece", "PartTimed", "PartRetaken", "Cut"]
    assert PartTimed(1, ((0.0, 0.1),)) in text.events
    heard = [event for event in text.events if isinstance(event, Piece)]
    assert [event.part for event in heard] == [0, 0]
    assert all(np.array_equal(event.samples, PIECE) for event in heard)


async def test_prompt_audio_is_read_on_the_same_seat_before_it_is_used(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    asked = await somebody(line, replace(job("hello there"), transcription=recording()))
    await let_run(stage, [asked.task])
    assert kinds(asked.events) == ["Started", "Transcript", "Piece", "Piece"]
    assert stage.utterances[-1].prompt_text == "heard"


@pytest.mark.parametrize(
    ("word", "kind", "sentence"),
    [
        ("raise", EngineError, "Fake voice could not do this"),
        ("die", EngineError, "Fake voice failed and is reloading"),
        ("panic", EngineError, "Fake voice could not do this"),
        ("refuse", InputError, "This can't be said: say something else."),
    ],
)
async def test_a_job_that_fails_fails_alone_and_in_words(
    open_lines: OpenLines, stage: Stage, word: str, kind: type[Exception], sentence: str
) -> None:
    (line,) = await open_lines()
    people = await several(line, "first", word, "last")
    stage.open = True
    stage.steps.release(100)
    with pytest.raises(kind, match=sentence) as failure:
        await people[1].task
    assert "secret" not in str(failure.value)
    if word == "refuse":
        assert failure.value.values == {"languages": "English", "letters": "refuse"}  # type: ignore[attr-defined]
    await served(people[0], people[2])
    assert kinds(people[2].events) == ["Started", "Piece"]


async def test_a_model_that_dies_in_a_text_is_built_again_and_goes_on(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    text = await somebody(line, parts("one", "two die-once"))
    await let_run(stage, [text.task])
    assert kinds(text.events) == ["Started", "Piece", "Piece", "PartRetaken", "Piece", "Piece"]


async def test_jobs_wait_for_models_that_load_and_are_told_which(open_lines: OpenLines, stage: Stage) -> None:
    stage.may_load.clear()
    (line,) = await open_lines(ready=False)
    ticket = line.take(Claim(job("").size), time.monotonic())
    early = Somebody(line, job("early"), ticket)
    await until(lambda: early.has(Waiting))
    assert line.place(ticket).start_s is None
    stage.may_load.set()
    await let_run(stage, [early.task])
    assert kinds(early.events) == ["Started", "Piece"]


async def test_turning_away_refuses_all_but_who_runs_and_draining_waits_for_those(
    open_lines: OpenLines, stage: Stage
) -> None:
    (line,) = await open_lines()
    running, waiting, unbrought = await several(line, "a b c", "second", "third")
    refusal = line.refuse_all(within_s=60.0)
    assert "The server is restarting: try again in" in refusal.sentence
    for each in (waiting, unbrought):
        with pytest.raises(NotReadyError, match=r"^The server is restarting: try again in \d+ s\.$"):
            await each.task
    with pytest.raises(NotReadyError, match="restarting"):
        line.check_room()
    with pytest.raises(NotReadyError, match="restarting"):
        line.take(Claim(Size(1.0)), 0.0)
    draining = asyncio.ensure_future(line.drain(within_s=60.0))
    await let_run(stage, [running.task])
    assert kinds(running.events) == ["Started", "Piece", "Piece", "Piece"]
    await asyncio.wait_for(draining, 30)


async def test_what_runs_longer_than_it_may_is_stopped_with_the_refusal(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    (running,) = await several(line, "a b c")
    line.refuse_all(within_s=0.0)
    await line.drain(within_s=0.0)
    with pytest.raises(NotReadyError, match="restarting"):
        await running.task


async def test_closing_turns_away_who_waits_and_stops_who_runs(open_lines: OpenLines, stage: Stage) -> None:
    (line,) = await open_lines()
    running, waiting = await several(line, "a b c", "later")
    closing = asyncio.ensure_future(line.close())
    for each in (waiting, running):
        with pytest.raises(UnavailableError, match="stopping"):
            await each.task
    stage.steps.release(10)
    await asyncio.wait_for(closing, 30)
    assert await next_closed(stage) == "a b c"


async def test_a_live_session_is_read_a_moment_at_a_time_and_leaves_nothing_behind(
    open_lines: OpenLines, stage: Stage
) -> None:
    (line,) = await open_lines()
    sessions = LiveSessions(line, Paces(), LiveBounds(sessions=1))
    async with sessions.open(LiveOptions(cuts_turns=False), RequestContext()) as session:
        for _ in range(2):
            session.feed(np.full(RATE, 0.1, np.float32))
            session.commit()
        session.finish()
        events = [event async for event in session.events()]
    ended = [event.transcript for event in events if isinstance(event, TurnEnded)]
    assert [transcript.text for transcript in ended] == ["heard", "heard"]
    assert [transcript.language for transcript in ended] == ["en", "en"]
    await until(lambda: _all(line.stats()) == 0)


async def test_a_server_is_ready_before_its_models_are_where_people_wait_for_a_voice_in_a_line_elsewhere(
    open_lines: OpenLines, stage: Stage, tmp_path: Path
) -> None:
    stage.may_load.clear()
    (line,) = await open_lines(ready=False)
    service = service_of(line, Settings(cache_dir=tmp_path), Paces())
    readiness = service.readiness()
    assert readiness.ready == line.is_shared
    assert (readiness.pending if line.is_shared else readiness.reason).startswith("Fake voice is ")
    stage.may_load.set()
    await until(lambda: service.readiness() == Readiness(True))
