"""All that we use of Gradio beyond its public interface, in one list, and its parser of uploads, which we change.

Its queue is changed in `LineQueue`, its page in `front`. `tests/test_gradio_patches.py` compares the list with the
installed Gradio, and with what our sources use, so that a new release of Gradio can't break either unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradio.route_utils import GradioMultiPartParser
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

UNREADABLE = "That upload can't be read: send it again."

METHODS: Mapping[str, Sequence[str]] = {
    "gradio.queueing.Queue.__init__": (
        "self", "live_updates", "concurrency_count", "update_intervals", "max_size", "blocks",
        "default_concurrency_limit",
    ),
    "gradio.queueing.Queue.push": ("self", "body", "request", "username"),
    "gradio.queueing.Queue.get_events": ("self",),
    "gradio.queueing.Queue.process_events": ("self", "events", "batch", "begin_time", "fn"),
    "gradio.queueing.Queue.send_message": ("self", "event", "event_message"),
    "gradio.queueing.Queue.broadcast_estimations": ("self", "concurrency_id", "after"),
    "gradio.queueing.Queue.remove_from_queue": ("self", "event_id"),
    "gradio.queueing.Queue.clean_events": ("self", "session_hash", "event_id"),
    "gradio.queueing.EventQueue.__init__": ("self", "concurrency_id", "concurrency_limit"),
    "gradio.route_utils.GradioMultiPartParser.parse": ("self",),
}  # fmt: skip
"""Methods that we override, replace or call, with the parameters that they have."""
ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "gradio.queueing.Queue": (
        "blocks", "event_ids_to_events", "event_queue_per_concurrency_id", "pending_messages_per_session",
        "sleep_when_free",
    ),
    "gradio.queueing.EventQueue": ("queue",),
    "gradio.queueing.Event": ("_id", "alive", "concurrency_id", "fn", "request", "session_hash"),
    "gradio.block_function.BlockFunction": ("api_name", "concurrency_id", "fn", "queue"),
    "gradio.blocks.Blocks": ("_queue", "fns", "max_threads"),
    "gradio.route_utils.GradioMultiPartParser": ("_files_to_close_on_error",),
}  # fmt: skip
"""Attributes of their instances."""
FIELDS: Mapping[str, Sequence[str]] = {
    "gradio.data_classes.PredictBodyInternal": ("data", "fn_index", "session_hash"),
    "gradio.server_messages.EstimationMessage": ("rank", "rank_eta", "queue_size"),
    "gradio.server_messages.ProcessStartsMessage": ("eta",),
    "gradio.server_messages.ProcessCompletedMessage": ("output", "success"),
    "gradio.data_classes.FileData": ("path",),
}
"""Fields of its models."""
NAMES: Sequence[str] = (
    "gradio.components.native_plot.PlotData",
    "gradio.i18n.I18nData",
    "gradio.queueing.traceback",
    "gradio.route_utils.FnIndexInferError",
    "gradio.routes.templates.env.loader",
    "gradio.routes.traceback",
    "gradio.server_messages.EventMessage",
)
"""Names in its modules that are no part of its interface."""


def leave_nothing_unfinished() -> None:
    """See to it that Gradio deletes what it has of an upload that isn't whole; by itself it does so only for some."""
    GradioMultiPartParser.parse = _parse_or_delete  # type: ignore[assignment,method-assign]


_parse = GradioMultiPartParser.parse


async def _parse_or_delete(parser: GradioMultiPartParser) -> FormData:
    try:
        form = await _parse(parser)
    except BaseException as error:
        _delete(parser._files_to_close_on_error)
        match error:
            case OSError():
                raise HTTPException(507, "The server has no room left: tell its operator.") from error
            case ClientDisconnect() | MultiPartException():  # which Gradio answers
                raise
            case Exception():
                raise HTTPException(400, UNREADABLE) from error
        raise
    sent = form.getlist("files")
    finished = {id(item.file) for item in sent if isinstance(item, UploadFile)}
    is_fit = len(finished) == len(sent)
    _delete(file for file in parser._files_to_close_on_error if not (is_fit and id(file) in finished))
    if not is_fit:
        raise HTTPException(400, UNREADABLE)
    return form


def _delete(files: Iterable[Any]) -> None:
    for file in files:
        file.close()
        Path(file.name).unlink(missing_ok=True)
