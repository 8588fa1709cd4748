"""Sound that comes over a connection, in pieces cut anywhere, as samples at another rate. Knows no connection."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile

from voxdemo.audio.resample import Resampler
from voxdemo.speech import Samples


@dataclass(frozen=True, slots=True)
class Coding:
    """How the bytes of mono sound are meant."""

    rate: int
    """Hz."""
    subtype: str
    """As libsndfile calls it."""
    sample_bytes: int


CODINGS = {
    "audio/pcm": Coding(24_000, "PCM_16", 2),
    "audio/pcmu": Coding(8_000, "ULAW", 1),
    "audio/pcma": Coding(8_000, "ALAW", 1),
}
"""By the name that OpenAI's API gives it; the last two are those of telephones (ITU-T G.711)."""


class ArrivingSound:
    """Samples of the bytes that come, in their order; the few last ones come when more does, or at `end`."""

    def __init__(self, coding: Coding, rate: int) -> None:
        self.coding = coding
        self._rest = b""
        self._resampler = Resampler(coding.rate, rate)

    def samples(self, data: bytes) -> Samples:
        """What this adds to what came before: mono float32, shape [n], at the rate that was asked for."""
        data = self._rest + data
        whole = len(data) - len(data) % self.coding.sample_bytes
        self._rest = data[whole:]
        return self._resampler.more(decoded(data[:whole], raw(self.coding.rate, self.coding.subtype)))

    def end(self) -> Samples:
        """What is left of the sound; what comes later is another one."""
        self._rest = b""
        return self._resampler.rest()


def raw(rate: int, subtype: str, channels: int = 1, endian: str = "LITTLE") -> dict[str, Any]:
    """Sound without a header, as soundfile wants to be told what it is."""
    return {"samplerate": rate, "channels": channels, "format": "RAW", "subtype": subtype, "endian": endian}


def decoded(data: bytes, kind: dict[str, Any]) -> Samples:
    """Mono float32 samples, shape [n], of whole frames of this `kind`."""
    sound = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True, **kind)[0]
    return np.asarray(sound.mean(axis=1, dtype=np.float32))
