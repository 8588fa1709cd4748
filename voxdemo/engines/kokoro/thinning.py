"""Makes styles.npz from the voices inside kokoro-js.

    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
    python -m voxdemo.engines.kokoro.thinning package/voices

Of each voice's 510 rows it keeps 31, in float16: close together where there are few phonemes, which is where rows
differ most. Interpolated from these, the other rows are off by 0.1 % on average (root mean square) and 5 % at most.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo.engines.kokoro.voices import MOST_TOKENS, NAMES, STYLES

KEPT = 31
WIDTH = 256


def thin(folder: Path) -> None:
    """Write STYLES from `folder`, which has each voice as float32, shape [510, 256], in NAME.bin."""
    rows = np.round(np.linspace(0, 1, KEPT) ** 2 * (MOST_TOKENS - 1)).astype(np.int16)
    arrays: dict[str, Any] = {"rows": rows}
    for name in NAMES:
        voice = np.fromfile(folder / f"{name}.bin", "<f4").reshape(MOST_TOKENS, WIDTH)
        arrays[name] = voice[rows].astype(np.float16)
    np.savez_compressed(STYLES, **arrays)


if __name__ == "__main__":
    thin(Path(sys.argv[1]))
