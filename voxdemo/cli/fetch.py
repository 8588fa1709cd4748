"""`python -m voxdemo.cli.fetch`: downloads the models ahead, for a machine that later has no network or no time.

`./launch.sh fetch-models` runs it. It knows which models the settings name and how a terminal is written to.
"""

import os
import signal
import sys
import time
from itertools import chain

from voxdemo import settings, terminal

PRINT_EVERY_S = 10.0
"""If the output isn't a terminal but a log."""
INTERRUPTED = 130
"""The exit code of what Ctrl-C ended: 128 and the signal's number."""


def main() -> int:
    """Fetch the models that the settings name. Returns the exit code: 0, 1 or INTERRUPTED."""
    signal.signal(signal.SIGINT, _stop)
    terminal.show_everything()
    return _fetch_all()


def _stop(*_: object) -> None:
    print("\nStopped: run it again to continue.", file=sys.stderr, flush=True)
    os._exit(INTERRUPTED)  # at once: what was received is on the disk, and no thread of a library may hold it up


def _fetch_all() -> int:
    from voxdemo.engines.registry import ENGINES  # here, so that Ctrl-C during the imports ends as quietly as later
    from voxdemo.errors import SettingsError
    from voxdemo.model_support import hub
    from voxdemo.recognizers.registry import RECOGNIZERS

    terminal = _Terminal()
    try:
        wanted = settings.load()
        downloads = (*ENGINES.downloads(wanted), *RECOGNIZERS.downloads(wanted))
        for weights in chain.from_iterable(download.weights(wanted) for _, download in downloads):
            hub.drop_damaged(weights.model, weights.needed)
            folder = hub.fetch(weights.model, weights.needed, terminal.show, weights.setting, weights.is_all)
            terminal.clear()
            print(f"{weights.model.rpartition('/')[2]} is in {folder}", flush=True)
    except SettingsError as error:
        terminal.clear()
        print(error.sentence, file=sys.stderr)
        return 1
    return 0


class _Terminal:
    """Shows how far it is: on a terminal in one line that is rewritten, else in a line every PRINT_EVERY_S."""

    def __init__(self) -> None:
        self._rewrites = sys.stdout.isatty()
        self._shown_at = float("-inf")

    def show(self, sentence: str) -> None:
        if self._rewrites:
            print(f"\r\x1b[K{sentence}", end="", flush=True)
        elif time.monotonic() - self._shown_at >= PRINT_EVERY_S:
            self._shown_at = time.monotonic()
            print(sentence, flush=True)

    def clear(self) -> None:
        """Make room for a line that stays."""
        if self._rewrites:
            print("\r\x1b[K", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
