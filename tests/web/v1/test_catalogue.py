from __future__ import annotations

import pytest

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.intake.catalogue import Catalogue
from voxdemo.web.v1.catalogue import engine_called, voice_of

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))
KOKORO = Catalogue((KokoroEngine.INFO,))
BUILTIN = Catalogue((BuiltinEngine.INFO,))


@pytest.mark.parametrize(
    ("asked", "model", "offered", "meant"),
    [
        ("alloy", "tts-1", BOTH, "heart"),
        ("alloy", "kokoro", BOTH, "af_alloy"),
        ("nova", "tts-1", BOTH, "af_nova"),
        ("nova", "builtin", BOTH, "heart"),
        ("Fable", "tts-1-hd", KOKORO, "bm_fable"),
        ("marin", "tts-1", KOKORO, "af_sarah"),
        ("nova", "tts-1", BUILTIN, None),
        ("EF_Dora", "tts-1", BOTH, "EF_Dora"),
        ("nobody", "tts-1", BOTH, "nobody"),
    ],
)
def test_a_name_of_openai_s_means_a_fixed_voice_where_that_is_here(
    asked: str, model: str, offered: Catalogue, meant: str | None
) -> None:
    assert voice_of(asked, engine_called(model, offered), offered) == meant


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("heart", "builtin/heart"),
        ("HEART", "builtin/heart"),
        ("af_heart", "kokoro/af_heart"),
        ("Kokoro/EF_Dora", "kokoro/ef_dora"),
        ("dora", "kokoro/ef_dora"),
    ],
)
def test_a_voice_is_found_by_its_name_its_id_and_its_title(name: str, id: str) -> None:
    found = BOTH.named(name)
    assert found
    assert f"{found[1].name}/{found[0].name}" == id
