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
THEIR_PREVIEW = r'\s*<meta\s+(property="og:|name="twitter:)[^>]*>'
PICTURE = ASSETS / "screenshot.png"
"""What a preview of a link shows."""


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
    """The picture of previews, which is nobody's secret: a login doesn't guard it."""

    async def picture(_: Request) -> Response:
        return FileResponse(PICTURE, headers={"Cache-Control": "public, max-age=86400"})

    return [Route("/preview.png", picture)]


def _ours(source: str) -> str:
    source = re.sub(THEIR_PREVIEW, "", source)
    head = asset("front.html")
    for name in ("language", "address", "login"):
        script = f"<script>{{% raw %}}{asset(f'{name}.js')}{{% endraw %}}</script>"
        head = head.replace(f"<!-- {name} -->", script)
    edits = {
        # Where a proxy serves the page below a path, "/" isn't ours.
        'href="/manifest.json"': 'href="./manifest.json"',
        "<gradio-app": f"{asset('no-script.html')}<gradio-app",
        '<script type="module"': f'{head}<script type="module"',
    }
    for theirs, ours in edits.items():
        assert source.count(theirs) == 1, f"Gradio's page has no {theirs} any more"
        source = source.replace(theirs, ours)
    return source
