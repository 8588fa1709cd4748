"""SenseVoice's weights: whether a folder of them can be trusted, and the model built from it by funasr's own classes.

funasr's `AutoModel` isn't used: it takes a missing file or tensor for a reason to guess, and changes what belongs to
the whole process (seeds, PyTorch's threads, logging), which a voice at work beside it would notice. Nothing here goes
to the network.
"""

import logging
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxdemo.errors import WeightsError
from voxdemo.model_support.process_wide import quiet
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

log = logging.getLogger(__name__)

CONFIG, WEIGHTS, MEANS = "config.yaml", "model.pt", "am.mvn"
TOKENIZER = "chn_jpn_yue_eng_ko_spectok.bpe.model"
FILES = ("configuration.json", CONFIG, WEIGHTS, MEANS, TOKENIZER)
"""What a download of FunAudioLLM/SenseVoiceSmall holds, apart from its pictures and examples."""

_LFS_POINTER = b"version https://git-lfs"
_ZIP, _PICKLE = b"PK", b"\x80"
"""How files by torch.save begin; the second is their form before PyTorch 1.6."""


@dataclass(frozen=True, slots=True)
class SenseVoiceFiles:
    """A folder that holds every file of SenseVoice, whole as far as can be told without reading the tensors."""

    folder: Path
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SenseVoice:
    """The parts, or their classes: funasr's SenseVoiceSmall, SentencepiecesTokenizer and WavFrontend."""

    model: Any
    tokenizer: Any
    frontend: Any


def read(folder: Path) -> SenseVoiceFiles:
    """The files in `folder`, in milliseconds and without PyTorch. Raises WeightsError for what is missing or broken."""
    if not folder.is_dir():
        raise _refused(folder, "that isn't a folder")
    for name in FILES:
        _check_file(folder, name)
    _check_archive(folder)
    return SenseVoiceFiles(folder, _config(folder))


def check(files: SenseVoiceFiles) -> None:
    """See that the weights hold every tensor of the model in the right shape; loads none of them.

    The first call, here or of `load`, imports funasr, which takes 3 to 10 s. Raises WeightsError, as `read`.
    """
    _unfilled(files)


def load(files: SenseVoiceFiles, device: str) -> SenseVoice:
    """SenseVoice in float32 on `device` (PyTorch's name), every tensor of it from the file.

    Raises WeightsError, as `check`.
    """
    parts, tensors = _unfilled(files)
    parts.model.to_empty(device=device)
    parts.model.load_state_dict(tensors)
    parts.model.eval()
    return parts


def _unfilled(files: SenseVoiceFiles) -> tuple[SenseVoice, Mapping[str, Any]]:
    """The model without its tensors, and the tensors, which are in the file until they are copied from there."""
    classes = _classes()
    tokenizer = _tokenizer(files, classes)
    frontend = _frontend(files, classes)
    model = _model(files, classes, vocab_size=tokenizer.get_vocab_size(), input_size=frontend.output_size())
    tensors = _matching(files.folder, model.state_dict(), _tensors(files.folder))
    return SenseVoice(model, tokenizer, frontend), tensors


def _refused(folder: Path, why: str) -> WeightsError:
    remedy = "run ./launch.sh fetch-models, or choose another folder in VOXDEMO_SENSEVOICE_MODEL."
    return WeightsError(f"SenseVoice can't be loaded from {folder}: {why}; {remedy}", str(folder))


def _check_file(folder: Path, name: str) -> None:
    if not (folder / name).is_file():
        raise _refused(folder, f"{name} is missing")
    try:
        with (folder / name).open("rb") as file:
            head = file.read(len(_LFS_POINTER))
    except OSError as error:
        raise _refused(folder, f"{name} can't be read") from error
    if not head:
        raise _refused(folder, f"{name} is empty")
    if head == _LFS_POINTER:
        raise _refused(folder, f"{name} is a Git LFS pointer instead of the file")


def _check_archive(folder: Path) -> None:
    path = folder / WEIGHTS
    with path.open("rb") as file:
        head = file.read(2)
    if head == _ZIP and not zipfile.is_zipfile(path):
        raise _refused(folder, f"{WEIGHTS} is cut off")
    if not head.startswith((_ZIP, _PICKLE)):
        raise _refused(folder, f"{WEIGHTS} holds no PyTorch weights")


def _config(folder: Path) -> Mapping[str, Any]:
    import yaml

    try:
        config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _refused(folder, f"{CONFIG} can't be read") from error
    if not isinstance(config, dict) or config.get("model") != "SenseVoiceSmall":
        raise _refused(folder, f"{CONFIG} describes another model than SenseVoiceSmall")
    return config


def _classes() -> SenseVoice:
    """The classes that funasr has for the parts."""
    ensure_torchaudio()
    try:
        with quiet():
            from funasr.frontends.wav_frontend import WavFrontend
            from funasr.models.sense_voice.model import SenseVoiceSmall
            from funasr.tokenizer.sentencepiece_tokenizer import SentencepiecesTokenizer
    except ImportError as error:
        log.error("funasr can't be imported: %s; its own list: %s", error, _import_errors())
        raise WeightsError(
            "SenseVoice can't run because a package it needs isn't installed: run ./launch.sh again, or set "
            "VOXDEMO_RECOGNIZER=builtin; the server's log names the package."
        ) from error
    return SenseVoice(SenseVoiceSmall, SentencepiecesTokenizer, WavFrontend)


def _import_errors() -> Mapping[str, str]:
    # funasr imports all its parts, keeps to itself which of them failed, and goes on with the others.
    funasr = sys.modules.get("funasr")
    return funasr.get_import_errors() if funasr else {}


def _tokenizer(files: SenseVoiceFiles, classes: SenseVoice) -> Any:
    try:
        return classes.tokenizer(bpemodel=files.folder / TOKENIZER)
    except (OSError, RuntimeError) as error:
        raise _refused(files.folder, f"{TOKENIZER} is damaged") from error


def _frontend(files: SenseVoiceFiles, classes: SenseVoice) -> Any:
    # Dither is noise that hides digital silence from Kaldi's logarithms. Without it a recording reads the same each
    # time (funasr's own C++ runtime sets it to 0 as well), and no random numbers are drawn that a voice counts on.
    options = {**_section(files, "frontend_conf"), "cmvn_file": str(files.folder / MEANS), "dither": 0.0}
    try:
        frontend = classes.frontend(**options)
        whole = frontend.cmvn.shape == (2, frontend.output_size())
    except (IndexError, ValueError, TypeError) as error:
        raise _refused(files.folder, f"{MEANS} is damaged") from error
    if not whole:
        raise _refused(files.folder, f"{MEANS} is damaged")
    return frontend


def _model(files: SenseVoiceFiles, classes: SenseVoice, **sizes: int) -> Any:
    """The model without its tensors: nothing is drawn at random, and no memory is taken."""
    import torch

    try:
        with torch.device("meta"):
            return classes.model(**{**files.config, **_section(files, "model_conf"), **sizes})
    except (TypeError, ValueError, AttributeError, AssertionError, RuntimeError) as error:
        raise _refused(files.folder, f"{CONFIG} is damaged") from error


def _section(files: SenseVoiceFiles, name: str) -> Mapping[str, Any]:
    section = files.config.get(name)
    if not isinstance(section, dict):
        raise _refused(files.folder, f"{CONFIG} has no {name}")
    return section


def _tensors(folder: Path) -> dict[str, Any]:
    import torch

    path = folder / WEIGHTS
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        for wrapping in ("state_dict", "model_state_dict", "model"):  # what trainers put round it, as funasr unwraps it
            state = state.get(wrapping, state)
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    except Exception as error:  # torch.load has no error of its own
        raise _refused(folder, f"{WEIGHTS} is damaged") from error


def _matching(folder: Path, wanted: Mapping[str, Any], tensors: Mapping[str, Any]) -> Mapping[str, Any]:
    missing = [name for name in wanted if name not in tensors]
    if missing:
        raise _refused(folder, f"{WEIGHTS} lacks {len(missing)} of {len(wanted)} tensors, {missing[0]} for one")
    for name, tensor in wanted.items():
        if tensor.shape != getattr(tensors[name], "shape", None):
            raise _refused(folder, f"{name} in {WEIGHTS} has another shape than {CONFIG} says")
    return {name: tensors[name] for name in wanted}
