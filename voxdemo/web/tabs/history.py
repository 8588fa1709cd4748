"""The History tab: what this browser has had spoken and recognised, to be heard again, asked for again and deleted.

All of it happens in the browser (`assets/job/history.js`), which keeps what was asked for and where its sound is. The
server knows of no history; it has a sound for as long as it keeps results.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from voxdemo.speech import EngineInfo
from voxdemo.web.components import card
from voxdemo.web.components.assets import filled, say
from voxdemo.web.components.parts import COPYING, IN_BROWSER, own_html
from voxdemo.web.components.voice_fields import READY_VOICE

WORDS: Mapping[str, str] = {
    **card.WORDS,
    "where": "Your last 50 results, stored only in this browser. The audio lasts until the server deletes it.",
    "unkept": "This browser doesn't store data for this page, as in a private window. The list goes with it.",
    "none": "Nothing yet. Your results will be listed here, in this browser only.",
    "choose": "Choose a result to hear it again.",
    "hint": "The text appears here; each sentence lights up as it is heard.",
    "pick": "Hear again: {first}",
    "use": "Use again",
    "useOf": "Use text and settings again: {first}",
    "remove": "Delete",
    "removeOf": "Delete: {first}",
    "removed": "Deleted.",
    "cleared": "All are deleted.",
    "replace": "Replace your text?",
    "fetching": "One moment …",
    "heard": "{total} of speech",
    "heardSeed": "{total} of speech, seed {seed}",
    "transcript": "Transcript",
    **COPYING,
    "copyOf": "Copy transcript: {first}",
    "saveText": "Text",
    "saveTextOf": "Save as text: {first}",
    "recording": "{total} of audio",
    "goneRecording": "The server no longer has this recording. Its transcript can still be copied.",
    "goneLive": "This recording went with its page. Its transcript can still be copied.",
    "gone": "The server no longer has this audio. Press Use again, then Speak.",
    "unreached": "Can't reach the server. Try again in a moment.",
}


def add_history_tab(info: EngineInfo, asked: Mapping[str, Any]) -> None:
    """Add the tab to the Tabs in whose context this is called. `asked` are the components of what Speak sends."""
    names: Sequence[str] = tuple(asked)
    with gr.Tab(say("History"), id="history"):
        history = own_html(
            "vx-history",
            html_template=filled("job/history.html", {"player": card.player_of("speech", WORDS)}),
            js_on_load="voxdemo.history.tab(element, props, () => trigger('use'))",
            words=dict(WORDS),
            names=names,
            kinds={"ready": READY_VOICE},
            rate=info.sample_rate,
        )
    components = list(asked.values())
    used = "(...values) => voxdemo.history.used(values)"
    history.use(js=used, inputs=components, outputs=components, **IN_BROWSER)


def press(names: Sequence[str]) -> str:
    """A statement in JavaScript that keeps the `values` of what Speak sends, as history will tell them."""
    return f"voxdemo.history.press({json.dumps(names)}, values);"
