"""The real model from the wheels, asked for little: a second of speech takes half a second of work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from rings import first_of, long

from voxdemo.audio.resample import resample
from voxdemo.engines.base import SpeechPart, WordTimes
from voxdemo.engines.kokoro import weights
from voxdemo.engines.kokoro.engine import MAX_PHONEMES, KokoroEngine
from voxdemo.errors import InputError
from voxdemo.recognizers.builtin import BuiltinRecognizer
from voxdemo.speech import Utterance

Say = Callable[..., NDArray[np.float32]]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KokoroEngine]:
    folder = tmp_path_factory.mktemp("cache")
    engine = KokoroEngine(weights.load(folder, lambda _: None), folder)
    yield engine
    engine.close()


def pieces(engine: KokoroEngine, text: str, **how: object) -> list[NDArray[np.float32]]:
    found = engine.speak(SpeechPart(Utterance(text, **how), text))  # type: ignore[arg-type]
    return [each for each in found if isinstance(each, np.ndarray)]


@pytest.fixture
def say(engine: KokoroEngine) -> Say:
    return lambda text, **how: np.concatenate(pieces(engine, text, **how))


class Mute(KokoroEngine):
    """The same without its sound: a sample of silence for each piece, which is kept as it would be `given`."""

    def __init__(self, engine: KokoroEngine) -> None:
        self._reading = engine._reading
        self.given: list[str] = []

    def _sound(self, piece: str, voice: str, speed: float) -> tuple[NDArray[np.float32], list[float]]:
        self.given.append(piece)
        return np.zeros(1, np.float32), [1.0] * (len(piece) + 2)


def test_the_same_request_gives_the_same_sound_whatever_the_seed(say: Say) -> None:
    sound = say("Hello.", seed=1)
    assert np.array_equal(sound, say("Hello.", seed=2))
    assert (sound.dtype, sound.ndim) == (np.float32, 1)
    assert 0.1 < np.abs(sound).max() <= 1
    assert not np.array_equal(sound, say("Hello.", voice="am_michael")[: len(sound)])


def test_speed_changes_the_length(say: Say) -> None:
    assert len(say("Hola.", voice="ef_dora", speed=2.0)) < len(say("Hola.", voice="ef_dora", speed=0.5)) / 2


@pytest.mark.parametrize("speed", [0, -1, 0.49, 2.1, float("nan"), float("inf")])
def test_a_speed_out_of_range_is_refused_naming_the_range(engine: KokoroEngine, speed: float) -> None:
    with pytest.raises(InputError, match=r"from 0\.5 to 2\.0"):
        pieces(engine, "Hello.", speed=speed)


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("a " * 2000, "af_heart"),
        ("y" * 1500, "ef_dora"),
        ("今" * 700, "jf_alpha"),
        ("今天" * 500, "zf_xiaoxiao"),
        ("una casa grande, " * 60, "if_sara"),
        ("9" * 600, "pf_dora"),
    ],
)
def test_no_piece_is_longer_than_the_model_takes_well_and_none_is_empty(
    engine: KokoroEngine, text: str, voice: str
) -> None:
    mute = Mute(engine)
    pieces(mute, text, voice=voice)
    assert len(mute.given) > 1
    assert 0 < min(map(len, mute.given)) <= max(map(len, mute.given)) <= MAX_PHONEMES


@pytest.mark.parametrize(
    ("text", "voice", "begins"),
    [
        ("When the rain had stopped, we walked along the river until it was dark.", "af_heart", "wˌɛn"),
        ("Cuando dejó de llover, caminamos por el río hasta que se hizo de noche.", "ef_dora", "kwˌando"),
        ("雨が止んだので、川に沿って暗くなるまで歩いて行きました。", "jf_alpha", "ame"),
    ],
)
def test_the_first_piece_of_a_text_ends_with_its_first_clause(
    engine: KokoroEngine, text: str, voice: str, begins: str
) -> None:
    mute = Mute(engine)
    pieces(mute, text, voice=voice)
    assert len(mute.given) == 2
    assert mute.given[0].startswith(begins)
    assert mute.given[0].endswith(",")
    mute.given.clear()
    list(mute.speak(SpeechPart(Utterance(text, voice=voice), text, index=1)))
    assert len(mute.given) == 1


@pytest.mark.parametrize(
    ("text", "voice", "count"),
    [
        ("When the rain had stopped, we walked along the river.", "af_heart", 10),  # in two pieces
        ("它在18楼。", "zf_xiaoxiao", 4),
    ],
)
def test_it_knows_when_each_word_or_character_is_heard(engine: KokoroEngine, text: str, voice: str, count: int) -> None:
    *sound, times = engine.speak(SpeechPart(Utterance(text, voice=voice), text))
    assert isinstance(times, WordTimes)
    loud = np.flatnonzero(np.abs(np.concatenate([each for each in sound if isinstance(each, np.ndarray)])) > 0.01)
    starts, ends = np.array(times.spans).T
    assert len(starts) == count
    assert np.all(np.diff(starts) > 0)
    assert np.all(starts < ends)
    heard = loud / engine.info.sample_rate
    assert starts[0] == pytest.approx(heard[0], abs=0.15)
    assert ends[-1] > heard[-1] - 0.15


@pytest.mark.parametrize("text", ["...", "* * *", "¿?", "🎉"])
def test_a_text_without_words_is_refused(engine: KokoroEngine, text: str) -> None:
    with pytest.raises(InputError, match="nothing to say"):
        pieces(engine, text, voice="ef_dora")


def test_a_text_in_another_script_is_refused_naming_the_language(engine: KokoroEngine) -> None:
    with pytest.raises(InputError, match="speaks Spanish only and can't read “Привет”"):
        pieces(engine, "Привет", voice="ef_dora")


def test_a_part_without_words_is_a_short_silence(engine: KokoroEngine) -> None:
    (pause,) = engine.speak(SpeechPart(Utterance("Uno.\n* * *\nDos.", voice="ef_dora"), "* * *"))
    assert not pause.any()
    assert 0.2 < len(pause) / 24_000 < 0.6


def test_closing_stops_before_the_next_piece(engine: KokoroEngine) -> None:
    mute = Mute(engine)
    speech = mute.speak(SpeechPart(Utterance("One. Two. Three."), "One. Two. Three."))
    next(speech)
    speech.close()
    assert len(mute.given) == 1


@pytest.fixture(scope="module")
def recognizer() -> Iterator[BuiltinRecognizer]:
    recognizer = BuiltinRecognizer()
    yield recognizer
    recognizer.close()


@pytest.mark.parametrize(
    ("voice", "text", "heard"),
    first_of(
        ("ef_dora", "El perro duerme en la cocina. La casa tiene 12 ventanas.",
         "perro duerme en la cocina.*casa tiene (12|doce) ventanas"),
        ("af_heart", "The dog sleeps in the kitchen. The house has 12 windows.",
         "dog sleeps in the kitchen.*house has (12|twelve) windows"),
        ("bf_emma", "The dog sleeps in the kitchen.", "dog sleeps in the kitchen"),
        ("ff_siwis", "Le chien dort dans la cuisine. La maison a 12 fenêtres.",
         "chien dort dans la cuisine.*(12|douze) fenêtres"),
        ("if_sara", "Il cane dorme nella cucina. La casa ha 12 finestre.",
         "cane dorme nella cucina.*casa (ha|a|ad) (12|dodici) finestre"),
        ("pf_dora", "O cachorro dorme na cozinha. A casa tem 12 janelas.",
         "cachorro dorme na cozinha.*casa tem (12|doze) janelas"),
        ("jf_alpha", "電車はとても早く出ます。この家には窓が12枚あります。", "電車はとても早く.*窓が(12|十二)枚"),
        ("zf_xiaoxiao", "火车今天很早出发。这座房子有12扇窗户。", "今天很早出.*有(12|十二)"),
    ),
)  # fmt: skip
def test_a_recogniser_hears_what_is_said(
    say: Say, recognizer: BuiltinRecognizer, voice: str, text: str, heard: str
) -> None:
    sound = resample(say(text, voice=voice), 24_000, 16_000)
    *_, transcript = recognizer.transcribe(sound, 16_000, {"b": "en", "a": "en", "j": "ja", "z": "zh"}.get(voice[0]))
    assert re.search(heard, transcript.text.casefold())


@long
def test_it_is_heard_in_two_pieces_as_in_one(say: Say, recognizer: BuiltinRecognizer) -> None:
    sound = resample(
        say("Cuando dejó de llover, caminamos por el río hasta la noche.", voice="em_alex"), 24_000, 16_000
    )
    *_, transcript = recognizer.transcribe(sound, 16_000, "es")
    assert "dejó de llover, caminamos por el río" in transcript.text
