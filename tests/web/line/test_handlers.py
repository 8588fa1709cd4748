from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voxdemo.errors import InputError
from voxdemo.intake.request import UNSEEN_RECORDING_S, AskedRecording, RecordingRequest, SpeechRequest
from voxdemo.service.service import SpeechService
from voxdemo.speech import Utterance
from voxdemo.web.line.handlers import examined, requested, sent_file, whole

NO_RECORDING = b"not a recording"


@pytest.fixture
def sent(service: SpeechService) -> Path:
    """A file that somebody sent."""
    path = service.files / "abc" / "voice.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(NO_RECORDING)
    return path


@pytest.mark.parametrize("file", [None, "", {}, []])
def test_no_file_is_no_file(file: Any) -> None:
    assert sent_file(file) is None


def test_a_file_is_known_as_clients_send_it() -> None:
    assert sent_file({"path": "/a/b.wav", "meta": {}}) == Path("/a/b.wav")


@pytest.mark.parametrize("file", [7, "voice.wav", {"url": "x"}, ["a"], {"path": 7}])
def test_what_is_no_file_is_refused_with_what_to_do(file: Any) -> None:
    with pytest.raises(InputError, match="handle_file"):
        sent_file(file)


@pytest.mark.parametrize(("number", "read"), [(10.0, 10), (10, 10), (10.5, 10.5), ("10", "10"), (None, None)])
def test_a_whole_number_is_one_however_it_is_written(number: Any, read: Any) -> None:
    assert whole(number) == read
    assert type(whole(number)) is type(read)


async def test_a_file_that_nobody_sent_is_not_looked_at(service: SpeechService, sent: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(NO_RECORDING)
    for path in (
        outside,
        sent.parent / ".." / ".." / ".." / ".." / outside.name,
        Path("/dev/zero"),
        Path("outside.wav"),
    ):
        assert (await requested(AskedRecording(path), service)).request is None
        known = await requested(Utterance("Hello.", prompt_audio=path), service)
        assert isinstance(known.request, SpeechRequest)
        assert known.request.utterance.prompt_audio is None
    assert isinstance((await requested(AskedRecording(sent), service)).request, RecordingRequest)


async def test_what_somebody_asks_for_is_known_before_they_join(service: SpeechService, sent: Path) -> None:
    plans = [examined(await requested(Utterance("Hello. " * count), service)).plan for count in (1, 50)]
    short, long = (sum(plan.work.values()) for plan in plans if plan)
    assert long > 10 * short > 0
    with pytest.raises(InputError, match="There is no text"):
        examined(await requested(Utterance(" "), service))
    assert examined(await requested(AskedRecording(sent), service)).recording_s == UNSEEN_RECORDING_S


async def test_a_name_that_no_file_can_have_is_refused_in_words(service: SpeechService) -> None:
    with pytest.raises(InputError, match="no longer here"):
        await requested(AskedRecording(service.files / ("a" * 5000)), service)
