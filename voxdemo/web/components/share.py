"""Link and code: what is asked for on the Speak tab, taken along. `assets/job/share.js` writes it, in the browser."""

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from voxdemo.web.components.assets import asset
from voxdemo.web.components.i18n import say
from voxdemo.web.components.wiring import IN_BROWSER

WORDS = {
    "link": "Opens this page with your text and settings. They are in the link itself, and not sent to the server.",
    "without": "Opens this page with your text and settings, without your recording.",
    "long": "This text is too long for a link: save it as a file, or take one of the other three.",
    "code": "Asks this server for the same audio.",
    "key": "or a key, where one is asked for",
    "copied": "Copied.",
    "selected": "Selected: copy it with your keyboard or the menu.",
}


def add_share(names: tuple[str, ...], usual: Mapping[str, Any]) -> gr.HTML:
    """The fold with link and code of what is asked for; `usual` is what needs no mention in them."""
    with gr.Accordion(say("Link and code"), open=False, elem_id="vx-share"):
        return gr.HTML(
            html_template=asset("job/share.html"),
            js_on_load="voxdemo.share(element, props, () => trigger('ask'))",
            apply_default_css=False,
            names=names,
            usual=dict(usual),
            words=WORDS,
        )


def wire_share(share: gr.HTML, arrivals: gr.HTML, asked: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
    """Show what is `asked` for as it changes, and fill in what a link tells, of which an event of `arrivals` tells."""
    parts = list(asked.values())
    in_browser = {"inputs": parts, **IN_BROWSER}
    shows = {"js": "(...values) => voxdemo.shared(values)", **in_browser}
    gr.on([part.change for part in parts], **shows)
    share.ask(**shows)
    arrived = f"(...values) => voxdemo.arrived({json.dumps(list(asked))}, {json.dumps(dict(usual))}, values)"
    arrivals.arrived(js=arrived, outputs=parts, **in_browser)
