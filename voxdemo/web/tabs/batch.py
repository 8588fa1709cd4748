"""The Batch tab: many lines in, each spoken by itself, one zip or one sound out. Layout first, then what its events do.

What happens with the lines happens in the browser (`assets/batch/`), which leaves them with the
server as any program does, as a job below /v1/. Here it is only said what the voice can do, and how long it would take.
"""

import html
import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import gradio as gr

from voxdemo.estimates.paces import speech_units
from voxdemo.intake.validate import MAX_TEXT_CHARS
from voxdemo.service.service import SpeechService
from voxdemo.speech import SPEED, EngineInfo, SpeakOptions
from voxdemo.stores.batch_values import MOST_TEXTS
from voxdemo.threads import READING, in_thread
from voxdemo.web.components.assets import asset, say
from voxdemo.web.components.parts import AT_ONCE, IN_BROWSER, dial_field, own_html, seed_field
from voxdemo.web.components.voice_choice import add_choice, add_offer, offer_for, options_of
from voxdemo.web.components.voice_fields import bounds
from voxdemo.web.components.wording import NO_SEED

FORMATS = (("MP3", "mp3"), ("WAV", "wav"), ("FLAC", "flac"), ("Opus", "opus"), ("AAC", "aac"))
MOST_LOOKED_AT = 1_000_000
"""Characters; what more of them would take isn't told beforehand."""

_CHOSEN = "voxdemo.voices.chosen('vx-batch-choice')"
_BEGIN = """(format, speed, seed) => {
  const seen = (id, value) => document.getElementById(id) ? value : undefined;
  const dials = {speed: seen('vx-batch-speed', speed), seed: seen('vx-batch-seed', seed)};
  voxdemo.batch.start({voice: () => voxdemo.voices.asked('vx-batch-choice'), format, ...dials});
  return [];
}"""
"""Of dials that the chosen voice doesn't take nothing is sent."""
_numbers = itertools.count()


def add_batch_tab(service: SpeechService, arrivals: Sequence[Callable[..., Any]]) -> None:
    """Add the tab to the Tabs in whose context this is called.

    `arrivals` are the events at which what the engines can do is looked up again.
    """
    with gr.Tab(say("Batch"), id="batch"), gr.Row(elem_id="vx-batch"):
        with gr.Column(elem_id="vx-batch-in"):
            parts = _fields(_dials_of(service.engine_info))
        with gr.Column(elem_id="vx-batch-out"):
            card = own_html(
                "vx-batch-card",
                {},
                html_template=asset("batch/card.html"),
                js_on_load="voxdemo.batch.batch(element, props, watch, () => trigger('look'))",
                most={"lines": MOST_TEXTS, "characters": MAX_TEXT_CHARS, "lookedAt": MOST_LOOKED_AT},
                noSeed=NO_SEED,
            )

    async def dials(kind: object, voice: object) -> list[Any]:
        """Offer those that the chosen voice takes."""
        info = service.catalogue.engine_of(options_of(kind, voice))
        return [gr.update(**values) for values in _dials_of(info).values()]

    of_voice = [vars(parts)[name] for name in _dials_of(service.engine_info)]
    choice, chosen = [parts.kind, parts.voice], f"() => {_CHOSEN}"
    follow = {"fn": dials, "inputs": choice, "outputs": of_voice, "js": chosen, "preprocess": False, **AT_ONCE}
    gr.on(arrivals, **follow)
    parts.choice.select(trigger_mode="always_last", **follow)
    _wire(service, parts, card)


def _fields(shown: dict[str, dict[str, Any]]) -> SimpleNamespace:
    parts = SimpleNamespace()
    parts.lines = gr.Textbox(
        label=say("Lines (each becomes its own file)"), lines=3, max_lines=12, elem_id="vx-lines",
        placeholder=say("Write or paste lines here."),
    )  # fmt: skip
    own_html("vx-batch-file", {}, html_template=asset("batch/file.html"), js_on_load="voxdemo.batch.lines(element)")
    parts.choice = add_choice("vx-batch")
    parts.kind, parts.voice = gr.Textbox(visible=False), gr.Textbox(visible=False)  # filled with _CHOSEN by the browser
    with gr.Row(elem_id="vx-batch-manner"):
        parts.format = gr.Dropdown(
            FORMATS, value="mp3", label=say("Format"), filterable=False, elem_id="vx-batch-format"
        )
        parts.speed = dial_field(SPEED, {**shown["speed"], "elem_id": "vx-batch-speed"})
        parts.seed = seed_field("The same for all lines.", "vx-batch-seed", **shown["seed"])
    parts.note = own_html("vx-batch-note", **shown["note"])
    with gr.Row(elem_id="vx-batch-go"):
        parts.start = gr.Button(say("Start"), variant="primary", elem_id="vx-batch-start")
        gr.Button(say("Cancel"), variant="stop", elem_id="vx-batch-cancel")
        with gr.Column(elem_id="vx-batch-ahead"):
            own_html("vx-batch-estimate", "<p></p>")
            parts.offer = add_offer("vx-batch", then="#vx-batch-start")
    return parts


def _wire(service: SpeechService, parts: SimpleNamespace, card: gr.HTML) -> None:
    async def look_ahead(texts: str | None, kind: object, voice: object, speed: object) -> tuple[dict[str, Any], Any]:
        looked_at = (texts or "")[:MOST_LOOKED_AT]
        options = replace(options_of(kind, voice), speed=SPEED.nearest(speed))
        all_lines = options.saying(looked_at[:MAX_TEXT_CHARS])
        offer = await in_thread(offer_for, all_lines, service.catalogue, pool=READING)
        return await _outlook(service, looked_at.splitlines(), options), offer

    card.look(
        look_ahead, inputs=[parts.lines, parts.kind, parts.voice, parts.speed], outputs=[card, parts.offer],
        js=f"(_, kind, voice, speed) => [voxdemo.batch.asked(), ...{_CHOSEN}, speed]",
        trigger_mode="always_last", preprocess=False, **AT_ONCE,
    )  # fmt: skip
    again = "() => { voxdemo.batch.lookSoon(); return []; }"
    gr.on([parts.choice.select, parts.speed.change], js=again, **IN_BROWSER)
    parts.start.click(js=_BEGIN, inputs=[parts.format, parts.speed, parts.seed], **IN_BROWSER)


def _dials_of(info: EngineInfo) -> dict[str, dict[str, Any]]:
    """What of each component depends on the engine of the voice that is chosen, by its name."""
    return {
        "speed": {"visible": "speed" in info.honours, **bounds(info.dial(SPEED))},
        "seed": {"visible": "seed" in info.honours},
        "note": {
            "value": "" if "speed" in info.honours else f"<p>{html.escape(info.subject)} doesn't support a speed.</p>"
        },
    }


async def _outlook(service: SpeechService, texts: Sequence[str], options: SpeakOptions) -> dict[str, Any]:
    """What these texts would take now, and what the line does; numbered, or the page would miss the same again."""
    engine = service.catalogue.engine_of(options)
    units = await in_thread(_units, texts, options, engine, pool=READING)
    lengths = [service.speaking_s(each, engine) for each in units]
    known = [length for length in lengths if length is not None]
    seconds = sum(known) if known and len(known) == len(lengths) else None
    now = service.forecast(options.saying(""))
    ready = service.readiness().ready
    return {"seconds": seconds, "ahead": now.ahead, "wait": now.wait_s, "ready": ready, "number": next(_numbers)}


def _units(texts: Sequence[str], options: SpeakOptions, info: EngineInfo) -> list[float]:
    return [speech_units(options.saying(text[:MAX_TEXT_CHARS]), info) for text in texts[:MOST_TEXTS]]
