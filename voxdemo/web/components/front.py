"""Gradio's page as it leaves the server, before any of ours is drawn.

That is what link previews, browsers without scripts and the login show, and in which language and at which tab the page
begins. Gradio has one template for all of it. It knows neither the service nor the tabs.
"""

import re
from functools import cache, partial
from pathlib import Path

import gradio as gr
from jinja2 import ChoiceLoader, DictLoader
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from voxdemo.threads import in_thread
from voxdemo.web.components.assets import (
    ASSETS,
    LOGIN,
    PAGE,
    asset,
    filled,
    login_words,
    scripts,
    scripts_folder,
    version,
)
from voxdemo.web.guards import access

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
KEPT = "max-age=31536000, immutable"
FOR_EVER = {"Cache-Control": f"public, {KEPT}"}
FOR_A_DAY = {"Cache-Control": "public, max-age=86400"}
MANIFEST = {
    "name": "voxdemo",
    "icons": [{"src": "pwa_icon", "sizes": "any", "type": "image/svg+xml", "purpose": "any"}],
    "start_url": "./",
    "display": "standalone",
}
"""As Gradio's, whose icon has an address from the root even where the page is served below a path."""
UNUSED = "hls-DKvqWxTe.js"
"""The player of HTTP Live Streaming, which Gradio's own player waits for: 157 kB, and nothing here streams that way."""
STAND_IN = "export const n = () => false, r = null, t = null;"
"""Its three names; the first says whether it can be used."""
CLOCKS = "statustracker-DQF-KcRT.js"
"""How long something takes, as Gradio shows it. The clock that runs while the page loads never stops: it asks for every
frame as long as the page is open, which takes a twentieth of a core."""
GOES_ON, WHILE_SHOWN = "W&&ze()", "W&&U&&ze()"
"""Whether a clock asks for another frame; `U` is its element, and null once that is gone."""


@cache
def put_in_place() -> None:
    """Have Gradio serve its page with what is ours: of all pages of this process, as Gradio has one template."""
    environment = gr.routes.templates.env
    assert environment.loader, "Gradio's templates are files"
    source, _, _ = environment.loader.get_source(environment, TEMPLATE)
    environment.loader = ChoiceLoader([DictLoader({TEMPLATE: _ours(source)}), environment.loader])
    environment.globals["voxdemo_login"] = login_words()


def login_head() -> str:
    """The HTML above the fields of the login."""
    return filled("shell/login.html", {"logo": asset("logo.svg")})


async def _theirs(request: Request) -> Response:
    path = THEIR_FILES.get(request.path_params["name"])
    if path is None:
        raise HTTPException(404)
    if media_type := TEXTS.get(path.suffix):  # whole, and so compressed better than Gradio would
        return Response(await in_thread(path.read_bytes), media_type=media_type, headers=FOR_EVER)
    return FileResponse(path, headers=FOR_EVER)


async def _clocks(_: Request) -> Response:
    source = await in_thread(partial(THEIR_FILES[CLOCKS].read_text, encoding="utf-8"))
    return Response(source.replace(GOES_ON, WHILE_SHOWN), media_type=TEXTS[".js"], headers=FOR_A_DAY)


async def _our_script(request: Request) -> Response:
    name, asked = request.path_params["name"], request.path_params["version"]
    if name not in scripts() or asked != version():  # of another release, whose scripts don't go with these
        raise HTTPException(404)
    if name != LOGIN and not access.may_see_page(request.scope):
        raise HTTPException(401, access.NO_LOGIN)
    whose = "private" if request.app.auth else "public"
    return Response(scripts()[name], media_type="text/javascript", headers={"Cache-Control": f"{whose}, {KEPT}"})


ROUTES = (
    Route("/preview.png", lambda _: FileResponse(PICTURE, headers=FOR_A_DAY)),
    Route("/manifest.json", lambda _: JSONResponse(MANIFEST, 200, FOR_A_DAY, "application/manifest+json")),
    Route(f"/assets/{UNUSED}", lambda _: Response(STAND_IN, 200, FOR_A_DAY, TEXTS[".js"])),
    Route(f"/assets/{CLOCKS}", _clocks),
    Route("/assets/{name}", _theirs),
    Route("/scripts/{version}/{name}", _our_script),
)
"""The page's files where Gradio's own answers don't do: it lets no browser keep its modules."""


def _ours(source: str) -> str:
    source = re.sub(THEIR_PREVIEW, "", source)
    head = filled("shell/front.html", {"scripts": scripts_folder()})
    edits = {
        BASE: BASE + _needed_at_once(),
        # Where a proxy serves the page below a path, "/" isn't ours.
        'href="/manifest.json"': 'href="./manifest.json"',
        "<gradio-app": f"{asset('shell/no-script.html')}<gradio-app",
        '<script type="module"': f'{head}<script type="module"',
    }
    for theirs, ours in edits.items():
        assert source.count(theirs) == 1, f"Gradio's page has no {theirs} any more"
        source = source.replace(theirs, ours)
    return source


def _needed_at_once() -> str:
    """Links to what the page asks for until it can be used, in that order: our script, then Gradio's modules.

    A browser would learn of them in five steps, each of them as long as the way to the server and back. Not to their
    styles, which must come in Gradio's own order.
    """
    folder = scripts_folder()
    login, page = _link(f"{folder}/{LOGIN}"), _link(f"{folder}/{PAGE}")
    theirs = "".join(_link(f"./assets/{name}") for name in asset("shell/gradio_modules.txt").split())
    return f"{{% if config.auth_required %}}{login}{{% else %}}{page}{{% endif %}}{theirs}"


def _link(address: str) -> str:
    return f'<link rel="modulepreload" href="{address}">'
