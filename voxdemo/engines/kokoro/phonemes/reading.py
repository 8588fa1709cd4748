"""Which language is pronounced by what. Loads a language when it is asked for first."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from babel import Locale

from voxdemo.engines.kokoro.phonemes import portuguese, spanish
from voxdemo.engines.kokoro.phonemes.chinese import Chinese
from voxdemo.engines.kokoro.phonemes.english import English
from voxdemo.engines.kokoro.phonemes.french import French
from voxdemo.engines.kokoro.phonemes.italian import Italian
from voxdemo.engines.kokoro.phonemes.japanese import Japanese
from voxdemo.model_support.process_wide import forget
from voxdemo.text.split import ENGLISH
from voxdemo.text.spoken import spoken

Pronounce = Callable[[str], str]
"""A sentence, in a language's own letters, becomes phonemes."""

_PACKAGES = {
    "fr-FR": ("gruut_lang_fr",),
    "it-IT": ("gruut_lang_it",),
    "ja-JP": ("haqumei",),
    "zh-CN": ("jieba", "pypinyin", "pinyin_to_ipa"),
}


def is_installed(language: str) -> bool:
    """Whether the packages by which a language is read, by its BCP 47 tag, are here."""
    return all(find_spec(package) for package in _PACKAGES.get(language, ()))


class Reading:
    """Pronounces sentences. Threading: use it on one thread. `cache_dir` is for what libraries work out once."""

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir
        self._loaded: dict[str, Pronounce] = {}

    def phonemes(self, sentence: str, language: str) -> str:
        """How a sentence, with all its figures, is pronounced in a language, by its BCP 47 tag."""
        if language not in self._loaded:
            self._loaded[language] = self._loaders[language]()
        code = language.partition("-")[0]
        return self._loaded[language](sentence if code == ENGLISH else spoken(sentence, code))

    def close(self) -> None:
        """Give back what languages are read by: pypinyin's tables take 40 MB, and are there again in half a second."""
        self._loaded.clear()
        forget("pypinyin", "pinyin_to_ipa")

    def title(self, language: str) -> str:
        """A language in English: "Spanish"."""
        return str(Locale("en").languages.get(language.partition("-")[0], language))

    @property
    def _loaders(self) -> Mapping[str, Callable[[], Pronounce]]:
        return {
            "en-US": English,
            "en-GB": lambda: English(british=True),
            "es-ES": lambda: spanish.phonemes,
            "fr-FR": French,
            "it-IT": Italian,
            "pt-BR": lambda: portuguese.phonemes,
            "ja-JP": lambda: Japanese(self._cache_dir),
            "zh-CN": lambda: Chinese(self._cache_dir),
        }
