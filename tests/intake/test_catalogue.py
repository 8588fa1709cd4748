"""Which engine follows from what is asked for."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from fakes import CLONER

from voxdemo.engines.address.config import Address
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue, described
from voxdemo.speech import SPEED, EngineInfo, Utterance

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


ELSEWHERE = Address(name="other", url="http://127.0.0.1:1", voices=["tara"]).info


@pytest.mark.parametrize(
    ("usual", "failed", "asked", "is_away"),
    [
        (BuiltinEngine.INFO, "other", Utterance("Hi.", voice="tara"), True),
        (BuiltinEngine.INFO, "other", Utterance("Hi.", voice="other/tara"), True),
        (BuiltinEngine.INFO, "other", Utterance("Hi."), False),
        (BuiltinEngine.INFO, "other", Utterance("Hi.", voice="heart"), False),
        (BuiltinEngine.INFO, "", Utterance("Hi.", voice="tara"), False),
        (
            BuiltinEngine.INFO,
            "builtin",
            Utterance("Hi.", voice="heart"),
            False,
        ),  # it is here, and loaded when asked for
        (BuiltinEngine.INFO, "builtin", Utterance("Hi.", voice="tara"), False),
        (ELSEWHERE, "other", Utterance("Hi."), True),
        (ELSEWHERE, "other", Utterance("Hi.", voice="heart"), False),
        (ELSEWHERE, "", Utterance("Hi."), False),
    ],
)
def test_only_a_server_at_an_address_can_be_away_for_a_text_that_it_would_say(
    usual: EngineInfo, failed: str, asked: Utterance, is_away: bool
) -> None:
    others = tuple(each for each in (BuiltinEngine.INFO, ELSEWHERE) if each != usual)
    catalogue = Catalogue((usual, *others), frozenset({failed}))
    assert catalogue.is_away(catalogue.engine_of(asked).name) is is_away


def test_an_unknown_voice_is_refused_with_some_that_there_are() -> None:
    with pytest.raises(InputError, match=r"^This server has no voice 'bob': choose one of heart, af_alloy, .*…\.$"):
        BOTH.resolved(Utterance("Hi.", voice="bob"))


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("bf_emma", {"id": "kokoro/bf_emma", "title": "Emma", "language": "en-GB", "accent": "British"}),
        ("pm_alex", {"languages": ["pt"], "accent": "Brazilian", "gender": "male", "character": None}),
        ("zf_xiaobei", {"languages": ["zh"], "accent": None, "character": "quality D", "licence": "Apache-2.0"}),
        ("heart", {"model": "built-in-voice", "pace": "slow"}),
        ("fake", {"language": "en-GB", "licence": None}),
    ],
)
def test_a_voice_is_described_by_what_is_known_of_it(asked: str, known: dict[str, object]) -> None:
    found = Catalogue((*BOTH.engines, CLONER)).named(asked)
    assert found
    told = described(*found, instant=asked != "heart")
    assert {name: told[name] for name in known} == known


def test_what_a_voice_takes_has_its_fields_names_and_the_ranges_of_its_engine() -> None:
    dial = replace(SPEED, high=1.5)
    taking = replace(CLONER, honours=CLONER.honours | {"speed", "control"}, dials=(dial,))
    takes = {each["name"]: each for each in described(taking.voices[0], taking, instant=None)["takes"]}
    assert [*takes] == [
        "prompt_audio", "prompt_text", "instructions", "speed", "seed", "cfg_value", "inference_timesteps",
        "normalize", "denoise",
    ]  # fmt: skip
    assert takes["speed"] == asdict(dial)
    assert takes["seed"] == {"name": "seed", "label": "Seed"}
