"""A lock for what belongs to the whole process: standard streams, warning filters, modules on their way in.

Models load on threads of their own, and libraries print and warn meanwhile. Where two threads put such a thing away and
back at once, one would put back what the other had put there. Large libraries import each other's parts in circles and
fail, with a KeyError of Python's own, where two threads import them for the first time at once.
"""

import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

CHANGES = threading.RLock()
"""Held by whoever has replaced a standard stream or a warning filter, or imports a model's library."""


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what libraries print on this thread, and Python's warnings of what they use that is on its way out."""
    with CHANGES, warnings.catch_warnings(), _unheard(redirect_stdout, "stdout"), _unheard(redirect_stderr, "stderr"):
        for category in (DeprecationWarning, FutureWarning):  # weight_norm, jit.script, ao.quantization; pydub's
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor, ", UserWarning)
        warnings.filterwarnings(
            "ignore", "Couldn't find ffmpeg or avconv", RuntimeWarning
        )  # pydub, which funasr imports
        yield


def _unheard(redirect: Any, stream: str) -> Any:
    return redirect(_OthersOnly(getattr(sys, stream)))


class _OthersOnly:
    """A standard stream for all threads but the one that made it: the page may be starting meanwhile, and says so."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else int(self._stream.write(text))
