"""Forms with a recording, as programs send them (multipart/form-data).

However a program sends the form, its recording is a file, even without a name: curl sends `-F "file=<talk.wav"` and
some libraries send bytes as a text field; Starlette would take it for text, decode it and stop after 1 MiB. It would
also decode text by the charset that the client names, even "undefined". A method and an attribute of its parser are
overridden here; tests fail when Starlette changes them.
"""

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, BinaryIO

from fastapi import Request, UploadFile
from fastapi.routing import APIRoute
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.responses import Response

from voxdemo.errors import InputError, StorageError

RECORDINGS = (b"file", b"audio_sample")
"""The fields that OpenAI's API calls a recording."""
NAMELESS = "without a name"
"""What a file is called that came without a name."""
NOT_A_FORM = (
    "Send the recording in the field {name} of a form (multipart/form-data, not {kind}): curl does it by"
    " -F {name}=@talk.wav."
)
NO_BOUNDARY = "The Content-Type of this form lacks its boundary: let your HTTP library set that header by itself."
BROKEN = "This form can't be read: {why}"
A_NAME = "The field {name} has a text in it instead of a recording: with curl, write an @ before the file's name."
UNSET = ("null", "undefined")
"""What JavaScript puts into a form for a field that has no value."""
LONGEST_NAME = 1024
"""Bytes of what may be a name that somebody sent in place of the file."""


class RecordingForm(APIRoute):
    """A route whose body, if it takes one, is a form with a recording."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's, with the form read before."""
        handle = super().get_route_handler()
        fields = [parameter.alias for parameter in self.dependant.body_params]
        field = next((name for name in fields if name.encode() in RECORDINGS), None)

        async def handle_form(request: Request) -> Response:
            if field:
                request._form = await _form(request, field)  # where Starlette keeps it once it is read
            return await handle(request)

        return handle_form


def recording_in(field: str, sent: UploadFile) -> BinaryIO:
    """The recording that was sent. Raises InputError where it is the name of one; blocks for a moment."""
    if sent.filename == NAMELESS and _is_text(sent.file.read(LONGEST_NAME + 1)):
        raise InputError(A_NAME, code="recording_is_text", name=field)
    sent.file.seek(0)
    return sent.file


class _Parser(MultiPartParser):
    _charset = property(lambda _: "utf-8", lambda *_: None)  # Starlette sets what the client names, which is ignored

    def on_headers_finished(self) -> None:
        part = self._current_part
        described = part.content_disposition or b""
        _, options = parse_options_header(described)
        if options.get(b"name") in RECORDINGS and b"filename" not in options:
            part.content_disposition = described + f'; filename="{NAMELESS}"'.encode()
        super().on_headers_finished()


async def _form(request: Request, field: str) -> FormData:
    kind = request.headers.get("content-type", "")
    if kind.partition(";")[0].strip().lower() != "multipart/form-data":
        raise InputError(NOT_A_FORM, code="not_a_form", name=field, kind=kind[:60] or "without a type")
    if "boundary=" not in kind:
        raise InputError(NO_BOUNDARY, code="form_without_boundary")
    try:
        async with aclosing(request.stream()) as stream:
            sent = await _Parser(request.headers, stream).parse()
    except MultiPartException as error:
        raise InputError(BROKEN, code="broken_form", why=error.message) from error
    except OSError as error:
        raise StorageError from error
    return FormData([(name, value) for name, value in sent.multi_items() if value not in UNSET])


def _is_text(data: bytes) -> bool:
    try:
        return 0 < len(data) <= LONGEST_NAME and data.decode().strip().isprintable()
    except UnicodeDecodeError:
        return False
