"""Batches whose texts can't be spoken."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import until

from voxdemo.batches import runner
from voxdemo.batches.runner import Batches, Speak
from voxdemo.errors import BusyError, EngineError, NotReadyError, StorageError, UnavailableError
from voxdemo.speech import SpeakOptions, SpeechEvent, Utterance, Waiting
from voxdemo.stores.batch_values import Batch, Load, Order, Text, jobs_unreachable
from voxdemo.stores.batches import BatchStore


def batches_in(
    folder: Path,
    speak: Speak,
    store: type[BatchStore] = BatchStore,
    is_away: Callable[[str], bool] = lambda engine: False,
    at_once: int = 1,
) -> Batches:
    """Each voice is an engine's of the same name."""
    return Batches(lambda: store(folder), speak, lambda options: options.voice or "", is_away, at_once, keep_s=60.0)


def order(*texts: str, **options: str) -> Order:
    return Order("somebody", SpeakOptions(**options), texts, [4.0] * len(texts), "digest")  # type: ignore[arg-type]


async def states(batches: Batches, id: str) -> list[str]:
    batch = await batches.ask(lambda store: store.batch(id))
    return [text.state for text in batch.texts] if batch else []


async def fails(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
    raise EngineError("It can't be said.")
    yield


async def test_only_texts_for_a_server_that_stays_away_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    monkeypatch.setattr("voxdemo.batches.runner.GIVE_UP_S", 0.0)
    asked: list[str] = []

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.text)
        reason = "engine_down" if utterance.voice == "far" else "not_loaded"
        raise NotReadyError("{title} can't be used just now.", reason=reason, title="Far")
        yield

    async def batch(id: str) -> Batch:
        found = await batches.ask(lambda store: store.batch(id))
        assert found
        return found

    batches = batches_in(tmp_path, speak)
    working = asyncio.create_task(batches.run())
    far, near = [
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), texts, [4.0] * 2, "digest"))
        for voice, texts in (("far", ["One.", "Two."]), ("near", ["Three.", "Four."]))
    ]
    await until(lambda: asked.count("Three.") > 3 and "Two." in asked[:-1])
    told = [text.error for text in (await batch(far)).texts]
    assert [error and error["message"] for error in told] == ["Far can't be used just now."] * 2
    assert (await batch(near)).tally("failed").texts == 0
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize(
    "error",
    [
        NotReadyError("{title} can't be used just now.", 60.0, reason="engine_down", title="Far"),
        NotReadyError("{title} is busy.", reason="engine_busy", title="Far"),
        NotReadyError("{title} can't be loaded just now.", reason="not_loaded", title="Far"),
        BusyError.full(9, 30.0),
    ],
)
async def test_a_batch_that_cannot_be_gone_on_with_costs_the_others_no_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: UnavailableError
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 1000.0)
    asked: list[str | None] = []

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.voice)
        raise error if utterance.voice == "far" else EngineError("It was asked.")
        yield

    batches = batches_in(tmp_path, speak)
    for voice in ("far", "near", "far"):
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), ["One.", "Two."], [4.0] * 2, "digest"))
    working = asyncio.create_task(batches.run())
    await until(lambda: len(asked) == 4)
    assert sorted(asked, key=str) == ["far", "far", "near", "near"]
    await batches.accept(Order("somebody", SpeakOptions(voice="new"), ["Three."], [4.0], "digest"))
    await until(lambda: asked[4:] == ["new"])
    working.cancel()
    await asyncio.wait({working})


async def test_texts_for_a_server_that_is_away_take_no_turn_until_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.001)
    asked: list[str | None] = []
    looked: list[str] = []
    is_back = False

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.voice)
        raise EngineError("It was asked.")
        yield

    def is_away(engine: str) -> bool:
        looked.append(engine)
        return engine == "far" and not is_back

    batches = batches_in(tmp_path, speak, is_away=is_away)
    for voice in ("far", "near"):
        await batches.accept(Order("somebody", SpeakOptions(voice=voice), ["One.", "Two."], [4.0] * 2, "digest"))
    working = asyncio.create_task(batches.run())
    await until(lambda: looked.count("far") > 5)
    assert asked == ["near", "near"]
    is_back = True
    await until(lambda: asked[2:] == ["far", "far"])
    working.cancel()
    await asyncio.wait({working})


async def never_spoken(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
    await asyncio.Event().wait()
    yield Waiting(0)


async def test_a_server_helps_with_what_another_has_accepted_and_stops_what_is_cancelled_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.01)
    batches = batches_in(tmp_path, never_spoken)
    working = asyncio.create_task(batches.run())
    await batches.ask(lambda store: store.loads())  # it has looked, and found nothing
    other = BatchStore(tmp_path)
    ids = [other.accept(Order("somebody", SpeakOptions(), ["One."], [4.0], "digest")) for _ in range(2)]
    await until(lambda: {turn.text.batch for turn in batches._running} == {ids[0]})
    other.cancel(ids[0])
    await until(lambda: {turn.text.batch for turn in batches._running} == {ids[1]})
    assert not batches.notice
    working.cancel()
    await asyncio.wait({working})
    other.close()


async def test_a_database_that_hangs_is_told_in_time_and_hears_of_what_was_spoken_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake of the database: how a real one hangs isn't told in a time that a test could wait for."""
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.01)
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    answers, is_there, spoken = threading.Event(), threading.Event(), asyncio.Event()
    answers.set()
    is_there.set()

    class Hanging(BatchStore):
        @property
        def patience_s(self) -> float | None:
            return None if answers.is_set() else 0.01

        def finish(self, text: Text) -> bool:
            if not is_there.is_set():
                raise jobs_unreachable()
            return super().finish(text)

        def loads(self) -> Sequence[Load]:
            answers.wait()
            return super().loads()

    async def fails_later(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        await spoken.wait()
        raise EngineError("It can't be said.")
        yield

    batches = batches_in(tmp_path, fails_later, Hanging)
    working = asyncio.create_task(batches.run())
    id = await batches.accept(Order("somebody", SpeakOptions(), ["One."], [4.0], "digest"))
    await until(lambda: batches.in_line == 1)
    answers.clear()
    with pytest.raises(UnavailableError, match=r"^Jobs can't be reached just now"):
        await batches.ask(lambda store: store.loads())
    assert batches.notice.startswith("The database of jobs can't be reached")
    answers.set()
    await until(lambda: not batches.notice)
    is_there.clear()
    spoken.set()
    await until(lambda: bool(batches.notice))
    assert batches.in_line == 1
    is_there.set()
    await until(lambda: batches.in_line == 0)
    ended = await batches.ask(lambda store: store.batch(id))
    assert ended
    assert [text.state for text in ended.texts] == ["failed"]
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize(
    "error",
    [
        StorageError(),
        OSError(errno.ENOSPC, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.OperationalError("disk I/O error"),
        jobs_unreachable(),
    ],
    ids=lambda error: f"{error}"[:20],
)
@pytest.mark.parametrize("is_put_back", [False, True], ids=["when a text ends", "when it is put back"])
async def test_what_became_of_a_text_is_kept_when_the_disk_has_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, is_put_back: bool
) -> None:
    """The store is asked for the next text meanwhile, and answers: the operator is told all the same."""
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.001)
    is_full = threading.Event()
    is_full.set()
    calls: list[str] = []
    begun = 0

    class Full(BatchStore):
        def finish(self, text: Text) -> bool:
            self._keep("finish")
            is_known = super().finish(text)
            calls.append("finished")
            return is_known

        def put_back(self, text: Text) -> None:
            self._keep("put_back")
            super().put_back(text)

        def _keep(self, what: str) -> None:
            calls.append(what)
            if is_full.is_set():
                raise error

        def take(self, without: Sequence[str] = ()) -> tuple[Text, SpeakOptions] | None:
            calls.append("take")
            return super().take(without)

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        nonlocal begun
        begun += 1
        raise NotReadyError("Not now.", reason="not_loaded") if is_put_back and begun == 1 else EngineError("No.")
        yield

    batches = batches_in(tmp_path, speak, Full, at_once=2)
    working = asyncio.create_task(batches.run())
    id = await batches.accept(order("One."))
    tried = "put_back" if is_put_back else "finish"
    await until(lambda: tried in calls and calls[calls.index(tried) :].count("take") > 3)
    await until(lambda: bool(batches.notice))
    seen = len(calls)
    await until(lambda: calls[seen:].count("take") > 3)
    assert batches.notice
    assert await states(batches, id) == ["running"]
    is_full.clear()
    await until(lambda: "finished" in calls and batches.in_line == 0 and not batches.notice)
    assert await states(batches, id) == ["failed"]
    assert begun == (2 if is_put_back else 1)
    working.cancel()
    await asyncio.wait({working})


@pytest.mark.parametrize("key", [None, "the-key"])
@pytest.mark.parametrize("how", ["too late", "without saying so"])
async def test_a_batch_whose_client_is_told_to_come_again_is_not_spoken_beside_the_one_that_it_sends_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None, how: str
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    answers = threading.Event()
    is_away = True

    class Slow(BatchStore):
        @property
        def patience_s(self) -> float | None:
            return 0.01 if is_away and how == "too late" else None

        def accept(self, order: Order) -> str:
            id = super().accept(order)
            if is_away:
                if how == "without saying so":
                    raise jobs_unreachable()
                answers.wait()
            return id

    batches = batches_in(tmp_path, never_spoken, Slow)
    working = asyncio.create_task(batches.run())
    asked = Order("somebody", SpeakOptions(), ["One."], [4.0], "digest", key)
    await batches._look()  # the store is open
    with pytest.raises(UnavailableError, match="try again in a minute"):
        await batches.accept(asked)
    is_away = False
    answers.set()
    again = await batches.accept(asked)
    assert batches._withdrawing is None or await asyncio.wait_for(batches._withdrawing, 30) is None
    kept = await batches.ask(lambda store: store.loads())
    assert [load.batch for load in kept] == [again]
    await until(lambda: {turn.text.batch for turn in batches._running} == {again})
    working.cancel()
    await asyncio.wait({working})


async def test_a_server_that_comes_back_and_goes_away_again_is_waited_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxdemo.batches.runner.AGAIN_S", 0.0)
    monkeypatch.setattr("voxdemo.batches.runner.LOOK_EVERY_S", 0.001)
    now = 0.0
    monkeypatch.setattr("voxdemo.batches.runner.time", SimpleNamespace(monotonic=lambda: now))
    looked: list[bool] = []
    is_away_now = True

    def is_away(engine: str) -> bool:
        looked.append(is_away_now)
        return is_away_now

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        raise NotReadyError("{title} can't be used.", 60.0, reason="engine_down", title="Far")
        yield

    async def seen(times: int = 5) -> None:
        looked.clear()
        await until(lambda: len(looked) > times)

    batches = batches_in(tmp_path, speak, is_away=is_away)
    working = asyncio.create_task(batches.run())
    id = await batches.accept(order("One.", "Two.", voice="far"))
    await seen()
    other, theirs = BatchStore(tmp_path), list[Text]()
    while len(theirs) < 2:  # another server speaks them all
        theirs += [taken[0] for taken in [other.take()] if taken]
        await asyncio.sleep(0)
    is_away_now = False
    await until(lambda: looked[-1:] == [False])
    await until(lambda: not batches._down_since)
    is_away_now, now = True, now + runner.GIVE_UP_S
    for text in theirs:
        other.put_back(text)
    await seen()
    now += runner.GIVE_UP_S - 1
    await seen()
    assert "failed" not in await states(batches, id)
    now += 1
    await until(lambda: (batch := other.batch(id)) is not None and batch.tally("failed").texts == 2)
    working.cancel()
    await asyncio.wait({working})
    other.close()


async def test_a_text_that_is_taken_again_while_it_is_spoken_here_ends_as_its_second_turn_says(tmp_path: Path) -> None:
    """As for a process that stood still for so long that another one has freed what it spoke."""
    may_end = asyncio.Event()
    asked: list[str] = []

    async def speak(utterance: Utterance) -> AsyncGenerator[SpeechEvent, None]:
        asked.append(utterance.text)
        if utterance.text == "One." and asked.count("One.") == 1:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise EngineError("The first turn.") from None
        if utterance.text == "One.":
            await may_end.wait()
        raise EngineError("The second turn.")
        yield

    batches = batches_in(tmp_path, speak, at_once=2)
    working = asyncio.create_task(batches.run())
    id = await batches.accept(order("One."))
    await until(lambda: asked == ["One."])
    with sqlite3.connect(tmp_path / "batches.sqlite3") as db:
        db.execute("UPDATE texts SET state = 'queued', owner = NULL")
    db.close()
    await batches.accept(order("Two."))  # by which the other seat looks what there is to be spoken
    await until(lambda: sorted(asked) == ["One.", "One.", "Two."])
    await until(lambda: batches.in_line == 1)
    assert await states(batches, id) == ["running"]
    may_end.set()
    await until(lambda: batches.in_line == 0)
    batch = await batches.ask(lambda store: store.batch(id))
    assert batch
    assert [text.error and text.error["message"] for text in batch.texts] == ["The second turn."]
    assert not batches.notice
    working.cancel()
    await asyncio.wait({working})


async def test_a_store_whose_files_cannot_be_opened_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "batches").write_text("something else's")
    batches = batches_in(tmp_path / "batches", never_spoken)
    for asked in (batches.ask(lambda store: store.loads()), batches.accept(order("One."))):
        with pytest.raises(StorageError):
            await asked


@pytest.mark.parametrize("cause", [RuntimeError('database "jobs" does not exist\nHINT: no'), OSError("no route")])
async def test_the_log_says_why_the_database_cannot_be_reached(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, cause: Exception
) -> None:
    class Away(BatchStore):
        def reclaim(self) -> int:
            raise jobs_unreachable() from cause

    batches = batches_in(tmp_path, never_spoken, Away)
    for _ in range(2):
        await batches._look()
    await batches.ask(lambda store: store.close())
    first = str(cause).splitlines()[0]
    told = [record.getMessage() for record in caplog.records if record.name == "voxdemo.batches.runner"]
    assert len(told) == 1
    assert told[0].endswith(f"({type(cause).__name__}: {first})")
    assert batches.notice.startswith("The database of jobs can't be reached")
