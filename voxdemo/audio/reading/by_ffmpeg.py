"""Files as FFmpeg reads them: mp3, m4a, webm, the sound of videos, and what libsndfile gives up."""

import ctypes
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby, starmap
from pathlib import Path
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard

from voxdemo.audio.reading.blocks import Block
from voxdemo.errors import InputError

UNREADABLE = (av.FFmpegError, ValueError)
"""What it raises for files that it can't read."""

_CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,asf,au,avi,caf,eac3,flac,flv,loas,matroska,mov,mp3,mpeg,mpegts,mxf,ogg,rm,tta,voc,"
    "w64,wav,wv"
)
"""What FFmpeg may open. Playlists (hls, concat, dash) stay out: they make it read other files and fetch addresses."""

_BOUNDS = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file,subfile"}
_LENIENT: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Song titles in Latin-1 are no reason to refuse a song; PyAV 19 sees to it by itself."""

_MOST_AT_ONCE = 16 << 20
"""Bytes that FFmpeg may take at once. Its tables are as long as a file says it is, up to three for each stream: those
of an m4a of four hours fit, while without a limit 6 kB that lie take 3 GB."""

_FEW_STREAMS, _MOST_STREAMS = 8, 32
"""Tracks, pictures and subtitles of an ordinary file, and of any. Of a Matroska file with more, FFmpeg would lose
stretches. Where there are more than a few, the tables of each may be so much smaller: of an hour instead of four."""

_STREAMS_OF_A_SONG, _LARGEST_PICTURE = 4, 48 << 20
"""A file that wants more at once is a song or a book: sound, of half a day at most, and a cover picture or two."""

_SILENT_VIDEO = "That video has no sound: send a recording, or a video with sound."
_UNKNOWN_CODEC = "This file isn't audio, or is damaged. Use wav, mp3, flac, m4a, ogg or webm."
_TOO_MANY = (
    "That file is damaged or has more tracks than we can read: save the one with the speech by itself and send that."
)


@dataclass(frozen=True, slots=True)
class Source:
    """The file at `path`, or its bytes from `start` to before `end`, where 0 is its end."""

    path: Path
    start: int = 0
    end: int = 0

    def __str__(self) -> str:
        # Absolute, because FFmpeg takes the beginning of a relative "http:x" for a protocol.
        path = str(self.path.absolute())
        return f"subfile,,start,{self.start},end,{self.end},,:{path}" if self.start or self.end else path


def tracks(source: Source) -> list[int]:
    """The numbers of the tracks with sound that can be read. Raises one of UNREADABLE; InputError where none is."""
    with _opened(source) as container:
        if not container.streams.audio:
            raise InputError(_SILENT_VIDEO, code="video_without_sound")
        known = [stream.index for stream in _known(container)]
    if not known:
        raise InputError(_UNKNOWN_CODEC, code="not_audio")
    return known


def blocks(source: Source, track: int) -> Iterator[Block]:
    """The sound of a track, as far as it can be read. Raises one of UNREADABLE where nothing can."""
    with _opened(source) as container:
        frames = _decodable(container, track)
        for _, alike in groupby(frames, key=lambda frame: (frame.sample_rate, frame.layout.name, frame.format.name)):
            to_float = av.AudioResampler(format="fltp")  # which takes one kind of frame only
            for frame in alike:
                for part in to_float.resample(frame):
                    yield Block(part.to_ndarray().T, part.sample_rate)


def told_s(source: Source) -> float | None:
    """How long it says it is, in seconds; None where it says nothing. Raises one of UNREADABLE."""
    with _opened(source) as container:
        return container.duration / av.time_base if container.duration else None


def _known(container: InputContainer) -> list[AudioStream]:
    """Its tracks without those of an unknown codec; PyAV crashes when it decodes one."""
    return [stream for stream in container.streams.audio if stream.codec_context is not None]


def _decodable(container: InputContainer, track: int) -> Iterator[av.AudioFrame]:
    """The frames of a track; damaged ones are left out, as players do, and what was heard before the end counts."""
    stream = next((known for known in _known(container) if known.index == track), None)
    if stream is None:  # a damaged file may look different the second time
        return
    for other in container.streams:
        other.discard = Discard.default if other.index == track else Discard.all
    packets = container.demux(stream)
    has_begun = False
    while True:
        try:
            frames = next(packets).decode()
        except (StopIteration, IndexError):  # PyAV stumbles at the end over tracks that came up on the way
            return
        except av.error.InvalidDataError:
            continue
        except av.FFmpegError:
            if has_begun:
                return
            raise
        has_begun = has_begun or bool(frames)
        yield from frames


@contextmanager
def _opened(source: Source) -> Generator[InputContainer, None, None]:
    ways = (
        (_FEW_STREAMS, _MOST_AT_ONCE),
        (_MOST_STREAMS, _MOST_AT_ONCE * _FEW_STREAMS // _MOST_STREAMS),
        (_STREAMS_OF_A_SONG, _LARGEST_PICTURE),
    )
    container = next(filter(None, starmap(partial(_open, source), ways)), None)
    if container is None:
        raise InputError(_TOO_MANY, code="too_many_tracks")
    with container:
        yield container


def _open(source: Source, most_streams: int, most_bytes: int) -> InputContainer | None:
    """None where it has as many streams or more, or FFmpeg wants more bytes at once."""
    options = {**_BOUNDS, "max_streams": str(most_streams)}
    with suppress(MemoryError), _at_once(most_bytes):
        container = cast(InputContainer, av.open(str(source), "r", container_options=options, **_LENIENT))
        if len(container.streams) < most_streams and _has_tables(container):
            return container
        container.close()
    return None


def _has_tables(container: InputContainer) -> bool:
    """False where FFmpeg left out a track's table, as it does in mp4 without an error."""
    sounds = container.streams.audio if container.format.name.startswith("mov") else ()
    return all(len(sound.index_entries) or not sound.frames for sound in sounds)


_opening = threading.Lock()
"""Held while FFmpeg opens a file: its limit is one for the whole process, also for packets that are read meanwhile."""


@contextmanager
def _at_once(most_bytes: int) -> Generator[None, None, None]:
    with _opening:
        _limit(most_bytes)
        try:
            yield
        finally:
            _limit(_MOST_AT_ONCE)


def _limit(most_bytes: int) -> None:
    """Hold FFmpeg to so many bytes at once, for which PyAV has no door; where FFmpeg isn't PyAV's own it can't be."""
    package = Path(av.__file__).parent
    for library in (*package.with_name("av.libs").glob("*avutil-*"), *(package / ".dylibs").glob("libavutil.*")):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(str(library)).av_max_alloc(ctypes.c_size_t(most_bytes))
