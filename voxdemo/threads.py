"""Threads for what would hold up the event loop, apart where one kind of work must not wait for another.

The loop's own pool is kept for what takes milliseconds: writing sound that is being heard.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from typing_extensions import TypeVarTuple, Unpack

READING = ThreadPoolExecutor(2, "reading")
"""For what people send: recordings are decoded, texts are planned, up to seconds each."""
SHARING = ThreadPoolExecutor(4, "sharing")
"""For what is sent to other servers, or fetched from them, while somebody waits: up to seconds each, where S3 hangs."""
COPYING = ThreadPoolExecutor(1, "copying")
"""For the part of a sound that a client has heard and keeps when it leaves, up to a second each."""
CONVERTING = ThreadPoolExecutor(1, "converting")
"""For finished sounds in other formats, up to a minute each; a second request finds the file."""
JOINING = ThreadPoolExecutor(1, "joining")
"""For batches that are made one file, up to minutes each: what is spoken meanwhile is converted beside them."""
KEEPING = ThreadPoolExecutor(1, "keeping")
"""For what is written again and again and must end up as it was last."""
CLEANING = ThreadPoolExecutor(1, "cleaning")
"""For deleting what is old, which stands aside while somebody's job runs. A low priority in the system wouldn't do: a
thread that doesn't get the processor may hold Python's lock, and then everybody waits for it.
"""
SETTLING = ThreadPoolExecutor(1, "settling")
"""For what is sent to other servers later, because it couldn't be at once."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


async def in_thread(function: Callable[[Unpack[Ts]], T], *given: Unpack[Ts], pool: Executor | None = None) -> T:
    """What `function` returns, from a thread of `pool`, or of the loop's own; it sees the caller's context."""
    run = contextvars.copy_context().run
    return await asyncio.get_running_loop().run_in_executor(pool, run, function, *given)
