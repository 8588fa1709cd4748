"""The dictionaries of pronunciation inside gruut's packages. Knows no language."""

import sqlite3
import unicodedata
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from voxdemo.errors import WeightsError

_AS_ONE = {"t͡ʃ": "ʧ", "d͡ʒ": "ʤ", "t͡s": "ʦ", "d͡z": "ʣ", "g": "ɡ"}
"""Sounds that Kokoro knows as one symbol, or as another one."""


def load(package: str) -> Mapping[str, str]:
    """The first pronunciation of each word, in Kokoro's phonemes: 30,000 to 90,000 of them, in half a second.

    Raises WeightsError where the package isn't installed.
    """
    found = find_spec(package)
    if found is None or found.origin is None:
        raise WeightsError("A dictionary of Kokoro-82M isn't installed: run ./launch.sh again to install it.")
    path = Path(found.origin).with_name("lexicon.db")
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
        rows = database.execute("select word, phonemes from word_phonemes order by pron_order desc")
        return {word: _plain(phonemes) for word, phonemes in rows}


def _plain(phonemes: str) -> str:
    plain = unicodedata.normalize("NFD", phonemes.replace(" ", "")).replace("c\u0327", "ç")
    for several, one in _AS_ONE.items():
        plain = plain.replace(several, one)
    return plain
