"""The Recognise tab: a recording in, its words out; or what somebody says, live. It knows the service, no model.

Live, the browser is a client of `/v1/realtime` as any program is (`assets/live/`).
"""

from functools import partial

import gradio as gr

from voxdemo.service.recognition import MAX_RECORDING_S
from voxdemo.service.service import SpeechService
from voxdemo.web.components import card, examples
from voxdemo.web.components.assets import asset, say
from voxdemo.web.components.card import NO_RECORDING, Card, reader
from voxdemo.web.components.parts import AT_ONCE, IN_BROWSER, own_html, recording_field

KEPT = "Your recording is kept."
WORDS = {
    **card.WORDS,
    "idle": "No transcript yet.",
    "hint": "Play the recording here and follow its words.",
    "back": "The server is back: press Recognise again.",
    "gone": "The server no longer has this recording. Press Recognise to send it again.",
    "missing": NO_RECORDING,
    "lost": "Can't reach the server ({time}). Retrying; your recording is safe.",
    "kept": KEPT,
}


def add_recognize_tab(service: SpeechService) -> None:
    """Add the tab to the Tabs in whose context this is called."""
    with gr.Tab(say("Recognise"), id="recognise"), gr.Row(elem_id="vx-hear"):
        with gr.Column(elem_id="vx-hear-in"):
            own_html("vx-live", html_template=asset("live/panel.html"), js_on_load="voxdemo.live(element)")
            recording = recording_field(f"Recording, up to {MAX_RECORDING_S / 60:.0f} minutes", "vx-recording")
            with gr.Row(elem_id="vx-recordings"):
                buttons = [gr.Button(say(example.name), size="sm") for example in examples.RECORDINGS]
            with gr.Row(elem_id="vx-hear-go"):
                recognise = gr.Button(say("Recognise"), variant="primary", elem_id="vx-recognise")
                cancel = gr.Button(say("Cancel"), variant="stop", elem_id="vx-recognise-cancel")
        with gr.Column(elem_id="vx-hear-out"):
            heard = Card("vx-heard", WORDS, player="recording")
            words = gr.Textbox(
                label=say("Transcript"), lines=8, max_lines=30, buttons=["copy"], interactive=True, elem_id="vx-said"
            )
            own_html("vx-speak-this", '<button type="button">Speak this</button>')
            own_html("vx-live-card", html_template=asset("live/card.html"))
    for button, example in zip(buttons, examples.RECORDINGS, strict=True):
        button.click(partial(str, example.path), outputs=recording, **AT_ONCE)
    heard.tells_of(recognise.click, reader(service, KEPT, "", keep=True), cancel, words, inputs=recording)
    forgive = "(recording) => { if (recording) voxdemo.cards['vx-heard'].forgive(); return []; }"
    recording.change(js=forgive, inputs=recording, **IN_BROWSER)
