"""Wavs as servers send them: one a sentence, with anything between them, in chunks of any size."""

from __future__ import annotations

import io
import struct
from functools import cache

import numpy as np
import pytest
import soundfile

from voxdemo.engines.address.sound import IncomingSound, UnreadableError
from voxdemo.speech import Samples

RATE = 24_000
FRAMES = 51
"""An odd number, so that 8 and 24 bits leave an odd number of bytes."""
HEADER_BYTES = 44
STEPS = (1, 7, 1_000_000)
LIST = b"LIST" + struct.pack("<I", 26) + b"INFOISFT" + struct.pack("<I", 14) + b"Lavf60.16.100\0"
ODD = b"note" + struct.pack("<I", 5) + b"hello\0"
LEVEL = 0.25


@cache
def wav(subtype: str = "PCM_16", channels: int = 1, rate: int = RATE) -> bytes:
    written = io.BytesIO()
    soundfile.write(written, np.full((FRAMES, channels), LEVEL), rate, format="WAV", subtype=subtype)
    return written.getvalue()


def with_size(size: int) -> bytes:
    """As a server sends it that doesn't know yet how long it gets."""
    return wav()[: HEADER_BYTES - 4] + struct.pack("<I", size) + wav()[HEADER_BYTES:]


def unpadded(subtype: str) -> bytes:
    """As Python's own module writes it, which leaves the padding out."""
    assert wav(subtype)[-1] == 0
    return wav(subtype)[:-1]


def behind_a_list(size: int) -> bytes:
    """As ffmpeg writes to a pipe: another chunk stands before the format, and one before the sound."""
    whole = with_size(size)
    return whole[:12] + ODD + whole[12:36] + LIST + whole[36:]


def heard(sent: bytes, step: int) -> Samples:
    sound = IncomingSound(RATE, None, longest_s=60.0)
    pieces = [sound.add(sent[at : at + step]) for at in range(0, len(sent), step)]
    return np.concatenate([*pieces, sound.finish()])


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "one",
    [
        pytest.param(wav(), id="plain"),
        pytest.param(wav(channels=2), id="stereo"),
        pytest.param(wav() + LIST, id="a chunk behind"),
        pytest.param(wav() + LIST + ODD + b"data\x02\0\0\0\x01\x7f", id="chunks behind"),
        pytest.param(wav() + ODD + b"RIFF\x06\0\0\0AVI \x01\x01", id="another RIFF behind"),
        pytest.param(wav("PCM_U8"), id="8 bits, padded"),
        pytest.param(wav("PCM_24") + LIST, id="24 bits, padded"),
        pytest.param(unpadded("PCM_24"), id="24 bits, not padded"),
        pytest.param(unpadded("PCM_24") + LIST, id="24 bits, not padded, a chunk behind"),
        pytest.param(with_size(0), id="size 0"),
        pytest.param(with_size(0xFFFFFFFF), id="size 4 GB"),
        pytest.param(with_size(0x7FFFFFFF), id="size 2 GB"),
        pytest.param(with_size(2 * FRAMES + 400_000), id="size of a long sound"),
        pytest.param(behind_a_list(2 * FRAMES), id="chunks before"),
        pytest.param(behind_a_list(0xFFFFFFFF), id="size 4 GB, chunks before"),
    ],
)
def test_wavs_behind_each_other_are_heard_to_the_last_one_and_nothing_between_them(one: bytes, step: int) -> None:
    samples = heard(one * 3, step)
    assert len(samples) == 3 * FRAMES
    assert samples == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.parametrize("size", [2 * FRAMES, 0, 0xFFFFFFFF])
@pytest.mark.parametrize("step", STEPS)
def test_one_that_breaks_off_in_the_next_header_is_not_taken_as_whole(size: int, step: int) -> None:
    surely = 1 if size == 2 * FRAMES else 4  # else the first letters may be sound
    for there in range(surely, HEADER_BYTES):
        with pytest.raises(UnreadableError):
            heard(with_size(size) + wav()[:there], step)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "behind", [wav()[: HEADER_BYTES + 40], wav()[: HEADER_BYTES + 41], wav()[:HEADER_BYTES] + wav()]
)
def test_sound_that_is_shorter_than_its_size_is_heard_as_far_as_it_comes(behind: bytes, step: int) -> None:
    samples = heard(wav() + behind, step)
    assert len(samples) == FRAMES + (20 if len(behind) < 90 else FRAMES)
    assert samples == pytest.approx(LEVEL, abs=0.01)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("behind", [b"LIS", b"LIST\x04\0\0\0IN", b"\x7f" * 4_000, b"\0" * 4_000])
def test_what_stands_behind_the_last_one_and_isnt_a_wav_is_dropped(behind: bytes, step: int) -> None:
    assert len(heard(wav() * 2 + behind, step)) == 2 * FRAMES


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("between", [b"", LIST])
@pytest.mark.parametrize("first", [wav(), with_size(0xFFFFFFFF)])
def test_a_next_one_at_another_rate_is_refused(first: bytes, between: bytes, step: int) -> None:
    with pytest.raises(UnreadableError, match="rate"):
        heard((wav() + between if first == wav() else first) + wav(rate=48_000), step)


@pytest.mark.parametrize("step", STEPS)
def test_a_next_one_of_another_depth_is_understood(step: int) -> None:
    samples = heard(wav() + wav("PCM_24", channels=2) + wav("PCM_U8"), step)
    assert len(samples) == 3 * FRAMES
    assert samples == pytest.approx(LEVEL, abs=0.01)
