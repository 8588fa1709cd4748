"""Voices of several engines that have the same names."""

from __future__ import annotations

from dataclasses import replace

from fakes import CLONER

from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import ELSEWHERE, Utterance
from voxdemo.web.components.examples import sample_of

NAMED_ALIKE = Catalogue((KokoroEngine.INFO, replace(KokoroEngine.INFO, name="koko", device=ELSEWHERE), CLONER))


def test_every_voice_of_the_list_is_chosen_and_heard_by_its_own_name() -> None:
    names = [NAMED_ALIKE.name_of(*each) for each in NAMED_ALIKE.voices()]
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
