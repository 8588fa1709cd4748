"""Tiny random checkpoints on disk, in the layout of the published ones, made by the packages' own classes.

They load and speak through the real code; what they say is noise. A test can afford to build several.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any, Literal

Generation = Literal["0.5B", "1.5", "2"]
GENERATIONS: tuple[Generation, ...] = ("0.5B", "1.5", "2")

AUDIO_TOKENS = {
    101: "<|audio_start|>",
    102: "<|audio_end|>",
    103: "<|audio_prompt_start|>",
    104: "<|audio_prompt_end|>",
}
"""Hard-coded in the package, by id."""


def voxcpm(
    folder: Path,
    generation: Generation,
    *,
    stops: bool = True,
    seed: int = 0,
    safetensors: bool | None = None,
    vae_safetensors: bool = False,
    hidden: int = 32,
    layers: int = 2,
    heads: int = 4,
    kv_heads: int = 2,
    latent: int = 8,
    vae: int = 64,
    max_length: int = 512,
    dtype: str = "bfloat16",
) -> Path:
    """A checkpoint of VoxCPM in `folder`, which is made. Without `stops` it speaks on for ever, else four patches.

    `safetensors`: model.safetensors rather than pytorch_model.bin; None is as that generation was published. `hidden`
    is the width of everything but the VAE, whose decoder begins with `vae` channels (a multiple of 64).
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder)
    config = _config(generation, hidden, layers, heads, kv_heads, latent, vae, max_length, dtype)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    model = _random_model(folder, config, seed)
    _set_stop(model, stops)
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    speech = {name: tensor for name, tensor in tensors.items() if not name.startswith("audio_vae.")}
    sound = {name.removeprefix("audio_vae."): tensor for name, tensor in tensors.items() if name not in speech}
    speech = {name: tensor.to(getattr(torch, dtype)) for name, tensor in speech.items()}
    if generation != "0.5B" if safetensors is None else safetensors:
        save_file(speech, folder / "model.safetensors")
    else:
        torch.save({"state_dict": speech}, folder / "pytorch_model.bin")
    if vae_safetensors:
        save_file(sound, folder / "audiovae.safetensors")
    else:
        torch.save({"state_dict": sound}, folder / "audiovae.pth")
    return folder


def _config(
    generation: Generation,
    hidden: int,
    layers: int,
    heads: int,
    kv_heads: int,
    latent: int,
    vae: int,
    max_length: int,
    dtype: str,
) -> dict[str, Any]:
    v2 = generation == "2"
    head = hidden // heads
    part: dict[str, Any] = {"hidden_dim": hidden, "ffn_dim": 2 * hidden, "num_heads": heads, "num_layers": 1}
    if v2:
        part["kv_channels"] = head
    config: dict[str, Any] = {
        "architecture": "voxcpm2" if v2 else "voxcpm",
        "lm_config": {
            "bos_token_id": 1,
            "eos_token_id": 2,
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "max_position_embeddings": max(1024, max_length),
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "num_key_value_heads": kv_heads,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000,
            "rope_scaling": {
                "type": "longrope",
                "long_factor": [1.0 + index / head for index in range(head // 2)],
                "short_factor": [1.0 + index / head for index in range(head // 2)],
                "original_max_position_embeddings": max(1024, max_length),
            },
            "vocab_size": len(_vocabulary()),
            "scale_emb": 12,
            "dim_model_base": 256,
            "scale_depth": 1.4,
            "use_mup": False,
        },
        "patch_size": 2 if generation == "0.5B" else 4,
        "feat_dim": latent,
        "scalar_quantization_latent_dim": hidden // 2,
        "scalar_quantization_scale": 9,
        "residual_lm_num_layers": 1,
        "encoder_config": part,
        "dit_config": {
            **part,
            "cfm_config": {
                "sigma_min": 1e-06,
                "solver": "euler",
                "t_scheduler": "log-norm",
                "inference_cfg_rate": 2.0,
            },
        },
        "audio_vae_config": {"encoder_dim": 4, "latent_dim": latent, "decoder_dim": vae, **_RATES[generation]},
        "max_length": max_length,
        "device": "cuda",
        "dtype": dtype,
    }
    if v2:
        config["residual_lm_no_rope"] = True
        config["lm_config"]["kv_channels"] = head
    return config


_RATES: dict[Generation, dict[str, Any]] = {
    "0.5B": {"encoder_rates": [2, 5, 8, 8], "decoder_rates": [8, 8, 5, 2], "sample_rate": 16_000},
    "1.5": {"encoder_rates": [2, 3, 6, 7, 7], "decoder_rates": [7, 7, 6, 3, 2], "sample_rate": 44_100},
    "2": {
        "encoder_rates": [2, 5, 8, 8],
        "decoder_rates": [8, 6, 5, 2, 2, 2],
        "sr_bin_boundaries": [20_000, 30_000, 40_000],
        "sample_rate": 16_000,
        "out_sample_rate": 48_000,
    },
}
"""As published."""


def _random_model(folder: Path, config: dict[str, Any], seed: int) -> Any:
    from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

    ensure_torchaudio()
    import torch
    from transformers import LlamaTokenizerFast

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package uses parts of torch that are on their way out
        from voxcpm.model import voxcpm as v1
        from voxcpm.model import voxcpm2 as v2

        module, cls, vae = (
            (v2, v2.VoxCPM2Model, v2.AudioVAEV2)
            if "2" in config["architecture"]
            else (
                v1,
                v1.VoxCPMModel,
                v1.AudioVAE,
            )
        )
        torch.manual_seed(seed)
        parsed = module.VoxCPMConfig.model_validate(config)
        tokenizer = LlamaTokenizerFast.from_pretrained(folder)
        model = cls(parsed, tokenizer, vae(parsed.audio_vae_config), device="cpu")
    _set_loudness(model.audio_vae)
    return model


def _set_loudness(vae: Any, deviation: float = 0.15) -> None:
    """Make random latents sound as loud as speech is: a fresh VAE whispers or saturates, as its dimensions have it."""
    import torch

    with torch.inference_mode():
        latents = torch.randn(1, vae.latent_dim, 16)
        last = [module for module in vae.decoder.modules() if hasattr(module, "weight_g")][-1]
        last.bias.zero_()
        last.weight_g.mul_(1e-3)  # far from where tanh bends
        last.weight_g.mul_(deviation / vae.decode(latents).std())


def _set_stop(model: Any, stops: bool) -> None:
    """Make the stop head's answer the same for whatever it is given: argmax takes the first of two equals."""
    import torch

    with torch.no_grad():
        model.stop_proj.weight.zero_()
        model.stop_proj.bias.fill_(1.0)  # SiLU keeps it positive
        model.stop_head.weight.zero_()
        model.stop_head.weight[int(stops)] = 1.0


def _vocabulary() -> dict[str, int]:
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    some = [
        "▁",
        *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-",
        "你",
        "好",
        "你好",
        "▁t",
        "he",
        "▁the",
    ]
    tokens = ["<unk>", "<s>", "</s>", *some]
    tokens += [f"<|reserved_{index}|>" for index in range(len(tokens), 101)]
    return {token: index for index, token in enumerate([*tokens, *AUDIO_TOKENS.values(), *bytes_])}


def write_tokenizer(folder: Path) -> None:
    """A byte-fallback BPE like the published one's: it takes any text, and has a Chinese token of two characters."""
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    vocabulary = _vocabulary()
    added = [*special.values(), *AUDIO_TOKENS.values()]
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": vocabulary[token],
                "content": token,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for token in sorted(added, key=vocabulary.__getitem__)
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "▁"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
            ],
        },
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": {"type": "ByteFallback"},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": [["▁", "t"], ["h", "e"], ["▁t", "he"], ["你", "好"]],
        },
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    settings = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "legacy": True}
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, **special}))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
