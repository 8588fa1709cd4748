"""The Talk tab: a conversation with a language model, heard and spoken. Layout first, then what its events do.

The conversation itself is held in the browser (`assets/talk/`): it listens as any program at `/v1/realtime`, and has
the answers spoken at `/v1/talk`. Here it gets its voices and its words.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from voxdemo.service.service import SpeechService
from voxdemo.web.components.assets import WORKLET, filled, say, scripts_folder
from voxdemo.web.components.parts import AT_ONCE, COPYING, own_html
from voxdemo.web.components.voice_choice import add_choice, choices

PARTNERS = (
    ("Helper", "You are a friendly helper who knows a lot and likes to explain things simply."),
    (
        "Language tutor",
        "You are a patient language tutor. Keep the conversation going with questions, and correct one mistake at a"
        " time.",
    ),
    ("Interviewer", "You interview me for a job of my choice. Ask one question at a time, and follow up on answers."),
)
"""Parts that the language model can play: what is on the button, and what it writes into the field."""
WORDS: Mapping[str, Any] = {
    "title": "Conversation",
    "turns": "What was said",
    "type": "Or type here",
    "send": "Send",
    "hold": "Hold to talk",
    "release": "Release to send",
    "listening": "Stop listening",
    "stop": "Stop the answer",
    "retry": "Try again",
    "stopped": "Stopped before it answered.",
    "free": "Answer when I pause",
    "headphones": "Wear headphones, or it may hear itself.",
    "play": "Hear again: {first}",
    **COPYING,
    "copyOf": "Copy: {first}",
    "kind": "Talk",
    "save": "Save as text",
    "new": "New conversation",
    "me": "Me",
    "them": "Answer",
    "states": {
        "idle": "Hold to talk, or type.",
        "asking": "Your browser asks whether this page may use the microphone: allow it.",
        "listening": "Listening",
        "free": "Listening … it answers when you pause",
        "deaf": "Playing. It listens again after that.",
        "thinking": "Thinking {n} s",
        "waiting": "Waiting",
        "speaking": "Speaking. Speak to interrupt.",
        "alone": "Speaking. Press the button to stop it.",
    },
    "ahead": "{n} people are ahead of you",
    "aheadOne": "1 person is ahead of you",
    "heard": "heard in {n} s",
    "thought": "thought for {n} s",
    "first": "first sound after {n} s",
    "closed": "Talking needs a login here. Log in again, or ask the server's operator.",
    "unplugged": "The microphone was disconnected.",
    "session_silent": "It stopped listening because nobody spoke for a while.",
    "session_expired": "It stopped listening after half an hour. Talk to go on.",
    "lost": "The connection to the server broke off. Try again.",
    "refused": "The server can't listen now. Try again in a moment, or type.",
}
RULE = "You are heard, not read: answer in a few short sentences, without lists, headings, markup or emoji."
"""What the language model is told beside who it is."""
NOTE = "Nothing of what you say is kept on the server."


def add_talk_tab(
    service: SpeechService, arrivals: Sequence[Callable[..., Any]], is_open: bool, is_on_server: bool
) -> None:
    """Add the tab to the Tabs in whose context this is called.

    `arrivals`, `is_open` and `is_on_server` are as for the Batch tab.
    """
    shown = choices(service)
    with gr.Tab(say("Talk"), id="talk"), gr.Row(elem_id="vx-talk"):
        with gr.Column(elem_id="vx-talk-in"):
            kind, voice, _ = add_choice("vx-talk", is_on_server, shown)
            first = gr.Textbox(**shown["first"], visible=False)
            who = gr.Textbox(
                PARTNERS[0][1],
                label=say("Who are you talking to?"),
                lines=3,
                max_lines=8,
                interactive=True,
                elem_id="vx-talk-who",
            )
            with gr.Row(elem_id="vx-talk-partners"):
                for name, words in PARTNERS:
                    gr.Button(say(name), size="sm").click(partial(str, words), outputs=who, **AT_ONCE)
            own_html("vx-talk-note", f"<p>{NOTE}</p>")
        with gr.Column(elem_id="vx-talk-out"):
            own_html(
                "vx-talk-card",
                html_template=filled("talk/card.html", WORDS),
                js_on_load="voxdemo.talk(element, props)",
                words=dict(WORDS),
                rule=RULE,
                worklet=f"{scripts_folder()}/{posixpath.basename(WORKLET)}",
                isOpen=is_open,
            )

    async def offered(voice: object, first: object) -> list[Any]:
        return [gr.update(**values) for values in choices(service, voice, first).values()]

    gr.on(arrivals, offered, inputs=[voice, first], outputs=[kind, voice, first], preprocess=False, **AT_ONCE)
