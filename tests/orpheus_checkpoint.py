"""Tiny random checkpoints of Orpheus-3B and of its codec SNAC, in the layout of the published ones.

The package's and transformers' own classes make them, and the real code loads them; what they say is noise. Only the
table of tokens is as large as the published one's, since Orpheus' tokens for sound have numbers of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VOCABULARY = 156_940
SPEECH_ENDS = 128_258
SNAC = {
    "sampling_rate": 24_000,
    "encoder_dim": 4,
    "encoder_rates": [2, 4, 8, 8],
    "decoder_dim": 32,
    "decoder_rates": [8, 8, 4, 2],
    "attn_window_size": None,
    "codebook_size": 4096,
    "codebook_dim": 8,
    "vq_strides": [4, 2, 1],
    "noise": True,
    "depthwise": True,
}
"""As published, but for the two widths."""
ROPE: dict[str, Any] = {
    "rope_theta": 500_000.0,
    "rope_scaling": {
        "factor": 32.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
}
"""As published, by an older transformers."""


def orpheus(folder: Path, *, stops: bool = True, seed: int = 0, parts: int = 2, tied: bool = False) -> Path:
    """A checkpoint of Orpheus in `folder`, which is made. With `stops` it ends as soon as it may, else never.

    `parts`: how many files its weights are in. `tied`: it scores tokens by the table that it looks them up in.
    """
    from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

    ensure_torchaudio()
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        initializer_range=0.5,
        **ROPE,
        tie_word_embeddings=tied,
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    if not tied:
        _set_stop(model, stops)
    model.save_pretrained(folder, max_shard_size=f"{13 // parts}MB" if parts > 1 else "1GB")
    _write_tokenizer(folder)
    config = json.loads((folder / "config.json").read_text())
    del config["rope_parameters"]
    (folder / "config.json").write_text(json.dumps({**config, **ROPE, "torch_dtype": "bfloat16"}))
    return folder


def snac(folder: Path, seed: int = 0) -> Path:
    """A checkpoint of SNAC in `folder`, which is made."""
    from voxdemo.model_support.process_wide import quiet

    with quiet():
        import snac as package
        import torch

    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    torch.save(_louder(package.SNAC(**SNAC)).state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(SNAC))
    return folder


def _set_stop(model: Any, stops: bool) -> None:
    """Make the end much more, or much less likely than any code: by a place in the hidden state that is always full."""
    import torch

    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 3.0
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight[0] = 0.0
            layer.mlp.down_proj.weight[0] = 0.0
        model.lm_head.weight[:, 0] = 0.0
        model.lm_head.weight[SPEECH_ENDS] = 0.0
        model.lm_head.weight[SPEECH_ENDS, 0] = 30.0 if stops else -30.0


def _louder(codec: Any, deviation: float = 0.15) -> Any:
    """A fresh codec whispers: make random codes as loud as speech is."""
    import torch

    last = codec.decoder.model[-2]
    with torch.inference_mode():
        codes = [torch.randint(0, 4096, (1, length)) for length in (4, 8, 16)]
        loud = codec.decode(codes).std()
    with torch.no_grad():
        last.parametrizations.weight.original0.mul_(deviation / loud)
    return codec


def _write_tokenizer(folder: Path) -> None:
    """A byte-level BPE like Llama 3's, of bytes alone, with the marks that it knows."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    vocabulary |= {f"<unused_{number}>": number for number in range(len(letters), 128_000)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(f"<|reserved_special_token_{number}|>") for number in range(256)])
    tokenizer.add_tokens([f"<custom_token_{number}>" for number in range(10)])
    tokenizer.save(str(folder / "tokenizer.json"))
