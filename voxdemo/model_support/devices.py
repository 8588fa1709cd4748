"""What the models can run on: which device, what it is called, how much memory it has left.

Knows PyTorch's devices and no model. PyTorch is imported when a device is looked for, not before: it takes seconds.
"""

import gc
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from voxdemo import hf_space
from voxdemo.errors import SettingsError, WeightsError
from voxdemo.model_support.process_wide import CHANGES

_CGROUP = Path("/sys/fs/cgroup")
_NVIDIA_NODES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
"""Device files of NVIDIA's driver; the second is Windows' subsystem for Linux."""


@dataclass(frozen=True, slots=True)
class Device:
    """Something to calculate on. `name` is PyTorch's ("cuda:0", "mps", "cpu"), `title` people's ("NVIDIA H200")."""

    name: str
    title: str
    free_bytes: int
    """Memory that can be taken now. On a Mac the processor and the GPU share it."""

    @property
    def kind(self) -> str:
        """cuda, mps or cpu."""
        return self.name.partition(":")[0]


def accelerator_is_likely() -> bool:
    """Whether this machine seems to have a GPU of its own that PyTorch can use; a guess that costs nothing."""
    is_apple_silicon = sys.platform == "darwin" and platform.machine() == "arm64"
    return not hf_space.lends_gpu() and (is_apple_silicon or nvidia_is_likely())


def nvidia_is_likely() -> bool:
    """Whether this machine seems to have a GPU of NVIDIA's."""
    return any(node.exists() for node in _NVIDIA_NODES)


def gpu_bytes(name: str) -> int | None:
    """All the memory of a CUDA GPU; None before a model on it has imported PyTorch, and where it is lent."""
    torch = sys.modules.get("torch")
    if torch is None or hf_space.lends_gpu() or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.get_device_properties(name).total_memory)


def find(setting: str) -> Device:
    """The device that the setting `device` names; "auto" is CUDA where it is, else MPS, else the processor.

    Where GPUs are lent (`lent`) this process has none, whatever PyTorch says. Raises SettingsError for one that isn't
    here.
    """
    if hf_space.lends_gpu():
        return _processor()
    with CHANGES:
        import torch

    kind, _, number = setting.partition(":")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if kind == "cuda":
        return _cuda(int(number or 0), setting)
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise SettingsError("VOXDEMO_DEVICE is 'mps', but this isn't a Mac with Apple silicon: use auto or cpu.")
        return Device("mps", f"Apple {platform.machine()} GPU", free_memory())
    return _processor()


def lent(setting: str) -> Device | None:
    """The GPU that `spaces` lends for single calls, as it describes it, where it does and `setting` allows a GPU."""
    return _cuda(0, setting) if hf_space.lends_gpu() and setting != "cpu" else None


def _processor() -> Device:
    return Device("cpu", platform.processor() or platform.machine(), free_memory())


def check_fits(title: str, needed_bytes: int, precision: str, copies: int, device: Device, instead: str) -> None:
    """See that so many copies of a model find room. Raises WeightsError, which says what to set `instead`."""
    needed = copies * needed_bytes
    if needed <= device.free_bytes:
        return
    them, remedy = ("it", "") if copies == 1 else (f"{copies} copies of it", "VOXDEMO_GENERATORS=1 or ")
    raise WeightsError(
        f"{title} doesn't fit: {them} would take {_gb(needed)} in {precision}, and "
        f"{device.title} has {_gb(device.free_bytes)} free: set {remedy}{instead}."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch failed for want of memory: CUDA says so by its type, MPS and the processor only in words."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    signs = ("out of memory", "not enough memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in signs)


def release(kind: str) -> None:
    """Give back the memory of a model, of this kind of device too, that nothing refers to any more."""
    import torch

    gc.collect()  # PyTorch's modules may refer to each other in circles
    if kind == "cuda":
        torch.cuda.empty_cache()
    elif kind == "mps":
        torch.mps.empty_cache()


def _cuda(index: int, setting: str) -> Device:
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= count:
        found = "finds no CUDA GPU" if not count else f"finds {count}, numbered from 0"
        raise SettingsError(f"VOXDEMO_DEVICE is {setting!r}, but PyTorch {found}: use auto, cpu or another number.")
    free, _ = torch.cuda.mem_get_info(index)
    return Device(f"cuda:{index}", torch.cuda.get_device_name(index), free)


def free_memory() -> int:
    """Bytes that the system can give, or the container may take, whichever is less."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        fields = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such limit: another system, or the file says "max"
        return free
    return min(free, max(0, limit - int(fields["anon"])))  # what files take in memory is given back when needed


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
