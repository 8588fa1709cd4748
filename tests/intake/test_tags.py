"""How a text with tags is planned: who says what, with which pauses, and by which key its sound is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import MOST_OWN, Catalogue
from voxdemo.intake.request import SpeechRequest, plan, speech
from voxdemo.speech import EngineInfo, TaggedVoice, Utterance
from voxdemo.web.components.voice_choice import tag_chips

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))


def asked(text: str, **options: str) -> SpeechRequest:
    utterance, engine = BOTH.resolved(Utterance(text, **options))  # type: ignore[arg-type]
    return speech(utterance, engine, BOTH.guests(engine), BOTH.named_in(utterance, engine))


def spoken(text: str, **options: str) -> list[tuple[str, str | None, float | None]]:
    planned = plan(asked(text, **options))
    voices = {index: passage.utterance.voice for index, passage in planned.guests.items()}
    return [(part.text, voices.get(index), part.pause_s) for index, part in enumerate(planned.parts)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello. [Emma] I am Emma.", [("Hello.", None, None), ("I am Emma.", "bf_emma", None)]),
        ("Hello. [Emma] I am. [heart] And I.",
         [("Hello.", None, None), ("I am.", "bf_emma", None), ("And I.", None, None)]),
        ("[builtin/heart] Hello.", [("Hello.", None, None)]),
        ("[kokoro/bm_george] Hello.", [("Hello.", "bm_george", None)]),
        ("One. [pause 2s] Two.", [("One.", None, 2.0), ("Two.", None, None)]),
        ("One. [pause 2s] [Emma] Two. [pause 1s]", [("One.", None, 2.0), ("Two.", "bf_emma", 1.0)]),
        ("One. [pause 1s]\n\n!\n\n[Emma] Two.", [("One.", None, 1.0), ("Two.", "bf_emma", None)]),
        ("[Dora] Tengo 2 gatos.\n\n[Emma] I have 2 cats.",
         [("Tengo 2 gatos.", "ef_dora", None), ("I have 2 cats.", "bf_emma", None)]),
        ("Hi. [Emma] Say 你好。 Well.",
         [("Hi.", None, None), ("Say", "bf_emma", None), ("你好。", "zf_xiaobei", None), ("Well.", "bf_emma", None)]),
        ("[Emma] **Bold** and [1].", [("Bold and [1].", "bf_emma", None)]),
        ("One. [ash] Two. [Coral]: Three.",
         [("One.", None, None), ("Two.", "am_michael", None), ("Three.", "af_bella", None)]),
        ("[Alloy] Ours go before OpenAI's.", [("Ours go before OpenAI's.", "af_alloy", None)]),
        ("[Verse] One.\n\n[cedar] Two.", [("One.", "am_puck", None), ("Two.", "am_fenrir", None)]),
    ],
)  # fmt: skip
def test_every_stretch_is_said_by_the_voice_that_its_tag_names(
    text: str, parts: list[tuple[str, str | None, float | None]]
) -> None:
    assert spoken(text) == parts


@pytest.mark.parametrize(
    ("text", "differs"), [("Hello. [Emma] I am Emma.", True), ("Say 你好 twice.", True), ("Hello.", False)]
)
def test_the_pace_of_other_voices_is_in_the_key_where_the_text_s_own_has_one_pace(text: str, differs: bool) -> None:
    engine = replace(BuiltinEngine.INFO, honours=frozenset({"seed"}))
    asked = [Utterance(text, speed=speed) for speed in (1.0, 2.0)]
    keys = {speech(each, engine, BOTH.guests(engine), BOTH.named_in(each, engine)).key for each in asked}
    assert len(keys) == (2 if differs else 1)


@pytest.mark.parametrize("letter", ["\U0002ebf0", "\U00031350"])
def test_a_letter_newer_than_this_python_breaks_no_text(letter: str) -> None:
    assert next(said for said, *_ in spoken(f"Hello {letter} and bye.")).startswith("Hello")


def test_a_pause_before_the_first_word_is_kept_and_a_stop_between_voices_is_that_of_the_text() -> None:
    planned = plan(asked("[pause 3s] One.\n\n[Emma] Two. [George] Three"))
    assert planned.lead_s == 3.0
    assert [part.stop.value for part in planned.parts] == ["paragraph", "sentence", "paragraph"]


ELSEWHERE = replace(KokoroEngine.INFO, name="studio", title="studio", device="elsewhere")
SLOWER = replace(ELSEWHERE, name="slower", sample_rate=16_000)


@pytest.mark.parametrize(
    ("engines", "host", "name", "meant"),
    [
        ((BuiltinEngine.INFO, ELSEWHERE, KokoroEngine.INFO), BuiltinEngine.INFO, "Emma", KokoroEngine.INFO),
        ((ELSEWHERE, BuiltinEngine.INFO, KokoroEngine.INFO), BuiltinEngine.INFO, "Ash", KokoroEngine.INFO),
        ((ELSEWHERE, BuiltinEngine.INFO, KokoroEngine.INFO), ELSEWHERE, "Ash", ELSEWHERE),
        ((KokoroEngine.INFO, ELSEWHERE), ELSEWHERE, "Emma", ELSEWHERE),
        ((BuiltinEngine.INFO, ELSEWHERE), BuiltinEngine.INFO, "Emma", ELSEWHERE),
        ((BuiltinEngine.INFO, SLOWER), BuiltinEngine.INFO, "Emma", SLOWER),
        ((SLOWER, BuiltinEngine.INFO), SLOWER, "builtin/heart", BuiltinEngine.INFO),
        ((BuiltinEngine.INFO,), BuiltinEngine.INFO, "Emma", None),
        ((BuiltinEngine.INFO, ELSEWHERE), ELSEWHERE, "builtin/heart", BuiltinEngine.INFO),
        ((BuiltinEngine.INFO,), BuiltinEngine.INFO, "Nova", None),
    ],
)
def test_a_tag_finds_a_voice_that_can_join_in_though_another_one_of_its_name_goes_first(
    engines: tuple[EngineInfo, ...], host: EngineInfo, name: str, meant: EngineInfo | None
) -> None:
    offered, text = Catalogue(engines), f"One. [{name}] Two."
    found = offered.named_in(Utterance(text), host)
    assert [guest.engine.name for guest in found.values()] == ([meant.name] if meant else [])
    chips = tag_chips(Utterance(text), offered, host)
    assert chips["visible"] == bool(meant)
    request = speech(Utterance(text), host, offered.guests(host), found)
    assert bool(plan(request).warnings) == (meant is None)
    here = [each.name for each in (host, *filter(None, [meant])) if not each.is_elsewhere]
    assert request.seat_of == (here[0] if here else host.name)


COPIER = replace(BuiltinEngine.INFO, name="copier", honours=frozenset({"prompt_audio", "prompt_text", "seed"}))


def recorded(folder: Path, name: str, said: str = "") -> TaggedVoice:
    path = folder / f"{name}.wav"
    soundfile.write(path, np.full(24_000, sum(map(ord, name)) / 5_000), 24_000)
    return TaggedVoice(name, path, said)


def test_one_s_own_voices_speak_by_tags_before_those_of_the_same_name(tmp_path: Path) -> None:
    offered = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO, COPIER))
    anna, emma = recorded(tmp_path, "Anna", "I am Anna."), recorded(tmp_path, "Emma")
    asked = Utterance("One. [Anna] Two. [Emma] Three. [Bob] Four.", own=(anna, emma))
    request = speech(asked, BuiltinEngine.INFO, {}, offered.named_in(asked, BuiltinEngine.INFO))
    planned = plan(request)
    voices = [(each.engine.name, each.utterance.prompt_audio) for each in planned.guests.values()]
    assert voices[:2] == [("copier", anna.recording), ("copier", emma.recording)]
    assert planned.guests[1].utterance.prompt_text == "I am Anna."
    assert planned.warnings == ("No voice that can speak here is called “Bob”: that is read as it stands.",)
    assert "Anna" in tag_chips(asked, offered, BuiltinEngine.INFO)["value"]
    others = [(), (anna,), (emma, replace(anna, recording=emma.recording)), (emma, replace(anna, text="I am."))]
    named = [offered.named_in(replace(asked, own=own), BuiltinEngine.INFO) for own in others]
    keys = {request.key, *(speech(asked, BuiltinEngine.INFO, {}, each).key for each in named)}
    assert len(keys) == 1 + len(others)


@pytest.mark.parametrize(
    ("copier", "taken"),
    [
        (COPIER, MOST_OWN),
        (replace(COPIER, needs_transcript=True), 1),
        (replace(COPIER, sample_rate=48_000, device="elsewhere"), MOST_OWN),
        (replace(COPIER, honours=frozenset()), 0),
    ],
)
def test_as_many_of_one_s_own_voices_as_fit_and_can_be_copied_join_in(
    copier: EngineInfo, taken: int, tmp_path: Path
) -> None:
    own = tuple(recorded(tmp_path, f"Anna {letter}", "said" * (letter == "A")) for letter in "ABCDEFGHIJ")
    asked = Utterance(" ".join(f"[{each.name}] One." for each in own), own=own)
    assert len(Catalogue((BuiltinEngine.INFO, copier)).named_in(asked, BuiltinEngine.INFO)) == taken


def test_what_a_voice_of_a_tag_cannot_say_is_told_and_the_rest_is_spoken() -> None:
    planned = plan(asked("Hello. [Emma] \N{SKULL}. [George] Bye."))
    assert [part.text for part in planned.parts] == ["Hello.", "Bye."]
    assert any("can't read" in warning for warning in planned.warnings)


@pytest.mark.parametrize(("text", "code"), [("[pause 2]", "nothing_to_say"), ("[Emma]: …", "nothing_to_say")])
def test_a_text_of_tags_alone_has_nothing_to_say(text: str, code: str) -> None:
    with pytest.raises(InputError) as refused:
        plan(asked(text))
    assert refused.value.code == code


def test_a_text_that_is_too_long_is_refused_though_its_stretches_are_short() -> None:
    with pytest.raises(InputError, match="send at most 50,000"):
        plan(asked("[Emma] so. " * 5_000))


def test_the_key_knows_tags() -> None:
    keys = [
        asked(text).key
        for text in ("Hi you.", "Hi [pause 1s] you.", "Hi [pause 2s] you.", "[Emma] Hi you.", "[George] Hi you.")
    ]
    assert len(set(keys)) == len(keys)
    assert asked("[Emma] Hi.").key == asked(" [Emma] Hi. ").key
    alone = Catalogue((BuiltinEngine.INFO,))
    hi = Utterance("[Emma] Hi.")
    unknown = speech(hi, BuiltinEngine.INFO, {}, alone.named_in(hi, BuiltinEngine.INFO))
    assert unknown.key != asked("[Emma] Hi.").key
    assert plan(unknown).warnings == ("No voice that can speak here is called “Emma”: that is read as it stands.",)


@pytest.mark.parametrize("text", [5, None, ["[Emma]"], b"[Emma]"])
def test_what_is_no_text_is_refused_in_words(text: object) -> None:
    with pytest.raises(InputError, match="The text must be a string"):
        asked(text)  # type: ignore[arg-type]
