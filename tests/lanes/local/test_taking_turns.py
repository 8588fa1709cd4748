"""Whose turn it is: recognitions that overtake, and brief texts between two parts of longer ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from fakes import PIECE, Stage, until
from lining import (
    BRIEF,
    FASTER,
    GUEST,
    LONG,
    MIXED,
    MakeLane,
    all_started,
    aside,
    begun,
    everything,
    in_line,
    job,
    kinds,
    let_run,
    next_started,
    ready,
    recording,
)

from voxdemo.errors import NotReadyError, VoxdemoError
from voxdemo.intake.request import Passage
from voxdemo.lanes.jobs import Paused, Piece
from voxdemo.lanes.line import Claim
from voxdemo.lanes.turns import AT_ITS_TURN, TURN_S, Busy, Place, PlaceTable, Size, foretold, in_turn
from voxdemo.speech import Utterance, Waiting


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
    await until(lambda: (lane.stats().running, lane.stats().waiting) == (0, 0))


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
    (last,) = foretold(deepcopy(seats), len(seats), waiting, False, len(waiting) - 1)
    places = foretold(seats, len(seats), waiting, False)
    assert last == places[-1]
    return [(place.ahead, place.start_s, place.end_s) for place in places]


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


def test_a_table_of_places_says_of_each_what_it_says_itself() -> None:
    places = [Place(3, 4.0, 6.5), AT_ITS_TURN, Place(1, 0.5, None)]
    table = PlaceTable.of(places)
    assert list(table) == places
    assert list(table.after(2.0)) == [each.after(2.0) for each in places]
    passed = [1.0, 0.0, 3.0]
    assert list(table.after(passed)) == [each.after(seconds) for each, seconds in zip(places, passed, strict=True)]
    assert list(table.rows([2, 0])) == [places[2], places[0]]
    told = PlaceTable.of([Place(3, 4.0, 7.0), AT_ITS_TURN, Place(1, 0.5, 0.5)])
    assert table.off_from(told, by_s=0.5) == [2]
    assert table.off_from(told, by_s=0.4) == [0, 2]
    assert PlaceTable.of([Place(4, 4.0, 6.5)]).off_from(table.rows([0]), by_s=0.5) == [0]
    assert list(PlaceTable.of([])) == []


async def test_between_two_parts_no_brief_text_is_spoken_before_an_earlier_one_that_is_being_prepared(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    lane = make_lane()
    await ready(lane)
    long, _ = await in_line(lane, LONG)
    assert await next_started(stage) == "one"
    first, second = (lane.take(Claim(Size(1.0)), arrived) for arrived in (1.0, 2.0))
    later = asyncio.ensure_future(everything(lane, job("second", 1.0), second))
    await asyncio.sleep(0)
    stage.steps.release(1)
    assert await next_started(stage) == "two"
    earlier = asyncio.ensure_future(everything(lane, job("first", 1.0), first))
    await asyncio.sleep(0)
    await let_run(stage, [long, earlier, later])
    assert all_started(stage) == ["first", "three", "second"]


async def test_an_engine_that_says_a_part_of_a_text_is_loaded_for_it_and_the_others_go_on_after_it(
    make_lane: MakeLane, stage: Stage
) -> None:
    guest = Stage(open=True)
    lane = make_lane(guest=guest)
    stage.open = True
    seen = await everything(lane, MIXED)
    assert [event.part for event in seen if isinstance(event, Piece)] == [0, 1, 2]
    assert [each for each in kinds(seen) if each not in ("Paused", "Resumed")] == ["Started", "Piece", "Piece", "Piece"]
    assert {event.loading for event in seen if isinstance(event, Paused)} <= {GUEST.title}  # if it takes any time
    assert (all_started(stage), all_started(guest), guest.builds) == (["one", "three"], ["two"], 1)
    assert await everything(lane, BRIEF)


async def test_the_sound_of_a_voice_with_another_rate_is_resampled_to_that_of_the_text(
    make_lane: MakeLane, stage: Stage
) -> None:
    lane, stage.open = make_lane(guest=Stage(open=True)), True
    seen = await everything(lane, replace(LONG, guests={1: Passage(Utterance("two"), FASTER)}))
    lengths = [sum(len(each.samples) for each in pieces_of(seen, part)) for part in range(3)]
    assert lengths == [len(PIECE), pytest.approx(len(PIECE) / 3, abs=1), len(PIECE)]


def pieces_of(events: Sequence[Any], part: int) -> list[Piece]:
    return [event for event in events if isinstance(event, Piece) and event.part == part]


async def test_a_brief_text_is_spoken_between_parts_of_two_engines(
    make_lane: MakeLane, stage: Stage, patient: None
) -> None:
    guest = Stage(open=True)
    lane = make_lane(guest=guest)
    long, _ = await in_line(lane, MIXED)
    assert await next_started(stage) == "one"
    brief, _ = await in_line(lane, BRIEF)
    await let_run(stage, [long, brief])
    assert (all_started(stage), all_started(guest)) == (["brief", "three"], ["two"])
    seen = [event for event in long.result() if not (isinstance(event, Paused) and event.loading)]
    assert kinds(seen) == ["Started", "Piece", "Paused", "Resumed", "Piece", "Piece"]


@pytest.mark.parametrize(("words", "pieces"), [("raise", 1), ("refuse", 1), ("die", 1), ("fail-once", 3)])
async def test_a_part_that_another_engine_fails_on_is_tried_and_ended_as_any_other(
    make_lane: MakeLane, stage: Stage, words: str, pieces: int
) -> None:
    guest = Stage(open=True)
    lane = make_lane(guest=guest)
    stage.open = True
    task, events = await in_line(lane, replace(MIXED, parts=["one", words, "three"]))
    await asyncio.wait([task])
    seen = [events.get_nowait() for _ in range(events.qsize())]
    assert kinds(seen).count("Piece") == pieces
    assert isinstance(task.exception(), VoxdemoError) == (pieces == 1)
    assert await everything(lane, BRIEF)
