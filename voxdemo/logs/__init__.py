"""The log: every line shows the id of its request, and no line shows what people wrote.

It knows nothing of HTTP or of what is logged.
"""

import logging
import traceback
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from voxdemo.logs.lines import HumanLines, JsonLines, LogFormat
from voxdemo.logs.lines import formatter as formatter
from voxdemo.logs.privacy import LEFT_OUT as LEFT_OUT
from voxdemo.logs.privacy import NOBODYS_WORDS as NOBODYS_WORDS
from voxdemo.logs.request import enter_request as enter_request
from voxdemo.logs.request import new_request_id as new_request_id
from voxdemo.logs.request import request_id as request_id


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
    warnings.showwarning = partial(_log_warning, log_text)
    logging.raiseExceptions = log_text  # what it prints of a line that can't be made has the arguments in it


def take_over_prints(*modules: Any) -> None:
    """Let tracebacks that these modules print by `traceback.print_exc` go to the log.

    Gradio's quote what was sent where it doesn't fit an endpoint.
    """
    for module in modules:
        module.traceback = SimpleNamespace(**{**vars(traceback), "print_exc": partial(_log_exception, module.__name__)})


def _log_exception(name: str) -> None:
    logging.getLogger(name).exception("a request failed")


def _log_warning(log_text: bool, message: Any, category: type[Warning], path: str, line: int, *_: Any) -> None:
    told = f": {message}" if log_text else ""
    logging.getLogger("py.warnings").warning("%s at %s:%d%s", category.__name__, Path(path).name, line, told)
