"""How a line of the log looks: for people, or as JSON for machines."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from typing import Any, Literal

from voxdemo.logs.privacy import left_out_of
from voxdemo.logs.request import request_id

LogFormat = Literal["human", "json"]

_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
"""What every record has, or is uvicorn's for its own colours; the rest is what `extra` says of an event."""


def formatter(log_format: LogFormat, log_text: bool) -> logging.Formatter:
    """What makes lines like this, without what is private unless `log_text`."""
    return JsonLines(log_text) if log_format == "json" else HumanLines(log_text)


class HumanLines(logging.Formatter):
    """Lines as "time level name [request id]: message"."""

    def __init__(self, log_text: bool) -> None:
        super().__init__("%(message)s")
        self._log_text = log_text

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback below it."""
        told = super().format(record)
        told = told if self._log_text else left_out_of(told)
        where = f"{record.name} [{request_id()}]" if request_id() else record.name
        return f"{self.formatTime(record)} {record.levelname:<7} {where}: {told}"


class JsonLines(logging.Formatter):
    """One object a line, whatever is told: time, level, logger, message, request_id, those of `extra`, exception."""

    def __init__(self, log_text: bool) -> None:
        super().__init__()
        self._log_text = log_text

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told = self._told(record)
        told = told if self._log_text else left_out_of(told)
        return json.dumps(_place(record) | told | _place(record), default=str)

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        told = {"message": record.getMessage().strip()}
        told |= {name: value for name, value in vars(record).items() if name not in _USUAL}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        return told


def _place(record: logging.LogRecord) -> dict[str, str | None]:
    """When, where and for whom; nothing in it is anybody's words."""
    time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
    return {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "request_id": request_id() or None,
    }
