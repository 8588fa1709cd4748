import importlib.util
from itertools import pairwise

import numpy as np
import pytest

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine, choose
from voxdemo.engines.kokoro.phonemes import reading
from voxdemo.engines.kokoro.voices import MOST_TOKENS, NAMES, STYLES, VOICES, Styles
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.settings import Settings
from voxdemo.speech import Utterance


@pytest.fixture(scope="module")
def styles() -> Styles:
    return Styles()


def test_the_styles_are_small_and_are_all_there(styles: Styles) -> None:
    assert STYLES.stat().st_size <= 800_000
    assert len({styles.style(name, 50).tobytes() for name in NAMES}) == len(NAMES) == 50


def test_rows_that_are_not_kept_lie_between_those_that_are(styles: Styles) -> None:
    rows = [styles.style("af_heart", tokens) for tokens in range(1, MOST_TOKENS + 1)]
    assert all(row.shape == (1, 256) and row.dtype == np.float32 for row in rows)
    jumps = [np.abs(after - before).max() for before, after in pairwise(rows)]
    assert max(jumps[9:]) < 0.05  # as in the rows that were published
    assert np.array_equal(styles.style("af_heart", MOST_TOKENS + 1), rows[-1])


def test_voices_are_told_apart_by_language_and_sex() -> None:
    assert (VOICES[0].name, VOICES[0].title, VOICES[0].language, VOICES[0].gender) == (
        "af_heart", "Heart", "en-US", "female",
    )  # fmt: skip
    assert {voice.language for voice in VOICES} == {
        "en-US", "en-GB", "es-ES", "fr-FR", "it-IT", "pt-BR", "ja-JP", "zh-CN",
    }  # fmt: skip
    assert {voice.gender for voice in VOICES} == {"female", "male"}


@pytest.mark.parametrize(
    ("package", "language", "voice"),
    [("gruut_lang_fr", "fr", "ff_siwis"), ("gruut_lang_it", "it", "im_nicola"), ("jieba", "zh", "zf_xiaobei")],
)
def test_voices_whose_language_cannot_be_read_are_not_offered(
    package: str, language: str, voice: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(reading, "find_spec", lambda name: None if name == package else found(name))
    info = choose(Settings(), is_named=False).info
    assert language not in info.languages
    assert "run ./launch.sh again" in caplog.text
    with pytest.raises(InputError, match=f"^This server has no voice '{voice}': choose one of heart"):
        Catalogue((BuiltinEngine.INFO, info)).resolved(Utterance("Bonjour.", voice=voice))


def test_with_all_packages_all_voices_are_offered() -> None:
    assert choose(Settings(), is_named=False).info == KokoroEngine.INFO
