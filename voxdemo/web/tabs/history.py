"""The History tab: what this browser has had spoken and recognised, to be heard again, asked for again and deleted.

All of it happens in the browser (`assets/job/history.js`), which keeps what was asked for and where its sound is. The
server knows of no history; it has a sound for as long as it keeps results.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from voxdemo.speech import EngineInfo
from voxdemo.web.components import card
from voxdemo.web.components.assets import filled, say
from voxdemo.web.components.parts import IN_BROWSER, own_html

HINT = "The text appears here; each sentence lights up as it is heard."


def add_history_tab(info: EngineInfo, asked: Mapping[str, Any]) -> None:
    """Add the tab to the Tabs in whose context this is called. `asked` are the components of what Speak sends."""
    with gr.Tab(say("History"), id="history"):
        history = own_html(
            "vx-history",
            html_template=filled("job/history.html", {"player": card.player_of("speech", HINT)}),
            js_on_load="voxdemo.history.tab(element, props, () => trigger('use'))",
            rate=info.sample_rate,
        )
    components = list(asked.values())
    used = "(...values) => voxdemo.history.used(values)"
    history.use(js=used, inputs=components, outputs=components, **IN_BROWSER)
