"""Which voice is chosen when the list of voices is looked up again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import CLONER

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.intake.catalogue import Catalogue
from voxdemo.web.components.voice_fields import voice_choices

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))
KOKORO = Catalogue((KokoroEngine.INFO,))
VOICELESS = Catalogue((replace(CLONER, voices=()), KokoroEngine.INFO))
STAYS = "stays"


@pytest.mark.parametrize(
    ("offered", "now", "first", "value"),
    [
        (BOTH, None, None, "heart"),
        (BOTH, "heart", "heart", STAYS),
        (BOTH, "ef_dora", "heart", STAYS),
        (KOKORO, "ef_dora", "heart", STAYS),
        (KOKORO, "heart", "heart", "af_heart"),
        (KOKORO, "am_gone", "heart", "af_heart"),
        (BOTH, "af_heart", "af_heart", "heart"),
        (VOICELESS, "af_heart", "af_heart", ""),
        (VOICELESS, "af_bella", "af_heart", STAYS),
        (VOICELESS, "", "af_heart", STAYS),
        (BOTH, ["no", "voice"], {}, "heart"),
    ],
)
def test_a_voice_that_was_chosen_stays_as_long_as_it_is_there(
    offered: Catalogue, now: object, first: object, value: str
) -> None:
    assert voice_choices(offered, now, first).get("value", STAYS) == value
