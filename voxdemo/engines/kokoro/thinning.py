"""Makes styles.npz from the voices inside kokoro-js.

    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
    python -m voxdemo.engines.kokoro.thinning package/voices

Of each voice's 510 rows it keeps 31, in float16: close together where there are few phonemes, which is where rows
differ most. It prints how far off rows are that are interpolated from these: 0.1 % on average (root mean square), 5.2 %
at most.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxdemo.engines.kokoro.voices import MOST_TOKENS, NAMES, STYLES, Styles

KEPT = 31
WIDTH = 256


def thin(folder: Path) -> None:
    """Write STYLES from `folder`, which has each voice as float32, shape [510, 256], in NAME.bin."""
    rows = np.round(np.linspace(0, 1, KEPT) ** 2 * (MOST_TOKENS - 1)).astype(np.int16)
    voices = {name: np.fromfile(folder / f"{name}.bin", "<f4").reshape(MOST_TOKENS, WIDTH) for name in NAMES}
    arrays: dict[str, Any] = {name: voice[rows].astype(np.float16) for name, voice in voices.items()}
    np.savez_compressed(STYLES, rows=rows, **arrays)
    _check(voices)


def _check(voices: Mapping[str, NDArray[np.float32]]) -> None:
    """Print how far the rows that are interpolated are from the ones that were given."""
    styles, shares = Styles(), []
    for name, voice in voices.items():
        made = np.concatenate([styles.style(name, tokens) for tokens in range(1, MOST_TOKENS + 1)])
        shares.append(np.sqrt(((made - voice) ** 2).mean(axis=1) / (voice**2).mean(axis=1)))
    print(f"off by {np.mean(shares):.2%} on average, {np.max(shares):.1%} at most")


if __name__ == "__main__":
    thin(Path(sys.argv[1]))
