"""How far a command is, on stderr if that is a terminal; otherwise nothing."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

Tell = Callable[[str, float], None]
"""Takes what the command is doing, in words, and the share that is done, 0..1."""


@contextmanager
def bar() -> Generator[Tell, None, None]:
    """Shown while this is open, and gone afterwards."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Loading", total=1.0)
        yield lambda words, done: progress.update(task, description=words, completed=done)
