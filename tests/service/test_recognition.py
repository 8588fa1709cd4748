"""Recordings become transcripts."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest
import soundfile
from asking import recording

from voxdemo.errors import InputError
from voxdemo.intake.request import AskedRecording
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
