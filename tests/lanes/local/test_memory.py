"""Models that make room for others, rest when they have no work, and are loaded again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import CLONER, LISTENER, FakeEngine, FakeRecognizer, Stage, until
from lining import LONG, everything, in_line, job, next_started, recording

from voxdemo.engines.base import SpeechPart
from voxdemo.errors import NotReadyError, VoxdemoError
from voxdemo.lanes.jobs import Piece, SpeakJob
from voxdemo.lanes.line import ModelReport
from voxdemo.lanes.local.lane import TELL_EVERY_S, Lane
from voxdemo.lanes.local.memory import MACHINE, Growth, MemoryBound, give_back, keep_for_good, resident_bytes
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.speech import EngineInfo, Transcript, Utterance, Waiting

GB = 10**9
USUAL = replace(CLONER, name="usual", title="Usual", memory_bytes=1 * GB)
ANN, BEN, CAT = (replace(CLONER, name=name, title=name.title(), memory_bytes=2 * GB) for name in ("ann", "ben", "cat"))
EAR = replace(LISTENER, memory_bytes=1 * GB)


@pytest.fixture(autouse=True, scope="module")
def _kept() -> None:
    """What is there by now isn't searched whenever a model is unloaded."""
    keep_for_good()


class House:
    """Seats with three engines beside the usual one; every engine plays on a stage of its own."""

    def __init__(self) -> None:
        self.stages = {info.name: Stage(open=True) for info in (USUAL, ANN, BEN, CAT)}
        self.made: list[Lane] = []

    def lane(
        self,
        memory_gb: float = 6,
        idle_s: float = 0.0,
        seats: int = 1,
        expected_s: float | None = None,
        standby: EngineInfo | None = None,
        tell_every_s: float = TELL_EVERY_S,
    ) -> Lane:
        bound = MemoryBound(round(memory_gb * GB), seats)

        def worker(info: EngineInfo) -> ModelWorker[FakeEngine]:
            def build(tell: Any) -> FakeEngine:
                return FakeEngine(self.stages[info.name], info, tell)

            return ModelWorker(info, build, check, expected_s=lambda: expected_s)

        def check(engine: FakeEngine) -> list[tuple[float, float]]:
            list(engine.speak(SpeechPart(Utterance("Ready."), "Ready.")))
            return [(1.0, 1.0)]

        def seat() -> Seat:
            ear = ModelWorker(
                EAR, lambda tell: FakeRecognizer(self.stages["usual"], EAR), lambda _: [(1.0, 1.0)],
                expected_s=lambda: expected_s,
            )  # fmt: skip
            others = [worker(info) for info in (ANN, BEN, CAT) if info is not standby]
            return Seat(Role(worker(USUAL), worker(standby) if standby else None), Role(ear), others, bound, idle_s)

        lane = Lane([seat() for _ in range(seats)], queue_size=100, job_timeout_s=30.0, tell_every_s=tell_every_s)
        lane.start()
        self.made.append(lane)
        return lane

    def open(self) -> None:
        for stage in self.stages.values():
            stage.may_load.set()
            stage.open = True
            stage.steps.release(1000)


@pytest.fixture
async def house() -> AsyncGenerator[House, None]:
    made = House()
    yield made
    made.open()
    for lane in made.made:
        await lane.close()


def to(engine: EngineInfo, text: str = "one two") -> SpeakJob:
    return replace(job(text), engine=engine)


def report(lane: Lane, name: str, nth: int = 0) -> ModelReport:
    models = [model for model in lane.stats().models if model.info.title.lower() == name]
    return models[nth]


def states(lane: Lane) -> dict[str, str]:
    return {model.info.title: model.status.state for model in lane.stats().models}


async def started(lane: Lane) -> None:
    await until(lambda: lane.stats().ready_seats == lane.stats().seats)
    await until(lambda: all(model.status.state in ("ready", "resting") for model in lane.stats().models))


async def said(lane: Lane, *engines: EngineInfo) -> None:
    for engine in engines:
        assert isinstance((await everything(lane, to(engine)))[-1], Piece)
        await until(lambda: lane.stats().running == 0)  # or the next one goes to another seat


def resting(lane: Lane) -> set[str]:
    return {title for title, state in states(lane).items() if state == "resting"}


@pytest.mark.parametrize(
    ("memory_gb", "asked", "left_out"),
    [
        (8, [ANN, BEN, CAT], set()),  # 1 + 1 + 3 × 2
        (6, [ANN, BEN, CAT], {"Ann"}),
        (6, [ANN, BEN, ANN, CAT], {"Ben"}),
        (4, [ANN, BEN, CAT], {"Ann", "Ben"}),
        (6, [ANN, BEN, USUAL, CAT, ANN], {"Ben"}),
        (2, [ANN], {"Usual", "Fake recogniser", "Ben", "Cat"}),  # nothing else fits beside it
        (3, [ANN], {"Fake recogniser", "Ben", "Cat"}),  # the usual voice is the last to go
        (3, [ANN, BEN], {"Ann", "Fake recogniser", "Cat"}),
        (1, [CAT], {"Usual", "Fake recogniser", "Ann", "Ben"}),  # sizes are estimates: it is loaded all the same
    ],
)
async def test_the_engine_used_longest_ago_makes_room(
    house: House, memory_gb: float, asked: Sequence[EngineInfo], left_out: set[str]
) -> None:
    lane = house.lane(memory_gb)
    await started(lane)
    await said(lane, *asked)
    unused = {info.title for info in (ANN, BEN, CAT) if info not in asked}
    assert resting(lane) == left_out | unused
    assert lane.stats().ready_seats == 1


async def test_a_model_is_loaded_when_the_memory_of_the_other_is_back_and_never_both(house: House) -> None:
    lane = house.lane(memory_gb=4)
    await started(lane)
    await said(lane, ANN)
    there: list[set[str]] = []
    for engine in (BEN, CAT, ANN, BEN):
        task, _ = await in_line(lane, to(engine))
        await until(task.done)
        there.append({title for title, state in states(lane).items() if state == "ready"} - {"Usual"})
    assert there == [{name, "Fake recogniser"} for name in ("Ben", "Cat", "Ann", "Ben")]
    ann = report(lane, "ann")
    assert (ann.loads, ann.unloads, report(lane, "ben").loads) == (2, 2, 2)
    assert house.stages["ann"].alive == 0
    assert house.stages["ann"].most_alive == 1


async def test_an_engine_whose_job_stands_aside_is_never_freed(house: House, patient: None) -> None:
    lane = house.lane(memory_gb=4, idle_s=0.0, expected_s=1.0)
    await started(lane)
    house.stages["ann"].open = False
    longer, _ = await in_line(lane, replace(LONG, engine=ANN))
    await next_started(house.stages["ann"])
    brief, _ = await in_line(lane, replace(to(BEN), expected_s=5.0))
    house.stages["ann"].steps.release(3)
    await longer
    await brief
    assert house.stages["ann"].builds == 1
    assert [part.index for part in house.stages["ann"].parts] == [0, 1, 2]


async def test_two_seats_have_a_share_each_and_a_job_goes_where_its_engine_is(house: House) -> None:
    lane = house.lane(memory_gb=4, seats=2)
    await started(lane)
    await said(lane, ANN, BEN, ANN, BEN)
    assert [report(lane, "ann", nth).loads + report(lane, "ben", nth).loads for nth in range(2)] == [1, 1]
    assert (report(lane, "ann").unloads, report(lane, "ben").unloads) == (0, 0)


async def test_after_idling_all_models_rest_and_the_server_stays_ready(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    lane = house.lane(idle_s=0.01)
    await until(lambda: set(states(lane).values()) == {"resting"} and report(lane, "usual").loads == 1)
    await until(lambda: report(lane, "usual").unloads == 1)
    assert lane.stats().ready_seats == 1
    assert lane.catalogue.usual == USUAL
    await until(lambda: "Usual was unloaded: it gave back" in caplog.text)
    await said(lane, USUAL)
    assert isinstance((await everything(lane, recording()))[-1], Transcript)
    assert report(lane, "usual").loads == 2


async def test_a_job_that_wakes_a_model_is_told_so_in_seconds_that_count_down(house: House) -> None:
    lane = house.lane(idle_s=0.01, expected_s=40.0, tell_every_s=0.01)
    await until(lambda: resting(lane) >= {"Usual", "Fake recogniser"} and report(lane, "usual").loads == 1)
    house.stages["usual"].may_load.clear()
    task, events = await in_line(lane, to(USUAL))
    first, second = await events.get(), await events.get()
    assert (first.ahead, first.loading, second.loading) == (0, "Usual", "Usual")
    assert 30 < second.seconds < first.seconds <= 40
    assert states(lane)["Usual"] == "waking"
    assert lane.stats().ready_seats == 1
    house.stages["usual"].may_load.set()
    assert isinstance((await task)[-1], Piece)


async def test_a_model_that_takes_longer_than_it_should_is_told_without_seconds(house: House) -> None:
    lane = house.lane(expected_s=0.002, tell_every_s=0.001)
    await started(lane)
    house.stages["ann"].may_load.clear()
    task, events = await in_line(lane, to(ANN))
    while (told := await events.get()).seconds is not None:
        pass
    assert told == Waiting(0, None, "Ann")
    house.stages["ann"].may_load.set()
    await task


async def test_a_wanted_voice_that_rested_is_waited_for_and_its_stand_in_speaks_only_until_it_was_loaded_once(
    house: House,
) -> None:
    house.stages["usual"].may_load.clear()
    lane = house.lane(idle_s=0.01, standby=ANN)
    await until(lambda: lane.catalogue.usual == ANN and lane.stats().ready_seats == 1)
    await said(lane, ANN)
    house.stages["usual"].may_load.set()
    await until(lambda: lane.catalogue.usual == USUAL and resting(lane) >= {"Usual", "Ann", "Fake recogniser"})
    house.stages["usual"].may_load.clear()
    task, events = await in_line(lane, to(USUAL))
    assert (await events.get()).loading == "Usual"
    assert lane.catalogue.usual == USUAL
    assert ANN in lane.catalogue.engines
    house.stages["usual"].may_load.set()
    assert isinstance((await task)[-1], Piece)
    await said(lane, ANN)


async def test_the_stand_in_makes_room_before_the_recogniser_and_that_before_the_wanted_voice(house: House) -> None:
    lane = house.lane(memory_gb=4, standby=ANN)  # 1 + 2 + 1
    await started(lane)
    await said(lane, BEN)
    assert resting(lane) == {"Ann", "Cat"}
    await said(lane, ANN)
    assert resting(lane) == {"Ben", "Cat"}


async def test_a_job_that_comes_while_models_are_unloaded_waits_for_that_and_is_served(house: House) -> None:
    lane = house.lane(idle_s=0.01)
    stage = house.stages["usual"]
    stage.may_close.clear()
    await until(lambda: states(lane)["Usual"] == "resting" and stage.builds == 1)
    task, events = await in_line(lane, to(USUAL))
    assert (await events.get()).loading == "Usual"
    assert stage.builds == 1
    stage.may_close.set()
    assert isinstance((await task)[-1], Piece)
    assert (stage.builds, stage.most_alive) == (2, 1)


async def test_a_job_left_while_its_model_loads_leaves_the_model_to_the_next(house: House) -> None:
    lane = house.lane()
    await started(lane)
    house.stages["ann"].may_load.clear()
    task, events = await in_line(lane, to(ANN))
    await events.get()
    task.cancel()
    behind, _ = await in_line(lane, to(USUAL))
    house.stages["ann"].may_load.set()
    assert isinstance((await behind)[-1], Piece)
    await said(lane, ANN)
    assert house.stages["ann"].builds == 1


async def test_an_engine_may_be_asked_for_again_while_it_makes_room(house: House) -> None:
    lane = house.lane(memory_gb=4)
    await started(lane)
    await said(lane, ANN)
    house.stages["ann"].may_close.clear()
    first, _ = await in_line(lane, to(BEN))
    second, _ = await in_line(lane, to(ANN))
    await until(lambda: states(lane)["Ann"] == "resting")
    assert house.stages["ben"].builds == 0
    house.stages["ann"].may_close.set()
    assert all(isinstance(events[-1], Piece) for events in await asyncio.gather(first, second))
    assert (house.stages["ann"].builds, house.stages["ann"].most_alive, house.stages["ben"].builds) == (2, 1, 1)


async def test_a_server_may_stop_while_models_are_unloaded(house: House) -> None:
    lane = house.lane(idle_s=0.01)
    stage = house.stages["usual"]
    stage.may_close.clear()
    await until(lambda: states(lane)["Usual"] == "resting" and stage.builds == 1)
    closing = asyncio.ensure_future(lane.close())
    await asyncio.sleep(0)
    stage.may_close.set()
    await closing
    house.made.remove(lane)
    assert stage.alive == 0


async def test_a_model_that_died_and_then_rested_has_not_forgotten_its_deaths(house: House) -> None:
    lane = house.lane(memory_gb=4)
    await started(lane)
    for text in ("die", "die"):
        with pytest.raises(Exception, match="is reloading"):
            await everything(lane, to(ANN, text))
    await said(lane, BEN)
    assert states(lane)["Ann"] == "resting"
    with pytest.raises(Exception, match="is reloading"):
        await everything(lane, to(ANN, "die"))
    await until(lambda: states(lane)["Ann"] == "failed")
    assert "3 times in a row" in report(lane, "ann").status.reason


@pytest.mark.parametrize(
    ("failed", "texts", "memory_gb"),
    [(ANN, ["fine"], 6), (ANN, ["break"], 6), (ANN, ["die", "die", "die"], 6), (USUAL, [], 5)],
    ids=["asked-for", "broke", "died", "wanted"],
)
async def test_a_model_that_failed_takes_no_room_from_those_that_work(
    house: House, failed: EngineInfo, texts: Sequence[str], memory_gb: float
) -> None:
    stage = house.stages[failed.name]
    stage.broken = texts in ([], ["fine"])
    lane = house.lane(memory_gb, standby=CAT)  # a gigabyte or two too few for all
    await until(lambda: "loading" not in states(lane).values())
    for text in texts:
        with pytest.raises(VoxdemoError):
            await everything(lane, to(failed, text))
    await until(lambda: states(lane)[failed.title] == "failed" and lane.stats().running == 0)
    await said(lane, BEN)
    there = {title for title, state in states(lane).items() if state == "ready"}
    assert there == {"Usual", "Fake recogniser", "Ben", "Cat"} - {failed.title}


async def test_a_model_that_failed_is_loaded_again_when_it_is_asked_for_and_then_others_make_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REBUILD_AFTER_S", "LONGEST_PAUSE_S"):
        monkeypatch.setattr(f"voxdemo.lanes.local.model_thread.{name}", 0.001)
    usual, ann = house.stages["usual"], house.stages["ann"]
    usual.broken = ann.broken = True
    lane = house.lane(memory_gb=6, standby=CAT)  # 1 + 2 + 1, and one more
    await until(lambda: states(lane)["Cat"] == "ready")
    with pytest.raises(NotReadyError, match="can't be loaded"):
        await everything(lane, to(ANN))
    tries = usual.builds, ann.builds
    await until(lambda: usual.builds > tries[0] + 5)
    assert (ann.builds, states(lane)["Ann"]) == (tries[1], "failed")
    await said(lane, BEN)
    ann.broken = False
    await said(lane, ANN)
    assert (ann.builds, resting(lane)) == (tries[1] + 1, {"Ben"})


@pytest.mark.parametrize("is_asked_for", [False, True])
async def test_the_usual_voice_comes_back_in_the_room_of_others_and_not_beside_them(
    house: House, monkeypatch: pytest.MonkeyPatch, is_asked_for: bool
) -> None:
    if not is_asked_for:
        monkeypatch.setattr("voxdemo.lanes.local.model_thread.LONGEST_PAUSE_S", 0.001)
    house.stages["usual"].broken = True
    lane = house.lane(memory_gb=5)  # the recogniser, two engines and nothing more
    await until(lambda: states(lane)["Usual"] == "failed")
    await said(lane, ANN, BEN)
    house.stages["usual"].broken = False
    if is_asked_for:
        assert not resting(lane) & {"Ann", "Ben"}
        await said(lane, USUAL)
    await until(lambda: states(lane)["Usual"] == "ready")
    assert states(lane)["Fake recogniser"] == "ready"
    assert len(resting(lane) & {"Ann", "Ben"}) == 1


async def test_the_usual_voice_takes_no_room_from_one_at_work_by_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.lanes.local.model_thread.LONGEST_PAUSE_S", 0.001)
    usual, ann = house.stages["usual"], house.stages["ann"]
    usual.broken = True
    lane = house.lane(memory_gb=3)
    await until(lambda: states(lane)["Usual"] == "failed")
    ann.open = False
    longer, events = await in_line(lane, to(ANN, " ".join(["word"] * 20)))
    await next_started(ann)
    usual.broken = False
    for _ in range(20):
        assert states(lane)["Usual"] == "failed"
        ann.steps.release(1)
        while not isinstance(await events.get(), Piece):
            pass
    await longer
    await until(lambda: states(lane)["Usual"] == "ready")
    assert "Ann" in resting(lane)


async def test_a_stand_in_is_not_freed_for_a_voice_that_may_fail_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.lanes.local.model_thread.LONGEST_PAUSE_S", 0.001)
    usual = house.stages["usual"]
    usual.broken = True
    lane = house.lane(memory_gb=3, standby=CAT)
    await until(lambda: usual.builds > 5 and states(lane)["Cat"] == "ready")
    usual.broken = False
    await until(lambda: states(lane)["Usual"] == "ready")
    assert (report(lane, "cat").unloads, states(lane)["Cat"]) == (0, "ready")


async def test_a_resting_recogniser_wakes_between_two_parts_of_a_longer_text(house: House, patient: None) -> None:
    lane = house.lane(memory_gb=3, expected_s=1.0)
    await started(lane)
    await said(lane, ANN, USUAL)
    assert "Fake recogniser" in resting(lane)
    house.stages["usual"].open = False
    longer, _ = await in_line(lane, replace(LONG, engine=USUAL))
    await next_started(house.stages["usual"])
    heard, _ = await in_line(lane, recording())
    house.stages["usual"].steps.release(1)
    assert isinstance((await heard)[-1], Transcript)
    assert not longer.done()
    house.stages["usual"].steps.release(2)
    await longer


def test_what_a_model_makes_the_process_grow_is_measured_where_no_other_loads() -> None:
    with Growth() as alone:
        ballast = bytearray(50_000_000)
        ballast[::4096] = b"x" * len(ballast[::4096])
    with Growth() as first, Growth() as second:
        more = bytearray(10_000_000)
    del more, ballast
    assert 45_000_000 < alone.bytes < 80_000_000
    assert (first.bytes, second.bytes) == (0, 0)
    before = resident_bytes()
    give_back()
    assert resident_bytes() <= before


def test_a_bound_is_80_percent_of_what_is_free_for_all_seats_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxdemo.model_support.devices.free_memory", lambda: 10 * GB)
    monkeypatch.setattr("voxdemo.model_support.devices.gpu_bytes", lambda name: {"cuda:0": 20 * GB}.get(name))
    assert (MemoryBound().of(MACHINE), MemoryBound(seats=2).of("mps"), MemoryBound(3 * GB, 2).of("cpu")) == (
        8 * GB, 4 * GB, 3 * GB,
    )  # fmt: skip
    assert (MemoryBound().of("cuda:0"), MemoryBound().of("cuda:1")) == (16 * GB, float("inf"))
    big = replace(CLONER, memory_bytes=12 * GB)
    assert [MemoryBound().fits(replace(big, device=device)) for device in ("cpu", "cuda:0", "cuda:1")] == [
        False, True, True,
    ]  # fmt: skip
