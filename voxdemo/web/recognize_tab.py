"""The Recognise tab: a recording in, its words out. It knows the service, no model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from voxdemo.recognition import MAX_RECORDING_S
from voxdemo.service import SpeechService
from voxdemo.web import card, examples
from voxdemo.web.asking import Door, sent_file, take_up
from voxdemo.web.card import Card, CardValue
from voxdemo.web.i18n import say
from voxdemo.web.wiring import AT_ONCE, IN_BROWSER

KEPT = "Your recording is kept."
WORDS = {
    **card.WORDS,
    "idle": "Nothing recognised yet.",
    "hint": "The recording can be heard here, with its words marked.",
    "back": "The server is back: press Recognise again.",
    "gone": "This recording is gone: press Recognise to read it again.",
    "missing": "There is no recording yet: upload or record one first.",
    "kept": KEPT,
}


def add_recognize_tab(service: SpeechService) -> None:
    """Add the tab to the Tabs in whose context this is called."""
    with gr.Tab(say("Recognise"), id="recognise"), gr.Row(elem_id="vx-hear"):
        with gr.Column(elem_id="vx-hear-in"):
            recording = gr.Audio(
                label=f"Recording, up to {MAX_RECORDING_S / 60:.0f} minutes",
                type="filepath",
                sources=["upload", "microphone"],
                buttons=[],
                elem_id="vx-recording",
            )
            with gr.Row(elem_id="vx-recordings"):
                buttons = [gr.Button(say(example.name), size="sm") for example in examples.RECORDINGS]
            with gr.Row(elem_id="vx-hear-go"):
                recognise = gr.Button(say("Recognise"), variant="primary", elem_id="vx-recognise")
                cancel = gr.Button(say("Cancel"), variant="stop", elem_id="vx-recognise-cancel")
        with gr.Column(elem_id="vx-hear-out"):
            heard = Card("vx-heard", WORDS, player="recording")
            words = gr.Textbox(
                label=say("What was said"),
                lines=8,
                max_lines=30,
                buttons=["copy"],
                interactive=True,
                elem_id="vx-said",
            )
    for button, example in zip(buttons, examples.RECORDINGS, strict=True):
        button.click(partial(str, example.path), outputs=recording, **AT_ONCE)
    hearing = recognise.click(
        reader(service, KEPT, "", keep=True), inputs=recording, outputs=[heard.view, words], **heard.follows(service)
    )
    heard.ends_with(hearing)
    cancel.click(cancels=hearing, **IN_BROWSER)


def reader(service: SpeechService, kept: str, unread: Any, keep: bool = False) -> Callable[..., Any]:
    """A handler that reads a recording: its card, and the words, which are `unread` until they are there.

    With `keep` the recording is kept for the card's player.
    """

    async def read(recording: str | None) -> AsyncGenerator[tuple[CardValue, Any], None]:
        if not recording:
            yield card.failed("There is no recording yet: upload or record one first."), unread
            return
        events = service.transcribe(Path(recording), keep=keep, visit=take_up())
        async with aclosing(card.told(events, kept)) as values:
            async for value in values:
                yield value, value.get("text", unread)

    def refusal(sentence: str) -> list[Any]:
        return [card.failed(sentence, kept), gr.skip()]

    read.door = Door(lambda data: sent_file(next(iter(data), None)), refusal=refusal)  # type: ignore[attr-defined]
    return read
