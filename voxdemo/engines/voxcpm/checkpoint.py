"""Whether a folder holds a VoxCPM that can be trusted, and which; the package's classes for it, which take seconds.

The package loads what it finds: a tensor that is missing stays random and speaks noise, a missing tokenizer reads
garbage. So everything is compared here before anything is loaded. Knows files, not devices or memory.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxdemo.model_support.process_wide import quiet
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio
from voxdemo.model_support.weight_folder import Config, WeightFolder, first_of, shapes_of

MODEL_FILES = ("model.safetensors", "pytorch_model.bin")
VAE_FILES = ("audiovae.safetensors", "audiovae.pth")
"""The first that is there is taken, as the package does."""
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
"""The published ones have a special_tokens_map.json too, which says nothing that isn't in these."""
NEEDED = ("config.json", *TOKENIZER_FILES, "|".join(MODEL_FILES), "|".join(VAE_FILES))
"""What a folder must have; alternatives are divided by "|"."""
LAST_AUDIO_TOKEN = 104
"""101 to 104 are hard-coded in the package: where speech and recordings begin and end."""

_ITEM_BYTES = {"bfloat16": 2, "bf16": 2, "float16": 2, "fp16": 2, "float32": 4, "fp32": 4}
"""The package's names for what weights are kept in."""
SETTING = "VOXDEMO_VOXCPM_MODEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a folder's files say of the model in them; without paths where they are still to be downloaded."""

    folder: Path = Path()
    title: str
    """As people read it: "VoxCPM-0.5B", "VoxCPM1.5", "VoxCPM2"."""
    architecture: str
    """The package's name for it: "voxcpm" or "voxcpm2"."""
    weights: Path = Path()
    vae_weights: Path = Path()
    sample_rate: int
    """Of what it speaks, in Hz."""
    prompt_rate: int
    """Of the recordings it listens to, in Hz."""
    patch_s: float
    """Seconds of sound it makes at each step."""
    max_length: int
    """Most steps it was made to keep in mind, and has positions for."""
    parameters: int
    """Numbers in its weights without the VAE's."""
    embedding_parameters: int
    """How many of these only look up tokens."""
    vae_parameters: int
    cached_values: int
    """Numbers that each step adds to the KV caches."""

    @property
    def within(self) -> WeightFolder:
        return WeightFolder(self.folder, SETTING)

    @property
    def files(self) -> list[Path]:
        """All that decides how it speaks."""
        return [self.weights, self.vae_weights, *(self.folder / name for name in ("config.json", *TOKENIZER_FILES))]


def read(folder: Path) -> Checkpoint:
    """The checkpoint in `folder`, by its configuration and the outsides of its files; takes no time.

    Raises WeightsError, which names the folder, for one that isn't whole.
    """
    within = WeightFolder(folder, SETTING)
    within.check_is_folder()
    config = Config(within)
    architecture = str(config.at("architecture", kind=str, default="voxcpm")).lower()
    if architecture not in ("voxcpm", "voxcpm2"):
        raise within.mistrust(f"holds a model of architecture {architecture!r}, which isn't VoxCPM")
    weights, vae_weights = within.one_of(MODEL_FILES), within.one_of(VAE_FILES)
    _check_tokenizer(within, config.number("lm_config", "vocab_size"))
    prompt_rate = config.number("audio_vae_config", "sample_rate", default=16_000)
    sample_rate = prompt_rate
    if architecture == "voxcpm2":
        sample_rate = config.number("audio_vae_config", "out_sample_rate", default=48_000)
    layers = config.number("lm_config", "num_hidden_layers") + config.number("residual_lm_num_layers", default=6)
    return Checkpoint(
        folder=folder,
        title="VoxCPM2" if architecture == "voxcpm2" else "VoxCPM1.5" if sample_rate >= 44_100 else "VoxCPM-0.5B",
        architecture=architecture,
        weights=weights,
        vae_weights=vae_weights,
        sample_rate=sample_rate,
        prompt_rate=prompt_rate,
        patch_s=_patch_samples(config, architecture) / prompt_rate,
        max_length=min(
            config.number("max_length", default=4096), config.number("lm_config", "max_position_embeddings")
        ),
        parameters=within.count(weights, _item_bytes(config)),
        embedding_parameters=config.number("lm_config", "vocab_size") * config.number("lm_config", "hidden_size"),
        vae_parameters=within.count(vae_weights),
        cached_values=2 * layers * config.number("lm_config", "num_key_value_heads") * _head(config),
    )


def check(checkpoint: Checkpoint) -> None:
    """See that the files hold the model, whole: every tensor that it has, in its shape, and a tokenizer that works.

    Builds the package's model without memory for it; takes seconds, most of them for imports. Raises WeightsError.
    """
    model = empty_model(checkpoint, "cpu", max_length=1)
    wanted, folder = shapes_of(model), checkpoint.within
    found = folder.shapes(checkpoint.weights)
    sound = {f"audio_vae.{name}": shape for name, shape in folder.shapes(checkpoint.vae_weights).items()}
    if strange := sorted({_owner(name) for name in found} - {_owner(name) for name in wanted} - {"rope_emb"}):
        raise folder.mistrust(
            f"holds {first_of(strange)}, which the architecture {checkpoint.architecture!r} doesn't have"
        )
    folder.check_shapes(found | sound, wanted)


@dataclass(frozen=True, slots=True)
class Classes:
    """The package's classes for one architecture."""

    config: Any
    model: Any
    vae: Any
    tokenizer: Any

    @classmethod
    def of(cls, architecture: str) -> "Classes":
        """Those for "voxcpm" (VoxCPM-0.5B and 1.5) or "voxcpm2"."""
        ensure_torchaudio()
        with quiet():
            from transformers import LlamaTokenizerFast
            from voxcpm.model import voxcpm, voxcpm2

        if architecture == "voxcpm2":
            return cls(voxcpm2.VoxCPMConfig, voxcpm2.VoxCPM2Model, voxcpm2.AudioVAEV2, LlamaTokenizerFast)
        return cls(voxcpm.VoxCPMConfig, voxcpm.VoxCPMModel, voxcpm.AudioVAE, LlamaTokenizerFast)

    def empty_model(self, config: Any, tokenizer: Any, device: str) -> Any:
        """A model without weights: all its tensors are on the "meta" device, except for the KV caches."""
        import torch

        with quiet(), torch.device("meta"):
            vae = self.vae(config.audio_vae_config) if config.audio_vae_config else self.vae()
            return self.model(config, tokenizer, vae, device=device).eval()


def empty_model(checkpoint: Checkpoint, device: str, max_length: int, dtype: str | None = None) -> Any:
    """The package's model for `checkpoint` with its tokenizer and KV caches of `max_length`, but without weights.

    `dtype` is what it calculates in; None is what config.json says. Raises WeightsError where that can't be.
    """
    classes, folder = Classes.of(checkpoint.architecture), checkpoint.within
    tokenizer = _tokenizer(folder, classes)
    with folder.making(checkpoint.title):
        config = classes.config.model_validate(folder.values("config.json"))
        config.max_length, config.dtype = max_length, dtype or config.dtype
        return classes.empty_model(config, tokenizer, device)


def _patch_samples(config: Config, architecture: str) -> int:
    """Samples of a recording in one patch. The figures that may be left out are the package's."""
    rates = config.numbers("audio_vae_config", "encoder_rates", default=[2, 5, 8, 8])
    return math.prod(rates) * config.number("patch_size", default=4 if architecture == "voxcpm2" else 2)


def _head(config: Config) -> int:
    wide = config.number("lm_config", "hidden_size") // config.number("lm_config", "num_attention_heads")
    return config.number("lm_config", "kv_channels", default=max(1, wide))


def _item_bytes(config: Config) -> int:
    dtype = config.at("dtype", kind=str, default="bfloat16")
    if dtype not in _ITEM_BYTES:
        raise config.mistake("dtype", value=dtype)
    return _ITEM_BYTES[dtype]


def _check_tokenizer(folder: WeightFolder, vocabulary: int) -> None:
    """See that the model, which knows `vocabulary` tokens, knows all that the tokenizer may give it."""
    tokenizer, _ = [folder.values(name) for name in TOKENIZER_FILES]
    model, added = tokenizer.get("model"), tokenizer.get("added_tokens")
    tokens = model.get("vocab") if isinstance(model, Mapping) else None
    ids = list(tokens.values()) if isinstance(tokens, Mapping) else []
    ids += [token.get("id") for token in (added if isinstance(added, list) else ()) if isinstance(token, Mapping)]
    last = max([number for number in ids if isinstance(number, int)], default=0)
    if vocabulary <= max(last, LAST_AUDIO_TOKEN):
        raise folder.mistrust(f"has a tokenizer.json of another model, with tokens this one of {vocabulary} lacks")


def _tokenizer(folder: WeightFolder, classes: Classes) -> Any:
    try:
        tokenizer = classes.tokenizer.from_pretrained(folder.path, local_files_only=True)
        usable = bool(tokenizer.tokenize("a")) and bool(tokenizer.vocab)
    except Exception as error:  # whatever the libraries say to a file that isn't what it seems
        raise folder.mistrust("has a tokenizer that can't be read") from error
    if not usable:
        raise folder.mistrust("has a tokenizer that finds nothing in a text")
    return tokenizer


def _owner(name: str) -> str:
    """The module that a tensor belongs to; a model with fewer layers, or of another architecture, lacks some."""
    owner = name.rpartition(".")[0]
    return "rope_emb" if owner.endswith("rope_emb") else owner  # tables made of config.json
