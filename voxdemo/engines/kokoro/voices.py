"""Kokoro's voices: which there are, and how each sounds, as the model takes it. Knows no text and no model.

A voice is a table of styles: one row of 256 numbers for each count of phonemes, 510 of them. Rows change slowly, so the
file beside this module holds 31 of them, and those between are interpolated; `thinning` made it.
"""

from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voxdemo.speech import Voice

MOST_TOKENS = 510
"""Phonemes that the model takes at once: its voices have no row for more."""
STYLES = Path(__file__).with_name("styles.npz")

_LANGUAGES = {
    "a": "en-US", "b": "en-GB", "e": "es-ES", "f": "fr-FR", "i": "it-IT", "p": "pt-BR", "j": "ja-JP", "z": "zh-CN",
}  # fmt: skip
"""By the first letter of a voice's name; the second one is its sex."""
NAMES = (
    "af_heart", "af_alloy", "af_aoede", "af_bella", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
    "ef_dora", "em_alex", "em_santa", "ff_siwis", "if_sara", "im_nicola", "pf_dora", "pm_alex", "pm_santa",
    "jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo", "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao",
    "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip
"""Those of Kokoro v1.0 whose languages can be read here, the one that is used unless another is named first."""


_GRADES = {
    "A": "af_heart", "A-": "af_bella", "B-": "af_nicole bf_emma ff_siwis",
    "C+": "af_aoede af_kore af_sarah am_fenrir am_michael am_puck jf_alpha",
    "C": "af_alloy af_nova bf_isabella bm_fable bm_george if_sara im_nicola jf_gongitsune jf_tebukuro",
    "C-": "af_sky jf_nezumi jm_kumo", "D+": "bm_lewis",
    "D": "af_jessica af_river am_echo am_eric am_liam am_onyx bf_alice bf_lily bm_daniel zf_xiaobei zf_xiaoni "
         "zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
    "D-": "am_santa", "F+": "am_adam",
}  # fmt: skip
"""The overall grade that Kokoro's VOICES.md gives, by the quality and amount of what a voice was trained on. It grades
no Spanish and no Portuguese voice."""


def _voice(name: str) -> Voice:
    gender: Literal["female", "male"] = "female" if name[1] == "f" else "male"
    grade = next((grade for grade, names in _GRADES.items() if name in names.split()), None)
    return Voice(name, _LANGUAGES[name[0]], gender, f"quality {grade}" if grade else "")


VOICES = tuple(map(_voice, NAMES))


class Styles:
    """The styles of all voices."""

    @cached_property
    def _kept(self) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]:
        """The rows that the file holds, and each voice's styles at them: float32, shape [31, 256]."""
        with np.load(STYLES) as file:
            return file["rows"].astype(np.int64), {name: file[name].astype(np.float32) for name in NAMES}

    def style(self, name: str, tokens: int) -> NDArray[np.float32]:
        """How the voice `name` says something of 1 to MOST_TOKENS tokens: float32, shape [1, 256]."""
        rows, voices = self._kept
        row = min(max(tokens, 1), MOST_TOKENS) - 1
        above = min(max(int(np.searchsorted(rows, row)), 1), len(rows) - 1)
        share = np.float32((row - rows[above - 1]) / (rows[above] - rows[above - 1]))
        kept = voices[name]
        style: NDArray[np.float32] = kept[above - 1] * (1 - share) + kept[above] * share
        return style[None]
