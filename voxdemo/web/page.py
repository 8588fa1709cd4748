"""The page, put together from its tabs: `build_page` for the Blocks, `launch_options` for how they are served.

The look and what runs in the browser are real files in `assets/`. It knows no model; the tabs talk to the service.
"""

import html
import os
from typing import Any, cast

import gradio as gr

from voxdemo import __version__, hf_space
from voxdemo.engines.registry import NO_COPIES
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web import contract
from voxdemo.web.components import examples, front, voice_fields, wording
from voxdemo.web.components.assets import ASSETS, asset, filled, translations
from voxdemo.web.components.parts import AT_ONCE, own_html
from voxdemo.web.components.theme import theme
from voxdemo.web.guards.bodies import MAX_UPLOAD_MIB
from voxdemo.web.line import admission
from voxdemo.web.line.gradio_patches import without_apps
from voxdemo.web.tabs.batch import add_batch_tab
from voxdemo.web.tabs.history import add_history_tab
from voxdemo.web.tabs.recognize import add_recognize_tab
from voxdemo.web.tabs.speak import ASKED, USUAL, add_generate_tab
from voxdemo.web.tabs.status import add_status_tab
from voxdemo.web.tabs.talk import add_talk_tab
from voxdemo.web.tabs.voices import add_voices_tab

STYLES = "shell/page.css", "voices/sheet.css", "live/live.css", "talk/talk.css"
MOST_AT_ONCE = admission.MOST_AT_HAND + 64
"""How many of Gradio's events may be served at once: those beside the line, the line's and the page's own."""
SESSIONS = 200
"""How many visitors' last inputs Gradio remembers; each takes 100 kB."""


def build_page(service: SpeechService, settings: Settings) -> gr.Blocks:
    """The page and the frozen endpoints over this service."""
    # Where Gradio keeps uploads; as the results lie below it too, it serves those without a copy of its own.
    os.environ["GRADIO_TEMP_DIR"] = str(settings.files_dir)
    front.put_in_place()
    with without_apps(), gr.Blocks(title="voxdemo", analytics_enabled=False) as demo:
        status = _head(service, settings)
        arrivals = [demo.load, status.retry]
        _banner(service, arrivals)
        with gr.Tabs(elem_id="vx-tabs"):
            asked = add_generate_tab(service, arrivals)
            add_recognize_tab(service)
            if settings.chat_url:
                add_talk_tab()
            add_voices_tab(service, arrivals, bool(settings.accounts))
            add_history_tab(service.engine_info, asked)
            add_batch_tab(service, arrivals)
            add_status_tab(service)
        _foot()
        contract.add_endpoints(service)
    return cast(gr.Blocks, demo)


def launch_options() -> dict[str, Any]:
    """What `demo.launch` gets for the page: the look, the scripts, and nothing that leaves the server or stays."""
    return {
        "theme": theme(),
        "i18n": translations(),
        # Not css=, which Gradio rewrites: @supports and @container are dropped, and rules in @media never match.
        "head": f"<style>{''.join(map(asset, STYLES))}</style>",
        "favicon_path": ASSETS / "logo.svg",
        "allowed_paths": [examples.FOLDER],
        "auth_message": front.login_head(),
        "footer_links": [],
        "run_history": False,  # it would keep every text and recording in the browser
        "ssr_mode": False,
        "enable_monitoring": False,
        "max_file_size": f"{MAX_UPLOAD_MIB}mb",
        "max_threads": MOST_AT_ONCE,
        "state_session_capacity": SESSIONS,
    }


def _head(service: SpeechService, settings: Settings) -> gr.HTML:
    return own_html(
        "vx-head",
        {"title": service.engine_info.title},
        html_template=filled("shell/head.html", {"logo": asset("logo.svg"), "engines": _engines(service)}),
        js_on_load="voxdemo.head(element, props, trigger)",
        noCopies=NO_COPIES,
        limits=voice_fields.LIMITS,
        isOnServer=bool(settings.accounts),
        isOpen=bool(settings.accounts or not settings.keys),  # with keys alone, /v1/ is for programs
        names=ASKED,
        usual=USUAL,
    )


def _engines(service: SpeechService) -> str:
    """The card of the models; where none copies voices, with what would."""
    return filled("shell/engines.html", {"more": voice_fields.cloning_note(service.catalogue)})


def _foot() -> None:
    source = f'<a href="{hf_space.source()}" rel="noreferrer">Source</a>' if hf_space.source() else ""
    own_html("vx-foot", filled("shell/foot.html", {"source": source, "version": __version__}))


def _banner(service: SpeechService, arrivals: list[Any]) -> None:
    async def notice() -> str:
        return f"<p>{html.escape(wording.notice(service))}</p>"

    gr.on(arrivals, notice, outputs=own_html("vx-banner", "<p></p>"), **AT_ONCE)
