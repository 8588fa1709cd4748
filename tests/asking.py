"""What tests ask of a service directly."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from fakes import CLONER, RATE

from voxdemo.service.service import SpeechService
from voxdemo.speech import Spoken, Utterance

NO_CLONER = replace(CLONER, title="Plain voice", honours=frozenset({"seed"}))


def recording(path: Path, seconds: float) -> Path:
    sound = 0.1 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)
    soundfile.write(path, sound.astype(np.float32), RATE)
    return path


async def spoken(service: SpeechService, utterance: Utterance) -> tuple[list[Any], Spoken]:
    async with aclosing(service.speak(utterance)) as events:
        seen = [event async for event in events]
    assert isinstance(seen[-1], Spoken)
    return seen, seen[-1]
