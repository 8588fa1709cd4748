"""Forms and films that clients send."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MIB = 1 << 20


def form(size: int, files: int = 1) -> Iterator[bytes]:
    """A form with so many files of so many bytes each."""
    for number in range(files):
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="%d.wav"\r\n\r\n' % number
        for _ in range(size // MIB):
            yield bytes(MIB)
        yield b"\r\n"
    yield b"--b--\r\n"


def by_ffmpeg(
    path: Path, codec: str, sample_format: str, rate: int, samples: np.ndarray, picture: str = "", kind: str = ""
) -> Path:
    """A file of this kind, or of what the path's suffix says; `picture` is the codec of a video's."""
    with av.open(str(path), "w", format=kind or None) as container:
        video = container.add_stream(picture, rate=25, width=64, height=64, pix_fmt="yuv420p") if picture else None
        stream = container.add_stream(codec, rate=rate, layout="mono")
        block_size = 1_920 if video else 960
        for start in range(0, len(samples), block_size):
            block = np.ascontiguousarray(samples[start : start + block_size].reshape(1, -1).astype(np.float32))
            frame = av.AudioFrame.from_ndarray(block, format=sample_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            container.mux(stream.encode(frame))
            if video:
                black = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                container.mux(video.encode(black))
        for each in (stream, video) if video else (stream,):
            container.mux(each.encode(None))
    return path
