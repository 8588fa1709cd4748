"""The ten lines one would write first: Gradio, the same engine, nothing else. What `overhead.py` compares us with."""

import os
import tempfile

import gradio as gr
import numpy as np
import soundfile

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.speech import Utterance

engine = BuiltinEngine()


def generate(text: str) -> str:
    """Speak `text` into a wav file."""
    with tempfile.NamedTemporaryFile(suffix=".wav", delete=False) as file:
        spoken = engine.speak(SpeechPart(Utterance(text, seed=0), text))
        sound = [piece for piece in spoken if isinstance(piece, np.ndarray)]
        soundfile.write(file, np.concatenate(sound), 24_000, format="WAV")
    return file.name


demo = gr.Interface(generate, gr.Textbox(), gr.Audio(type="filepath"), api_name="generate")
if __name__ == "__main__":
    demo.queue().launch(server_port=int(os.environ["VOXDEMO_PORT"]), quiet=True)
