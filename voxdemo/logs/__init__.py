"""The log: every line tells the request it was written for, and none what people wrote.

It knows nothing of HTTP or of what is logged.
"""

from __future__ import annotations

import logging
import sys
import traceback
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from voxdemo.logs.lines import HumanLines, JsonLines, LogFormat, formatter
from voxdemo.logs.privacy import LEFT_OUT, keep_private, private
from voxdemo.logs.request import enter_request, new_request_id, request_id

__all__ = [
    "LEFT_OUT",
    "enter_request",
    "formatter",
    "keep_private",
    "new_request_id",
    "private",
    "request_id",
    "set_up",
    "take_over_prints",
]


def set_up(level: str, log_text: bool, log_format: LogFormat = "human") -> None:
    """Log to stderr: our own lines from `level` on, those of libraries and Python from warnings on.

    What people write, or not, as `log_text` says.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(log_format, log_text))
    root = logging.getLogger()
    for other in root.handlers[:]:
        if isinstance(other.formatter, HumanLines | JsonLines):
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("voxdemo").setLevel(level.upper())
    logging.captureWarnings(True)
    logging.raiseExceptions = log_text  # what it prints of a line that can't be made has the arguments in it


def take_over_prints(log_text: bool, *modules: Any) -> None:
    """Let tracebacks that these modules print by `traceback.print_exc` go to the log.

    Gradio's quote what was sent where it doesn't fit an endpoint. Nothing tells here whose it is, so only the kind of
    the exception and the place are told, unless `log_text`.
    """
    for module in modules:
        print_exc = partial(_log_exception, module.__name__, log_text)
        module.traceback = SimpleNamespace(**{**vars(traceback), "print_exc": print_exc})


def _log_exception(name: str, log_text: bool) -> None:
    error = sys.exc_info()[1]
    if log_text:
        logging.getLogger(name).exception("a request failed")
    elif error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        logging.getLogger(name).error("a request failed: %s at %s", type(error).__name__, where)
