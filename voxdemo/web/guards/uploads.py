"""What people upload at one server is found at the others that share files with it, by the name that Gradio gave it.

Each server has what was sent to it, and what was asked for, below a folder of its own: the same at all of them, or not.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxdemo.errors import UnavailableError
from voxdemo.intake.catalogue import MOST_OWN
from voxdemo.stores.objects import Objects
from voxdemo.threads import SHARING, in_thread
from voxdemo.web.guards.access import may_see_page
from voxdemo.web.guards.callers import Guard, Incoming
from voxdemo.web.guards.refusals import refused, retry_after

UPLOAD = re.compile(r"(?:/gradio_api)?/upload/?")
FETCHED = re.compile(r"((?:/gradio_api)?/file=)(.+)")
NAMED = re.compile(r"[0-9a-f]{64}")
"""What Gradio calls the folder of an upload: by what is in it."""
MOST_FILES = 1 + MOST_OWN
"""Of an event, which others may have: Speak's has the recording of its voice, then those of voices that tags call."""


class Uploads:
    """Those below `folder`, and of servers that share `objects`."""

    def __init__(self, folder: Path, objects: Objects) -> None:
        self._folder = folder
        self._objects = objects

    async def share(self, *written: str) -> None:
        """Have other servers find these files, by the paths that Gradio told; where that can't be now, later."""
        files = [file for path in written if (file := self._place(path)) and file.is_file()]
        await in_thread(self._objects.push_sometime, *files, pool=SHARING)

    async def found(self, path: str) -> str:
        """Where an upload is here that is at this path at the server to which it was sent; else the same path.

        Raises UnavailableError where others may have it and can't be asked.
        """
        file = self._place(path)
        is_here = file is not None and await in_thread(lambda: self._objects.pull(file), pool=SHARING)
        return str(file) if is_here else path

    async def fetch(self, data: Any) -> None:
        """As `found`, for the first MOST_FILES files that an event of Gradio's comes with."""
        for file in islice(_files_in(data), MOST_FILES):
            file["path"] = await self.found(file["path"])

    def _place(self, path: str) -> Path | None:
        parts = Path(path).parts
        if "\0" in path or len(parts) < 2 or not NAMED.fullmatch(parts[-2]) or parts[-1] in (".", ".."):
            return None
        return self._folder / parts[-2] / parts[-1]


def _files_in(data: Any) -> Iterator[dict[str, Any]]:
    match data:
        case {"path": str(), **_others}:
            yield data
        case dict() | list():
            for each in data.values() if isinstance(data, dict) else data:
                yield from _files_in(each)


class SharedUploads(Guard):
    """ASGI middleware: shares what is uploaded before that is acknowledged, and has files here that are asked for.

    Whoever lacks a login gets no further than Gradio's refusal.
    """

    def __init__(self, app: ASGIApp, uploads: Uploads) -> None:
        super().__init__(app)
        self._uploads = uploads

    async def guard(self, request: Incoming, receive: Receive, send: Send) -> None:
        if request.method == "POST" and UPLOAD.fullmatch(request.path):
            return await self._take(request.scope, receive, send)
        if (asked := FETCHED.fullmatch(request.path)) and may_see_page(request.scope):
            path = str(request.scope["path"])
            try:
                request.scope["path"] = path.removesuffix(asked[2]) + await self._uploads.found(asked[2])
            except UnavailableError as error:
                answer = refused(request.scope, 503, error, retry_after(error))
                return await answer(request.scope, receive, send)
        return await self._app(request.scope, receive, send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        await self._app(scope, receive, keep)  # by its end, Gradio has put the files in their places
        if answer and answer[0].get("status") == 200:
            body = b"".join(message.get("body", b"") for message in answer)
            await self._uploads.share(*json.loads(body))
        for message in answer:
            await send(message)
