"""Japanese: haqumei finds how words are read, in kana, and a table says how kana sound (after misaki 0.7.4)."""

import os
import re
import unicodedata
from pathlib import Path
from typing import Any

from voxdemo.model_support.process_wide import CHANGES

_TABLE = """
あa いi うɯ えe おo ぁa ぃi ぅɯ ぇe ぉo かka きkʲi くkɯ けke こko がɡa ぎɡʲi ぐɡɯ げɡe ごɡo さsa しɕi すsɨ せse
そso ざʣa じʥi ずzɨ ぜʣe ぞʣo たta ちʨi つʦɨ てte とto だda ぢʥi づzɨ でde どdo なna にɲi ぬnɯ ねne のno はha
ひçi ふɸɯ へhe ほho ばba びbʲi ぶbɯ べbe ぼbo ぱpa ぴpʲi ぷpɯ ぺpe ぽpo まma みmʲi むmɯ めme もmo やja ゆjɯ よjo
ゃja ゅjɯ ょjo らɾa りɾʲi るɾɯ れɾe ろɾo わβa ゎβa ゐi ゑe をo ゔvɯ ゕka ゖke いぇje うぃβi うぇβe うぉβo
きぇkʲe きゃkʲa きゅkʲɨ きょkʲo ぎゃɡʲa ぎゅɡʲɨ ぎょɡʲo くぁkᵝa くぃkᵝi くぇkᵝe くぉkᵝo ぐぁɡᵝa ぐぃɡᵝi ぐぇɡᵝe
ぐぉɡᵝo しぇɕe しゃɕa しゅɕɨ しょɕo じぇʥe じゃʥa じゅʥɨ じょʥo ちぇʨe ちゃʨa ちゅʨɨ ちょʨo ぢゃʥa ぢゅʥɨ ぢょʥo
つぁʦa つぃʦʲi つぇʦe つぉʦo てぃtʲi てゅtʲɨ でぃdʲi でゅdʲɨ とぅtɯ どぅdɯ にぇɲe にゃɲa にゅɲɨ にょɲo ひぇçe
ひゃça ひゅçɨ ひょço びゃbʲa びゅbʲɨ びょbʲo ぴゃpʲa ぴゅpʲɨ ぴょpʲo ふぁɸa ふぃɸʲi ふぇɸe ふぉɸo ふゅɸʲɨ
ふょɸʲo みゃmʲa みゅmʲɨ みょmʲo りゃɾʲa りゅɾʲɨ りょɾʲo ゔぁva ゔぃvʲi ゔぇve ゔぉvo ゔゅbʲɨ ゔょbʲo
"""
"""Each kana, or two that are one syllable, and its phonemes."""
_SOUNDS = {match[1]: match[2] for match in re.finditer(r"([ぁ-ゖ]+)(\S+)", _TABLE)} | {"ー": "ː", "っ": "ʔ"}
_SYLLABLE = re.compile("|".join(sorted([*map(re.escape, _SOUNDS), "ん"], key=len, reverse=True)))
_NASALS = (("mpb", "m"), ("kɡ", "ŋ"), ("ɲʨʥ", "ɲ"), ("ntdɾz", "n"))
"""What ん sounds like before these."""
_KATAKANA_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_SIGNS = {
    "、": ", ", "，": ", ", "。": ". ", "！": "! ", "？": "? ", "「": " “", "」": "” ", "『": " “", "』": "” ",
    "・": " ", "…": "… ", "：": ": ", "；": "; ", "（": " (", "）": ") ", "～": "— ", "〜": "— ", "—": "— ",
    **{sign: f"{sign} " for sign in ",.!?;:"},
}  # fmt: skip
_IS_READ = re.compile("[ァ-ヶー]")
_NO_SPACE = re.compile(r" (?=[,.!?;:…”)ː])|(?<=ʔ) (?=\w)")
"""Before signs, and where a long vowel or a double consonant stretches over two words."""


class Japanese:
    """Pronounces Japanese.

    Loads its dictionary in about a second, which unpacks itself into `cache_dir` the first time: 103 MB.
    """

    def __init__(self, cache_dir: Path) -> None:
        with CHANGES:
            import haqumei

            usual = os.environ.get("XDG_CACHE_HOME")
            os.environ["XDG_CACHE_HOME"] = str(cache_dir)  # where it keeps its dictionary; it has no setting for that
            try:
                self._reader: Any = haqumei.Haqumei()
            finally:
                os.environ.pop("XDG_CACHE_HOME")
                if usual is not None:
                    os.environ["XDG_CACHE_HOME"] = usual

    def __call__(self, text: str) -> str:
        """How a text is pronounced. Words in Latin letters are read as Japanese does: ワード."""
        said = []
        for word in self._reader.run_frontend(unicodedata.normalize("NFKC", text)):
            if word.pos == "記号" or not _IS_READ.search(word.pron or ""):
                said.append("".join(_SIGNS.get(each, "") for each in word.string))
            else:
                said.append(f"{_of_kana(word.pron.translate(_KATAKANA_TO_HIRAGANA))} ")
        return _NO_SPACE.sub("", " ".join("".join(said).split()))


def _of_kana(kana: str) -> str:
    syllables = _SYLLABLE.findall(kana)
    following = [*syllables[1:], ""]
    return "".join(_SOUNDS.get(each) or _nasal(after) for each, after in zip(syllables, following, strict=True))


def _nasal(following: str) -> str:
    """What ん sounds like before this syllable."""
    first = _SOUNDS.get(following, " ")[0]
    return next((nasal for before, nasal in _NASALS if first in before), "ɴ")
