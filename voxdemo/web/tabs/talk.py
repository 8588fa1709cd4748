"""The Talk tab: a conversation with a language model, heard and spoken.

The conversation itself is held in the browser (`assets/talk/`): it listens as any program at `/v1/realtime`, and has
the answers spoken at `/v1/talk`. Here it gets its voices.
"""

from functools import partial

import gradio as gr

from voxdemo.web.components.assets import asset, say
from voxdemo.web.components.parts import AT_ONCE, own_html
from voxdemo.web.components.voice_choice import add_choice

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
RULE = "You are heard, not read: answer in a few short sentences, without lists, headings, markup or emoji."
"""What the language model is told beside who it is."""
NOTE = "Nothing of what you say is kept on the server."


def add_talk_tab() -> None:
    """Add the tab to the Tabs in whose context this is called."""
    with gr.Tab(say("Talk"), id="talk"), gr.Row(elem_id="vx-talk"):
        with gr.Column(elem_id="vx-talk-in"):
            add_choice("vx-talk")
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
                html_template=asset("talk/card.html"),
                js_on_load="voxdemo.talk(element, props)",
                rule=RULE,
            )
