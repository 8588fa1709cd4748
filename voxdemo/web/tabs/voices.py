"""The Voices tab: all voices, as in the sheet of the Speak tab; those that people have saved; the form that saves.

People's own voices stay in their browser, or with a login in their account's folder (`web/routes/voices.py`). It knows
the service, no model.
"""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from voxdemo.service.service import SpeechService
from voxdemo.web.components import voice_fields
from voxdemo.web.components.assets import say
from voxdemo.web.components.parts import AT_ONCE, own_html
from voxdemo.web.components.voice_fields import (
    WORDS,
    add_form,
    add_voice_fields,
    template,
    wire_form,
    wire_reading,
)


def add_voices_tab(service: SpeechService, arrivals: Sequence[Callable[..., Any]], is_on_server: bool) -> None:
    """Add the tab to the Tabs in whose context this is called.

    `arrivals` are the events at which what the engine has is looked up again.
    """
    props = voice_fields.props(is_on_server)
    with gr.Tab(say("Voices"), id="voices"), gr.Row(elem_id="vx-voices"):
        with gr.Column(elem_id="vx-voices-lists"):
            _html("tab", "vx-ready", "sheet", props)
            _html("own", "vx-shelf", "own", props)
        with gr.Column(elem_id="vx-new"):
            own_html("vx-new-head", f"<h2>{WORDS['new']}</h2>")
            note = own_html("vx-new-note", voice_fields.cloning_note(service.catalogue))
            fields = add_voice_fields("vx-new", {"label": say("Transcript of the recording")})
            form = add_form("vx-new", is_on_server)
    wire_reading(service, fields)
    wire_form(form, fields, clears=True)

    async def look() -> str:
        return voice_fields.cloning_note(service.catalogue)

    gr.on(arrivals, look, outputs=note, **AT_ONCE)


def _html(script: str, elem_id: str, name: str, props: dict[str, Any]) -> gr.HTML:
    inside = template(name, where=props["words"]["where"])
    return own_html(
        elem_id, {}, html_template=inside, js_on_load=f"voxdemo.voices.{script}(element, props, watch)", **props
    )
