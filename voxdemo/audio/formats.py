"""Sound as files in the formats that people ask for, an hour as well as a second. Knows files and samples only."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import soundfile

from voxdemo.audio.resample import resample_blocks
from voxdemo.audio.streaming import StreamFormat, encoder, known_rate
from voxdemo.audio.wav import clean, pcm
from voxdemo.files import replacing
from voxdemo.speech import Samples

if TYPE_CHECKING:
    from typing_extensions import Buffer

Compressed = Literal["flac", "mp3", "opus", "aac"]
Format = Literal["wav", "flac", "mp3", "opus", "aac"]

MIME_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
}
"""By format: RFC 2361, RFC 9639, RFC 3003, RFC 5334 (Opus in Ogg) and ISO 13818-7 (AAC in ADTS)."""

_LIBSNDFILE = {  # what it can't write, FFmpeg does
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
}
MADE_BY = "Speech made by a machine (voxdemo)"
"""What a file says of itself in its comment, where its format has one; AAC in ADTS has none."""
_BLOCK_FRAMES = 65_536


def convert(wav: Path, to: Path, format: Compressed) -> None:
    """The mono sound in `wav` as `write` puts it at `to`. Raises OSError where it can't be read or written."""
    with wav.open("rb") as file, soundfile.SoundFile(file) as source:
        write(source.blocks(_BLOCK_FRAMES, dtype="float32"), source.samplerate, to, format)


def write(sound: Iterable[Samples], rate: int, to: Path, format: Format) -> None:
    """Mono `sound` at `rate` Hz, in `format`, at `to`: there whole or not at all.

    Several may do it at once. Memory doesn't grow with the length. Raises OSError where it can't be written.
    """
    with replacing(to) as beside:
        (_by_libsndfile if format in _LIBSNDFILE else _by_ffmpeg)(sound, rate, beside, format)


def _by_libsndfile(sound: Iterable[Samples], source_rate: int, to: Path, format: Format) -> None:
    kind, subtype = _LIBSNDFILE[format]
    rate = known_rate(source_rate, format)
    with _Output(to) as file:
        with soundfile.SoundFile(file, "w", rate, 1, subtype, format=kind) as target:
            target.comment = MADE_BY
            for block in resample_blocks(sound, source_rate, rate):
                target.write(clean(block))
                file.check()
        file.check()


class _Output(io.BufferedRandom):
    """A new file for libsndfile, which prints and passes over what goes wrong: the first error is kept for `check`."""

    def __init__(self, path: Path) -> None:
        super().__init__(io.FileIO(path, "x+"))
        self._error: OSError | None = None

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self._error = self._error or error
            return len(memoryview(data))

    def check(self) -> None:
        """Raise OSError where something couldn't be written."""
        if self._error:
            raise self._error


def _by_ffmpeg(sound: Iterable[Samples], rate: int, to: Path, format: Format) -> None:
    made = encoder(cast(StreamFormat, format), rate)
    with to.open("xb") as file:
        for block in sound:
            file.write(made.encode(pcm(block)))
        file.write(made.finish())
