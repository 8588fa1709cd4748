"""Mandarin: jieba finds the words, pypinyin how they are read, and pinyin-to-ipa how that sounds (after misaki 0.7)."""

import logging
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from voxdemo.engines.kokoro.phonemes.english import English
from voxdemo.engines.kokoro.phonemes.spelling import words
from voxdemo.model_support.process_wide import quiet

_SIGNS = {
    "、": ", ", "，": ", ", "。": ". ", "．": ". ", "！": "! ", "：": ": ", "；": "; ", "？": "? ",
    "…": "… ", "—": "— ",
    **dict.fromkeys("《「『【〈“", " “"), **dict.fromkeys("》」』】〉”", "” "), "（": " (", "）": ") ",
    **{sign: f"{sign} " for sign in ",.!?;:"},
}  # fmt: skip
_RUNS = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff〇]+|[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ' -]*[A-Za-zÀ-ɏ])?|.", re.DOTALL)
_LATIN = re.compile("[A-Za-zÀ-ɏ]")
_NARROW = {code: code - 0xFEE0 for code in (*range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
"""Letters as wide as a Chinese character, and the same as others have them."""
_TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"))
_AS_KOKORO = (
    ("ʈʂ", "ꭧ"), ("tɕ", "ʨ"), ("ts", "ʦ"), ("ɻ\u0329", "ɨ"), ("ɹ\u0329", "ɨ"), ("\u032f", ""), ("\u0329", ""),
)  # fmt: skip
_LONG = {
    f"{each[0]}{long}": [[each[1:]], ["cháng"]]
    for long in "长長"
    for each in words("很hěn 太tài 最zuì 更gèng 多duō 不bù 好hǎo 较jiào 較jiào 挺tǐng 真zhēn 还hái 還hái")
} | {each: [["duō"], ["cháng"], ["shí"], ["jiān"]] for each in ("多长时间", "多長時間")}
"""Where 长 is long, which pypinyin reads as growing."""
_GROWS = ("得", "出", "成", "在", "满")
"""What is behind 长 where it does grow."""
_DEGREES = re.compile("[很太真好更最不多那这]|非常|特别|十分|比较")
"""What is behind 得 where it says how something is done."""
_PRONOUN = re.compile("[我你您他她它咱]们?$")
_SPACED_SIGN = re.compile(r" +(?=[,.!?;:…”)])")


class Chinese:
    """Pronounces Mandarin. Loads its dictionaries in one to three seconds; jieba keeps its own in `cache_dir`."""

    def __init__(self, cache_dir: Path) -> None:
        with quiet():
            import jieba
            import pinyin_to_ipa
            import pypinyin

        jieba.setLogLevel(logging.WARNING)
        self._words: Any = jieba.Tokenizer()
        cache_dir.mkdir(parents=True, exist_ok=True)
        self._words.tmp_dir = str(cache_dir)  # else the temporary folder, where anybody could put another one
        self._words.initialize()
        self._pinyin: Any = pypinyin
        pypinyin.load_phrases_dict(_LONG)
        self._ipa = lru_cache(maxsize=None)(lambda syllable: _plain(pinyin_to_ipa.pinyin_to_ipa(syllable)))
        self._english: English | None = None

    def __call__(self, text: str) -> str:
        """How a text whose figures are written out is pronounced. Words in Latin letters are read as English."""
        said = "".join(self._run(run) for run in _RUNS.findall(text.translate(_NARROW)))
        return _SPACED_SIGN.sub("", " ".join(said.split()))

    def _run(self, run: str) -> str:
        if _LATIN.match(run):
            self._english = self._english or English()
            return f" {self._english(run)} "
        if run[0] != "〇" and not run[0].isalpha():
            return _SIGNS.get(run, " " if run.isspace() else "")
        found = self._words.lcut(run)
        around = zip(["", *found], found, [*found[1:], ""], strict=False)
        return " ".join("".join(map(self._ipa, self._syllables(*each))) for each in around)

    def _syllables(self, before: str, word: str, behind: str) -> list[str]:
        """How a word is read, each syllable as pinyin with the number of its tone."""
        if word in ("长", "長") and not behind.startswith(_GROWS):
            return ["chang2"]
        if word == "地" and len(before) > 1:
            return ["de5"]
        if word == "得" and _DEGREES.match(behind):
            return ["de5"]
        if word == "得" and _PRONOUN.match(before) and behind and behind not in ("了", "到"):
            return ["dei3"]
        style = self._pinyin.Style.TONE3
        syllables: list[str] = self._pinyin.lazy_pinyin(word, style=style, neutral_tone_with_five=True, errors="ignore")
        return syllables


def _plain(variants: Any) -> str:
    """The first of several pronunciations, in Kokoro's phonemes, with its tone as an arrow."""
    said = "".join(next(iter(variants)))
    for written, as_kokoro in (*_TONES, *_AS_KOKORO):
        said = said.replace(written, as_kokoro)
    return said
