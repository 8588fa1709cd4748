"""Gradio, changed: uploads leave nothing behind, unknown numbers are refused, and nothing is made that nobody uses.

Its queue is changed in `LineQueue`, its page in `front`. `tests/web/line/test_gradio_patches.py` lists all that we use
of it beyond its public interface.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import gradio as gr
from gradio import queueing, utils
from gradio.route_utils import FnIndexInferError, GradioMultiPartParser
from gradio.routes import App
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

UNREADABLE = "That upload can't be read: send it again."


def leave_nothing_unfinished() -> None:
    """See to it that Gradio deletes what it has of an upload that isn't whole; by itself it does so only for some."""
    GradioMultiPartParser.parse = _parse_or_delete  # type: ignore[assignment,method-assign]


def make_no_loops() -> None:
    """Have Gradio's locks come without an event loop each, which they need no more since Python 3.10.

    Nobody closes those, and where garbage is collected in an unlucky order, Python prints a traceback for one.
    """
    queueing.safe_get_lock = utils.safe_get_lock = asyncio.Lock  # type: ignore[attr-defined]
    utils.safe_get_stop_event = asyncio.Event


@contextmanager
def without_apps() -> Iterator[None]:
    """While a page is put together: Gradio makes an app then, twice, for 50 ms each, and anew when it is launched."""
    create = App.create_app
    App.create_app = staticmethod(lambda *_, **__: None)  # type: ignore[assignment,method-assign]
    try:
        yield
    finally:
        App.create_app = staticmethod(create)  # type: ignore[method-assign]


def refuse_unknown_numbers(demo: gr.Blocks) -> None:
    """Have requests that name a function or a component by a number that isn't there be refused as unknown ones."""
    demo.default_config.fns = _Numbered(demo.fns)
    demo.default_config.blocks = _Numbered(demo.blocks)


class _Numbered(dict[int, Any]):
    def __missing__(self, number: int) -> NoReturn:
        raise FnIndexInferError(f"there is no {number}")


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
    finished = {id(item.file) for item in sent if isinstance(item, UploadFile) and _is_name(item.filename)}
    is_fit = len(finished) == len(sent)
    _delete(file for file in parser._files_to_close_on_error if not (is_fit and id(file) in finished))
    if not is_fit:
        raise HTTPException(400, UNREADABLE)
    return form


def _is_name(filename: str | None) -> bool:
    """Whether Gradio can keep a file under it: it refuses "..", and by then has written the file elsewhere."""
    return not filename or Path(filename).name not in ("", "..")


def _delete(files: Iterable[Any]) -> None:
    for file in files:
        file.close()
        Path(file.name).unlink(missing_ok=True)
