"""Recordings become transcripts."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import soundfile
from asking import recording
from fakes import LISTENER, FakeRecognizer, Stage

from voxdemo.errors import InputError
from voxdemo.intake.request import AskedRecording
from voxdemo.server import assemble
from voxdemo.service.service import SpeechService
from voxdemo.speech import Transcript


async def test_a_recording_becomes_a_transcript(service: SpeechService, prompt: Path) -> None:
    async with aclosing(service.transcribe(AskedRecording(prompt))) as events:
        seen = [event async for event in events]
    transcript = seen[-1]
    assert isinstance(transcript, Transcript)
    assert (transcript.text, transcript.language) == ("heard", "en")
    assert transcript.duration_s == pytest.approx(2.0)


async def test_a_recording_is_kept_beside_its_captions_where_that_is_asked_for(
    service: SpeechService, prompt: Path
) -> None:
    async with aclosing(service.transcribe(AskedRecording(prompt), keep=True)) as events:
        transcript = [event async for event in events][-1]
    assert isinstance(transcript, Transcript)
    assert transcript.path
    assert soundfile.info(transcript.path).duration == pytest.approx(2.0)
    assert "heard" in transcript.path.with_suffix(".vtt").read_text()
    assert len(transcript.peaks) == 20


async def test_a_recording_that_cannot_be_kept_is_read_all_the_same(
    service: SpeechService, prompt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    async with aclosing(service.transcribe(AskedRecording(prompt), keep=True)) as events:
        transcript = [event async for event in events][-1]
    assert isinstance(transcript, Transcript)
    assert (transcript.text, transcript.path) == ("heard", None)
    assert list(service.results.root.iterdir()) == []


async def test_a_recording_over_ten_minutes_is_refused(service: SpeechService, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="longer than 10 minutes"):
        async with aclosing(
            service.transcribe(AskedRecording(recording(tmp_path / "long.wav", seconds=601)))
        ) as events:
            [event async for event in events]


@pytest.mark.parametrize(("fixed_s", "heard_s"), [(None, [4.65, 1.5]), (8.0, [4.65])])
def test_the_time_of_any_recording_is_reckoned_from_two_lengths_of_which_one_may_be_known(
    fixed_s: float | None, heard_s: list[float]
) -> None:
    heard: list[float] = []

    class Ear(FakeRecognizer):
        def transcribe(self, samples: Any, sample_rate: int, *more: Any) -> Generator[Transcript, None, None]:
            heard.append(len(samples) / sample_rate)
            return super().transcribe(samples, sample_rate, *more)

    (whole_s, took), (other_s, other_took) = assemble._hear(Ear(Stage(), replace(LISTENER, fixed_s=fixed_s)))
    assert heard == pytest.approx(heard_s, abs=0.01)
    assert whole_s == heard[0]
    assert other_s == (30.0 if fixed_s else heard[1])
    assert not fixed_s or other_took / took == pytest.approx(38.0 / (8.0 + whole_s))
