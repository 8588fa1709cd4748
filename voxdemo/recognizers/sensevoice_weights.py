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
from voxdemo.model_support.weight_folder import Config, ModuleFiles, WeightFolder

log = logging.getLogger(__name__)

SETTING = "VOXDEMO_SENSEVOICE_MODEL"

CONFIG, WEIGHTS, MEANS = "config.yaml", "model.pt", "am.mvn"
TOKENIZER = "chn_jpn_yue_eng_ko_spectok.bpe.model"
FILES = ("configuration.json", CONFIG, WEIGHTS, MEANS, TOKENIZER)
"""What a download of FunAudioLLM/SenseVoiceSmall holds, apart from its pictures and examples."""


@dataclass(frozen=True, slots=True)
class SenseVoice:
    """The parts, or their classes: funasr's SenseVoiceSmall, SentencepiecesTokenizer and WavFrontend."""

    model: Any
    tokenizer: Any
    frontend: Any


def read(folder: Path) -> Config:
    """The configuration in a folder that holds every file, whole as far as can be told without reading the tensors.

    In milliseconds and without PyTorch. Raises WeightsError for what is missing or broken.
    """
    within = WeightFolder(folder, SETTING)
    within.check_is_folder()
    for name in FILES:
        within.one_of([name])
    if not zipfile.is_zipfile(folder / WEIGHTS):
        raise within.unreadable(folder / WEIGHTS)
    config = Config(within, CONFIG)
    if config.at("model", kind=str, default="") != "SenseVoiceSmall":
        raise within.mistrust(f"has a {CONFIG} of another model than SenseVoiceSmall")
    return config


def check(config: Config) -> None:
    """See that the weights hold every tensor of the model in the right shape; loads none of them.

    The first call, here or of `load`, imports funasr, which takes 3 to 10 s. Raises WeightsError.
    """
    config.folder.check_module(_unfilled(config).model, _files(config.folder))


def load(config: Config, device: str) -> SenseVoice:
    """SenseVoice in float32 on `device` (PyTorch's name), every tensor of it from the file. Raises WeightsError."""
    parts = _unfilled(config)
    config.folder.fill(parts.model, _files(config.folder), device)
    return parts


def _files(folder: WeightFolder) -> ModuleFiles:
    return ModuleFiles([folder.path / WEIGHTS], by=CONFIG)


def _unfilled(config: Config) -> SenseVoice:
    """The parts, the model without its tensors: nothing is drawn at random, and no memory is taken."""
    classes = _classes()
    tokenizer, frontend = _tokenizer(config.folder, classes), _frontend(config, classes)
    options = config.at("model_conf", kind=dict)
    sizes = {"vocab_size": tokenizer.get_vocab_size(), "input_size": frontend.output_size()}
    with config.folder.making("SenseVoice", CONFIG):
        return SenseVoice(classes.model(**{**config.values, **options, **sizes}), tokenizer, frontend)


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


def _tokenizer(folder: WeightFolder, classes: SenseVoice) -> Any:
    try:
        return classes.tokenizer(bpemodel=folder.path / TOKENIZER)
    except (OSError, RuntimeError) as error:
        raise folder.unreadable(folder.path / TOKENIZER) from error


def _frontend(config: Config, classes: SenseVoice) -> Any:
    # Dither is noise that hides digital silence from Kaldi's logarithms. Without it a recording reads the same each
    # time (funasr's own C++ runtime sets it to 0 as well), and no random numbers are drawn that a voice counts on.
    means = config.folder.path / MEANS
    options = {**config.at("frontend_conf", kind=dict), "cmvn_file": str(means), "dither": 0.0}
    try:
        frontend = classes.frontend(**options)
        if frontend.cmvn.shape == (2, frontend.output_size()):
            return frontend
    except (IndexError, ValueError, TypeError) as error:
        raise config.folder.unreadable(means) from error
    raise config.folder.unreadable(means)
