"""The frozen Gradio endpoints: names, parameters, order and their one output never change.

Scripts and front ends written for the public VoxCPM demo call them by position and by name. A new parameter comes only
behind the last one, with a default. The components here are never shown; the page has its own, so that neither can
break the other. `tests/contract.json` holds what `get_api_info()` must say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from gradio.data_classes import FileData

from voxdemo.errors import EngineError, InputError, VoxdemoError
from voxdemo.service import SpeechService
from voxdemo.speech import Listening, Speaking, Spoken, Transcript, Utterance, Waiting
from voxdemo.validate import CFG_RANGE, TIMESTEPS_RANGE
from voxdemo.web import queueing, wording
from voxdemo.web.asking import Asks, countdown

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


def add_endpoints(service: SpeechService) -> None:
    """Add `/generate` and `/prompt_wav_recognition` to the Blocks in whose context this is called."""
    # Values reach us as they were sent (preprocess=False; Gradio has still checked that files are uploads), so that
    # a wrong one is refused with our sentence whichever door it came through.
    options = {**queueing.in_line(service), "preprocess": False}
    recording = gr.Audio(type="filepath", label="Prompt Speech", visible=False)
    recording.data_model = _FileOrNot
    gr.Button(visible=False).click(
        _generate(service),
        inputs=[
            gr.Textbox(label="Target Text", visible=False),
            recording,
            gr.Textbox(label="Prompt Text", visible=False),
            gr.Slider(*CFG_RANGE, value=2.0, step=0.1, label="CFG Value (Guidance Scale)", visible=False),
            gr.Slider(*TIMESTEPS_RANGE, value=10, step=1, label="Inference Timesteps", visible=False),
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
        utterance = Utterance(
            text=text_input or "",
            prompt_audio=_path(prompt_wav_path_input),
            prompt_text=prompt_text_input or "",
            cfg_value=cfg_value_input,
            inference_timesteps=_whole(inference_timesteps_input),
            normalize=do_normalize,
            denoise=denoise,
        )
        spoken: Spoken | None = None
        async with aclosing(service.speak(utterance, countdown())) as events:
            async for event in events:
                if isinstance(event, Spoken):
                    spoken = event
                elif isinstance(event, Waiting | Speaking):
                    _show(progress, event)
        assert spoken, "a generation that raises nothing ends with Spoken"
        if spoken.stopped:  # half a text is no result to a script that doesn't look
            where = f"/speech/{spoken.path.parent.name}"
            raise EngineError(f"{spoken.stopped} What was spoken until there can be had at {where}.")
        for warning in spoken.warnings:
            gr.Warning(warning)
        return str(spoken.path)

    generate.asks = Asks(text=0, inference_timesteps=4)  # type: ignore[attr-defined]
    return generate


def _prompt_wav_recognition(service: SpeechService) -> Callable[..., Coroutine[Any, Any, str]]:
    @_errors_in_words
    async def prompt_wav_recognition(
        prompt_wav: dict[str, Any] | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - the way Gradio wants it
    ) -> str:
        """Return what is said in a recording; "" for silence or no recording."""
        path = _path(prompt_wav)
        if path is None:
            return ""
        text = ""
        async with aclosing(service.transcribe(path, countdown=countdown())) as events:
            async for event in events:
                if isinstance(event, Transcript):
                    text = event.text
                else:
                    _show(progress, event)
        return text

    return prompt_wav_recognition


def _errors_in_words(handler: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let our errors reach the client as their sentence, and any other as a general one; the log has the rest."""

    @wraps(handler)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await handler(*args, **kwargs)
        except VoxdemoError as error:
            raise gr.Error(error.sentence, print_exception=False) from error
        except Exception as error:  # the door: nothing of it may reach a client
            log.exception("%s failed", handler.__name__)
            raise gr.Error(wording.UNEXPECTED, print_exception=False) from error

    return wrapped


def _show(progress: gr.Progress, event: Waiting | Speaking | Listening) -> None:
    fraction = 0.0 if isinstance(event, Waiting) else event.done_fraction
    progress(fraction, desc=wording.status(event))


def _path(file: object) -> Path | None:
    """The path of an uploaded file; None where there is none."""
    if not file:
        return None
    if isinstance(file, dict) and isinstance(file.get("path"), str):
        return Path(file["path"])
    raise InputError("The recording must be an uploaded file: with gradio_client, wrap its path in handle_file().")


def _whole(number: Any) -> Any:
    """A whole number as an int, however JSON spelled it; anything else as it is, to be refused in words."""
    return int(number) if isinstance(number, float) and number.is_integer() else number
