"""How values travel between processes: each a line of JSON, and behind it the bytes of sound that it announces.

All that a line is asked and says has its form here, errors included; a new field of a job or an event travels by
itself. What comes out equals what went in, but for lists, which come out as tuples. Knows no HTTP.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo import errors
from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.errors import EngineError, VoxdemoError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.request import Passage
from voxdemo.lanes import jobs, line, messages, turns
from voxdemo.speech import (
    Dial,
    EngineInfo,
    RecognizerInfo,
    Samples,
    Segment,
    Setting,
    Transcript,
    Utterance,
    Voice,
    Waiting,
    Word,
)

TRAVELLERS: Mapping[str, type] = {kind.__name__: kind for kind in (
    jobs.SpeakJob, jobs.ListenJob, Passage, Utterance, PromptAudio, Catalogue,
    EngineInfo, RecognizerInfo, Voice, Setting, Dial, Waiting, Transcript, Segment, Word,
    jobs.Started, jobs.Piece, jobs.PartTimed, jobs.PartRetaken, jobs.Cut, jobs.Paused, jobs.Resumed,
    line.AddressLoad, line.Claim, line.LaneStats, line.ModelReport, line.WorkerStatus, turns.Size, turns.Place,
    turns.PlaceTable,
    messages.Enter, messages.Ready, messages.Leave, messages.Unreachable,
    messages.Entered, messages.Called, messages.Turn, messages.Lost, messages.Refused, messages.Places,
    messages.Offer, messages.LineState, messages.VoiceOffer, messages.InHand, messages.Beat, messages.BeatAnswer,
)}  # fmt: skip
"""What may travel: nothing else is made of what comes in."""
MOST_BYTES = 64 * 2**20
"""Of one value: a recording of ten minutes takes 38 MB, thirty seconds of prompt audio 6 MB."""
_KIND, _BYTES = "is", "bytes"


def to_bytes(value: Any) -> bytes:
    """The value as it travels. Raises TypeError for what may not."""
    sounds: list[bytes] = []
    told = _plain(value, sounds)
    head = {"value": told, _BYTES: [len(sound) for sound in sounds]}
    return b"".join([json.dumps(head, separators=(",", ":")).encode(), b"\n", *sounds])


def from_bytes(message: bytes) -> Any:
    """The value that travelled. Raises ValueError for what isn't one whole message."""
    head, _, rest = message.partition(b"\n")
    sizes, told = _head(head)
    if sum(sizes) != len(rest):
        raise ValueError("it isn't whole")
    return _value(told, _cut(rest, sizes))


async def values(chunks: AsyncIterable[bytes]) -> AsyncGenerator[Any, None]:
    """The values of a stream, as they come. Raises ValueError for what isn't one, EOFError where it breaks off."""
    waiting = bytearray()
    known: tuple[int, list[int], Any] | None = None
    async for chunk in chunks:
        waiting += chunk
        while known or b"\n" in waiting:
            if known is None:
                at = waiting.index(b"\n")
                known = (at + 1, *_head(bytes(waiting[:at])))
            begin, sizes, told = known
            if len(waiting) < begin + sum(sizes):
                break
            rest, known = bytes(waiting[begin : begin + sum(sizes)]), None
            del waiting[: begin + len(rest)]
            yield _value(told, _cut(rest, sizes))
        if len(waiting) > MOST_BYTES:
            raise ValueError("it is too long")
    if waiting:
        raise EOFError("it breaks off")


def _plain(value: Any, sounds: list[bytes]) -> Any:
    """The value as JSON knows it; the sounds in it are put beside."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(each, sounds) for each in value]
        case frozenset():
            return {_KIND: "set", "of": sorted(value)}
        case Path():
            return {_KIND: "path", "of": str(value)}
        case Mapping():
            return {_KIND: "map", "of": [[_plain(each, sounds) for each in pair] for pair in value.items()]}
        case np.ndarray():
            sounds.append(np.ascontiguousarray(value, "<f4").tobytes())
            return {_KIND: "sound", "of": len(sounds) - 1}
        case VoxdemoError():
            return {_KIND: "error", "of": [type(value).__name__, value.described, _facts(value)]}
        case _ if is_dataclass(value) and TRAVELLERS.get(type(value).__name__) is type(value):
            told = {each.name: _plain(getattr(value, each.name), sounds) for each in fields(value)}
            return {_KIND: type(value).__name__, **told}
    raise TypeError(f"{type(value).__name__} can't travel")


def _facts(error: VoxdemoError) -> dict[str, Any]:
    """What an error knows beside what programs read of it: when to come again, which field was wrong."""
    return {name: fact for name, fact in vars(error).items() if name in ("retry_after_s", "field", "what")}


def _head(line: bytes) -> tuple[list[int], Any]:
    try:
        head = json.loads(line)
    except RecursionError as error:
        raise ValueError("it is too deep") from error
    if not isinstance(head, dict) or "value" not in head:
        raise ValueError("it has no value")
    sizes = head.get(_BYTES)
    if not isinstance(sizes, list) or not all(
        isinstance(size, int) and 0 <= size <= MOST_BYTES and size % 4 == 0 for size in sizes
    ):
        raise ValueError("its sounds have no sizes")
    if sum(sizes) > MOST_BYTES:
        raise ValueError("it is too long")
    return list(sizes), head["value"]


def _cut(rest: bytes, sizes: list[int]) -> list[Samples]:
    sounds, at = list[Samples](), 0
    for size in sizes:
        sounds.append(np.frombuffer(rest, "<f4", size // 4, at).astype(np.float32, copy=False))
        at += size
    return sounds


def _value(told: Any, sounds: list[Samples]) -> Any:
    try:
        return _made(told, sounds)
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise ValueError(f"it can't be understood: {type(error).__name__}") from error


def _made(told: Any, sounds: list[Samples]) -> Any:
    if isinstance(told, list):
        return tuple(_made(each, sounds) for each in told)
    if not isinstance(told, dict):
        return told
    match told[_KIND]:
        case "set":
            return frozenset(told["of"])
        case "path":
            return Path(told["of"])
        case "map":
            return {_made(name, sounds): _made(each, sounds) for name, each in told["of"]}
        case "sound":
            return sounds[told["of"]]
        case "error":
            return _error(*told["of"])
        case kind:
            return TRAVELLERS[kind](**{name: _made(each, sounds) for name, each in told.items() if name != _KIND})


def _error(name: str, described: Mapping[str, Any], facts: Mapping[str, Any]) -> VoxdemoError:
    """The error of this name; one that only another version knows is the model's."""
    kind = getattr(errors, name, None)
    known = kind if isinstance(kind, type) and issubclass(kind, VoxdemoError) else EngineError
    error = known.told(described)
    for fact, value in facts.items():
        setattr(error, fact, value)
    return error
