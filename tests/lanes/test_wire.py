"""What travels between processes comes out as it went in, and nothing else comes out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import CLONER, LISTENER, PIECE, RATE
from lining import LONG, MIXED, recording

from voxdemo import errors
from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.errors import BusyError, EngineError, InputError, LimitError, ModelDiedError, NotReadyError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.lanes import jobs, wire
from voxdemo.lanes.line import AddressLoad, Claim, LaneStats, ModelReport, WorkerStatus
from voxdemo.lanes.turns import Place, Size
from voxdemo.speech import SPEED, Segment, Transcript, Utterance, Waiting

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

HEARD = Transcript(
    "heard", "en", (Segment("heard", 0.0, 1.5, "happy"),), 1.5, path=Path("kept/speech.wav"), peaks=(1, 2)
)
CLONED = replace(
    LONG,
    prompt=PromptAudio(PIECE, RATE, was_cut=True),
    transcription=recording(),
    utterance=Utterance("hello \N{SNOWMAN} \ud800", seed=3, control="slow"),
)
DIALLED = replace(CLONER, dials=(SPEED,), absent={"denoise": "It isn't installed."}, device="elsewhere")
REPORT = ModelReport(DIALLED, WorkerStatus("waking", "Soon.", 1.5), wanted=True, serving=False, loads=3)
VALUES = [
    *(LONG, MIXED, CLONED, recording(), HEARD, jobs.Started(), jobs.PartRetaken(2), jobs.Cut(1), jobs.Paused(None)),
    *(jobs.Paused(1.5), jobs.Resumed(), Waiting(3, None, "Kokoro"), Claim(Size(None), {"a": 1.0}, 2.0, "ann", "key")),
    *(Catalogue((DIALLED,), frozenset({"fake"})), LISTENER, Place(1, 2.0, None), jobs.Piece(1, PIECE)),
    jobs.PartTimed(1, ((0.25, 0.5), (0.5, 1.0))),
    LaneStats(1, 0, 2, 3, 4.5, 1, (REPORT,), (AddressLoad("studio", 4, 1, 0),)),
]
FAILURES = [
    BusyError.full(3, 4.5),
    LimitError.waiting(2, None),
    NotReadyError.stopping(),
    InputError("Not {what}.", field="speed", code="odd", what="that"),
    ModelDiedError("It died.", "ran out of memory"),
    EngineError("The voice stopped. {why}", "stopped_early", why=InputError.nothing_to_say()),
    errors.StorageError(),
    errors.AddressError.of("engine_silent", "Another voice"),
    errors.WeightsError("Its weights are gone."),
]


def same(one: Any, other: Any) -> bool:
    """Whether they are equal, sounds and lists included."""
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other) and one.dtype == other.dtype
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__
        )
    return bool(one == other)


async def streamed(message: bytes, sizes: Sequence[int]) -> list[Any]:
    async def chunks() -> AsyncGenerator[bytes, None]:
        at = 0
        for size in (*sizes, len(message)):
            yield message[at : at + size]
            at += size

    return [value async for value in wire.values(chunks())]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_arrives_as_it_was(value: Any) -> None:
    assert same(wire.from_bytes(wire.to_bytes(value)), value)


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_an_error_arrives_with_its_kind_sentence_and_values(error: errors.VoxdemoError) -> None:
    arrived = wire.from_bytes(wire.to_bytes(error))
    assert type(arrived) is type(error)
    assert json.dumps(arrived.described) == json.dumps(error.described)
    for fact in ("retry_after_s", "field", "what"):
        assert getattr(arrived, fact, None) == getattr(error, fact, None)


def test_an_error_that_only_another_version_knows_is_the_models() -> None:
    message = wire.to_bytes(EngineError("It is new.", "new_code")).replace(b"EngineError", b"NewestError")
    arrived = wire.from_bytes(message)
    assert (type(arrived), arrived.sentence, arrived.code) == (EngineError, "It is new.", "new_code")


words = st.text(max_size=20)
seconds = st.none() | st.floats(allow_nan=False)
sounds = st.lists(st.floats(-1, 1, width=32), max_size=50).map(lambda samples: np.array(samples, np.float32))
events = st.one_of(
    st.builds(jobs.Piece, st.integers(0, 99), sounds),
    st.builds(Waiting, st.integers(0, 9999), seconds, words),
    st.builds(jobs.Paused, seconds),
    st.builds(jobs.ListenJob, words, sounds, st.integers(1, 48_000), st.none() | words, seconds, words),
    st.builds(
        jobs.SpeakJob,
        st.just(CLONER),
        st.builds(Utterance, words, seed=st.none() | st.integers(), voice=st.none() | words),
        st.lists(words, min_size=1, max_size=4).map(tuple),
        seconds,
        prompt=st.none() | st.builds(PromptAudio, sounds, st.integers(1, 48_000)),
        shares=st.lists(st.floats(0, 1), max_size=4).map(tuple),
    ),
    st.builds(lambda sentence, **values: EngineError(sentence, "odd").described, words),
)


@settings(max_examples=60, deadline=None, database=None, derandomize=True)
@given(st.lists(events, min_size=1, max_size=5), st.lists(st.integers(0, 4000), max_size=5))
async def test_a_stream_has_the_values_that_were_sent_however_it_is_cut(sent: list[Any], sizes: list[int]) -> None:
    arrived = await streamed(b"".join(map(wire.to_bytes, sent)), sizes)
    assert same(arrived, sent)


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.recursive(words | st.integers(), lambda inner: st.lists(inner)).map(
            lambda value: json.dumps({"value": value, "bytes": value}).encode() + b"\n"
        ),
    )
)
def test_what_is_no_message_is_refused_and_never_fails_otherwise(message: bytes) -> None:
    with suppress(ValueError):
        wire.from_bytes(message)


@pytest.mark.parametrize(
    "message",
    [
        b'{"value":{"is":"Popen","args":"ls"}}\n',
        b'{"value":{"is":"SpeakJob"}}\n',
        b'{"value":{"is":"sound","of":3},"bytes":[]}\n',
        b'{"value":{"is":"error","of":["BusyError"]}}\n',
        b'{"value":1,"bytes":[-4]}\n',
        b'{"value":1,"bytes":[99999999999]}\n',
        b'{"value":1,"bytes":[4]}\nab',
        b"[]\n",
        b'{"value":' + b"[" * 100_000 + b"\n",
    ],
)
def test_what_nobody_of_ours_would_send_is_refused(message: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        wire.from_bytes(message)


def test_what_may_not_travel_is_not_sent() -> None:
    with pytest.raises(TypeError, match="object can't travel"):
        wire.to_bytes(object())


async def test_a_stream_that_breaks_off_in_a_value_is_noticed() -> None:
    with pytest.raises(EOFError):
        await streamed(wire.to_bytes(jobs.Piece(0, PIECE))[:-4], [])


async def test_a_stream_without_an_end_of_line_is_given_up() -> None:
    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            yield b"x" * 2**20

    with pytest.raises(ValueError, match="too long"):
        async for _ in wire.values(endless()):
            pass
