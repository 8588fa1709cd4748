"""Requests of several servers that want the same: a line elsewhere has it said once, and all of them hear it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from fakes import Stage, until
from lining import job, kinds, let_run, next_started, parts, recording

from voxdemo.errors import EngineError
from voxdemo.lanes.jobs import Job, Piece, Started
from voxdemo.lanes.line import JobLine
from voxdemo.speech import Transcript

from .conftest import OpenLines
from .test_lines import Somebody, somebody

pytestmark = pytest.mark.parametrize("open_lines", ["elsewhere"], indirect=True)
LONG = pytest.mark.long
TEXT = "one two three four"


async def equal(line: JobLine, what: str | Job = TEXT, key: str = "the same") -> Somebody:
    return await somebody(line, what, key=key)


async def having_turns(people: Sequence[Somebody]) -> None:
    await until(lambda: all(each.ticket.turn for each in people))  # type: ignore[attr-defined]


def sound(person: Somebody) -> Any:
    return np.concatenate([event.samples for event in person.events if isinstance(event, Piece)])


def said(stage: Stage) -> list[str]:
    return [stage.started.get() for _ in range(stage.started.qsize())]


@pytest.mark.parametrize(
    "comes",
    [pytest.param("while it waits", marks=LONG), pytest.param("before it begins", marks=LONG), "in the midst of it"],
)
async def test_what_two_servers_ask_for_is_said_once_and_heard_whole_by_both(
    open_lines: OpenLines, stage: Stage, comes: str
) -> None:
    lines = await open_lines(front_ends=2)
    people = [await somebody(lines[0], "before them")] if comes == "while it waits" else []
    people.append(await equal(lines[0]))
    if comes == "in the midst of it":
        stage.steps.release(2)
        await until(lambda: kinds(people[0].events).count("Piece") == 2)
    people.append(await equal(lines[1]))
    if comes == "while it waits":
        await until(lambda: all(each.events for each in people))
        for line in lines:  # which are told everything in its order
            await (await somebody(line, "nothing")).leave()
    else:
        await having_turns(people)
    await let_run(stage, [each.task for each in people])
    assert np.array_equal(sound(people[-1]), sound(people[-2]))
    assert kinds(people[-1].events) == ["Started", *["Piece"] * len(TEXT.split())]
    assert said(stage).count(TEXT) == 1


async def test_one_whose_job_is_prepared_until_the_other_has_ended_hears_what_was_said(
    open_lines: OpenLines, stage: Stage
) -> None:
    lines = await open_lines(front_ends=2)
    first = await equal(lines[0])
    await until(lambda: first.has(Started) and lines[1].stats().running == 1)
    claim = first.ticket.claim  # type: ignore[attr-defined]
    late: Any = lines[1].take(claim, time.monotonic())
    await until(lambda: late.is_called)
    await let_run(stage, [first.task])
    await until(lambda: lines[1].stats().running == 0)
    second = Somebody(lines[1], first.job, late)
    await let_run(stage, [second.task])
    assert np.array_equal(sound(first), sound(second))
    assert kinds(second.events) == ["Started", *["Piece"] * len(TEXT.split())]
    assert said(stage).count(TEXT) == 1


async def test_an_error_is_not_handed_on_to_one_that_comes_later(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    failing = await equal(lines[0], "raise")
    stage.steps.release(2)  # it is tried twice
    with pytest.raises(EngineError):
        await failing.task
    again = await equal(lines[1], "word")
    await let_run(stage, [again.task])
    assert said(stage)[-1] == "word"


async def test_many_servers_and_texts_are_told_apart(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=3, seats=4)
    people = [await equal(lines[number % 3], f"text {number % 4}", f"{number % 4}") for number in range(12)]
    await having_turns(people)
    await let_run(stage, [each.task for each in people])
    assert all(each.has(Piece) for each in people)
    assert sorted(said(stage)) == [f"text {number}" for number in range(4)]


@LONG
async def test_what_shares_no_answer_is_said_as_often_as_it_is_asked_for(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    people = [await somebody(line, TEXT) for line in lines]
    await let_run(stage, [each.task for each in people])
    assert said(stage) == [TEXT, TEXT]


@LONG
@pytest.mark.parametrize("leaves", [0, 1])
async def test_one_that_leaves_in_the_midst_of_it_stops_nothing(
    open_lines: OpenLines, stage: Stage, leaves: int
) -> None:
    lines = await open_lines(front_ends=2)
    people = [await equal(line) for line in lines]
    stage.steps.release(2)
    await until(lambda: all(kinds(each.events).count("Piece") == 2 for each in people))
    await people[leaves].leave()
    stays, after = people[1 - leaves], await somebody(lines[leaves], "after them")
    await let_run(stage, [stays.task, after.task])
    assert kinds(stays.events) == ["Started", *["Piece"] * len(TEXT.split())]
    assert said(stage) == [TEXT, "after them"]


@LONG
@pytest.mark.parametrize("leaves", [0, 1])
async def test_one_that_leaves_while_it_waits_takes_nobody_along(
    open_lines: OpenLines, stage: Stage, leaves: int
) -> None:
    lines = await open_lines(front_ends=2)
    first, people = await somebody(lines[0], "before them"), [await equal(line) for line in lines]
    await people[leaves].leave()
    await let_run(stage, [first.task, people[1 - leaves].task])
    assert said(stage) == ["before them", TEXT]


@LONG
async def test_it_stops_when_all_have_left_and_can_be_asked_for_again(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    people = [await equal(line) for line in lines]
    await until(lambda: all(each.has(Started) for each in people))
    assert await next_started(stage) == TEXT
    for each in people:
        await each.leave()
    again = await equal(lines[1])
    await let_run(stage, [again.task])
    assert kinds(again.events) == ["Started", *["Piece"] * len(TEXT.split())]
    await until(lambda: all(line.stats().running == 0 for line in lines))


@LONG
async def test_a_recording_is_read_once_for_both(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    stage.may_hear.clear()
    people = [await equal(line, recording()) for line in lines]
    await until(lambda: all(each.has(Started) for each in people))
    turns = stage.turns
    stage.may_hear.set()
    await asyncio.gather(*(each.task for each in people))
    assert people[0].events[-1] == people[1].events[-1]
    assert isinstance(people[0].events[-1], Transcript)
    assert stage.turns == turns


@LONG
async def test_what_fails_fails_for_both(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    people = [await equal(line, "raise") for line in lines]
    await having_turns(people)
    stage.open = True
    stage.steps.release(100)
    errors = await asyncio.gather(*(each.task for each in people), return_exceptions=True)
    assert [type(each) for each in errors] == [EngineError] * 2
    assert str(errors[0]) == str(errors[1])


@LONG
async def test_a_longer_text_in_parts_is_heard_in_parts_by_both(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2)
    people = [await equal(line, parts("one two", "three", "four")) for line in lines]
    await having_turns(people)
    await let_run(stage, [each.task for each in people])
    told = [[event.part for event in each.events if isinstance(event, Piece)] for each in people]
    assert told == [[0, 0, 1, 2]] * 2


@LONG
async def test_a_full_line_takes_in_whoever_wants_what_is_being_said(open_lines: OpenLines, stage: Stage) -> None:
    lines = await open_lines(front_ends=2, queue_size=1)
    people = [await equal(lines[0])]
    await until(lambda: people[0].has(Started))
    people.append(await somebody(lines[0], job("waits")))
    people.append(Somebody(lines[1], people[0].job, lines[1].take(people[0].ticket.claim, 0.0)))
    await having_turns([people[0], people[2]])
    await let_run(stage, [each.task for each in people])
    assert said(stage) == [TEXT, "waits"]
