"""Text while somebody speaks, over one line with everybody else's jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import LISTENER, RATE, FakeRecognizer, Stage, until
from programs import WARM_UP
from rings import AT_NIGHT

from voxdemo.audio.reading import decode
from voxdemo.audio.voice_activity import VoiceDetector
from voxdemo.errors import BusyError, InputError, LimitError, NotReadyError
from voxdemo.lanes import turns
from voxdemo.lanes.jobs import ListenJob
from voxdemo.live import Committed, Heard, LiveEnded, LiveEvent, LiveOptions, NothingCommitted, TurnEnded, TurnFailed
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.server.assemble import local_service
from voxdemo.service import live_sessions
from voxdemo.service.live_sessions import LiveSession
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Samples, Spoken, Transcript, Utterance, result_of

BY_HAND = LiveOptions(cuts_turns=False)


class Counting(FakeRecognizer):
    """Hears how many seconds of voice there are, one after the other; where it's told to, its live readings fail."""

    def __init__(self, stage: Stage, seen: list[float], failing: list[bool]) -> None:
        super().__init__(stage)
        self._seen = seen
        self._failing = failing

    def transcribe(
        self, samples: Samples, sample_rate: int, language: str | None = None, *wishes: bool
    ) -> Generator[Transcript, None, None]:
        self._stage.hears = " ".join(str(number) for number in range(1, np.count_nonzero(samples) // RATE + 1))
        self._seen.append(len(samples) / RATE)
        if self._failing and len(wishes) == 2 and wishes[1]:
            self._failing.pop()
            raise ValueError("a fault")
        yield from super().transcribe(samples, sample_rate, language, *wishes)


@pytest.fixture
def seen() -> list[float]:
    """How long the sounds were that the recogniser was given."""
    return []


@pytest.fixture
def failing() -> list[bool]:
    """An item for every reading that is to fail."""
    return []


@pytest.fixture
def bounds() -> dict[str, float]:
    """Settings beside the usual ones."""
    return {}


@pytest.fixture
async def service(
    stage: Stage,
    tmp_path: Path,
    seen: list[float],
    failing: list[bool],
    bounds: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncGenerator[SpeechService, None]:
    monkeypatch.setattr(live_sessions, "VoiceDetector", Ear)
    listener = RecognizerChoice(LISTENER, lambda tell: Counting(stage, seen, failing))
    settings = Settings(cache_dir=tmp_path / "cache", live_sessions=2, **bounds)  # type: ignore[arg-type]
    service = local_service(settings, [stage.engine()], [listener])
    service.start()
    await until(lambda: service.readiness().ready)
    seen.clear()
    yield service
    await service.close()


class Ear:
    """Stands for the voice detector: what isn't 0 is a voice."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def hear(self, samples: Samples) -> tuple[Samples, list[float]]:
        sound = np.concatenate([self._rest, samples])
        whole = len(sound) // 512 * 512
        self._rest = sound[whole:]
        return sound[:whole], [float(np.abs(window).max() > 0) for window in sound[:whole].reshape(-1, 512)]


def sound(seconds: float, voice: float = 0.5) -> Samples:
    return np.full(round(seconds * RATE), voice, np.float32)


async def rest_of(session: LiveSession) -> list[LiveEvent]:
    session.finish()
    return [event async for event in session.events()]


def texts(events: Sequence[LiveEvent]) -> list[str]:
    return [event.transcript.text for event in events if isinstance(event, TurnEnded)]


async def test_text_settles_while_sound_comes_and_the_turn_ends_with_all_of_it(
    service: SpeechService, seen: list[float]
) -> None:
    async with service.live(LiveOptions()) as session, aclosing(session.events()) as events:
        heard: list[Heard] = []
        for _ in range(3):
            session.feed(sound(1.1))
            event = await anext(events)
            while not isinstance(event, Heard):
                event = await anext(events)
            heard.append(event)
        assert [(each.settled, each.open) for each in heard] == [("", "1"), ("1", " 2"), (" 2", " 3")]
        session.feed(sound(0.7, 0.0))
        rest = await rest_of(session)
    assert texts(rest) == ["1 2 3"]
    assert [round(each) for each in seen] == [1, 2, 3, 4]
    assert service.live_sessions.stats().sessions == 0


async def test_one_reading_at_a_time_and_the_newest_sound_takes_the_place_of_what_waits(
    service: SpeechService, stage: Stage, seen: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    brought: list[ListenJob] = []

    def bring(*arguments: Any, **more: Any) -> ListenJob:
        brought.append(ListenJob(*arguments, **more))
        return brought[-1]

    monkeypatch.setattr(live_sessions, "ListenJob", bring)
    stage.open = False
    long = asyncio.ensure_future(result_of(service.speak(Utterance("one two")), Spoken))
    await until(lambda: not stage.started.empty())
    async with service.live(BY_HAND) as session:
        for _ in range(6):
            session.feed(sound(1.1))
            await until(lambda: service.line.stats().waiting == 1)
        await until(lambda: len(brought[-1].samples) > 6.5 * RATE and service.line.stats().waiting == 1)
        assert session.behind_s == pytest.approx(6.6, abs=0.1)
        stage.steps.release(2)
        await until(lambda: bool(seen))
        assert seen == [pytest.approx(6.6, abs=0.1)], "once, with all that had come"
        assert texts(await rest_of(session)) == ["1 2 3 4 5 6"]
    await long


async def test_what_a_session_does_not_know_a_busy_line_does_not_lose(service: SpeechService, stage: Stage) -> None:
    stage.may_hear.clear()
    async with service.live(BY_HAND) as session, service.live(BY_HAND) as other:
        for each in (session, other):
            each.feed(sound(2.2))
        await until(lambda: service.line.stats().running == 1 and service.line.stats().waiting == 1)
        session.feed(sound(3.3))
        await until(lambda: session.behind_s == pytest.approx(5.5, abs=0.1))
        assert service.live_sessions.stats().behind_s == pytest.approx(5.5, abs=0.1)
        assert service.line.foretell(turns.Size(1.0)).ahead == 2, "the others' places count both readings"
        stage.may_hear.set()
        assert texts(await rest_of(session)) == ["1 2 3 4 5"]
        assert texts(await rest_of(other)) == ["1 2"]
        assert service.live_sessions.stats().behind_s == 0


async def test_there_are_as_many_sessions_as_may_be_and_a_place_is_free_at_once(service: SpeechService) -> None:
    async with service.live(BY_HAND):
        async with service.live(BY_HAND):
            with pytest.raises(BusyError, match="2 live sessions are open") as refused:
                async with service.live(BY_HAND):
                    pass
            assert refused.value.values["reason"] == "live"
        async with service.live(BY_HAND):
            assert service.live_sessions.stats().sessions == 2
    assert b"voxdemo_live_sessions 0.0" in _scraped(service)


@pytest.mark.parametrize("bounds", [{"live_per_client": 1, "max_waiting_per_client": 2}])
async def test_one_client_has_no_more_sessions_than_it_may_and_others_have_theirs(service: SpeechService) -> None:
    ann, bob = (RequestContext(caller=name) for name in ("ann", "bob"))
    async with service.live(BY_HAND, ann):
        with pytest.raises(LimitError, match="You already have a live session open") as refused:
            async with service.live(BY_HAND, ann):
                pass
        assert refused.value.values["reason"] == "live"
        async with service.live(BY_HAND, bob):
            pass
    async with service.live(BY_HAND, ann), service.live(BY_HAND):
        pass


async def test_a_server_that_is_about_to_stop_reads_what_was_said_in_its_sessions_and_opens_none(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "LOOK_EVERY_S", 0.0)
    async with service.live(BY_HAND) as session:
        session.feed(sound(1.1))
        service.live_sessions.end()
        events = [event async for event in session.events()]
        assert texts(events) == ["1"]
        assert events[-1] == LiveEnded("stopping")
        await service.live_sessions.ended(within_s=0.0)
        assert service.live_sessions.stats().sessions == 1
    await service.live_sessions.ended(within_s=60.0)
    with pytest.raises(NotReadyError, match="restarting"):
        async with service.live(BY_HAND):
            pass
    assert not service.readiness().ready
    assert service.line.refusal is None, "those in line are served"


def _scraped(service: SpeechService) -> bytes:
    from prometheus_client import generate_latest

    return generate_latest(service.metrics.registry)


@pytest.mark.parametrize("begun", [True, False])
async def test_a_session_that_is_left_frees_its_seat_or_its_place(
    service: SpeechService, stage: Stage, begun: bool
) -> None:
    stage.may_hear.clear()
    async with service.live(BY_HAND) as first:
        first.feed(sound(1.1))
        await until(lambda: service.line.stats().running == 1)
        if not begun:
            async with service.live(BY_HAND) as second:
                second.feed(sound(1.1))
                await until(lambda: service.line.stats().waiting == 1)
            assert service.line.stats().waiting == 0
    stage.may_hear.set()
    await until(lambda: service.line.stats().running == 0)
    assert service.live_sessions.stats().sessions == 0


@pytest.mark.parametrize(("fails", "says"), [(2, ["1 2"]), (99, [])])
async def test_a_reading_that_fails_does_not_end_the_session(
    service: SpeechService, failing: list[bool], fails: int, says: list[str]
) -> None:
    async with service.live(BY_HAND) as session:
        failing += [True] * fails  # a job is repeated once before it counts as failed
        session.feed(sound(1.1))
        await until(lambda: len(failing) <= max(0, fails - 2))
        session.feed(sound(1.1))
        session.commit()
        async with aclosing(session.events()) as events:
            ended = await anext(events)
            while not isinstance(ended, (TurnEnded, TurnFailed)):
                ended = await anext(events)
        failing.clear()
        assert texts([ended]) == says
        await until(lambda: service.readiness().ready)
        session.feed(sound(3.3))
        assert texts(await rest_of(session)) == ["1 2 3"]


@pytest.mark.parametrize("reason", ["silence", "too_long", "stopping"])
async def test_a_session_ends_when_nobody_speaks_any_more_when_it_lasts_too_long_or_the_server_stops(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(live_sessions, "LOOK_EVERY_S", 0.0)
    async with service.live(LiveOptions()) as session:
        session.feed(sound(2.0))
        session.feed(sound(61 if reason == "silence" else 58, 0.0))
        if reason == "too_long":
            monkeypatch.setattr(live_sessions, "LONGEST_S", 0.0)
        if reason == "stopping":
            service.line.refuse_all(1.0)
        events = [event async for event in session.events()]
        session.feed(sound(1.0))  # nobody listens, and nothing happens
    assert events[-1] == LiveEnded(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("bounds", [{"live_silence_s": 0}])
@pytest.mark.parametrize("ear", [Ear, VoiceDetector] if AT_NIGHT else [Ear])
async def test_an_hour_of_silence_ends_no_session_where_silence_is_no_end(
    service: SpeechService, monkeypatch: pytest.MonkeyPatch, ear: type
) -> None:
    monkeypatch.setattr(live_sessions, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(live_sessions, "VoiceDetector", ear)
    async with service.live(LiveOptions()) as session:
        for _ in range(60):
            session.feed(sound(60.0, 0.0))
            await until(lambda: session.behind_s < 60.0)
        session.feed(decode.read(WARM_UP, 10.0, rate=RATE).samples)
        events = await rest_of(session)
    assert next(event for event in events if isinstance(event, Committed)).start_s == pytest.approx(3600.0, abs=1.0)
    assert texts(events)


async def test_far_more_sound_than_can_be_read_and_unknown_languages_are_refused(
    service: SpeechService, stage: Stage
) -> None:
    with pytest.raises(InputError, match="doesn't know that language"):
        async with service.live(LiveOptions("xx")):
            pass
    stage.may_hear.clear()
    async with service.live(BY_HAND) as session:
        with pytest.raises(InputError, match="doesn't know that language"):
            session.change(LiveOptions("xx"))
        session.feed(sound(live_sessions.MOST_UNREAD_S - 1))
        with pytest.raises(InputError) as refused:
            session.feed(sound(2.0))
        assert refused.value.code == "too_much_sound"
        stage.may_hear.set()


async def test_what_its_client_wants_happens_in_the_order_of_the_sound(service: SpeechService) -> None:
    async with service.live(BY_HAND) as session:
        session.feed(sound(1.1))
        session.commit()
        session.feed(sound(2.1))
        session.clear()
        session.feed(sound(3.3))
        session.change(LiveOptions())
        session.commit()
        session.feed(sound(4.4))
        session.feed(sound(1.0, 0.0))
        ended = [text for text in texts(await rest_of(session)) if text]
    assert ended == ["1", "1 2 3", "1 2 3 4"]


async def test_every_commit_is_answered_also_where_detection_has_ended_the_turn_before(service: SpeechService) -> None:
    async with service.live(LiveOptions()) as session:
        session.commit()
        session.feed(sound(1.1))
        session.feed(sound(1.0, 0.0))
        session.commit()
        session.feed(sound(1.1))
        session.commit()
        session.commit()
        answers = [event for event in await rest_of(session) if isinstance(event, (Committed, NothingCommitted))]
    assert [type(answer) for answer in answers] == [
        NothingCommitted, Committed, NothingCommitted, Committed, NothingCommitted,
    ]  # fmt: skip


async def test_a_server_that_stops_ends_the_open_turn_before_the_session(
    service: SpeechService, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_sessions, "LOOK_EVERY_S", 0.0)
    stage.may_hear.clear()
    async with service.live(BY_HAND) as session:
        session.feed(sound(1.1))
        await until(lambda: service.line.stats().running == 1)
        service.line.refuse_all(60.0)
        await until(lambda: session.is_over)
        session.feed(sound(5.0))
        assert session.behind_s < 2.0, "what comes after the end isn't counted"
        stage.may_hear.set()
        events = [event async for event in session.events()]
    told = [type(event) for event in events if not isinstance(event, Heard)]
    assert told == [Committed, TurnFailed, LiveEnded], "whether its reading had begun or not"
