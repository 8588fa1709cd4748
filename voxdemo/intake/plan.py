"""From what somebody sent to what is to be spoken: cleaned and cut into parts. Knows no line and no model."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from voxdemo.estimates.paces import speech_units
from voxdemo.intake import validate
from voxdemo.speech import EngineInfo, Utterance
from voxdemo.text import split
from voxdemo.text.length import spoken_length


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be spoken. The utterance has the text that is left of what was sent."""

    utterance: Utterance
    parts: Sequence[split.Part]
    shares: Sequence[float]
    """The share of the work that each part is."""
    units: float
    """How much work it is, by `estimates.paces.speech_units`."""
    warnings: tuple[str, ...]
    """What of the text will be left out, one sentence each."""


def plan(utterance: Utterance, info: EngineInfo) -> Plan:
    """How an engine is to speak this. Takes up to a second for the longest text.

    Raises InputError where there is nothing in it that can be said.
    """
    text, warnings = validate.readable_text(utterance.text, info)
    utterance = replace(utterance, text=text)
    parts = split.parts(utterance.text, info.chunk_chars, info.sentences_apart)
    lengths = [spoken_length(part.text) for part in parts]
    total = sum(lengths)
    shares = [length / total for length in lengths]
    return Plan(utterance, parts, shares, speech_units(utterance, info), warnings)
