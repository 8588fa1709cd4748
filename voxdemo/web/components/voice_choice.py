"""The choice of a voice, on Speak, Batch and Talk: the button that shows it, the sheet behind it, and samples.

`assets/voices/picker.js` does the choosing, in the browser. Samples are jobs as all others, in line and from the cache.
"""

import html
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from voxdemo.errors import InputError
from voxdemo.intake import detection
from voxdemo.intake.catalogue import Catalogue, described, voice_id
from voxdemo.intake.languages import own_name, title_of
from voxdemo.intake.request import Guest, Passage, passages
from voxdemo.intake.validate import foreign_languages, not_spoken
from voxdemo.service.service import SpeechService
from voxdemo.speech import EngineInfo, SpeakOptions, SpeechEvent, TaggedVoice, Utterance
from voxdemo.text import tags
from voxdemo.web.components import card, voice_fields
from voxdemo.web.components.assets import asset, filled, say
from voxdemo.web.components.card import Card
from voxdemo.web.components.examples import sample_of
from voxdemo.web.components.parts import IN_BROWSER, own_html
from voxdemo.web.components.voice_fields import OWN_VOICE, READY_VOICE, SAVED_VOICE, first_voice
from voxdemo.web.line.handlers import sent_file, take_up, was_sent

KINDS = {"ready": READY_VOICE, "saved": SAVED_VOICE, "recording": OWN_VOICE}
SAMPLE_WORDS = {
    **card.WORDS,
    "idle": "",
    "kept": "",
    "cancelled": "Cancelled.",
    "lost": voice_fields.READING_WORDS["lost"],
}
MOST_CHIPS = 12
_UNSEEN_HERE = ("model", "languages", "licence", "takes")
"""What programs get of a voice, and the list doesn't show."""


def add_choice(of: str, *events: str, value: dict[str, Any] | None = None) -> gr.HTML:
    """Add it, with ids that begin with `of`. Its events are "select", when another voice is chosen, and these.

    On Speak its `value` is what is `offered`, on all tabs: Gradio 6.31 loses the words of a component that it hasn't
    shown yet when its value is set. Elsewhere there is no field for a recording.
    """
    offers, where = list(KINDS.values())[: None if value else -1], f"{of}-choice"
    triggers = ", ".join(f"{name}: () => trigger('{name}')" for name in ("select", *events))
    return own_html(
        where,
        value or {},
        html_template=filled("voices/choice.html", {"list": asset("voices/sheet.html"), "where": where}),
        js_on_load=f"voxdemo.voices.picker(element, props, watch, {{{triggers}}})",
        kinds=KINDS,
        offers=offers,
        where=where,
    )


def add_offer(of: str, then: str) -> gr.HTML:
    """Add what `offer_for` says; its button chooses the voice, and the focus goes to the element `then`."""
    return own_html(
        f"{of}-offer", None, html_template=asset("voices/offer.html"),
        js_on_load="voxdemo.voices.offer(element, props, watch)", where=f"{of}-choice", then=then,
    )  # fmt: skip


def options_of(kind: object, voice: object, recording: Path | None = None) -> SpeakOptions:
    """The choice of a voice, as a client sent it: one that is ready, or that of a recording."""
    if kind in (SAVED_VOICE, OWN_VOICE):
        return SpeakOptions(prompt_audio=recording or Path())
    return SpeakOptions(voice=voice if voice and isinstance(voice, str) else None)


def own_voices(sent: object, files: Path | None = None) -> tuple[TaggedVoice, ...]:
    """One's own voices that tags may call, as the page sends them; with `files`, those whose recordings lie there."""
    listed = [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
    voices = [
        TaggedVoice(str(each.get("name")), sent_file(each.get("recording")) or Path(), str(each.get("text") or ""))
        for each in listed
    ]
    return tuple(each for each in voices if files is None or was_sent(each.recording, files))


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


def add_samples(service: SpeechService, view: gr.HTML) -> None:
    """Add what speaks samples, wherever they are asked for, at an event "sample" of the `view`."""
    asked = gr.Textbox(visible=False)
    with gr.Row(elem_id="vx-sample-row"):
        sample = Card("vx-sample", SAMPLE_WORDS)
        cancel = gr.Button(say("Cancel"), size="sm", variant="stop", elem_id="vx-sample-cancel")
    sample.tells_of(view.sample, _sampler(service), cancel, inputs=asked, js="() => voxdemo.voices.wanted()")
    sample.view.end(inputs=sample.view, js="(value) => voxdemo.voices.heard(value)", **IN_BROWSER)


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
    chips = tag_chips(asked, catalogue, catalogue.engine_of(asked))
    return offer_for(asked, catalogue), chips, several_voices(asked, catalogue)


def several_voices(asked: Utterance, catalogue: Catalogue) -> Sequence[Passage]:
    """The passages of a text that several voices say; empty where one does, and where it can't be spoken."""
    try:
        resolved, engine = catalogue.resolved(asked)
        named, guests = catalogue.named_in(resolved, engine), catalogue.guests(engine)
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


def tag_chips(asked: Utterance, catalogue: Catalogue, host: EngineInfo) -> dict[str, Any]:
    """What is understood of the tags in a text, as chips: "Pause 0.8 s", "Emma · British English"; hidden without."""
    found = catalogue.named_in(asked, host)
    told = [_chip(tag, found) for tag in tags.understood(asked.text, found)] if isinstance(asked.text, str) else []
    shown = [*told[:MOST_CHIPS], *(["…"] if len(told) > MOST_CHIPS else [])]
    chips = "".join(f"<li>{html.escape(each)}</li>" for each in shown)
    return gr.update(value=f'<ul class="tags">{chips}</ul>', visible=bool(told))


def _chip(tag: tags.Tag, guests: Mapping[str, Guest]) -> str:
    if tag.pause_s is not None:
        return f"Pause {min(tag.pause_s, tags.LONGEST_PAUSE_S):g} s"
    guest = guests[tags.plain_name(tag.name)]
    voice = next((each for each in guest.engine.voices if each.name == guest.voice), None)
    return f"{voice.title} · {title_of(voice.language)}" if voice and voice.language else tag.name
