"""A thread for what would hold up the event loop: decoding, encoding, hashing, planning."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """What `function` returns, from the loop's executor."""
    return await asyncio.get_running_loop().run_in_executor(None, function)
