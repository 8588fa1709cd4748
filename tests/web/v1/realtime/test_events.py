"""Events of OpenAI's transcription session, in and out, over a live session that a test scripts."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from fakes import LISTENER
from openai._models import construct_type
from openai.types.realtime import RealtimeServerEvent

from voxdemo.errors import EngineError, InputError, VoxdemoError
from voxdemo.live import (
    Committed,
    Heard,
    LiveEnded,
    LiveEvent,
    LiveOptions,
    NothingCommitted,
    SpeechStarted,
    SpeechStopped,
    TurnEnded,
    TurnFailed,
)
from voxdemo.speech import Samples, Segment, Transcript
from voxdemo.web.v1.realtime.events import TranscriptionSession, failed
from voxdemo.web.v1.realtime.fields import Session

TRANSCRIPTION = "conversation.item.input_audio_transcription"
SECOND = base64.b64encode(bytes(48_000)).decode()
"""Of silence at 24 kHz."""


@dataclass
class Scripted:
    """A live session that notes what it is asked for."""

    fed: list[Samples] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)

    def feed(self, samples: Samples) -> None:
        self.fed.append(samples)

    def commit(self, name: str) -> None:
        self.calls.append(f"commit {name}".rstrip())

    def clear(self) -> None:
        self.calls.append("clear")

    def change(self, options: LiveOptions) -> None:
        self.calls.append(options)

    @property
    def seconds(self) -> float:
        return sum(map(len, self.fed)) / 16_000


@pytest.fixture
def live() -> Scripted:
    return Scripted()


@pytest.fixture
def session(live: Scripted) -> TranscriptionSession:
    return TranscriptionSession(live, LISTENER)


def a_turn(turn: int, *pieces: str, start_s: float = 1.0) -> list[LiveEvent]:
    """All that is heard of a turn with this text."""
    text, end_s = "".join(pieces), start_s + 2.0
    transcript = Transcript(text, "en", (Segment(text, start_s, end_s),), 2.0)
    heard = [Heard(turn, piece, "and so on", 0.5) for piece in pieces]
    around = [SpeechStopped(turn, end_s), Committed(turn, start_s, end_s)]
    return [SpeechStarted(turn, start_s), *heard[:-1], *around, heard[-1], TurnEnded(turn, transcript)]


def told(session: TranscriptionSession, events: list[LiveEvent]) -> list[dict[str, Any]]:
    """What its client is told, each event having all that OpenAI's own types demand."""
    answers = [answer for event in events for answer in session.told(event)]
    for answer in answers:
        check(answer)
    assert len({answer["event_id"] for answer in answers}) == len(answers)
    return answers


def check(answer: dict[str, Any]) -> None:
    parsed: Any = construct_type(type_=RealtimeServerEvent, value=answer)
    type(parsed).model_validate(answer)
    assert parsed.type == answer["type"]


async def test_a_turn_is_told_event_by_event_as_openai_does(session: TranscriptionSession) -> None:
    first, second = (told(session, a_turn(turn, "Good", " morning", ".", start_s=3.0 * turn)) for turn in range(2))
    kinds = ["speech_started", "delta", "delta", "speech_stopped", "committed", "item.added", "item.done", "delta",
             "segment", "completed"]  # fmt: skip
    for events in (first, second):
        names = f"input_audio_buffer\\.|{TRANSCRIPTION}\\.|conversation\\."
        assert [re.sub(names, "", event["type"]) for event in events] == kinds
        ids = {event.get("item_id") or event["item"]["id"] for event in events}
        assert len(ids) == 1
        deltas = [event["delta"] for event in events if event["type"] == f"{TRANSCRIPTION}.delta"]
        assert "".join(deltas) == events[-1]["transcript"] == "Good morning."
        assert events[-1]["usage"] == {"type": "duration", "seconds": 2.0}
    assert first[4]["previous_item_id"] is None
    assert second[4]["previous_item_id"] == second[5]["previous_item_id"] == first[0]["item_id"] != second[0]["item_id"]
    assert (second[0]["audio_start_ms"], second[3]["audio_end_ms"]) == (3000, 5000)
    assert (second[-2]["start"], second[-2]["end"], second[-2]["text"]) == (3.0, 5.0, "Good morning.")


async def test_open_text_is_told_where_it_is_asked_for(session: TranscriptionSession) -> None:
    await session.take({"type": "session.update", "session": {"include": ["voxdemo.open"]}})
    answers = [answer for event in a_turn(0, "Good", " morning") for answer in session.told(event)]
    opened = [answer for answer in answers if answer["type"] == "voxdemo.transcription.open"]
    assert [(each["text"], each["behind_s"], each["item_id"]) for each in opened] == [
        ("and so on", 0.5, answers[0]["item_id"])
    ] * 2


async def test_a_turn_that_fails_is_told_and_the_next_goes_on(session: TranscriptionSession) -> None:
    error = EngineError("The recogniser failed: try again.")
    events = told(session, [SpeechStarted(0, 1.0), Committed(0, 1.0, 2.0), TurnFailed(0, error)])
    assert events[-1]["type"] == f"{TRANSCRIPTION}.failed"
    assert (events[-1]["error"]["message"], events[-1]["item_id"]) == (error.sentence, events[0]["item_id"])
    assert told(session, a_turn(1, "Good"))[-1]["transcript"] == "Good"


def test_a_commit_with_no_turn_open_is_answered(session: TranscriptionSession) -> None:
    for name in ("", "mine"):
        (event,) = told(session, [NothingCommitted(name)])
        error = event["error"]
        assert (event["type"], error["code"], error["event_id"]) == (
            "error", "input_audio_buffer_commit_empty", name or None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "code"), [("silence", "session_silent"), ("too_long", "session_expired"), ("stopping", "not_ready")]
)
def test_the_end_of_a_session_is_told_with_its_reason(session: TranscriptionSession, reason: Any, code: str) -> None:
    (event,) = told(session, [LiveEnded(reason)])
    assert (event["type"], event["error"]["code"]) == ("error", code)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, LiveOptions()),
        ({"type": "transcription", "audio": {"input": {"turn_detection": None}}}, LiveOptions(cuts_turns=False)),
        ({"turn_detection": None}, LiveOptions(cuts_turns=False)),
        ({"input_audio_transcription": {"language": "en-US"}}, LiveOptions(language="en")),
        ({"audio": {"input": {"transcription": {"language": "English", "model": "gpt-realtime-whisper"}}}},
         LiveOptions(language="en")),
        ({"audio": {"input": {"transcription": {"languages": ["en"], "language": None}}}}, LiveOptions(language="en")),
        ({"audio": {"input": {"transcription": None, "format": None}}}, LiveOptions()),
        ({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 0.7, "prefix_padding_ms": 100,
                                                 "silence_duration_ms": 800, "create_response": True}}}},
         LiveOptions(threshold=0.7, prefix_s=0.1, silence_s=0.8)),
        ({"audio": {"input": {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}}}}, LiveOptions()),
        ({"audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": None}}}}, LiveOptions()),
    ],
)  # fmt: skip
async def test_what_is_set_is_what_the_session_does(
    session: TranscriptionSession, live: Scripted, sent: dict[str, Any], expected: LiveOptions
) -> None:
    (answer,) = await session.take({"type": "session.update", "session": sent})
    check(answer)
    assert answer["type"] == "session.updated"
    assert live.calls == [expected]


async def test_only_what_is_sent_is_changed(session: TranscriptionSession, live: Scripted) -> None:
    for sent in ({"turn_detection": None}, {"transcription": {"language": "en"}}, {"format": {"type": "audio/pcmu"}}):
        (answer,) = await session.take({"type": "session.update", "session": {"audio": {"input": sent}}})
    heard = answer["session"]["audio"]["input"]
    assert (heard["turn_detection"], heard["transcription"]["language"], heard["format"]) == (
        None, "en", {"type": "audio/pcmu"},
    )  # fmt: skip
    assert live.calls[-1] == LiveOptions(language="en", cuts_turns=False)


async def test_names_that_are_not_known_are_told_in_one_warning(session: TranscriptionSession) -> None:
    sent = {"include": [f"more.{number}" for number in range(20)]}
    (answer,) = await session.take({"type": "session.update", "session": sent})
    (warning,) = answer["session"]["warnings"]
    assert "more.0, more.1" in warning
    assert "more.19: ignored" in warning


async def test_what_is_ignored_is_told(session: TranscriptionSession) -> None:
    heard = {
        "transcription": {"prompt": "Names: Ann.", "keywords": ["Ann"], "languages": ["en", "de"], "delay": "low"},
        "noise_reduction": {"type": "near_field"},
        "turn_detection": {"type": "semantic_vad"},
    }
    sent = {"audio": {"input": heard}, "include": ["item.input_audio_transcription.logprobs"]}
    (answer,) = await session.take({"type": "session.update", "session": sent})
    named = ("a prompt", "keywords", "several languages", "a delay", "noise reduction", "logprobs", "server_vad")
    for name, warning in zip(named, answer["session"]["warnings"], strict=True):
        assert name in warning
    assert answer["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({"type": "realtime"}, "session_speaks", ""),
        ("audio", "unfit_event", "session"),
        (None, "unfit_event", "session"),
        ([1], "unfit_event", "session"),
        ({"audio": []}, "unfit_event", "session.audio"),
        ({"audio": {"input": 1}}, "unfit_event", "session.audio.input"),
        ({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}}, "unfit_event",
         "session.audio.input.format"),
        ({"audio": {"input": {"format": {"type": "audio/mp3"}}}}, "unfit_event", "session.audio.input.format.type"),
        ({"input_audio_format": "mp3"}, "unfit_event", "session.audio.input.format.type"),
        ({"audio": {"input": {"turn_detection": {"threshold": 1.5}}}}, "unfit_event",
         "session.audio.input.turn_detection.threshold"),
        ({"audio": {"input": {"turn_detection": {"threshold": float("nan")}}}}, "unfit_event",
         "session.audio.input.turn_detection.threshold"),
        ({"audio": {"input": {"turn_detection": {"silence_duration_ms": -1}}}}, "unfit_event",
         "session.audio.input.turn_detection.silence_duration_ms"),
        ({"audio": {"input": {"turn_detection": {"type": "none"}}}}, "unfit_event",
         "session.audio.input.turn_detection.type"),
        ({"audio": {"input": {"transcription": {"language": "klingon"}}}}, "unknown_language", ""),
        ({"audio": {"input": {"transcription": {"model": "tts-1"}}}}, "model_not_found", ""),
        ({"include": "voxdemo.open"}, "unfit_event", "session.include"),
        ({"include": ["a"] * 21}, "unfit_event", "session.include"),
        ({"include": ["a" * 61]}, "unfit_event", "session.include.0"),
        ({"audio": {"input": {"transcription": {"keywords": ["a"] * 100_000}}}}, "unfit_event",
         "session.audio.input.transcription.keywords"),
        ({"audio": {"input": {"transcription": {"languages": ["en"] * 21}}}}, "unfit_event",
         "session.audio.input.transcription.languages"),
        ({"input_audio_transcription": {"prompt": "a" * 10_001}}, "unfit_event",
         "session.audio.input.transcription.prompt"),
    ],
)  # fmt: skip
async def test_what_a_session_can_not_be_is_refused_and_changes_nothing(
    session: TranscriptionSession, live: Scripted, sent: Any, code: str, field: str
) -> None:
    before = session.opened()["session"]
    event = {"type": "session.update", "session": sent, "event_id": "mine"}
    with pytest.raises(InputError) as refused:
        await session.take(event)
    assert (refused.value.code, refused.value.field) == (code, field)
    answer = failed(refused.value, event)
    check(answer)
    assert (answer["error"]["event_id"], answer["error"]["type"]) == ("mine", "invalid_request_error")
    assert session.opened()["session"] == before
    assert live.calls == []


async def test_what_is_appended_is_fed_and_ended_where_its_client_says_so(
    session: TranscriptionSession, live: Scripted
) -> None:
    with pytest.raises(InputError, match=r"at least 0\.1 s"):
        await session.take({"type": "input_audio_buffer.commit"})
    for _ in range(2):
        assert await session.take({"type": "input_audio_buffer.append", "audio": SECOND}) == ()
    await session.take({"type": "input_audio_buffer.commit", "event_id": "mine"})
    assert live.seconds == 2.0
    assert live.calls == ["commit mine"]
    with pytest.raises(InputError) as refused:
        await session.take({"type": "input_audio_buffer.commit"})
    assert refused.value.code == "input_audio_buffer_commit_empty"
    await session.take({"type": "input_audio_buffer.append", "audio": SECOND})
    (answer,) = await session.take({"type": "input_audio_buffer.clear"})
    check(answer)
    assert live.calls == ["commit mine", "clear"]
    with pytest.raises(InputError):
        await session.take({"type": "input_audio_buffer.commit"})


async def test_a_turn_that_was_cleared_becomes_no_item(session: TranscriptionSession) -> None:
    begun = told(session, [SpeechStarted(0, 0.5), Heard(0, "Go", "od", 0.0)])
    await session.take({"type": "input_audio_buffer.clear"})
    assert told(session, [Heard(0, "", "", 0.0), TurnEnded(0, Transcript("Go", "en", (), 1.0))]) == []
    assert told(session, a_turn(1, "Good"))[0]["item_id"] != begun[0]["item_id"]


@pytest.mark.parametrize(("name", "rate"), [("audio/pcm", 24_000), ("audio/pcmu", 8_000), ("audio/pcma", 8_000)])
async def test_sound_comes_in_every_format(session: TranscriptionSession, live: Scripted, name: str, rate: int) -> None:
    await session.take({"type": "session.update", "session": {"audio": {"input": {"format": {"type": name}}}}})
    second = bytes(rate * (2 if name == "audio/pcm" else 1))
    await session.take({"type": "input_audio_buffer.append", "audio": base64.b64encode(second).decode()})
    await session.take({"type": "input_audio_buffer.commit"})
    assert live.seconds == 1.0
    assert all(samples.dtype == np.float32 for samples in live.fed)


@pytest.mark.parametrize("audio", ["=", "AAA", "not base64", "AA\nAA", 5, None, [], "é", "\ud800"])
async def test_what_is_no_base64_is_refused(session: TranscriptionSession, live: Scripted, audio: Any) -> None:
    with pytest.raises(InputError) as refused:
        await session.take({"type": "input_audio_buffer.append", "audio": audio})
    assert refused.value.code == "audio_not_base64"
    assert live.fed == []


@pytest.mark.parametrize("kind", ["response.create", "conversation.item.create", "", None, 5, ["a"], {}, "x" * 10_000])
async def test_what_a_transcription_session_does_not_take_is_named(session: TranscriptionSession, kind: Any) -> None:
    with pytest.raises(InputError, match=r"A transcription session takes session\.update, .*, not") as refused:
        await session.take({"type": kind})
    assert len(refused.value.sentence) < 300


async def test_a_client_of_the_beta_is_answered_as_the_beta_did(live: Scripted) -> None:
    session = TranscriptionSession(live, LISTENER, is_beta=True)
    opened = session.opened()
    assert opened["type"] == "transcription_session.created"
    assert opened["session"]["input_audio_format"] == "pcm16"
    sent = {
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": "gpt-4o-transcribe", "language": "en", "prompt": ""},
        "turn_detection": {"type": "server_vad", "silence_duration_ms": 700},
        "input_audio_noise_reduction": {"type": "near_field"},
    }
    (answer,) = await session.take({"type": "transcription_session.update", "session": sent})
    assert answer["type"] == "transcription_session.updated"
    assert answer["session"]["input_audio_format"] == "g711_ulaw"
    assert answer["session"]["turn_detection"]["silence_duration_ms"] == 700
    assert live.calls == [LiveOptions(language="en", silence_s=0.7)]
    kinds = [event["type"] for event in told(session, a_turn(0, "Good"))]
    assert "conversation.item.created" in kinds
    assert not {"conversation.item.added", "conversation.item.done"} & {*kinds}


async def test_who_sends_the_beta_s_update_to_a_session_of_today_is_answered_alike(
    session: TranscriptionSession,
) -> None:
    assert session.opened()["type"] == "session.created"
    (answer,) = await session.take({"type": "transcription_session.update", "session": {"turn_detection": None}})
    assert (answer["type"], answer["session"]["turn_detection"]) == ("transcription_session.updated", None)


def test_what_is_shown_first_is_what_openai_s_types_demand(session: TranscriptionSession) -> None:
    opened = session.opened()
    check(opened)
    assert opened["session"]["type"] == "transcription"
    assert opened["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert opened["session"]["id"].startswith("sess_")
    assert Session().warnings(LISTENER) == []


@pytest.mark.parametrize("given", ["mine", "x" * 10_000, "\ud800", 5, None, [1]])
def test_an_error_names_the_event_that_met_it(given: Any) -> None:
    answer = failed(VoxdemoError("No."), {"event_id": given})
    expected = given[:512] if isinstance(given, str) else None
    assert answer["error"]["event_id"] == expected
