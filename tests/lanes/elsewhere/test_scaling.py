"""How many voices a line wants, and what it tells those who wait for one that is starting. Its clock is the test's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import CLONER
from line_elsewhere import LISTENER

from voxdemo.lanes.elastic import Elastic
from voxdemo.lanes.elsewhere import places, scaling
from voxdemo.lanes.elsewhere.places import Visitor, VoiceSeat
from voxdemo.lanes.elsewhere.scaling import Scaling
from voxdemo.lanes.jobs import ListenJob, SpeakJob
from voxdemo.lanes.line import Claim, ModelReport, WorkerStatus
from voxdemo.lanes.local import lane as lanes
from voxdemo.lanes.local import ticket as tickets
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.messages import Beat, InHand, VoiceOffer
from voxdemo.lanes.turns import Size
from voxdemo.speech import Utterance, Waiting

START_S = 20.0


class House:
    """A line and its voices, at a moment that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, elastic: Elastic) -> None:
        self.now = 1000.0
        clock = SimpleNamespace(monotonic=lambda: self.now, time=time.time)
        for module in (scaling, places, lanes, tickets):
            monkeypatch.setattr(module, "time", clock)
        self.lane = Lane([], 100, 0.0)
        self.scaling = Scaling(elastic, self.lane)
        self.seats: list[VoiceSeat] = []

    def voice(self, state: Any = "ready", load_s: float | None = None, start_s: float = 0.0) -> VoiceSeat:
        beat = Beat(f"v{len(self.seats)}", "http://voice", state == "ready", False, Waiting(0, None), [])
        status = WorkerStatus(state, load_s=load_s)
        reports = [ModelReport(info, status, True, True) for info in (CLONER, LISTENER)]
        offer = VoiceOffer((CLONER,), (CLONER, True), (LISTENER, True), reports, "", start_s)
        seat = VoiceSeat(beat, offer, lambda seat, first: None, self.lane.leave)
        self.seats.append(seat)
        self.lane.add(seat)
        return seat

    def beats(self, seat: VoiceSeat, jobs: Sequence[InHand] = (), **changes: Any) -> None:
        seat.look(replace(seat.beat, jobs=jobs, **changes), lambda told: pytest.fail("nobody knows it"))

    def asks(self, seconds: float | None, speaks: bool = True) -> Visitor:
        visitor = Visitor(f"j{self.now}", None, Claim(Size(seconds, speaks)), self.now, self.lane.reckon)
        job = (
            SpeakJob(CLONER, Utterance("words"), ["words"], seconds) if speaks else ListenJob("paced", [], 1, None, 9.0)
        )
        visitor.bring(job)
        return self.lane.join(visitor)

    def at(self, seconds: float) -> int | None:
        """What the line wants by then; it looks twice a second, and voices beat."""
        while self.now < 1000.0 + seconds:
            self.now += 0.5
            for seat in self.seats:
                seat.heard_at = self.now
            self.scaling.look(self.seats)
        return self.scaling.wanted

    @property
    def awaited(self) -> list[float]:
        return [round(at - self.now, 1) for at in self.lane.awaited]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return House(monkeypatch, Elastic(1, 4, target_s=10.0, start_s=START_S, idle_s=30.0))


async def test_a_new_line_wants_nothing_until_the_voices_of_the_one_before_it_have_come(house: House) -> None:
    house.voice()
    house.voice()
    assert house.at(5) is None
    house.voice()
    assert house.at(7) == 3


async def test_a_line_without_a_voice_wants_one_and_tells_how_soon_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, Elastic(0, 2, start_s=START_S))
    assert house.at(8) == 1
    assert house.awaited == [START_S - 8]
    house.asks(4.0)
    assert house.lane.foretell(Size(1.0)).start_s == START_S - 8 + 4


async def test_a_voice_that_starts_counts_from_when_it_was_asked_for_until_it_is_ready(house: House) -> None:
    house.voice()
    house.at(7)
    first, second, third, fourth = (house.asks(8.0) for _ in range(4))
    assert house.at(7.5) == 3
    assert house.awaited == [START_S, START_S]
    starts = [house.lane.place(each).start_s for each in (second, third, fourth)]
    assert starts == [8.0, 16.0, START_S]
    assert house.lane.foretell(Size(1.0)).start_s == START_S
    coming = house.voice("loading")
    house.at(17.5)
    assert house.lane.foretell(Size(1.0)).start_s == 16.0  # the first of them at 8, and the others in 10 s
    assert not coming.is_open  # or it would have a job that can't begin for a while
    house.beats(coming, is_ready=True)
    house.at(18)
    assert (first.run is None, second.run is None, third.run is None) == (False, False, True)


async def test_what_a_voice_took_to_start_is_what_the_next_one_will_take(house: House) -> None:
    house.voice()
    house.at(7)
    for _ in range(2):
        house.asks(12.0)
    house.at(7.5)
    coming = house.voice("loading")
    house.at(13)
    house.beats(coming, is_ready=True)
    house.at(13.5)
    for _ in range(2):
        house.asks(12.0)
    house.at(14)
    assert house.awaited == [6.0] * len(house.awaited)
    assert house.awaited


async def test_nobody_counts_on_a_voice_that_is_long_overdue(house: House) -> None:
    house.voice()
    house.at(7)
    for _ in range(2):
        house.asks(40.0)
    assert house.at(8) == 2
    assert house.at(8 + 3 * START_S) == 2
    assert house.awaited == []
    assert house.lane.foretell(Size(50.0)).start_s == 80.0


async def test_voices_that_were_idle_for_long_go_and_one_that_left_with_work_lets_the_others_stay(house: House) -> None:
    seats = [house.voice() for _ in range(3)]
    ticket = house.asks(500.0)
    assert seats[0].ticket is ticket
    assert house.at(35) == 3
    assert house.at(37) == 1
    house.beats(seats[1], is_closing=True)
    house.beats(seats[2], is_closing=True)
    house.at(38)
    assert house.at(100) == 1


async def test_a_busy_voice_that_leaves_ends_its_job_and_the_idle_one_stays(house: House) -> None:
    house.voice()
    house.at(7)
    busy = house.asks(500.0)
    idle = house.voice()
    assert house.at(39) == 1  # Serve chooses which one goes
    house.beats(house.seats[0], [InHand(busy.id, 30.0, 470.0, 10.0)], is_closing=True)
    assert house.at(41) == 1
    assert house.seats[0].ticket is busy
    assert idle.is_open
    assert house.lane.foretell(Size(1.0)).start_s == 0.0


async def test_a_job_whose_pace_isnt_known_is_worth_a_voice(house: House) -> None:
    house.voice()
    house.at(7)
    for _ in range(3):
        house.asks(None)
    assert house.at(8) == 2


async def test_recordings_count_too(house: House) -> None:
    house.voice()
    house.at(7)
    for _ in range(3):
        house.asks(9.0, speaks=False)
    assert house.at(8) == 2


async def test_a_voice_that_loads_is_starting_also_again_and_no_more_when_it_ends(house: House) -> None:
    first = house.voice()
    house.at(3)
    dying = house.voice("loading")
    house.beats(first, is_ready=False)
    house.at(4)
    assert house.scaling.starting == 2
    house.seats.remove(dying)
    house.beats(first, is_ready=True)
    house.at(5)
    assert house.scaling.starting == 0


async def test_a_voice_that_came_late_is_expected_for_as_long_as_models_load_and_the_next_for_as_long_as_it_took(
    house: House,
) -> None:
    house.voice(load_s=5.0)
    house.at(7)
    for _ in range(4):
        house.asks(8.0)
    assert house.at(7.5) == 3
    assert house.awaited == [10.0, 10.0]  # RESTART_S, and what the first voice's models took
    house.at(23.5)
    assert house.awaited == [8.0, 8.0]  # these are late: for half as much again as they have taken
    seat = house.voice("loading")
    house.at(24)
    assert (seat.ready_at or 0.0) - house.now == 5.0
    assert house.awaited == [5.0]
    house.at(30)
    assert (seat.ready_at or 0.0) - house.now == 3.0


async def test_the_first_voice_to_be_asked_for_will_take_what_the_one_that_is_there_took(house: House) -> None:
    house.voice(load_s=5.0, start_s=12.0)
    house.at(7)
    for _ in range(4):
        house.asks(8.0)
    assert house.at(7.5) == 3
    assert house.awaited == [17.0, 17.0]
