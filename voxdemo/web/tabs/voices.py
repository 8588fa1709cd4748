"""The Voices tab: all voices, as in the sheet of the Speak tab; those that people have saved; the form that saves.

People's own voices stay in their browser, or with a login in their account's folder (`web/routes/voices.py`). It knows
the service, no model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from voxdemo.service.service import SpeechService
from voxdemo.web.components import voice_fields
from voxdemo.web.components.assets import asset, filled, say
from voxdemo.web.components.parts import AT_ONCE, own_html
from voxdemo.web.components.voice_fields import add_form, add_voice_fields, wire_form, wire_reading


def add_voices_tab(service: SpeechService, arrivals: Sequence[Callable[..., Any]], is_on_server: bool) -> None:
    """Add the tab to the Tabs in whose context this is called.

    `arrivals` are the events at which what the engine has is looked up again.
    """
    where = voice_fields.WHERE_ON_SERVER if is_on_server else voice_fields.WHERE
    with gr.Tab(say("Voices"), id="voices"), gr.Row(elem_id="vx-voices"):
        with gr.Column(elem_id="vx-voices-lists"):
            own_html("vx-ready", {}, html_template=asset("voices/sheet.html"), js_on_load="voxdemo.voices.tab(element)")
            own_html(
                "vx-shelf",
                {},
                html_template=filled("voices/own.html", {"where": where}),
                js_on_load="voxdemo.voices.own(element, watch)",
            )
        with gr.Column(elem_id="vx-new"):
            own_html("vx-new-head", "<h2>Save a voice</h2>")
            note = own_html("vx-new-note", voice_fields.cloning_note(service.catalogue))
            fields = add_voice_fields("vx-new", {"label": say("Transcript of the recording")})
            form = add_form("vx-new")
    wire_reading(service, fields)
    wire_form(form, fields, clears=True)

    async def look() -> str:
        return voice_fields.cloning_note(service.catalogue)

    gr.on(arrivals, look, outputs=note, **AT_ONCE)
