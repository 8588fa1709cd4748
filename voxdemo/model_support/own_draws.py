"""Noise of one's own: the same seed gives the same sound, whatever other models draw at the same time.

Packages draw from PyTorch's generator, which is the whole process's: two models at work would mix up their noise. Where
a package's module draws it by PyTorch's functions, these are made to draw from a generator of the thread's. Knows no
model.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")
_draws = threading.local()
"""`generator`: where this thread draws its noise from."""


def replace_in(module: str) -> None:
    """See that what a module of a package draws can be `drawn_from` a generator."""
    vars(import_module(module))["torch"] = _TorchWithOwnDraws("torch")


@contextmanager
def drawn_from(generator: Any) -> Iterator[None]:
    """What this thread draws meanwhile, in the modules where it was replaced, comes from `generator`."""
    _draws.generator = generator
    try:
        yield
    finally:
        _draws.generator = None


def each_drawn(generator: Any, steps: Iterator[T]) -> Iterator[T]:
    """`steps`, each made while this thread draws from `generator`."""
    while True:
        with drawn_from(generator):
            step = next(steps, None)
        if step is None:
            return
        yield step


def _drawn(function: str, *size: Any, device: Any = None, **options: Any) -> Any:
    """By the generator on its own device, which need not be the one that the numbers are wanted on."""
    torch, generator = import_module("torch"), getattr(_draws, "generator", None)
    drawn_on = generator.device if generator else device
    drawn = getattr(torch, function)(*size, generator=generator, device=drawn_on, **options)
    return drawn.to(device or torch.get_default_device())


class _TorchWithOwnDraws(ModuleType):
    """PyTorch, but for what draws from this thread's generator where there is one."""

    randn, rand = staticmethod(partial(_drawn, "randn")), staticmethod(partial(_drawn, "rand"))

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("torch"), name)

    def randn_like(self, tensor: Any, **options: Any) -> Any:
        return _drawn("randn", tensor.shape, **({"dtype": tensor.dtype, "device": tensor.device} | options))
