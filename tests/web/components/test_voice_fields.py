"""Which voice is chosen when the list of voices is looked up again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import CLONER

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import ELSEWHERE, Utterance
from voxdemo.web.components.examples import sample_of
from voxdemo.web.components.voice_fields import voice_choices

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))
KOKORO = Catalogue((KokoroEngine.INFO,))
VOICELESS = Catalogue((replace(CLONER, voices=()), KokoroEngine.INFO))
STAYS = "stays"
NAMED_ALIKE = Catalogue((KokoroEngine.INFO, replace(KokoroEngine.INFO, name="koko", device=ELSEWHERE), CLONER))


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


def test_every_voice_of_the_list_is_chosen_and_heard_by_its_own_name() -> None:
    names = [name for _, name in voice_choices(NAMED_ALIKE)["choices"]]
    samples = [sample_of(NAMED_ALIKE, *each).voice for each in NAMED_ALIKE.voices()]
    assert [NAMED_ALIKE.named(name) for name in names] == [*NAMED_ALIKE.voices()]
    assert [NAMED_ALIKE.engine_of(Utterance("Hi.", voice=name)) for name in names] == [
        of for _, of in NAMED_ALIKE.voices()
    ]
    assert names == samples
    assert len({*names}) == len(names)
    assert {"af_heart", "koko/af_heart", "fake"} <= {*names}


def test_a_name_in_a_text_means_the_voice_of_the_engine_that_speaks_it() -> None:
    here, there, _ = NAMED_ALIKE.engines
    for host in (here, there):
        assert NAMED_ALIKE.named_in(Utterance("[af_bella] Hi."), host)["af_bella"].engine == host
