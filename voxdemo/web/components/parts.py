"""What tabs are built of: HTML of ours, dials, a seed, a recording; and how events are wired that no job stands behind.

Those are beside the line, and in no list of endpoints.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from voxdemo.speech import CFG_WEIGHT, EXAGGERATION, GUIDANCE, SPEED, STEPS, TEMPERATURE, Dial
from voxdemo.web.components.assets import say

AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Arguments of an event that the server answers without a model."""
IN_BROWSER: dict[str, Any] = {"fn": None, "api_visibility": "private"}
"""Arguments of an event that only the browser has to do with."""
_DIALS = {
    SPEED: "1 is normal, 2 is twice as fast.",
    GUIDANCE: "Higher keeps closer to the recording, lower varies more.",
    STEPS: "More steps sound finer and take longer.",
    EXAGGERATION: "Higher speaks with more feeling, and faster.",
    CFG_WEIGHT: "Lower is calmer, and has less of the recording's accent.",
    TEMPERATURE: "Higher varies more, lower is steadier.",
}
"""What is said of them."""


def own_html(elem_id: str | None, value: Any = None, **options: Any) -> gr.HTML:
    """HTML that looks as our stylesheet says alone."""
    return gr.HTML(value, apply_default_css=False, elem_id=elem_id, **options)


def dial_field(dial: Dial, shown: Mapping[str, Any]) -> gr.Slider:
    return gr.Slider(value=dial.default, label=say(dial.label), info=say(_DIALS[dial]), **shown)


def seed_field(info: str, elem_id: str, **options: Any) -> gr.Textbox:
    return gr.Textbox(  # not a Number: Gradio 6.31 fills an empty one with 0
        label=say("Seed"), info=say(info), placeholder=say("Automatic"), max_lines=1, elem_id=elem_id,
        html_attributes=gr.InputHTMLAttributes(autocomplete="off"), **options,
    )  # fmt: skip


def recording_field(label: str, elem_id: str) -> gr.Audio:
    return gr.Audio(label=label, type="filepath", sources=["upload", "microphone"], buttons=[], elem_id=elem_id)
