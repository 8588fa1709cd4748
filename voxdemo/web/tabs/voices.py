"""The Voices tab: what the engine has ready, with samples, and what people have saved; and the form that saves.

Samples are jobs as all others, in line and from the cache. People's own voices stay in their browser, or with a login
in their account's folder (`web/routes/voices.py`). It knows the service, no model.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import asdict
from typing import Any

import gradio as gr

from voxdemo.intake.catalogue import Catalogue
from voxdemo.service.service import SpeechService
from voxdemo.speech import SpeechEvent, Utterance
from voxdemo.web.components import card, voice_fields
from voxdemo.web.components.assets import say
from voxdemo.web.components.card import Card
from voxdemo.web.components.parts import AT_ONCE, IN_BROWSER, own_html
from voxdemo.web.components.voice_fields import (
    WORDS,
    add_form,
    add_voice_fields,
    own_voices_use,
    template,
    wire_form,
    wire_reading,
)
from voxdemo.web.line.handlers import take_up

SAMPLES = {
    "en": "Good morning. The ferry leaves at half past nine, and the sea is calm.",
    "zh": "早上好。渡船九点半出发，海面很平静。",
    "es": "Buenos días. El barco sale a las nueve y media, y el mar está en calma.",
    "fr": "Bonjour. Le bateau part à neuf heures et demie, et la mer est calme.",
    "it": "Buongiorno. Il traghetto parte alle nove e mezza, e il mare è calmo.",
    "pt": "Bom dia. A balsa sai às nove e meia, e o mar está calmo.",
    "ja": "おはようございます。船は九時半に出ます。海は穏やかです。",
}
"""What a voice says of itself, by its language; English for all others."""
SAMPLE_WORDS = {
    **card.WORDS,
    "idle": "",
    "kept": "",
    "cancelled": "Cancelled.",
    "lost": voice_fields.READING_WORDS["lost"],
}


def add_voices_tab(service: SpeechService, arrivals: Sequence[Callable[..., Any]], is_on_server: bool) -> None:
    """Add the tab to the Tabs in whose context this is called.

    `arrivals` are the events at which what the engine has is looked up again.
    """
    catalogue = service.catalogue
    props = voice_fields.props(is_on_server)
    with gr.Tab(say("Voices"), id="voices"), gr.Row(elem_id="vx-voices"):
        with gr.Column(elem_id="vx-voices-lists"):
            ready = _html("ready", "vx-ready", "() => trigger('sample')", _ready(catalogue), props)
            asked = gr.Textbox(visible=False)
            with gr.Row(elem_id="vx-sample-row"):
                sample = Card("vx-sample", SAMPLE_WORDS)
                cancel = gr.Button(say("Cancel"), size="sm", variant="stop", elem_id="vx-sample-cancel")
            own = _html("own", "vx-shelf", "", own_voices_use(catalogue), props)
        with gr.Column(elem_id="vx-new"):
            own_html("vx-new-head", f"<h2>{WORDS['new']}</h2>")
            note = own_html("vx-new-note", voice_fields.cloning_note(catalogue))
            fields = add_voice_fields("vx-new", {"label": say("Transcript of the recording")})
            form = add_form("vx-new", is_on_server)
    _wire_samples(service, ready, asked, sample, cancel)
    wire_reading(service, fields)
    wire_form(form, fields, clears=True)

    async def look() -> list[Any]:
        catalogue = service.catalogue
        return [_ready(catalogue), own_voices_use(catalogue), voice_fields.cloning_note(catalogue)]

    gr.on(arrivals, look, outputs=[ready, own, note], **AT_ONCE)


def _html(name: str, elem_id: str, more: str, value: dict[str, Any], props: dict[str, Any]) -> gr.HTML:
    script = f"voxdemo.voices.{name}(element, props, watch, {more})"
    inside = template(name, where=props["words"]["where"])
    return own_html(elem_id, value, html_template=inside, js_on_load=script, **props)


def _ready(catalogue: Catalogue) -> dict[str, Any]:
    """The voices that are ready, for the page."""
    voices = [{**asdict(voice), "title": voice.title} for voice, _ in catalogue.voices()]
    subject = catalogue.usual.subject
    return {"voices": voices, "none": f"{subject} has no voice of its own: it copies yours, or makes one up."}


def _wire_samples(service: SpeechService, ready: gr.HTML, asked: gr.Textbox, sample: Card, cancel: gr.Button) -> None:
    playing = ready.sample(
        _sampler(service),
        inputs=asked,
        outputs=sample.view,
        js="() => voxdemo.voices.wanted()",
        **sample.follows(),
    )
    sample.ends_with(playing)
    sample.view.end(inputs=sample.view, js="(value) => voxdemo.voices.heard(value)", **IN_BROWSER)
    cancel.click(cancels=playing, **IN_BROWSER)


def _sampler(service: SpeechService) -> Callable[..., Any]:
    def speak_sample(voice: str) -> AsyncGenerator[SpeechEvent, None]:
        return service.speak(_sample(service.catalogue, voice), take_up())

    def asked_for(data: Sequence[Any]) -> Utterance:
        return _sample(service.catalogue, next(iter(data), None))

    return card.handler(speak_sample, asked_for)


def _sample(catalogue: Catalogue, name: Any) -> Utterance:
    """What this voice says of itself; the first one where the page is older than the engine."""
    voice, _ = catalogue.named(str(name)) or next(catalogue.voices(), (None, None))
    language = voice.language.partition("-")[0] if voice else ""
    return Utterance(SAMPLES.get(language, SAMPLES["en"]), voice=voice.name if voice else None)
