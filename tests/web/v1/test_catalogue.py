import pytest

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.speech import EngineInfo
from voxdemo.web.v1.catalogue import voice_of


@pytest.mark.parametrize(
    ("asked", "info", "meant"),
    [
        ("nova", KokoroEngine.INFO, "af_nova"),
        ("Fable", KokoroEngine.INFO, "bm_fable"),
        ("santa", KokoroEngine.INFO, "am_santa"),
        ("EF_Dora", KokoroEngine.INFO, "ef_dora"),
        ("marin", KokoroEngine.INFO, None),
        ("nobody", KokoroEngine.INFO, "nobody"),
        ("nova", BuiltinEngine.INFO, None),
        ("heart", BuiltinEngine.INFO, "heart"),
    ],
)
def test_a_name_of_openai_s_means_the_voice_of_that_name_else_the_first(
    asked: str, info: EngineInfo, meant: str | None
) -> None:
    assert voice_of(asked, info) == meant
