"""What tabs share of voices: which one speaks at first; of one's own the fields, and the form that keeps one.

`assets/voices/` does the rest, in the browser.
"""

from typing import Any, NamedTuple

import gradio as gr

from voxdemo.audio.reading.prompt import MAX_PROMPT_S, MIN_PROMPT_S
from voxdemo.intake.catalogue import Catalogue
from voxdemo.service.service import SpeechService
from voxdemo.speech import Dial
from voxdemo.stores import voices
from voxdemo.web.components import card
from voxdemo.web.components.assets import asset, filled, say
from voxdemo.web.components.card import NO_RECORDING, Card, reader
from voxdemo.web.components.parts import IN_BROWSER, own_html, recording_field

READY_VOICE, SAVED_VOICE, OWN_VOICE = "Ready-made", "My voices", "From a recording"
READING_WORDS = {
    **card.WORDS,
    "idle": "",
    "heard": "Recognised in {took}. Correct any mistakes.",
    "heardBefore": "Reused from earlier. Correct any mistakes.",
    "cancelled": "Cancelled.",
    "back": "The server is back: press Recognise it again.",
    "lost": "Can't reach the server ({time}). Retrying.",
    "missing": NO_RECORDING,
}
WHERE = "Stored only in this browser. A recording is sent when you speak with it."
WHERE_ON_SERVER = "Stored on this server, for your account only."
LIMITS = {
    "most": voices.MOST,
    "name": voices.MAX_NAME_CHARS,
    "text": voices.MAX_TEXT_CHARS,
    "least_s": MIN_PROMPT_S,
    "longest_s": MAX_PROMPT_S,
}


def first_voice(catalogue: Catalogue) -> str:
    """The name of the one that is chosen at first; "" is the engine's own voice."""
    return next((catalogue.name_of(voice, catalogue.usual) for voice in catalogue.usual.voices), "")


def bounds(dial: Dial) -> dict[str, float]:
    """What a slider needs to know of a dial."""
    return {"minimum": dial.low, "maximum": dial.high, "step": dial.step}


class VoiceFields(NamedTuple):
    """A recording of a voice and what is said in it."""

    prompt: gr.Audio
    prompt_text: gr.Textbox
    read: gr.Button
    read_cancel: gr.Button
    reading: Card


def add_voice_fields(of: str, prompt_text: dict[str, Any]) -> VoiceFields:
    """The fields, whose ids begin with `of`; `prompt_text` are arguments of the one for what is said."""
    label = f"Recording of the voice, {MIN_PROMPT_S:.0f} to {MAX_PROMPT_S:.0f} s"
    recording = recording_field(label, f"{of}-prompt")
    said = gr.Textbox(
        lines=2, placeholder=say("Write it, or press Recognise it."), elem_id=f"{of}-prompt-text", **prompt_text
    )
    with gr.Row(elem_id=f"{of}-read-row"):
        return VoiceFields(
            recording,
            said,
            gr.Button(say("Recognise it"), size="sm", elem_id=f"{of}-read"),
            gr.Button(say("Cancel"), size="sm", variant="stop", elem_id=f"{of}-read-cancel"),
            Card(f"{of}-reading", READING_WORDS),
        )


def wire_reading(service: SpeechService, fields: VoiceFields) -> None:
    """Let the recording be read into the field of what is said in it."""
    read, into = reader(service, "", gr.skip()), fields.prompt_text
    fields.reading.tells_of(fields.read.click, read, fields.read_cancel, into, inputs=fields.prompt)
    fields.prompt.clear(js="() => ''", outputs=into, **IN_BROWSER)


def add_form(of: str, folded: bool = False) -> gr.HTML:
    """The form that keeps what is in the fields; `folded`, only its heading is seen until it is pressed."""
    inside = asset("voices/form.html")
    return own_html(
        f"{of}-form",
        {},
        html_template=filled("voices/fold.html", {"form": inside}) if folded else inside,
        js_on_load="voxdemo.voices.form(element, props, () => trigger('keep'))",
        missing=NO_RECORDING,
    )


def wire_form(form: gr.HTML, fields: VoiceFields, clears: bool = False) -> None:
    """Let the form keep what is in the fields, which `clears` them, and tell how good the recording is."""
    recorded = [fields.prompt, fields.prompt_text]
    keep = f"voxdemo.voices.keep('{form.elem_id}', recording, text)"
    if clears:
        emptied = f"async (recording, text) => await {keep} ? [null, ''] : [recording, text]"
        form.keep(inputs=recorded, outputs=recorded, js=emptied, **IN_BROWSER)
    else:
        form.keep(inputs=recorded, js=f"(recording, text) => {keep}", **IN_BROWSER)
    measure = f"(recording) => voxdemo.voices.measure('{form.elem_id}', recording)"
    fields.prompt.change(inputs=fields.prompt, js=measure, **IN_BROWSER)


def cloning_note(catalogue: Catalogue) -> str:
    """HTML that says why people's own voices can't be spoken in, and what would help; "" where they can."""
    return "" if catalogue.copier else asset("voices/copying.html")
