"""Refusals for gradio_client: of most HTTP errors it shows the status alone, of a job that fails the sentence.

So a script that asks for too much is let in for as long as it takes to fail; an upload that is one too many is answered
with a file that isn't there, and the job that names it fails. Raw HTTP gets a 429. Knows ASGI scopes and our errors.
"""

import re
import time
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from voxdemo.errors import LimitError

AGENT = "gradio_client/"
"""How its User-Agent begins: huggingface_hub makes it of the library's name."""
_REFUSED = re.compile(r"/refused-upload-until-(\d{1,12})(/|$)")
_WAIT_S = 1.0
"""Seconds to wait where the time has come meanwhile."""


def is_gradio_client(scope: Scope) -> bool:
    """Whether gradio_client asks."""
    return AGENT in Headers(scope=scope).get("user-agent", "")


def refused_upload(error: LimitError) -> Response:
    """In place of a 429: the name of a file, from which `check_uploaded` knows when to come again."""
    until = round(time.time() + (error.retry_after_s or _WAIT_S))
    return JSONResponse([f"/refused-upload-until-{until}"])


def check_uploaded(path: Path) -> None:
    """Raises the LimitError that its upload met, where it is the file of one that was refused."""
    if refused := _REFUSED.match(path.as_posix()):
        wait_s = max(_WAIT_S, int(refused[1]) - time.time())
        raise LimitError.too_many(wait_s)
