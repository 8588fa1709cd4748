"""How a line of the log looks: for people, or as JSON for machines."""

import json
import logging
from datetime import datetime, timezone
from typing import Any, Literal

from voxdemo.logs import privacy
from voxdemo.logs.request import request_id

LogFormat = Literal["human", "json"]

_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", *privacy.NOBODYS_WORDS}
"""What every record has, or is uvicorn's for its own colours; the rest is what `extra` says of an event."""


def formatter(log_format: LogFormat, log_text: bool) -> logging.Formatter:
    """What makes lines like this, without what may be somebody's words unless `log_text`."""
    return JsonLines(log_text) if log_format == "json" else HumanLines(log_text)


class _Lines(logging.Formatter):
    def __init__(self, log_text: bool) -> None:
        super().__init__()
        self._log_text = log_text

    def _message(self, record: logging.LogRecord) -> str:
        return (record.getMessage() if self._log_text else privacy.message_of(record)).strip()

    def _exception(self, record: logging.LogRecord) -> str:
        if not record.exc_info or not record.exc_info[1]:
            return ""
        if self._log_text or privacy.is_open(record):
            return self.formatException(record.exc_info)
        return privacy.traceback_of(record.exc_info[1])


class HumanLines(_Lines):
    """Lines as "time level name [request id]: message"."""

    def format(self, record: logging.LogRecord) -> str:
        where = f"{record.name} [{request_id()}]" if request_id() else record.name
        told = filter(None, (self._message(record), self._exception(record), record.stack_info))
        return f"{self.formatTime(record)} {record.levelname:<7} {where}: " + "\n".join(told)


class JsonLines(_Lines):
    """One object a line, whatever is told: time, level, logger, message, request_id, those of `extra`, exception."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(self._told(record) | _place(record), default=str)

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        is_told = self._log_text or privacy.is_ours(record)
        extra = {name: value for name, value in vars(record).items() if name not in _USUAL}
        told = _place(record) | {"message": self._message(record)}
        told |= extra if is_told else {name: privacy.left_out_of(value) for name, value in extra.items()}
        told |= {"exception": exception} if (exception := self._exception(record)) else {}
        return told | ({"stack": record.stack_info} if record.stack_info else {})


def _place(record: logging.LogRecord) -> dict[str, str | None]:
    """When, where and for whom; nothing in it is anybody's words."""
    time = datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds")
    return {
        "time": time.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "request_id": request_id() or None,
    }
