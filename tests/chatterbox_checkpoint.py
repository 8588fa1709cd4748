"""Tiny random checkpoints of Chatterbox, in the layout of the published one.

The package's own classes make them, and the real code loads them; what they say is noise. How large its parts are is
written in the package, so `shrink` makes them smaller there, in tests as in the servers that tests start.
"""

from __future__ import annotations

import json
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from voxdemo.engines.chatterbox import checkpoint
from voxdemo.engines.chatterbox.checkpoint import CODES, OWN_VOICE, SPEAKS_ENDS, TOKENIZER, WEIGHTS

WIDE = 64
"""The narrowest that the attention of the recordings' tokenizer can be."""
MARKS = ("[STOP]", "[UNK]", "[SPACE]", "[PAD]", "[SEP]", "[CLS]", "[MASK]")
LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß.,!?'-()0123456789\u0301\u0308ᄀ가"


def shrink() -> None:
    """Make the package's parts small, once for a process."""
    with checkpoint._importable():
        llama = import_module("chatterbox.models.t3.llama_configs").LLAMA_CONFIGS["Llama_520M"]
        if llama["hidden_size"] == 16:
            return
        small = {"intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2}
        llama.update(hidden_size=16, head_dim=8, **small)
        perceiver = vars(import_module("chatterbox.models.t3.modules.cond_enc"))
        perceiver["Perceiver"] = partial(perceiver["Perceiver"], pre_attention_query_size=16, embedding_dim=16)
        for name, classes in _NARROW.items():
            module = vars(import_module(f"chatterbox.models.s3gen.{name}"))
            module.update({each: partial(_made, module[each], sizes) for each, sizes in classes.items()})
        tokenizer = import_module("s3tokenizer.model_v2")
        listening = {"n_audio_state": WIDE, "n_audio_head": 1, "n_audio_layer": 1}
        made = tokenizer.S3TokenizerV2.__init__
        tokenizer.S3TokenizerV2.__init__ = lambda self, name: made(self, name, tokenizer.ModelConfig(**listening))
        config = import_module("chatterbox.models.voice_encoder.config").VoiceEncConfig
        config.ve_hidden_size = 8


_NARROW: dict[str, dict[str, dict[str, Any]]] = {
    "s3gen": {
        "UpsampleConformerEncoder": {
            "input_size": 16, "output_size": 16, "num_blocks": 1, "linear_units": 16, "attention_heads": 2,
        },
        "CausalMaskedDiffWithXvec": {"input_size": 16},
        "ConditionalDecoder": {
            "channels": [16], "attention_head_dim": 8, "n_blocks": 1, "num_mid_blocks": 1, "num_heads": 2,
        },
        "HiFTGenerator": {"base_channels": 16},
        "ConvRNNF0Predictor": {"cond_channels": 8},
        "CAMPPlus": {"growth_rate": 4, "bn_size": 1, "init_channels": 16},
    },
    "transformer.upsample_encoder": {
        "PreLookaheadLayer": {"channels": 16},
        "Upsample1D": {"channels": 16, "out_channels": 16},
    },
}  # fmt: skip
"""By module and class, what they are made with instead."""


def _made(made: Any, sizes: dict[str, Any], **options: Any) -> Any:
    return made(**{**options, **sizes})


def chatterbox(folder: Path, *, stops: bool = True, seed: int = 0) -> Path:
    """A checkpoint in `folder`, which is made. With `stops` it ends as soon as it may, else never."""
    shrink()
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    with checkpoint._importable():
        parts = {part: checkpoint._new(part).eval() for part in WEIGHTS}
    _set_stop(parts["t3"], stops)
    _make_louder(parts["s3gen"])
    for part, name in WEIGHTS.items():
        save_file({key: each.contiguous().clone() for key, each in parts[part].state_dict().items()}, folder / name)
    _write_tokenizer(folder / TOKENIZER)
    _write_voice(folder / OWN_VOICE)
    return folder


def _set_stop(t3: Any, stops: bool) -> None:
    """Make the end much more, or much less likely than any code: by a place in the hidden state that is always full."""
    import torch

    with torch.no_grad():
        for weights in (*t3.tfmr.layers.parameters(), t3.speech_emb.weight, t3.text_emb.weight):
            weights.normal_(0.0, 0.5)
        t3.speech_emb.weight[:, 0], t3.speech_pos_emb.emb.weight[:, 0] = 3.0, 0.0
        for layer in t3.tfmr.layers:
            layer.self_attn.o_proj.weight[0] = layer.mlp.down_proj.weight[0] = 0.0
        t3.speech_head.weight[:, 0] = 0.0
        t3.speech_head.weight[CODES:] = 0.0
        t3.speech_head.weight[CODES:, 0] = -30.0
        t3.speech_head.weight[SPEAKS_ENDS, 0] = 30.0 if stops else -30.0


def _make_louder(s3gen: Any) -> None:
    """A fresh vocoder whispers: its last layer decides how loud it is."""
    import torch

    with torch.no_grad():
        s3gen.mel2wav.conv_post.bias[:9].fill_(-1.0)


def _write_tokenizer(path: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

    from voxdemo.engines.chatterbox.engine import LANGUAGES

    marks = (*MARKS, "[START]", *(f"[{language}]" for language in LANGUAGES))
    vocabulary = {mark: number for number, mark in enumerate([*MARKS, *LETTERS])}
    vocabulary |= {f"<unused_{number}>": number for number in range(len(vocabulary), 255)}
    vocabulary |= {"[START]": 255, **{f"[{language}]": 256 + n for n, language in enumerate(LANGUAGES)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens([AddedToken(mark, normalized=False) for mark in marks])
    tokenizer.save(str(path))


def _write_voice(path: Path) -> None:
    import torch

    codes = {"cond_prompt_speech_tokens": torch.randint(0, CODES, (1, 150)), "clap_emb": None}
    heard = {"speaker_emb": torch.rand(1, 256), "emotion_adv": torch.full((1, 1, 1), 0.5), **codes}
    sound = {
        "prompt_token": torch.randint(0, CODES, (1, 25)), "prompt_token_len": torch.tensor([25]),
        "prompt_feat": torch.randn(1, 50, 80), "prompt_feat_len": None, "embedding": torch.randn(1, 192),
    }  # fmt: skip
    torch.save({"t3": {**heard, "cond_prompt_speech_emb": None}, "gen": sound}, path)


def written(path: Path) -> Any:
    """The values in a JSON file."""
    return json.loads(path.read_text())
