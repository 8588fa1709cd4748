"""Gradio's page as it leaves the server, before any of ours is drawn.

That is what link previews, browsers without scripts and the login show, and in which language and at which tab the page
begins. Gradio has one template for all of it. It knows neither the service nor the tabs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import gradio as gr
from jinja2 import ChoiceLoader, DictLoader
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from voxdemo.web.assets import ASSETS, asset
from voxdemo.web.i18n import login_words

TEMPLATE = "frontend/index.html"
"""Gradio's page."""
BASE = """<base href="{{ base_url | default('./') }}" />"""
"""What addresses below it are relative to."""
THEIR_PREVIEW = r'\s*<meta\s+(property="og:|name="twitter:)[^>]*>'
PICTURE = ASSETS / "screenshot.png"
"""What a preview of a link shows."""
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
    """What isn't Gradio's of its page's files: the picture of previews, and what stands in for `UNUSED`."""

    async def picture(_: Request) -> Response:
        return FileResponse(PICTURE, headers={"Cache-Control": "public, max-age=86400"})

    async def stand_in(_: Request) -> Response:
        return Response(STAND_IN, media_type="text/javascript", headers={"Cache-Control": "public, max-age=86400"})

    return [Route("/preview.png", picture), Route(f"/assets/{UNUSED}", stand_in)]


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
