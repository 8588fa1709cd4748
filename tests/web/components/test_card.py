from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from voxdemo.errors import BusyError, InputError, LimitError, VoxdemoError
from voxdemo.speech import Listening, Segment, Speaking, SpeechEvent, Spoken, Transcript, Waiting
from voxdemo.web.components import card, wording
from voxdemo.web.components.card import CardValue

KEPT = "Your text is kept."
SPOKEN = Spoken(
    path=Path("results/token/speech.wav"),
    duration_s=10.004,
    seed=7,
    seconds_spent=2.5,
    captions=(Segment("One.", 0.0, 4.0), Segment("Two.", 4.0, 10.004)),
    peaks=(1, 50, 100),
    warnings=("Left out: ✈.",),
    timings={"waiting": 0.1, "first_chunk": 0.2504, "speaking": 2.5},
)


async def events(*those: SpeechEvent | Exception) -> AsyncGenerator[SpeechEvent, None]:
    for event in those:
        if isinstance(event, Exception):
            raise event
        yield event


async def told(*those: SpeechEvent | Exception) -> list[CardValue]:
    return [value async for value in card.told(lambda: events(*those), KEPT)]


def test_a_place_in_line_is_told_with_its_seconds() -> None:
    assert card.value_of(Waiting(2, 25.04)) == {"state": "waiting", "ahead": 2, "seconds": 25.0}
    loading = {"state": "waiting", "ahead": 0, "seconds": None, "loading": "Kokoro"}
    assert card.value_of(Waiting(0, None, "Kokoro")) == loading
    assert card.value_of(Waiting(0, 3.96, "Kokoro")) == {**loading, "seconds": 4.0}
    assert wording.status(Waiting(0, 3.96, "Kokoro")) == "Loading Kokoro, about 4 s"
    assert wording.status(Waiting(0, None, "Kokoro")) == "Loading Kokoro"
    assert card.value_of(Waiting(0, None))["seconds"] is None


async def test_the_loading_of_a_model_midway_is_told_at_once_and_until_it_is_over() -> None:
    loading = Speaking(0.5, 3.96, 2, 3, loading="Kokoro")
    assert wording.status(loading) == "Loading Kokoro, about 4 s"
    assert wording.status(Speaking(0.5, 9.0, 2, 3)) == "Speaking part 2 of 3, about 9 s left"
    values = await told(Speaking(0.4, 9.0), loading, Speaking(0.5, 5.0), SPOKEN)
    assert [(value.get("loading"), value.get("seconds")) for value in values[:3]] == [
        (None, 9.0), ("Kokoro", 4.0), (None, 5.0),
    ]  # fmt: skip


def test_progress_is_told_with_the_part_that_is_spoken() -> None:
    expected = {"state": "speaking", "done": 0.333, "seconds": 3.0, "sentence": 2, "sentences": 4}
    heard = {"total": 12.3, "left": 7.0, "sound": "token"}
    assert card.value_of(Speaking(1 / 3, 3.0, 2, 4, 12.34, 7.0, "token")) == {**expected, **heard}
    assert card.value_of(Speaking(0.0, None))["total"] is None
    assert card.value_of(Listening(0.5, None)) == {"state": "listening", "done": 0.5, "seconds": None}


def test_a_finished_sound_is_told_by_an_address_relative_to_the_page() -> None:
    assert card.value_of(SPOKEN) == {
        "state": "done",
        "url": "speech/token",
        "total": 10.0,
        "took": 2.5,
        "cached": False,
        "factor": 0.25,
        "seed": 7,
        "peaks": [1, 50, 100],
        "captions": [(0.0, 4.0, "One."), (4.0, 10.0, "Two.")],
        "notes": ["Left out: ✈."],
        "format": "WAV",
    }


def test_a_transcript_is_told_with_its_language() -> None:
    value = card.value_of(Transcript("Hello.", "en", (), duration_s=6.0, seconds_spent=2.8))
    assert value == {
        "state": "heard",
        "text": "Hello.",
        "language": "en",
        "total": 6.0,
        "took": 2.8,
        "cached": False,
        "notes": [],
    }


def test_a_recording_that_was_kept_is_told_with_its_address_and_captions() -> None:
    said = Segment("Hello.", 0.5, 1.25)
    value = card.value_of(Transcript("Hello.", "en", (said,), 6.0, path=Path("results/token/speech.wav"), peaks=(1, 2)))
    assert (value["url"], value["peaks"], value["captions"]) == ("speech/token", [1, 2], [(0.5, 1.25, "Hello.")])


def test_a_sound_that_broke_off_says_so_before_its_other_notes() -> None:
    failure = VoxdemoError("The voice stopped after {where}.", "stopped_early", where="“One.”").described
    value = card.value_of(replace(SPOKEN, failure=failure))
    assert value["notes"] == [failure, "Left out: ✈."]


async def test_progress_is_told_at_most_four_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(number / 100 for number in range(1000))
    monkeypatch.setattr(card, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    values = await told(*(Speaking(number / 200, 1.0) for number in range(200)), SPOKEN)
    assert [value["state"] for value in values] == ["speaking"] * 8 + ["done"]


async def test_a_change_of_place_or_state_is_told_at_once() -> None:
    values = await told(Waiting(2, 3.0), Waiting(1, 2.0), Waiting(1, 1.9), Speaking(0.0, 1.0), SPOKEN)
    assert [(value["state"], value.get("ahead")) for value in values] == [
        ("waiting", 2), ("waiting", 1), ("speaking", None), ("done", None),
    ]  # fmt: skip


async def test_that_the_end_has_begun_is_told_at_once() -> None:
    values = await told(Speaking(0.9, 1.0), Speaking(0.99, 0.1), Speaking(1.0, 0.0), SPOKEN)
    assert [value.get("done") for value in values] == [0.9, 1.0, None]


async def test_no_value_is_the_one_before_so_that_a_repeated_failure_is_drawn_again() -> None:
    values = [*await told(InputError("No.")), *await told(InputError("No."))]
    assert all(one != next_one for one, next_one in pairwise(values))


async def test_a_failure_is_a_value_that_says_what_is_kept() -> None:
    *_, last = await told(Waiting(0, None), InputError("The text is too long."))
    assert (last["state"], last["message"], last["kept"]) == ("failed", "The text is too long.", KEPT)


async def test_an_unforeseen_failure_is_a_sentence_for_people_and_a_traceback_for_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        (value,) = await told(ValueError("secret /path"))
    assert "secret" not in str(value)
    assert (value["code"], value["kept"]) == ("unexpected", KEPT)
    assert "secret /path" in caplog.text


async def test_closing_the_values_closes_the_job() -> None:
    closed = []

    async def endless() -> AsyncGenerator[SpeechEvent, None]:
        try:
            while True:
                yield Waiting(len(closed), None)
        finally:
            closed.append(True)

    async with aclosing(card.told(endless, KEPT)) as values:
        await anext(values)
    assert closed == [True]


@pytest.mark.parametrize(
    ("error", "state", "seconds"),
    [
        (BusyError("Full.", 12.4), "limited", 12),
        (BusyError("Full.", 0.2), "limited", 1),
        (BusyError.full(3, 40.0), "limited", 40),
        (BusyError.full(3, None), "failed", None),
        (InputError("Try again in about 5 s.", "seed"), "failed", None),
        (LimitError("You have a job waiting already.", 5.0), "failed", None),
    ],
)
def test_a_full_line_is_counted_down_by_the_errors_own_seconds(
    error: VoxdemoError, state: str, seconds: int | None
) -> None:
    value = card.refused(error, KEPT)
    assert (value["state"], value.get("seconds")) == (state, seconds)
