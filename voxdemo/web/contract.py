"""The frozen Gradio endpoints: names, parameters, order and their one output never change.

Scripts and front ends written for the public VoxCPM demo call them by position and by name. A new parameter comes only
behind the last one, with a default. The components here are never shown; the page has its own, so that neither can
break the other. `tests/contract.json` holds what `get_api_info()` must say.
"""

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.data_classes import FileData

from voxdemo.errors import UNEXPECTED, EngineError, VoxdemoError
from voxdemo.intake.request import AskedRecording
from voxdemo.service.service import SpeechService
from voxdemo.speech import Listening, Speaking, Spoken, Transcript, Utterance, Waiting, result_of
from voxdemo.web.components import wording
from voxdemo.web.line import gradio_queue
from voxdemo.web.line.handlers import HandlerInfo, note_failure, sent_file, sent_recording, take_up, whole

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PARAMETERS = ("text", "prompt_audio", "prompt_text", "cfg_value", "inference_timesteps", "normalize", "denoise")
"""What `/generate` takes, in its order, by the names that an Utterance has for them."""


def add_endpoints(service: SpeechService) -> None:
    """Add `/generate` and `/prompt_wav_recognition` to the Blocks in whose context this is called."""
    # Values reach us as they were sent (preprocess=False; Gradio has still checked that files are uploads), so that
    # a wrong one is refused with our sentence whichever door it came through.
    options = {**gradio_queue.IN_LINE, "preprocess": False}
    recording = gr.Audio(type="filepath", label="Prompt Speech", visible=False)
    recording.data_model = _FileOrNot
    gr.Button(visible=False).click(
        _generate(service),
        inputs=[
            gr.Textbox(label="Target Text", visible=False),
            recording,
            gr.Textbox(label="Prompt Text", visible=False),
            gr.Slider(1.0, 3.0, value=2.0, step=0.1, label="CFG Value (Guidance Scale)", visible=False),
            gr.Slider(4, 30, value=10, step=1, label="Inference Timesteps", visible=False),
            gr.Checkbox(value=False, label="Text Normalization", visible=False),
            gr.Checkbox(value=False, label="Prompt Speech Enhancement", visible=False),
        ],
        outputs=gr.Audio(type="filepath", label="Output Audio", visible=False),
        api_name="generate",
        **options,
    )
    gr.Button(visible=False).click(
        _prompt_wav_recognition(service),
        inputs=recording,
        outputs=gr.Textbox(label="Prompt Text", visible=False),
        api_name="prompt_wav_recognition",
        **options,
    )


_NO_FILE = "no file"


class _FileOrNot(FileData):
    """What Gradio checks a recording against: like FileData, but what is none comes through to be answered in words."""

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Any:
        try:
            return FileData.model_validate(obj, **options) if obj else None
        except ValueError:
            return _NO_FILE

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        return FileData.model_json_schema(*args, **options)


def _generate(service: SpeechService) -> Callable[..., Coroutine[Any, Any, str]]:
    @_errors_in_words
    async def generate(
        text_input: str,
        prompt_wav_path_input: dict[str, Any] | None = None,
        prompt_text_input: str | None = None,
        cfg_value_input: float = 2.0,
        inference_timesteps_input: int = 10,
        do_normalize: bool = False,
        denoise: bool = False,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - the way Gradio wants it
    ) -> str:
        """Speak a text and return the sound as a wav file; with prompt audio, in that voice where the engine can."""
        utterance = _utterance(
            text_input, prompt_wav_path_input, prompt_text_input, cfg_value_input, inference_timesteps_input,
            do_normalize, denoise,
        )  # fmt: skip
        spoken = await result_of(service.speak(utterance, take_up()), Spoken, partial(_show, progress))
        if spoken.failure:  # half a text is no result to a script that doesn't look
            sentence = "{why} The part spoken so far is at {url}."
            url = f"/speech/{spoken.path.parent.name}"
            raise EngineError(sentence, "stopped_early", reason="kept", why=EngineError.told(spoken.failure), url=url)
        for warning in spoken.warnings:
            gr.Warning(warning)
        return str(spoken.path)

    generate.info = HandlerInfo(lambda data: _utterance(*data), speaks=True)  # type: ignore[attr-defined]
    return generate


def _utterance(*sent: Any) -> Utterance:
    """What is asked for by the values of PARAMETERS, of which the last may be left out. Raises as `sent_file`."""
    asked: dict[str, Any] = {"text": "", **dict(zip(PARAMETERS, sent, strict=False))}
    texts = {name: asked.get(name) or "" for name in ("text", "prompt_text")}
    utterance = Utterance(**asked | texts)
    steps = whole(utterance.inference_timesteps)
    return replace(utterance, prompt_audio=sent_file(utterance.prompt_audio), inference_timesteps=steps)


def _prompt_wav_recognition(service: SpeechService) -> Callable[..., Coroutine[Any, Any, str]]:
    @_errors_in_words
    async def prompt_wav_recognition(
        prompt_wav: dict[str, Any] | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - the way Gradio wants it
    ) -> str:
        """Return what is said in a recording; "" for silence or no recording."""
        path = sent_file(prompt_wav)
        if path is None:
            return ""
        events = service.transcribe(AskedRecording(path), context=take_up())
        transcript = await result_of(events, Transcript, partial(_show, progress))
        return transcript.text

    prompt_wav_recognition.info = HandlerInfo(sent_recording)  # type: ignore[attr-defined]
    return prompt_wav_recognition


def _errors_in_words(handler: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let our errors reach the client as their sentence, and any other as a general one; the log has the rest."""

    @wraps(handler)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await handler(*args, **kwargs)
        except VoxdemoError as error:
            note_failure(error)
            raise gr.Error(error.sentence, print_exception=False) from error
        except Exception as error:  # the door: nothing of it may reach a client
            log.exception("%s failed", handler.__name__)
            raise gr.Error(UNEXPECTED, print_exception=False) from error

    return wrapped


def _show(progress: gr.Progress, event: Waiting | Speaking | Listening) -> None:
    fraction = 0.0 if isinstance(event, Waiting) else event.done_fraction
    # Gradio's page doesn't show the unit of a fraction: by it programs know the stage without reading the words.
    progress(fraction, desc=wording.status(event), unit=type(event).__name__.lower())
