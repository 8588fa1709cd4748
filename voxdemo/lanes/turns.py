"""Whose turn it is in a line, and when that will be. Arithmetic; knows no jobs, no models and no clock."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

BRIEF_S = 10.0
"""Work up to which a text is brief: it is spoken between two parts of a longer one."""
TURN_S = 10.0
"""How long a longer text goes on while a brief job waits, where its listeners would else hear a gap."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Size:
    """How much work a job is, in seconds; None where that isn't known. One that doesn't speak reads a recording."""

    expected_s: float | None
    speaks: bool = True
    engine: str = ""
    """The name of the engine that it needs; "": the usual one."""

    @property
    def is_brief(self) -> bool:
        """Whether it needn't wait for a longer text to end, only for a part of it."""
        return not self.speaks or (self.expected_s is not None and self.expected_s <= BRIEF_S)


@dataclass(slots=True)
class Busy:
    """What a seat is at: in `free_s` it can turn to another job; None where that isn't known.

    Of a longer text that it has begun `rest_s` will be left then, which `may_host` a brief job first; while others
    wait, it goes on for `turn_s` at a time.
    """

    free_s: float | None = 0.0
    rest_s: float = 0.0
    may_host: bool = False
    turn_s: float = TURN_S
    owner: int | None = None
    """Which of those that wait has begun here, by its index."""


@dataclass(frozen=True, slots=True)
class Place:
    """How many jobs come before this one, and in how many seconds it will begin and end; None: not known."""

    ahead: int
    start_s: float | None
    end_s: float | None

    def after(self, seconds: float) -> Place:
        """The same when so many seconds have passed since it was foretold."""
        start_s, end_s = (None if at is None else max(0.0, at - seconds) for at in (self.start_s, self.end_s))
        return Place(self.ahead, start_s, end_s)


AT_ITS_TURN = Place(0, None, None)
"""The place of one that doesn't wait any more."""
Column = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PlaceTable:
    """The places of many, a row each, as arrays because thousands may wait: as `Place` has them; NaN: not known."""

    ahead: Column
    start_s: Column
    end_s: Column

    @classmethod
    def of(cls, places: Sequence[Place]) -> PlaceTable:
        figures = np.array([(each.ahead, each.start_s, each.end_s) for each in places], np.float32)
        return cls(*figures.reshape(-1, 3).T)

    def after(self, seconds: float | Sequence[float]) -> PlaceTable:
        """The same when so many seconds have passed since they were foretold; several: since each of them was."""
        passed = np.asarray(seconds, np.float32)
        return PlaceTable(self.ahead, np.maximum(self.start_s - passed, 0), np.maximum(self.end_s - passed, 0))

    def off_from(self, told: PlaceTable, by_s: float) -> list[int]:
        """The rows that are unlike those of `told`, where it is seconds by more than `by_s`, or known in one alone."""
        is_off = self.ahead != told.ahead
        for mine, theirs in ((self.start_s, told.start_s), (self.end_s, told.end_s)):
            is_off = is_off | (np.isnan(mine) != np.isnan(theirs)) | (abs(mine - theirs) > by_s)
        return list(np.flatnonzero(is_off).tolist())

    def rows(self, rows: Sequence[int]) -> PlaceTable:
        return PlaceTable(self.ahead[rows], self.start_s[rows], self.end_s[rows])

    def __iter__(self) -> Iterator[Place]:
        columns = (each.tolist() for each in (self.ahead, self.start_s, self.end_s))
        for ahead, *seconds in zip(*columns, strict=True):
            start_s, end_s = (None if math.isnan(each) else each for each in seconds)
            yield Place(int(ahead), start_s, end_s)


def in_turn(waiting: Sequence[T], is_short: Sequence[bool], overtook: bool) -> list[T]:
    """The entries, given in order of arrival, in the order in which their turns come.

    Recognitions are short (seconds) and must not starve behind generations (tens of seconds each), nor keep those from
    ever being reached. So a short job goes before all long ones, but only if the last turn was not one that a short job
    took before its time (`overtook`): then it is the turn of the entry that has waited longest.
    """
    short = [index for index, brief in enumerate(is_short) if brief]
    long = [index for index, brief in enumerate(is_short) if not brief]
    turns, shorts, longs = list[int](), 0, 0
    while shorts < len(short) and longs < len(long):
        short_is_first = short[shorts] < long[longs]
        if short_is_first or not overtook:
            overtook = not short_is_first
            turns.append(short[shorts])
            shorts += 1
        else:
            overtook = False
            turns.append(long[longs])
            longs += 1
    return [waiting[index] for index in (*turns, *short[shorts:], *long[longs:])]


def foretold(
    seats: Sequence[Busy], running: int, waiting: Sequence[Size], overtook: bool, first: int = 0
) -> list[Place]:
    """The places of jobs that wait, given in order of arrival, behind so many that run: from the one at `first` on.

    A longer text that runs is interrupted between two of its parts for one brief job at a time.
    """
    is_brief = [size.is_brief for size in waiting]
    line = deque(in_turn(range(len(waiting)), [not size.speaks for size in waiting], overtook))
    briefs = deque(index for index in line if is_brief[index])
    starts: dict[int, float | None] = {}
    ends: dict[int, float | None] = {}
    certain = all(seat.free_s is not None for seat in seats)
    times = [(seat.free_s or 0.0, number) for number, seat in enumerate(seats)]
    heapq.heapify(times)
    told = range(first, len(waiting))
    missing = set(told)
    while missing:
        now, number = heapq.heappop(times)
        seat = seats[number]
        for left in (line, briefs):
            while left and left[0] in starts:
                left.popleft()
        brief = briefs[0] if briefs else None
        if seat.rest_s and (brief is None or not seat.may_host):
            works_s = seat.rest_s if brief is None else min(seat.rest_s, seat.turn_s)
            seat.rest_s, seat.may_host = seat.rest_s - works_s, True
            if not seat.rest_s and seat.owner is not None:
                ends[seat.owner] = now + works_s if certain else None
                missing.discard(seat.owner)
                seat.owner = None
        elif line:
            index = line[0] if brief is None or not seat.rest_s else brief
            size, starts[index] = waiting[index], now if certain else None
            certain = certain and size.expected_s is not None
            works_s = size.expected_s or 0.0
            if is_brief[index] or not works_s:
                ends[index] = now + works_s if certain else None
                missing.discard(index)
            else:
                seat.rest_s, seat.owner, seat.turn_s, works_s = works_s, index, TURN_S, 0.0
            seat.may_host = False
        else:
            continue  # others end later
        heapq.heappush(times, (now + works_s, number))
    order = {index: nth for nth, index in enumerate(starts)}
    return [Place(running + order[index], starts[index], ends[index]) for index in told]
