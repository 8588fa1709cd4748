"""The choice of a voice on the Speak tab: the button that shows it, the sheet behind it, and samples.

`assets/voices/picker.js` does the choosing, in the browser; two fields of Gradio's that nobody sees hold what is
chosen. Samples are jobs as all others, in line and from the cache.
"""

import html
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from voxdemo.errors import InputError
from voxdemo.intake import detection
from voxdemo.intake.catalogue import Catalogue, described, voice_id
from voxdemo.intake.languages import own_name, title_of
from voxdemo.intake.request import Passage, passages
from voxdemo.intake.validate import foreign_languages, not_spoken
from voxdemo.service.service import SpeechService
from voxdemo.speech import EngineInfo, SpeechEvent, Utterance
from voxdemo.text import tags
from voxdemo.web.components import card, voice_fields
from voxdemo.web.components.assets import say
from voxdemo.web.components.card import Card
from voxdemo.web.components.examples import sample_of
from voxdemo.web.components.parts import IN_BROWSER, own_html
from voxdemo.web.components.voice_fields import OWN_VOICE, READY_VOICE, SAVED_VOICE, first_voice, template
from voxdemo.web.line.handlers import take_up

KINDS = {"ready": READY_VOICE, "saved": SAVED_VOICE, "recording": OWN_VOICE}
SAMPLE_WORDS = {
    **card.WORDS,
    "idle": "",
    "kept": "",
    "cancelled": "Cancelled.",
    "lost": voice_fields.READING_WORDS["lost"],
}
MOST_CHIPS = 12
_EVENTS = ", ".join(f"{name}: () => trigger('{name}')" for name in ("choose", "sample"))
_JS = f"voxdemo.voices.picker(element, props, watch, {{{_EVENTS}}})"
_UNSEEN_HERE = ("model", "languages", "licence", "takes")
"""What programs get of a voice, and the list doesn't show."""


class VoiceChoice(NamedTuple):
    """The fields that hold the choice, and what shows it."""

    kind: gr.Radio
    """One of KINDS."""
    voice: gr.Dropdown
    """The name of the voice, where it is a ready one."""
    view: gr.HTML


def add_choice(service: SpeechService, is_on_server: bool, shown: dict[str, dict[str, Any]]) -> VoiceChoice:
    """Add it; `shown` is what of `kind`, `voice` and `choice` depends on the engines."""
    kinds = [(say(kind), kind) for kind in KINDS.values()]
    kind = gr.Radio(kinds, label=say("Voice"), elem_id="vx-kind", **{"value": READY_VOICE, **shown["kind"]})
    voice = gr.Dropdown(**shown["voice"], label=say("Voice"), elem_id="vx-voice")
    view = own_html(
        "vx-choice",
        **shown["choice"],
        html_template=template("choice", list=template("sheet")),
        js_on_load=_JS,
        kinds=KINDS,
        **voice_fields.props(is_on_server),
    )
    fields: list[Any] = [kind, voice]
    view.choose(js="() => voxdemo.voices.chosen()", outputs=fields, **IN_BROWSER)
    changed = "(kind, voice) => { voxdemo.voices.shown(kind, voice); return []; }"
    gr.on([field.change for field in fields], js=changed, inputs=fields, **IN_BROWSER)
    _add_samples(service, view)
    return VoiceChoice(kind, voice, view)


def offered(service: SpeechService) -> dict[str, Any]:
    """All voices, for the page: what is said of each, which one speaks at first, and whether recordings are copied."""
    catalogue = service.catalogue
    own = [] if catalogue.usual.voices else [{"id": "", "name": "", "title": "The engine's own voice"}]
    listed = [
        described(voice, engine, service.is_instant(engine)) | {"name": catalogue.name_of(voice, engine)}
        for voice, engine in catalogue.voices()
    ]
    voices = [{name: value for name, value in each.items() if name not in _UNSEEN_HERE} for each in listed]
    return {"voices": [*own, *voices], "voice": first_voice(catalogue), "clones": catalogue.copier is not None}


def _add_samples(service: SpeechService, view: gr.HTML) -> None:
    """What speaks a sample: the script of the list puts it where it was asked for."""
    asked = gr.Textbox(visible=False)
    with gr.Row(elem_id="vx-sample-row"):
        sample = Card("vx-sample", SAMPLE_WORDS)
        cancel = gr.Button(say("Cancel"), size="sm", variant="stop", elem_id="vx-sample-cancel")
    playing = view.sample(
        _sampler(service), inputs=asked, outputs=sample.view, js="() => voxdemo.voices.wanted()", **sample.follows()
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
    found = catalogue.named(str(name)) or next(catalogue.voices(), None)
    return sample_of(catalogue, *found) if found else sample_of(catalogue)


def told_of(asked: Utterance, catalogue: Catalogue) -> tuple[dict[str, str] | None, dict[str, Any], Sequence[Passage]]:
    """What is said of a text while it is written: `offer_for`, `tag_chips` and `several_voices`.

    It takes too long for the event loop.
    """
    chips = tag_chips(asked.text, catalogue, catalogue.engine_of(asked))
    return offer_for(asked, catalogue), chips, several_voices(asked, catalogue)


def several_voices(asked: Utterance, catalogue: Catalogue) -> Sequence[Passage]:
    """Who says what of a text that several voices say; empty where one does, and where it can't be spoken."""
    try:
        resolved, engine = catalogue.resolved(asked)
        named, guests = catalogue.named_in(resolved.text, engine), catalogue.guests(engine)
        foreign = foreign_languages(resolved.text, engine.languages_of(resolved.voice))
        is_mixed = foreign & guests.keys() or tags.understood(resolved.text, named)
        return passages(resolved, engine, guests, named).passages if is_mixed else ()
    except InputError:
        return ()


def offer_for(asked: Utterance, catalogue: Catalogue) -> dict[str, str] | None:
    """What is said of a text that its voice doesn't speak, and a voice that does; None where there's nothing to say."""
    engine, language = catalogue.engine_of(asked), detection.detected(asked.text)
    if language is None or language in engine.languages_of(asked.voice):
        return None
    speaker = None if asked.prompt_audio else catalogue.speaker(language)
    if speaker is None or speaker[1].name in catalogue.failed:
        return {"sentence": not_spoken(language, engine, asked.voice)}
    looks, use = f"Your text looks like {title_of(language)}.", f"Use {speaker[0].title}"
    return {"sentence": looks, "voice": voice_id(*speaker), "use": use, "own_name": own_name(language)}


def tag_chips(text: str, catalogue: Catalogue, host: EngineInfo) -> dict[str, Any]:
    """What is understood of the tags in a text, as chips: "Pause 0.8 s", "Emma · British English"; hidden without."""
    text = text if isinstance(text, str) else ""  # a client may send anything
    named = catalogue.named_in(text, host)
    told = [_chip(tag, catalogue) for tag in tags.understood(text, named)]
    shown = [*told[:MOST_CHIPS], *(["…"] if len(told) > MOST_CHIPS else [])]
    chips = "".join(f"<li>{html.escape(each)}</li>" for each in shown)
    return gr.update(value=f'<ul class="tags">{chips}</ul>', visible=bool(told))


def _chip(tag: tags.Tag, catalogue: Catalogue) -> str:
    if tag.pause_s is not None:
        return f"Pause {min(tag.pause_s, tags.LONGEST_PAUSE_S):g} s"
    found = catalogue.named(tag.name)
    return f"{found[0].title} · {title_of(found[0].language)}" if found and found[0].language else tag.name
