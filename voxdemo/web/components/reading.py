"""What reads a recording for whoever shows it: its card, and the words. It knows the service, no model."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from voxdemo.errors import InputError, VoxdemoError
from voxdemo.service.service import SpeechService
from voxdemo.web.components import card
from voxdemo.web.components.card import CardValue
from voxdemo.web.line.handlers import HandlerInfo, sent_recording, take_up

NO_RECORDING = "There is no recording yet. Upload or record one first."


def reader(service: SpeechService, kept: str, unread: Any, keep: bool = False) -> Callable[..., Any]:
    """A handler that reads a recording: its card, and the words, which are `unread` until they are there.

    With `keep` the recording is kept for the card's player.
    """

    async def read(recording: str | None) -> AsyncGenerator[tuple[CardValue, Any], None]:
        if not recording:
            yield card.refused(InputError(NO_RECORDING, code="no_recording")), unread
            return
        events = service.transcribe(Path(recording), keep=keep, context=take_up())
        async with aclosing(card.told(events, kept, kept_of_wrong="")) as values:
            async for value in values:
                yield value, value.get("text", unread)

    def refusal(error: VoxdemoError) -> list[Any]:
        return [card.refused(error, kept), gr.skip()]

    read.info = HandlerInfo(sent_recording, refusal=refusal)  # type: ignore[attr-defined]
    return read
