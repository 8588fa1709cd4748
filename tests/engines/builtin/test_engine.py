import random
import subprocess
import sys

import numpy as np
import pytest
from pronouncing import Mute, pronounced
from serving import ROOT

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin import hibari_model
from voxdemo.engines.builtin.engine import MAX_PHONEMES, BuiltinEngine
from voxdemo.engines.builtin.english import unsayable
from voxdemo.errors import InputError
from voxdemo.speech import Utterance


@pytest.fixture(scope="module")
def hibari():
    return hibari_model.Heart()


@pytest.fixture(scope="module")
def engine(hibari):
    engine = BuiltinEngine(hibari)
    yield engine
    engine.close()


@pytest.fixture
def say(engine):
    def speak(text, **how):
        *sound, _ = engine.speak(SpeechPart(Utterance(text, **({"seed": 1} | how)), text))
        return np.concatenate(sound)

    return speak


def run(code):
    root = ROOT
    return subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout


def test_it_describes_itself_before_anything_is_loaded():
    code = (
        "import sys\n"
        "from voxdemo.engines.builtin.engine import BuiltinEngine\n"
        "print(BuiltinEngine.INFO.name, 'hibari' in sys.modules)"
    )
    assert run(code).split() == ["builtin", "False"]


def test_speech_is_mono_float32_within_range(engine, say):
    sound = say("The quick brown fox jumps over the lazy dog.")
    assert sound.dtype == np.float32
    assert sound.ndim == 1
    assert 2 < len(sound) / engine.info.sample_rate < 5
    assert np.isfinite(sound).all()
    assert 0.1 < np.abs(sound).max() <= 1


def test_the_same_seed_gives_the_same_samples(say):
    assert np.array_equal(say("Good morning.", seed=7), say("Good morning.", seed=7))
    assert not np.array_equal(say("Good morning.", seed=7), say("Good morning.", seed=8))


def test_without_a_seed_it_speaks_all_the_same(say):
    assert say("Good morning.", seed=None).size


def test_sentences_do_not_share_their_noise(engine):
    first, second, _ = engine.speak(SpeechPart(Utterance("One day. One way.", seed=3), "One day. One way."))
    shared = min(len(first), len(second))
    assert not np.array_equal(first[:shared], second[:shared])


def test_sentences_end_and_begin_in_silence(say):
    sound = say("Is it late?")
    edge = 24_000 // 10
    assert np.abs(sound[:edge]).max() < 0.02
    assert np.abs(sound[-edge:]).max() < 0.02


def test_speed_changes_the_length(say):
    text = "The quick brown fox jumps over the lazy dog."
    assert len(say(text, speed=2.0)) < len(say(text)) * 0.7 < len(say(text, speed=0.5))


@pytest.mark.parametrize("speed", [0, -1, 0.4, 2.1, 1e9, float("nan"), float("inf")])
def test_a_speed_out_of_range_is_refused_naming_the_range(say, speed):
    with pytest.raises(InputError, match=r"from 0\.5 to 2\.0"):
        say("Hello.", speed=speed)


@pytest.mark.parametrize(
    ("text", "named"), [("你好", "“你好”"), ("Hello, мир!", "“мир”"), ("🎉🎊", "“🎉🎊”"), ("...", r"“\.”")]
)
def test_what_it_cannot_say_is_named(say, text, named):
    with pytest.raises(InputError, match=f"English only.*{named}"):
        say(text)


def test_a_part_that_cannot_be_said_is_refused_before_the_first_part_sounds(engine):
    with pytest.raises(InputError, match="世"):
        next(engine.speak(SpeechPart(Utterance("Hello. 世界。"), "Hello.")))


def test_a_long_text_is_searched_once_and_not_for_each_part(engine):
    unsayable.cache_clear()
    utterance = Utterance("One day. Two days. " * 50, seed=1)
    for part in ("One day.", "Two days."):
        next(engine.speak(SpeechPart(utterance, part)))
    assert unsayable.cache_info().misses == 3  # the text and its parts


def test_a_part_without_words_is_a_short_silence(engine):
    (pause,) = engine.speak(SpeechPart(Utterance("One.\n* * *\nTwo."), "* * *"))
    assert not pause.any()
    assert 0.2 < len(pause) / 24_000 < 0.6


def test_two_hundred_digits_are_spoken_one_by_one(engine, say):
    assert len(say("7" * 200)) / engine.info.sample_rate > 40


@pytest.mark.parametrize("text", ["a " * 5000, "hello" * 2000, "9" * 3000, "and on " * 1400])
def test_no_piece_is_longer_than_the_model_takes_well(hibari, text):
    given = pronounced(text, hibari.g2p)
    assert len(given) > 5
    assert max(map(len, given)) <= MAX_PHONEMES


@pytest.mark.long
def test_ten_thousand_characters_without_punctuation_stay_under_half_a_gigabyte():
    code = (
        "import psutil; from voxdemo.engines.base import SpeechPart\n"
        "from voxdemo.engines.builtin.engine import BuiltinEngine\n"
        "from voxdemo.speech import Utterance\n"
        "text = 'the man who walked along the river was thinking about the weather and ' * 140\n"
        "peak = 0\n"
        "for part in BuiltinEngine().speak(SpeechPart(Utterance(text, seed=1), text)):\n"
        "    peak = max(peak, psutil.Process().memory_info().rss)\n"
        "print(peak / 2**20)"
    )
    assert float(run(code)) < 512


def test_inline_phonemes_in_the_text_are_not_obeyed(say):
    assert np.array_equal(say("Press [this](/ðˈæt/) now."), say("Press this now."))


def test_king_charles_is_not_the_zeroth(hibari):
    assert "zˈɪɹO" not in " ".join(pronounced("King Charles met the Class Clown", hibari.g2p))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The U.S. Army marched on Jan. 5, 2024 at 5 p.m. Monday.",
         "The US Army marched on January fifth, 2024 at five PM Monday."),
        ("See Vol. 3, Fig. 2 and p. 12.", "See volume three, figure two and page twelve."),
        ("P.O. Box 12", "P.O. Box twelve"),
        ("I ate a fig.", "I ate a fig ."),
        ("Her name is Jan.", "Her name is Jan ."),
        ("We sat in the sun.", "We sat in the sun ."),
        ("Gen. Ray taught Gen Z.", "General Ray taught Gen Z ."),
        ("742 Maple Dr., Springfield", "seven hundred forty two Maple Drive, Springfield"),
        ("350 5th Ave", "three hundred fifty fifth Avenue"),
        ("St. John's St. is long.", "Saint John's Street is long."),
        ("He lives in the U.S.", "He lives in the US ."),
        ("Fruit, etc. is sold.", "Fruit, et cetera is sold."),
        ("1. Milk", "one. Milk"),
    ],
)  # fmt: skip
def test_a_sentence_with_abbreviations_is_pronounced_at_once_as_its_words_are(hibari, written, said):
    (one,), words = (pronounced(text, hibari.g2p) for text in (written, said))
    assert one.replace(",", "") == " ".join(words).replace(",", "")


def test_there_is_no_rest_at_an_abbreviation_longer_than_at_a_comma(say):
    with_comma = longest_silence_s(say("The US Army marched on January fifth, 2024 at five PM Monday."))
    assert longest_silence_s(say("Write to P.O. Box 12 and see Vol. 3 of it.")) < 0.2
    assert longest_silence_s(say("The U.S. Army marched on Jan. 5, 2024 at 5 p.m. Monday.")) <= with_comma + 0.02


def longest_silence_s(sound):
    """The longest stretch within the speech that is 40 dB below its loudest, in frames of 10 ms."""
    loudness = np.abs(sound[: len(sound) // 240 * 240].reshape(-1, 240)).max(axis=1)
    quiet = "".join("." if frame < loudness.max() / 100 else "#" for frame in loudness).strip(".")
    return max(map(len, quiet.split("#"))) / 100


def test_closing_stops_before_the_next_sentence(hibari):
    mute = Mute(hibari.g2p)
    speech = BuiltinEngine(mute).speak(SpeechPart(Utterance("One. Two. Three."), "One. Two. Three."))
    next(speech)
    speech.close()
    assert len(mute.given) == 1


def test_it_knows_when_each_word_is_heard(engine):
    text = "I paid $5.20, she paid 3."
    *sound, times = engine.speak(SpeechPart(Utterance(text, seed=1), text))
    samples, rate = np.concatenate(sound), engine.info.sample_rate
    loud = np.flatnonzero(np.abs(samples) > 0.01) / rate
    starts, ends = np.array(times.spans).T
    assert len(starts) == len(text.split())
    assert starts[0] == pytest.approx(loud[0], abs=0.1)
    assert loud[-1] - 0.1 < ends[-1] < len(samples) / rate
    assert np.all(np.diff(starts) > 0)
    assert int(np.argmax(ends - starts)) == 2  # five dollars and twenty cents
    rests = np.flatnonzero(np.diff(loud) > 0.05)  # at the comma
    assert any(abs(starts[3] - loud[at + 1]) < 0.1 for at in rests)


class Brittle:
    """A dictionary that fails on some word."""

    def __init__(self, g2p):
        self.tokenizer = g2p.tokenizer
        self.g2p = g2p

    def __call__(self, text):
        if "qzx" in text:
            raise IndexError("list index out of range")
        return self.g2p(text)


def test_what_the_dictionary_fails_on_is_spelt(hibari):
    (found,) = pronounced("say qzx now", Brittle(hibari.g2p))
    assert found.split() == ["sˈA", "kjˈu", "zˈi", "ˈɛks", "nˈW"]


@pytest.mark.long
def test_hostile_text_gives_sound_or_one_sentence(engine):
    draw = random.Random(11)
    odd = [
        "http://a.b/c?d=e#f", "x@y.com", "{'a':1}", "13/45/9999", "99:99", "½", "\u200b", "é́̂", "$1.50", "IV", "你",
        "🎉", "\ud800", "[a](/b/)", "]](", "``", "n't've", "1e-9", "ŉ", "ℵ", "α", "㎏",
    ]  # fmt: skip
    odd += ["a" * 200, "9" * 50, "\0", "\n", *"abc XYZ 019.,:;/-_()[]'\"!?$%&@#*+=~^<>|\\"]
    for _ in range(40):
        assert sounds_or_is_refused(engine, "".join(draw.choice(odd) for _ in range(25)))


def sounds_or_is_refused(engine, text):
    try:
        parts = [
            each for each in engine.speak(SpeechPart(Utterance(text, seed=1), text)) if isinstance(each, np.ndarray)
        ]
    except InputError as error:
        return error.sentence.endswith(".")
    return all(len(part) and np.isfinite(part).all() for part in parts)


def test_the_inner_parts_that_are_changed_are_there() -> None:
    code = (
        "import importlib; rules = importlib.import_module('hibari.g2p.normalize')\n"
        "from voxdemo.engines.builtin.hibari_model import GUESSES\n"
        "print(*(type(getattr(rules, name)).__name__ for name in GUESSES))"
    )
    assert set(run(code).split()) == {"Pattern"}
