"""Which engine follows from what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import CLONER

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import Utterance

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))
KOKORO = Catalogue((KokoroEngine.INFO,))
WITH_COPIER = Catalogue((BuiltinEngine.INFO, CLONER))


@pytest.mark.parametrize(
    ("offered", "asked", "engine", "voice"),
    [
        (BOTH, Utterance("Hi."), "builtin", None),
        (BOTH, Utterance("Hi.", voice="Emma"), "kokoro", "bf_emma"),
        (BOTH, Utterance("Hi.", voice="kokoro/af_heart"), "kokoro", "af_heart"),
        (BOTH, Utterance("Hi.", language="en"), "builtin", None),
        (BOTH, Utterance("Hola.", language="es"), "kokoro", "ef_dora"),
        (KOKORO, Utterance("Hola.", language="es"), "kokoro", "ef_dora"),
        (KOKORO, Utterance("Hi."), "kokoro", None),
        (BOTH, Utterance("Hallo.", language="de"), "builtin", None),
        (BOTH, Utterance("Hi.", prompt_audio=Path("me.wav")), "builtin", None),
        (WITH_COPIER, Utterance("Hi.", prompt_audio=Path("me.wav")), "fake", None),
    ],
)
def test_the_engine_follows_from_the_voice_the_recording_or_the_language(
    offered: Catalogue, asked: Utterance, engine: str, voice: str | None
) -> None:
    resolved, info = offered.resolved(asked)
    assert (info.name, resolved.voice) == (engine, voice)
    assert offered.engine_of(asked) == info


def test_an_unknown_voice_is_refused_with_some_that_there_are() -> None:
    with pytest.raises(InputError, match=r"^This server has no voice 'bob': choose one of heart, af_alloy, .*…\.$"):
        BOTH.resolved(Utterance("Hi.", voice="bob"))
