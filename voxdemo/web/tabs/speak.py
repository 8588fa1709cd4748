"""The Speak tab: a text, a voice and the card on which it is spoken. Layout first, then what its events do.

It knows the service and its description of the engine, no model. What the loaded engine can't do isn't offered; one
line says why. It is looked up again for every visitor.
"""

import html
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from voxdemo.engines.registry import ENGINES, no_copies
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.service.service import SpeechService
from voxdemo.speech import GUIDANCE, RARE_DIALS, SPEED, STEPS, EngineInfo, SpeakOptions, SpeechEvent, Utterance
from voxdemo.threads import READING, in_thread
from voxdemo.web.components import card, examples, voice_choice, wording
from voxdemo.web.components.assets import asset, say
from voxdemo.web.components.card import Card
from voxdemo.web.components.examples import ExampleText
from voxdemo.web.components.parts import AT_ONCE, IN_BROWSER, dial_field, own_html, seed_field
from voxdemo.web.components.voice_choice import KINDS, add_choice, add_offer, add_samples, options_of, own_voices
from voxdemo.web.components.voice_fields import (
    OWN_VOICE,
    READY_VOICE,
    SAVED_VOICE,
    add_form,
    add_voice_fields,
    bounds,
    cloning_note,
    wire_form,
    wire_reading,
)
from voxdemo.web.components.wording import estimate
from voxdemo.web.line.handlers import sent_file, take_up, whole

TEXT_FIELD = "#vx-text textarea"
KEPT = card.WORDS["kept"]
ANOTHER = "another voice"

ASKED = (
    "text", "kind", "voice", "prompt", "prompt_text", "control", "cfg_value", "inference_timesteps", "normalize",
    "denoise", "speed", "seed", *(dial.name for dial in RARE_DIALS),
)  # fmt: skip
"""What Speak sends, by the names of its components."""
USUAL: dict[str, Any] = {
    "kind": READY_VOICE, "control": "", "cfg_value": GUIDANCE.default,
    "inference_timesteps": round(STEPS.default), "normalize": False, "speed": SPEED.default,
    "seed": "", **{dial.name: dial.default for dial in RARE_DIALS},
}  # fmt: skip
"""How it is at first, of what a link or a program may set; it needs no mention in them."""
_CLONING = ("kind", "prompt", "prompt_text")
"""What only engines that copy a voice take."""
_CHOSEN = "() => voxdemo.voices.chosen()"
_SETTINGS = {
    "speed": "speed",
    "seed": "seed",
    "control": "instructions on how to speak",
    "cfg_value": "guidance",
    "inference_timesteps": "steps",
    "normalize": "writing out of numbers",
    "denoise": "noise removal",
}


def add_generate_tab(service: SpeechService, arrivals: Sequence[Callable[..., Any]]) -> dict[str, Any]:
    """Add the tab to the Tabs in whose context this is called, and return the components of what Speak sends.

    `arrivals` are the events at which what the engine can do is looked up again.
    """
    parts = _layout(service)
    asked = {name: vars(parts)[name] for name in ASKED}
    _wire_examples(service, parts)
    _wire_speaking(service, parts, list(asked.values()))
    wire_reading(service, parts.own)
    wire_form(parts.form, parts.own)
    _wire_estimate(service, parts, arrivals)
    _wire_share(parts, list(asked.values()))
    _wire_abilities(service, parts, arrivals)
    return asked


def _wire_abilities(service: SpeechService, parts: SimpleNamespace, arrivals: Sequence[Callable[..., Any]]) -> None:
    """Offer what the engines can do, and of the settings those that the chosen voice's engine takes."""

    async def settings_of_choice(kind: object, voice: object) -> list[Any]:
        info = service.catalogue.engine_of(options_of(kind, voice))
        return [gr.update(**values) for values in _settings_of(info).values()]

    async def offered(kind: object, voice: object) -> list[Any]:
        suited = ({"visible": example.is_spoken(service.catalogue)} for example in examples.TEXTS)
        shown = [gr.update(**values) for values in (*_offered(service).values(), *suited)]
        return [*shown, *await settings_of_choice(kind, voice)]

    of_engines = [vars(parts)[name] for name in _offered(service)]
    of_engine = [vars(parts)[name] for name in _settings_of(service.catalogue.usual)]
    choice = [parts.kind, parts.voice]
    outputs = [*of_engines, *parts.examples, *of_engine]
    gr.on(arrivals, offered, inputs=choice, outputs=outputs, preprocess=False, **AT_ONCE)
    # Not when a field changes, as the estimate: for something that is always_last, Gradio 6.31 begins all anew that the
    # same event brings about, so that two such would set each other off for ever.
    parts.choice.select(
        settings_of_choice, inputs=choice, outputs=of_engine, js=_CHOSEN, trigger_mode="always_last",
        preprocess=False, **AT_ONCE,
    )  # fmt: skip


def _layout(service: SpeechService) -> SimpleNamespace:
    """The components that events read or write, by name."""
    info, parts = service.engine_info, SimpleNamespace()
    shown = _offered(service) | _settings_of(info)
    with gr.Tab(say("Speak"), id="speak"), gr.Row(elem_id="vx-gen"):
        with gr.Column(elem_id="vx-in"):
            _add_text(parts, service.catalogue)
            _add_voice(service, parts, shown)
            _add_buttons(parts)
        with gr.Column(elem_id="vx-out"):
            parts.card = Card("vx-card", player="speech", text=TEXT_FIELD, rate=info.sample_rate)
        with gr.Column(elem_id="vx-more"):
            _add_settings(parts, shown)
            _add_share(parts)
    return parts


def _add_text(parts: SimpleNamespace, catalogue: Catalogue) -> None:
    parts.text = gr.Textbox(
        label=say("Text to speak"), lines=3, max_lines=12, placeholder=say("Write or paste text here."),
        elem_id="vx-text",
    )  # fmt: skip
    parts.tags = own_html("vx-tags", "", visible=False)
    parts.called = gr.JSON(visible=False)  # one's own voices that its tags may call, as the browser sends them
    with gr.Row(elem_id="vx-examples"):
        parts.examples = [
            gr.Button(say(example.name), size="sm", visible=example.is_spoken(catalogue)) for example in examples.TEXTS
        ]


def _add_voice(service: SpeechService, parts: SimpleNamespace, shown: dict[str, dict[str, Any]]) -> None:
    """How the voice is chosen, and the fields that hold what is; nobody sees these two."""
    kinds = [(say(kind), kind) for kind in KINDS.values()]
    parts.kind = gr.Radio(kinds, value=READY_VOICE, label=say("Voice"), elem_id="vx-kind")
    parts.voice = gr.Textbox(shown["choice"]["value"]["voice"], label=say("Voice"), elem_id="vx-voice")
    parts.choice = add_choice("vx", "sample", **shown["choice"])
    fields = [parts.kind, parts.voice]
    parts.choice.select(js=_CHOSEN, outputs=fields, **IN_BROWSER)
    changed = "(...fields) => { voxdemo.voices.shown(...fields); return []; }"
    gr.on([field.change for field in fields], js=changed, inputs=fields, **IN_BROWSER)
    add_samples(service, parts.choice)
    parts.clone_note = own_html("vx-own-note", **shown["clone_note"])
    with gr.Column(elem_id="vx-own"):
        parts.own = add_voice_fields("vx", shown["prompt_text"])
        parts.prompt, parts.prompt_text = parts.own.prompt, parts.own.prompt_text
        parts.form = add_form("vx", folded=True)


def _add_buttons(parts: SimpleNamespace) -> None:
    with gr.Row(elem_id="vx-go"):
        parts.speak = gr.Button(say("Speak"), variant="primary", elem_id="vx-speak")
        parts.stop = gr.Button(say("Stop"), variant="stop", elem_id="vx-cancel")
        arriving = "voxdemo.arriving(() => trigger('arrived'))"
        with gr.Column(elem_id="vx-ahead"):
            parts.estimate = own_html("vx-estimate", "<p></p>", js_on_load=arriving)
            parts.offer = add_offer("vx", then="#vx-speak")


def _add_settings(parts: SimpleNamespace, shown: dict[str, dict[str, Any]]) -> None:
    with gr.Accordion(say("Voice settings"), open=False, elem_id="vx-fine", **shown["settings"]) as parts.settings:
        parts.fine_note = own_html("vx-fine-note", **shown["fine_note"])
        parts.control = gr.Textbox(
            label=say("How to speak"), info=say("In words, such as: a cheerful young woman, a little slow."),
            max_lines=2, elem_id="vx-control", **shown["control"],
        )  # fmt: skip
        with gr.Row(elem_id="vx-dials"):
            parts.speed = dial_field(SPEED, shown["speed"])
            with gr.Row(elem_id="vx-seed-row", **shown["seed_row"]) as parts.seed_row:
                parts.seed = seed_field("Another seed makes another take of the same text.", "vx-seed")
                parts.new_seed = gr.Button(say("New seed"), size="sm", elem_id="vx-new-seed")
            parts.cfg_value = dial_field(GUIDANCE, shown["cfg_value"])
            parts.inference_timesteps = dial_field(STEPS, shown["inference_timesteps"])
            for dial in RARE_DIALS:
                vars(parts)[dial.name] = dial_field(dial, shown[dial.name])
            parts.normalize = gr.Checkbox(label=say("Write out numbers and dates"), **shown["normalize"])
            parts.denoise = gr.Checkbox(label=say("Remove noise from the recording"), **shown["denoise"])


def _add_share(parts: SimpleNamespace) -> None:
    """The fold with link and code of what is asked for, which `assets/job/share.js` writes."""
    with gr.Accordion(say("Link and code"), open=False, elem_id="vx-share"):
        parts.share = own_html(
            None, html_template=asset("job/share.html"), js_on_load="voxdemo.share(element, () => trigger('ask'))"
        )  # fmt: skip


def _offered(service: SpeechService) -> dict[str, dict[str, Any]]:
    """What of each component depends on the engines that are here, by its name."""
    catalogue = service.catalogue
    copier = catalogue.copier
    optional = "" if copier and copier.needs_transcript else " (may stay empty)"
    takes = sorted({name for engine in catalogue.engines for name in _taken(engine)}, key=ASKED.index)
    return {
        "choice": {"value": {**voice_choice.offered(service), "takes": takes}},
        "clone_note": {"value": cloning_note(catalogue)},
        "prompt_text": {
            "visible": bool(copier and "prompt_text" in copier.honours),
            "label": f"Transcript of the recording{optional}",
        },
    }


def _settings_of(info: EngineInfo) -> dict[str, dict[str, Any]]:
    """What of each component depends on the engine of the voice that is chosen, by its name."""
    settings: dict[str, dict[str, Any]] = {
        name: {"visible": name in info.honours} for name in _SETTINGS if name != "seed"
    }
    dials = {
        dial.name: {"visible": dial.name in info.honours, **bounds(info.dial(dial))}
        for dial in (SPEED, GUIDANCE, STEPS, *RARE_DIALS)
    }
    return {
        "settings": {"visible": bool(info.honours.intersection(_SETTINGS) or info.absent)},
        "fine_note": {"value": _missing(info)},
        "seed_row": {"visible": "seed" in info.honours},
        **settings,
        **dials,
    }


def _clones(info: EngineInfo) -> bool:
    return "prompt_audio" in info.honours


def _taken(info: EngineInfo) -> list[str]:
    """What of ASKED this engine heeds, so that nothing is sent, linked or asked for again that nobody sees."""
    settings = {*_SETTINGS, *(dial.name for dial in RARE_DIALS)}
    left_out = {*(() if _clones(info) else _CLONING), *(settings - info.honours)}
    return [name for name in ASKED if name not in left_out]


def _missing(info: EngineInfo) -> str:
    """HTML that says why settings are missing; "" for an engine with dials that only few have."""
    if info.honours.intersection(dial.name for dial in RARE_DIALS):
        return ""
    plain = [words for name, words in _SETTINGS.items() if name not in info.honours and name not in info.absent]
    has = [words for name, words in _SETTINGS.items() if name in info.honours]
    if len(plain) > len(has):
        reasons = [f"{info.subject} supports {' and '.join(has)} only. The other settings need {ENGINES.better}."]
    else:
        reasons = [f"{info.subject} doesn't support {' or '.join(plain)}."] if plain else []
    return "".join(f"<p>{html.escape(reason)}</p>" for reason in [*reasons, *info.absent.values()])


def _wire_examples(service: SpeechService, parts: SimpleNamespace) -> None:
    async def in_its_language(example: ExampleText) -> list[Any]:
        """The words, and where the usual voice doesn't speak their language, one that does."""
        catalogue = service.catalogue
        utterance, engine = catalogue.resolved(Utterance(example.words, language=example.language))
        found = catalogue.named(f"{engine.name}/{utterance.voice}")
        return [example.words, catalogue.name_of(*found) if found else gr.skip()]

    for button, example in zip(parts.examples, examples.TEXTS, strict=True):
        if example.prompt is None and example.language != "en":
            button.click(partial(in_its_language, example), outputs=[parts.text, parts.voice], **AT_ONCE)
        elif example.prompt is None:
            button.click(js=f"() => {json.dumps(example.words)}", outputs=parts.text, **IN_BROWSER)
        else:
            filled = [example.words, OWN_VOICE, str(example.prompt.path), example.prompt.said]
            own = [parts.text, parts.kind, parts.prompt, parts.prompt_text]
            button.click(partial(list[str], filled), outputs=own, **AT_ONCE)


def _wire_speaking(service: SpeechService, parts: SimpleNamespace, asked: Sequence[Any]) -> None:
    parts.card.tells_of(
        parts.speak.click,
        _speak(service),
        parts.stop,
        inputs=[*asked, parts.called],
        js="(...values) => { voxdemo.history.press(values); return voxdemo.voices.along(...values); }",
        preprocess=False,  # as at the contract's endpoints: what may be is ours to say, in words
    )
    kept = "() => document.querySelector('#vx-card .keep').dataset.seed"
    parts.card.view.keep(js=kept, outputs=parts.seed, **IN_BROWSER)
    drawn = "() => String(crypto.getRandomValues(new Uint32Array(1))[0])"
    parts.new_seed.click(js=drawn, outputs=parts.seed, **IN_BROWSER)
    take = parts.card.view.take(js=drawn, outputs=parts.seed, **IN_BROWSER)
    take.then(js="() => { document.getElementById('vx-speak').click(); return []; }", **IN_BROWSER)


def _wire_estimate(service: SpeechService, parts: SimpleNamespace, arrivals: Sequence[Callable[..., Any]]) -> None:
    async def look_ahead(
        text: str | None, kind: object, voice: object, inference_timesteps: object, speed: object, called: object
    ) -> tuple[str, dict[str, str] | None, dict[str, Any]]:
        text = text or ""
        asked = replace(
            options_of(kind, voice).saying(text[:MAX_TEXT_CHARS]),
            inference_timesteps=round(STEPS.nearest(inference_timesteps)),
            speed=SPEED.nearest(speed),
            own=own_voices(called),
        )
        offer, chips, said = await in_thread(voice_choice.told_of, asked, service.catalogue, pool=READING)
        return estimate(text, service.forecast(asked, said), service.readiness().ready), offer, chips

    manner = [parts.kind, parts.voice, parts.inference_timesteps, parts.speed]
    gr.on(
        [*arrivals, parts.text.change, parts.text.focus, *(field.change for field in manner), parts.card.view.end],
        look_ahead,
        inputs=[parts.text, *manner, parts.called],
        outputs=[parts.estimate, parts.offer, parts.tags],
        js="(...values) => voxdemo.voices.called(...values)",
        trigger_mode="always_last",
        preprocess=False,  # a number that is still being typed may be out of bounds
        **AT_ONCE,
    )


def _wire_share(parts: SimpleNamespace, asked: Sequence[Any]) -> None:
    """Show what is `asked` for as it changes, and fill in what a link tells."""
    in_browser = {"inputs": asked, **IN_BROWSER}
    shows = {"js": "(...values) => voxdemo.shared(values, voxdemo.voices.linked)", **in_browser}
    gr.on([field.change for field in asked], **shows)
    parts.share.ask(**shows)
    parts.estimate.arrived(js="(...values) => voxdemo.arrived(values, voxdemo.voices)", outputs=asked, **in_browser)


def _speak(service: SpeechService) -> Callable[..., Any]:
    def speak(*asked: Any) -> AsyncGenerator[SpeechEvent, None]:
        context = take_up()
        return service.speak(_utterance(service, asked), context)

    def asked_for(data: Sequence[Any]) -> Utterance | None:
        try:
            return _utterance(service, data)
        except (TypeError, ValueError, AttributeError):  # not what the page sends
            return None

    return card.handler(speak, asked_for, KEPT)


def _utterance(service: SpeechService, values: Sequence[Any]) -> Utterance:
    """What is asked for by the values of ASKED and the voices it calls; of its dials, those that its engine heeds."""
    catalogue, (*fields, called) = service.catalogue, values
    asked = dict(zip(ASKED, fields, strict=True))
    dials = {
        **{name: asked[name] for name in ("cfg_value", "normalize", "denoise", "speed")},
        **{dial.name: asked[dial.name] for dial in RARE_DIALS},
        "control": (asked["control"] or "").strip(),
        "inference_timesteps": whole(asked["inference_timesteps"]),
        "seed": _seed(asked["seed"] or ""),
    }
    kind, voice = asked["kind"], asked["voice"]
    recording = _own_voice(catalogue, kind, asked["prompt"]) if kind in (SAVED_VOICE, OWN_VOICE) else None
    options = options_of(kind, voice, recording)
    if options.voice and not catalogue.named(options.voice):  # it's an older page
        options = SpeakOptions()
    honours = catalogue.engine_of(options).honours
    seen = {name: value for name, value in dials.items() if name in honours}
    said = (asked["prompt_text"] or "").strip() if recording else ""
    return replace(options.saying(asked["text"]), prompt_text=said, own=own_voices(called, service.files), **seen)


def _seed(written: str) -> int | None:
    if not written.strip():
        return None
    try:
        return int(written)
    except ValueError:
        raise InputError(wording.NO_SEED, "seed", "seed_not_whole") from None


def _own_voice(catalogue: Catalogue, kind: str, prompt: Any) -> Path:
    recording = sent_file(prompt)
    if not catalogue.copier:
        raise no_copies()
    if not recording and kind == SAVED_VOICE:
        sentence = "There is no saved voice yet: save one on the tab Voices, or choose {voice}."
        raise InputError(sentence, code="no_saved_voice", voice=ANOTHER)
    if not recording:
        sentence = "There is no recording of the voice yet: upload or record one, or choose {voice}."
        raise InputError(sentence, "prompt_audio", "no_voice_recording", voice=ANOTHER)
    return recording
