"""A lock for what belongs to the whole process: standard streams, warning filters, modules on their way in.

Models load on threads of their own, and libraries print and warn meanwhile. Where two threads put such a thing away and
back at once, one would put back what the other had put there. Large libraries import each other's parts in circles and
fail, with a KeyError of Python's own, where two threads import them for the first time at once.
"""

import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

CHANGES = threading.RLock()
"""Held by whoever has replaced a standard stream or a warning filter, or imports a model's library."""
# ZeroGPU forks: in the new process nobody would end an import that another thread had begun, or give CHANGES back.
os.register_at_fork(before=CHANGES.acquire, after_in_parent=CHANGES.release, after_in_child=CHANGES.release)


def forget(*packages: str) -> None:
    """Leave nothing of the import of these packages: their tables go when nobody holds them any more."""
    with CHANGES:
        for name in [name for name in list(sys.modules) if name.partition(".")[0] in packages]:
            del sys.modules[name]


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what libraries print on this thread, and Python's warnings of what they use that is on its way out."""
    with CHANGES, warnings.catch_warnings():
        out, error = _OthersOnly(sys.stdout), _OthersOnly(sys.stderr)
        for category in (DeprecationWarning, FutureWarning):  # weight_norm, jit.script, ao.quantization; pydub's
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor, ", UserWarning)
        warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)  # which perth imports
        warnings.filterwarnings(
            "ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning
        )  # pydub, which funasr imports
        try:
            with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, error)):
                yield
        finally:
            out.is_over = error.is_over = True


class _OthersOnly:
    """A standard stream for all threads but the one that made it: the page may be starting meanwhile, and says so.

    Once it `is_over` it is for all: a library that is being imported may keep it, for a log of its own.
    """

    def __init__(self, stream: Any) -> None:
        self.is_over = False
        self._stream = stream
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        is_dropped = not self.is_over and threading.get_ident() == self._thread
        return len(text) if is_dropped else int(self._stream.write(text))
