"""The memory of models: how much those of one seat may take, which of them makes room, and how it is given back.

Knows the descriptions of models and no model; what is measured is the memory of this process.
"""

import ctypes
import gc
import math
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Protocol, TypeVar

import psutil

from voxdemo.model_support import devices
from voxdemo.speech import ModelInfo

SHARE = 0.8
"""Of the memory that is free when the server starts, what models may take: recordings and sounds need some, too."""
MACHINE = "cpu"
HEAPS = 2
"""One for models and one for the rest."""
_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def resident_bytes() -> int:
    """What this process has of the machine's memory."""
    return int(psutil.Process().memory_info().rss)


def few_heaps() -> None:
    """Have glibc keep few heaps from now on; to be called before there are threads.

    By default threads have heaps of their own, eight for each core, and what is left in each after a model was freed
    adds up: loading and freeing four models in turn left 437, 505, 496, 546 MB, and with few heaps 405, 413, 421, 429.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, HEAPS)


def keep_for_good() -> None:
    """Have collections of garbage pass over what there is; to be called before there are models and requests.

    Those are libraries, hundreds of thousands of objects: to look through them held everybody up for 0.2 to 0.4 s.
    """
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Give memory that was freed back to the system. Takes up to half a second, most of it without Python's lock.

    glibc keeps what programs free: 45 MB after the built-in voice, 180 MB after Kokoro, 60 to 180 MB after the built-in
    recogniser. Other systems' C libraries have no such call and give back large blocks by themselves.
    """
    gc.collect()  # models may refer to each other's parts in circles
    if sys.platform == "linux":
        with suppress(AttributeError):  # musl
            ctypes.CDLL(None).malloc_trim(0)


class Growth:
    """By how many `bytes` this process grows in a `with` block; 0 where another thread is in one meanwhile."""

    _lock = threading.Lock()
    _inside = 0
    _begun = 0

    def __init__(self) -> None:
        self.bytes = 0

    def __enter__(self) -> "Growth":
        with Growth._lock:
            Growth._inside += 1
            Growth._begun += 1
            self._is_alone, self._number = Growth._inside == 1, Growth._begun
        self._before = resident_bytes()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with Growth._lock:
            Growth._inside -= 1
            if self._is_alone and Growth._begun == self._number:
                self.bytes = max(0, resident_bytes() - self._before)


class Loadable(Protocol):
    """What a bound needs to know of a model's worker."""

    @property
    def info(self) -> ModelInfo: ...

    @property
    def memory_bytes(self) -> int: ...


W = TypeVar("W", bound=Loadable)


class MemoryBound:
    """How much memory the models of one seat may take together, in the machine's memory and on each GPU.

    `setting` is VOXDEMO_MODEL_MEMORY in bytes; 0 stands for SHARE of what the machine has free now, and of all that a
    GPU has, shared by the `seats`.
    """

    def __init__(self, setting: int = 0, seats: int = 1) -> None:
        self._setting = setting
        self._seats = seats
        self._free_bytes = devices.free_memory()

    def of(self, device: str) -> float:
        """Bytes that models on this device may take; without end where what it has isn't known yet."""
        has = self._free_bytes if _place(device) == MACHINE else devices.gpu_bytes(_place(device))
        return self._setting or (math.inf if has is None else SHARE * has / self._seats)

    def fits(self, info: ModelInfo) -> bool:
        """Whether a model fits when no other is loaded."""
        return info.memory_bytes <= self.of(info.device)

    def freed_for(self, wanted: W, loaded: Sequence[W], spare: Sequence[W]) -> list[W]:
        """Which of the `spare` ones, the first of them first, are to be freed before `wanted` is loaded beside others.

        All of them where even that isn't enough: sizes are estimates, and an engine that can't load says so itself.
        """
        here = _beside(wanted, loaded)
        over = self._over(wanted, loaded)
        freed: list[W] = []
        for worker in spare:
            if over > 0 and worker in here:
                freed.append(worker)
                over -= worker.memory_bytes
        return freed

    def holds(self, wanted: W, loaded: Sequence[W]) -> bool:
        """Whether there is room for one beside those that are loaded."""
        return self._over(wanted, loaded) <= 0

    def _over(self, wanted: W, loaded: Sequence[W]) -> float:
        """By how many bytes they are too large together, where `wanted` is."""
        here = (wanted, *_beside(wanted, loaded))
        return sum(worker.memory_bytes for worker in here) - self.of(wanted.info.device)


def _beside(wanted: W, loaded: Sequence[W]) -> list[W]:
    """Those whose memory is the same as what `wanted` takes its from."""
    return [worker for worker in loaded if _place(worker.info.device) == _place(wanted.info.device)]


def _place(device: str) -> str:
    """Where a model on this device has its weights: in MACHINE, whose memory a Mac's GPU shares, or on a GPU."""
    if not device and devices.nvidia_is_likely():  # one that hasn't looked yet what there is
        return "cuda:0"
    return device if device.startswith("cuda") else MACHINE
