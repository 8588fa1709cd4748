"""torchaudio for voxcpm, funasr, transformers and chatterbox, on machines where it can't be imported as it is.

torchaudio is bound to one build of torch: beside a CPU-only torch its compiled part fails to load, with an OSError that
the packages' own guards (they expect ImportError) don't catch, and takes them down with it. Nearly all of it is written
in Python and on torch alone, so it is imported without that part. Where even that fails, there is a stand-in for what
most of them need: funasr and transformers only that the import succeeds (funasr's filter banks are kaldi-native-fbank's
then), voxcpm reading a file and resampling, which soundfile and soxr do. Nothing here is used where the real one works;
where only its reading of files doesn't, just that is replaced.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np
import soundfile
import soxr

from voxdemo.model_support.process_wide import CHANGES, forget


def ensure_torchaudio() -> None:
    """See that `import torchaudio` works, by a stand-in if need be.

    Call it before importing voxcpm, funasr or models of transformers. Threading: any thread; two models may load at the
    same time.
    """
    with CHANGES:
        if "torchaudio" not in sys.modules and not _imports("torchaudio") and not _imports_without_compiled_part():
            forget("torchaudio")
            _install()
        elif not _imports("torchcodec"):  # from torchaudio 2.9 on this reads files, by FFmpeg's libraries
            vars(sys.modules["torchaudio"])["load"] = load


def _imports(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (ImportError, OSError, RuntimeError):  # RuntimeError: built for another torch, or without FFmpeg
        return False
    return True


def _imports_without_compiled_part() -> bool:
    """Whether what is written in Python can be had, as where that part isn't installed."""
    forget("torchaudio")
    contents = {"_IS_TORCHAUDIO_EXT_AVAILABLE": False, "fail_if_no_align": lambda function: function}
    _module("torchaudio._extension", **contents)
    return _imports("torchaudio")


def _install() -> None:
    functional = _module("torchaudio.functional", resample=resample)
    _module("torchaudio", __version__="0", load=load, functional=functional)


def _module(name: str, **contents: Any) -> ModuleType:
    module = ModuleType(name, __doc__)
    module.__spec__ = ModuleSpec(name, loader=None, is_package=True)  # find_spec() on it raises without one
    module.__path__ = []
    vars(module).update(contents)
    sys.modules[name] = module
    return module


def load(file: str | BinaryIO) -> tuple[Any, int]:
    """The sound in a file, by its path or opened, as a float32 tensor of shape [channels, n], and its rate in Hz."""
    import torch

    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return torch.from_numpy(samples.T.copy()), rate


def resample(waveform: Any, source_rate: int, target_rate: int) -> Any:
    """A tensor of shape [channels, n] at another rate (soxr "HQ")."""
    import torch

    resampled = soxr.resample(waveform.numpy().T, source_rate, target_rate).astype(np.float32)
    return torch.from_numpy(resampled.T.copy())
