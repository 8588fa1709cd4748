"""What a command is asked to say, and how, before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Words:
    """Fields of an `Utterance`, by their names there."""

    text: str
    prompt_audio: Path | None
    prompt_text: str
    cfg_value: float
    inference_timesteps: int
    voice: str | None
    seed: int | None
    speed: float
