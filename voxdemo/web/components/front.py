"""Gradio's page as it leaves the server, before any of ours is drawn.

That is what link previews, browsers without scripts and the login show, and in which language and at which tab the page
begins. Gradio has one template for all of it. It knows neither the service nor the tabs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import gradio as gr
from jinja2 import ChoiceLoader, DictLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from voxdemo.threads import in_thread
from voxdemo.web.components.assets import ASSETS, asset
from voxdemo.web.components.i18n import login_words

TEMPLATE = "frontend/index.html"
"""Gradio's page."""
BASE = """<base href="{{ base_url | default('./') }}" />"""
"""What addresses below it are relative to."""
THEIR_PREVIEW = r'\s*<meta\s+(property="og:|name="twitter:)[^>]*>'
PICTURE = ASSETS / "screenshot.png"
"""What a preview of a link shows."""
THEIR_FILES = {path.name: path for path in Path(gr.__file__).with_name("templates").glob("frontend/assets/*")}
"""Gradio's modules, styles and fonts, by their names, which change with what is in them."""
TEXTS = {".js": "text/javascript", ".css": "text/css"}
FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
UNUSED = "hls-DKvqWxTe.js"
"""The player of HTTP Live Streaming, which Gradio's own player waits for: 157 kB, and nothing here streams that way."""
STAND_IN = "export const n = () => false, r = null, t = null;"
"""Its three names; the first says whether it can be used."""


@cache
def put_in_place() -> None:
    """Have Gradio serve its page with what is ours: of all pages of this process, as Gradio has one template."""
    environment = gr.routes.templates.env
    assert environment.loader, "Gradio's templates are files"
    source, _, _ = environment.loader.get_source(environment, TEMPLATE)
    environment.loader = ChoiceLoader([DictLoader({TEMPLATE: _ours(source)}), environment.loader])
    environment.globals["voxdemo_login"] = login_words()


def login_head() -> str:
    """What stands above the fields of the login, as HTML."""
    return asset("login.html").replace("<!-- logo -->", asset("logo.svg"))


def routes() -> Sequence[Route]:
    """The page's files where Gradio's own answers don't do: it lets no browser keep its modules."""

    async def picture(_: Request) -> Response:
        return FileResponse(PICTURE, headers={"Cache-Control": "public, max-age=86400"})

    async def stand_in(_: Request) -> Response:
        return Response(STAND_IN, media_type="text/javascript", headers={"Cache-Control": "public, max-age=86400"})

    async def theirs(request: Request) -> Response:
        path = THEIR_FILES.get(request.path_params["name"])
        if path is None:
            raise HTTPException(404)
        if media_type := TEXTS.get(path.suffix):  # whole, and so compressed better than Gradio would
            return Response(await in_thread(path.read_bytes), media_type=media_type, headers=FOR_EVER)
        return FileResponse(path, headers=FOR_EVER)

    return [Route("/preview.png", picture), Route(f"/assets/{UNUSED}", stand_in), Route("/assets/{name}", theirs)]


def _ours(source: str) -> str:
    source = re.sub(THEIR_PREVIEW, "", source)
    head = asset("front.html")
    for name in ("language", "address", "login"):
        script = f"<script>{{% raw %}}{asset(f'{name}.js')}{{% endraw %}}</script>"
        head = head.replace(f"<!-- {name} -->", script)
    edits = {
        BASE: BASE + _needed_at_once(),
        # Where a proxy serves the page below a path, "/" isn't ours.
        'href="/manifest.json"': 'href="./manifest.json"',
        "<gradio-app": f"{asset('no-script.html')}<gradio-app",
        '<script type="module"': f'{head}<script type="module"',
    }
    for theirs, ours in edits.items():
        assert source.count(theirs) == 1, f"Gradio's page has no {theirs} any more"
        source = source.replace(theirs, ours)
    return source


def _needed_at_once() -> str:
    """Links to the modules of Gradio's that the page asks for until it can be used, in that order.

    A browser would learn of them in five steps, each of them as long as the way to the server and back. Not to their
    styles, which must come in Gradio's own order.
    """
    return "".join(f'<link rel="modulepreload" href="./assets/{name}">' for name in asset("modules.txt").split())
