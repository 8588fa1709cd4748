"""Tiny random checkpoints of SenseVoiceSmall on disk, in the layout of the published one, made by funasr's own classes.

They load and listen through the real code; what they hear is noise, unless they are told what to hear.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

WEIGHTS = "model.pt"
TOKENIZER = "chn_jpn_yue_eng_ko_spectok.bpe.model"
FILES = ("configuration.json", "config.yaml", WEIGHTS, "am.mvn", TOKENIZER)

TAGS = [
    *("<|zh|>", "<|en|>", "<|yue|>", "<|ja|>", "<|ko|>", "<|nospeech|>"),
    *("<|HAPPY|>", "<|SAD|>", "<|ANGRY|>", "<|NEUTRAL|>", "<|FEARFUL|>", "<|DISGUSTED|>", "<|SURPRISED|>"),
    *("<|EMO_UNKNOWN|>", "<|Speech|>", "<|BGM|>", "<|Laughter|>", "<|Event_UNK|>", "<|withitn|>", "<|woitn|>"),
]


def sensevoice(
    folder: Path,
    seed: int = 0,
    *,
    hears: str | None = None,
    n_mels: int = 16,
    output_size: int = 32,
    attention_heads: int = 4,
    linear_units: int = 64,
    num_blocks: int = 3,
    tp_blocks: int = 2,
) -> Path:
    """A checkpoint in `folder`, which is made. With `hears` that is what it writes for every part, tags and all."""
    import torch
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _write_tokenizer(folder / TOKENIZER, hears)
    encoder = {
        "output_size": output_size,
        "attention_heads": attention_heads,
        "linear_units": linear_units,
        "num_blocks": num_blocks,
        "tp_blocks": tp_blocks,
    }
    config = _config(encoder, n_mels)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "configuration.json").write_text(json.dumps(_CONFIGURATION, indent=2))
    (folder / "am.mvn").write_text(_means(n_mels * 7))
    model = _random_model(config, seed, vocabulary.GetPieceSize(), n_mels * 7)
    if hears:
        _make_hear(model, vocabulary.PieceToId(hears))
    torch.save(model.state_dict(), folder / WEIGHTS)
    return folder


_CONFIGURATION = {
    "framework": "pytorch",
    "task": "auto-speech-recognition",
    "model": {"type": "funasr"},
    "pipeline": {"type": "funasr-pipeline"},
    "file_path_metas": {
        "init_param": WEIGHTS,
        "config": "config.yaml",
        "tokenizer_conf": {"bpemodel": TOKENIZER},
        "frontend_conf": {"cmvn_file": "am.mvn"},
    },
}


def _config(encoder: dict[str, int], n_mels: int) -> dict[str, Any]:
    return {
        "encoder": "SenseVoiceEncoderSmall",
        "encoder_conf": {
            **encoder,
            "dropout_rate": 0.1,
            "positional_dropout_rate": 0.1,
            "attention_dropout_rate": 0.1,
            "input_layer": "pe",
            "pos_enc_class": "SinusoidalPositionEncoder",
            "normalize_before": True,
            "kernel_size": 11,
            "sanm_shfit": 0,
            "selfattention_layer_type": "sanm",
        },
        "model": "SenseVoiceSmall",
        "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
        "tokenizer": "SentencepiecesTokenizer",
        "tokenizer_conf": {"bpemodel": None, "unk_symbol": "<unk>", "split_with_space": True},
        "frontend": "WavFrontend",
        "frontend_conf": {
            "fs": 16000,
            "window": "hamming",
            "n_mels": n_mels,
            "frame_length": 25,
            "frame_shift": 10,
            "lfr_m": 7,
            "lfr_n": 6,
            "cmvn_file": None,
        },
        "specaug": "SpecAugLFR",
        "specaug_conf": {
            "apply_time_warp": False,
            "time_warp_window": 5,
            "time_warp_mode": "bicubic",
            "apply_freq_mask": True,
            "freq_mask_width_range": [0, 30],
            "lfr_rate": 6,
            "num_freq_mask": 1,
            "apply_time_mask": True,
            "time_mask_width_range": [0, 12],
            "num_time_mask": 1,
        },
        "ctc_conf": {"dropout_rate": 0.0, "ctc_type": "builtin", "reduce": True, "ignore_nan_grad": True},
        "normalize": None,
        "dataset_conf": {"sos": "${model_conf.sos}", "eos": "${model_conf.eos}"},
    }


def _write_tokenizer(path: Path, hears: str | None) -> Any:
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello there, how are you today?", "你好，世界。", "こんにちは。", "안녕 하세요."]),
        model_writer=written,
        vocab_size=100,
        hard_vocab_limit=False,
        user_defined_symbols=[*TAGS, *([hears] if hears else [])],
        minloglevel=2,
    )
    path.write_bytes(written.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())


def _means(size: int) -> str:
    def row(value: float) -> str:
        return " ".join([str(value)] * size)

    return (
        f"<Nnet>\n<Splice> {size} {size}\n[ 0 ]\n"
        f"<AddShift> {size} {size}\n<LearnRateCoef> 0 [ {row(-8.0)} ]\n"
        f"<Rescale> {size} {size}\n<LearnRateCoef> 0 [ {row(0.2)} ]\n</Nnet>\n"
    )


def _random_model(config: dict[str, Any], seed: int, vocab_size: int, input_size: int) -> Any:
    import torch

    from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

    ensure_torchaudio()
    from funasr.models.sense_voice.model import SenseVoiceSmall

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return SenseVoiceSmall(**{**config, **config["model_conf"]}, vocab_size=vocab_size, input_size=input_size)


def _make_hear(model: Any, token: int) -> None:
    """Of equal tokens in a row, CTC writes one."""
    import torch

    with torch.no_grad():
        model.ctc.ctc_lo.weight.zero_()
        model.ctc.ctc_lo.bias.zero_()
        model.ctc.ctc_lo.bias[token] = 1.0
