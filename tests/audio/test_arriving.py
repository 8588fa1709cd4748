"""Sound in pieces is the same as in whole, in every coding."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from voxdemo.audio.arriving import CODINGS, ArrivingSound
from voxdemo.speech import Samples

RATE = 16_000
SUBTYPES = {"audio/pcm": "PCM_16", "audio/pcmu": "ULAW", "audio/pcma": "ALAW"}


def tone(rate: int) -> Samples:
    return (0.4 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)).astype(np.float32)


def coded(samples: Samples, name: str) -> bytes:
    """As another program writes it."""
    file = io.BytesIO()
    soundfile.write(file, samples, CODINGS[name].rate, format="RAW", subtype=SUBTYPES[name], endian="LITTLE")
    return file.getvalue()


@pytest.mark.parametrize("name", CODINGS)
@pytest.mark.parametrize("piece", [1, 7, 160, 961, 10**6])
def test_however_it_is_cut_the_sound_is_the_same(name: str, piece: int) -> None:
    data = coded(tone(CODINGS[name].rate)[: 3_000 if piece < 10 else None], name)
    sound, whole = (ArrivingSound(CODINGS[name], RATE) for _ in range(2))
    pieces = [sound.samples(data[at : at + piece]) for at in range(0, len(data), piece)]
    heard = np.concatenate([*pieces, sound.end()])
    np.testing.assert_allclose(heard, np.concatenate([whole.samples(data), whole.end()]), atol=1e-6)
    assert heard.dtype == np.float32


@pytest.mark.parametrize("name", CODINGS)
def test_a_tone_is_heard_as_it_was_sent(name: str) -> None:
    sound = ArrivingSound(CODINGS[name], RATE)
    heard = np.concatenate([sound.samples(coded(tone(CODINGS[name].rate), name)), sound.end()])
    assert len(heard) == 2 * RATE
    off = heard[800:-800] - tone(RATE)[800:-800]  # the ends ring
    assert np.sqrt(np.mean(off**2)) < 0.01


def test_after_the_end_another_sound_begins() -> None:
    sound = ArrivingSound(CODINGS["audio/pcm"], RATE)
    first = np.concatenate([sound.samples(coded(tone(24_000), "audio/pcm") + b"\x07"), sound.end()])
    again = np.concatenate([sound.samples(coded(tone(24_000), "audio/pcm")), sound.end()])
    np.testing.assert_array_equal(first, again)
    assert len(sound.end()) == 0
