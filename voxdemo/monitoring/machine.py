"""What this process takes of its machine, and what is left there: memory, processor time, disk, accelerator.

Knows nothing of speech. A call takes well under a millisecond where there is no accelerator.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
import pynvml


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A GPU, by its number on this machine; all who use it count, and in memory what its driver keeps for itself."""

    number: int
    used_bytes: int
    total_bytes: int
    use: float
    """The share of the last moments, 0..1, in which it was at work."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What is used now."""

    resident_bytes: int
    """By this process."""
    cpu_s: float
    """Processor time of this process since its start, user's and system's."""
    available_bytes: int
    """Memory that programs can still have without swapping."""
    memory_bytes: int
    """All there is."""
    free_disk_bytes: int
    accelerators: Sequence[Accelerator] = ()


def usage(folder: Path) -> Usage:
    """What is used now; the disk is that of `folder`."""
    process = psutil.Process()
    with process.oneshot():
        times = process.cpu_times()
        resident_bytes = process.memory_info().rss
    memory = psutil.virtual_memory()
    return Usage(
        resident_bytes=resident_bytes,
        cpu_s=times.user + times.system,
        available_bytes=memory.available,
        memory_bytes=memory.total,
        free_disk_bytes=shutil.disk_usage(_existing(folder)).free,
        accelerators=_accelerators(),
    )


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _accelerators() -> Sequence[Accelerator]:
    try:
        return [_accelerator(number) for number in range(_how_many())]
    except pynvml.NVMLError:  # one was lost, or its driver is being replaced
        return []


@cache
def _how_many() -> int:
    with suppress(pynvml.NVMLError):  # there is no NVIDIA driver
        pynvml.nvmlInit()
        return int(pynvml.nvmlDeviceGetCount())
    return 0


def _accelerator(number: int) -> Accelerator:
    handle = pynvml.nvmlDeviceGetHandleByIndex(number)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    use = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
    return Accelerator(number, int(memory.used), int(memory.total), use)
