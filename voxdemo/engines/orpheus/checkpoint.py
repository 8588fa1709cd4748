"""Whether two folders hold Orpheus and the codec that it speaks through, and both in memory, once that is sure.

Orpheus is a Llama of transformers, which would leave a tensor that is missing random. So everything is compared before
anything is loaded. Knows files and the packages' classes; nothing of text, speech or threads.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voxdemo.model_support import hub
from voxdemo.model_support.process_wide import quiet
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio
from voxdemo.model_support.weight_folder import Config, ModuleFiles, WeightFolder

SETTING, CODEC_SETTING = "VOXDEMO_ORPHEUS_MODEL", "VOXDEMO_SNAC_MODEL"

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
"""Which file has which tensor, where there are several; else the only one."""
NEEDED = ("config.json", "tokenizer.json", f"{INDEX}|{SINGLE}")
CODEC_WEIGHTS = "pytorch_model.bin"
CODEC_NEEDED = ("config.json", CODEC_WEIGHTS)

SAMPLE_RATE = 24_000
CODEBOOK = 4096
"""Codes that each place of a frame may have."""
FRAME = 7
"""Codes that make a frame: one of SNAC's first layer, two of its second, four of its third."""
FIRST_CODE = 128_266
"""The token of code 0 at a frame's first place; each further place has CODEBOOK tokens more."""
FRAME_SAMPLES = 2048
"""Samples that a frame becomes."""
VOCABULARY = FIRST_CODE + FRAME * CODEBOOK
"""Tokens that the model must know at least."""
STRIDES = [4, 2, 1]
"""Of SNAC's layers, which make FRAME_SAMPLES of a code of the first."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the files say of the model; without paths where they are still to be downloaded."""

    folder: WeightFolder
    codec: WeightFolder
    weights: tuple[Path, ...]
    parameters: int
    """Numbers in the language model's weights."""
    cached_values: int
    """Numbers that each token adds to its KV cache."""

    @property
    def files(self) -> list[Path]:
        """All that decides how it speaks."""
        names = [self.folder.path / name for name in ("config.json", "tokenizer.json")]
        return [*self.weights, *names, *(self.codec.path / name for name in CODEC_NEEDED)]


PUBLISHED = Checkpoint(WeightFolder(Path(), SETTING), WeightFolder(Path(), CODEC_SETTING), (), 3_782_986_752, 57_344)
"""Llama-3.2-3B with 156,940 tokens, which it looks up and scores by tables of their own: known before a download."""


def needed(model: str) -> tuple[str, ...]:
    """The files of a hub id or folder that must be there; all parts of its weights, once it is known how many."""
    folder = hub.folder_of(model, NEEDED)
    if folder is None or not (folder / INDEX).is_file():
        return NEEDED
    return (*NEEDED, *_parts(WeightFolder(folder, SETTING)))


def read(folder: Path, codec: Path) -> Checkpoint:
    """The checkpoint in both folders, by configurations and the outsides of its files; takes no time.

    Raises WeightsError, which names the folder, for one that isn't whole.
    """
    within, codec_within = WeightFolder(folder, SETTING), WeightFolder(codec, CODEC_SETTING)
    within.check_is_folder()
    config = Config(within)
    if config.at("model_type", kind=str, default="") != "llama" or config.number("vocab_size") < VOCABULARY:
        raise within.mistrust("holds a model that isn't Orpheus: it has no tokens for sound")
    _check_codec(codec_within)
    weights = _weights(within)
    heads = config.number("num_attention_heads")
    head = config.number("head_dim", default=max(1, config.number("hidden_size") // heads))
    cached = 2 * config.number("num_hidden_layers") * config.number("num_key_value_heads", default=heads) * head
    within.one_of(["tokenizer.json"])
    return Checkpoint(within, codec_within, weights, sum(map(within.count, weights)), cached)


def check(checkpoint: Checkpoint) -> None:
    """See that the files hold the model and its codec, whole: every tensor in its shape, and a tokenizer that works.

    Builds both without memory for them; takes seconds, most of them for imports. Raises WeightsError.
    """
    made, codec = _empty_model(checkpoint.folder), checkpoint.codec
    checkpoint.folder.check_module(made, ModuleFiles(checkpoint.weights, _tied(made)))
    codec.check_module(_empty_codec(codec), ModuleFiles([codec.path / CODEC_WEIGHTS]))
    tokenizer(checkpoint)


def model(checkpoint: Checkpoint, device: str, dtype: str) -> Any:
    """The LlamaForCausalLM, ready to be asked, file by file to where it calculates. Raises WeightsError."""
    import torch

    made = _empty_model(checkpoint.folder)
    checkpoint.folder.fill(made, ModuleFiles(checkpoint.weights, _tied(made)), device, dtype)
    if _tied(made):
        made.lm_head.weight = made.model.embed_tokens.weight
    with torch.device(device):
        made.model.rotary_emb = type(made.model.rotary_emb)(made.config)  # tables, which no file has
    return made


def codec(checkpoint: Checkpoint, device: str) -> Any:
    """The SNAC, in float32. Raises WeightsError."""
    folder = checkpoint.codec
    return folder.fill(_empty_codec(folder), ModuleFiles([folder.path / CODEC_WEIGHTS]), device)


def tokenizer(checkpoint: Checkpoint) -> Any:
    """What makes tokens of a text, a tokenizers.Tokenizer. Raises WeightsError."""
    return checkpoint.folder.tokenizer("tokenizer.json", "tara: a", lambda _, numbers: max(numbers) < FIRST_CODE)


def _parts(folder: WeightFolder) -> list[str]:
    """The files that an index names."""
    names = Config(folder, INDEX).at("weight_map", kind=dict).values()
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise folder.mistrust(f"has a {INDEX} that can't be read")
    return sorted(set(names))


def _weights(folder: WeightFolder) -> tuple[Path, ...]:
    first = folder.one_of((INDEX, SINGLE))
    return tuple(folder.one_of([name]) for name in (_parts(folder) if first.name == INDEX else [SINGLE]))


def _tied(model: Any) -> tuple[str, ...]:
    """What its files may lack, because another table serves both ways."""
    return ("lm_head.weight",) if model.config.tie_word_embeddings else ()


def _check_codec(folder: WeightFolder) -> None:
    folder.check_is_folder()
    config = Config(folder)
    found = (
        config.number("sampling_rate"), config.number("codebook_size"), config.at("vq_strides", kind=list),
        math.prod(config.numbers("decoder_rates")) * STRIDES[0],
    )  # fmt: skip
    if found != (SAMPLE_RATE, CODEBOOK, STRIDES, FRAME_SAMPLES):
        raise folder.mistrust("holds another codec than the SNAC of 24 kHz that Orpheus speaks through")
    folder.one_of([CODEC_WEIGHTS])


def _empty_model(folder: WeightFolder) -> Any:
    """The language model without weights."""
    ensure_torchaudio()
    with quiet():
        from transformers import LlamaConfig, LlamaForCausalLM

    with folder.making("its model"):
        return LlamaForCausalLM(LlamaConfig.from_dict(folder.values("config.json")))


def _empty_codec(folder: WeightFolder) -> Any:
    """As `_empty_model`."""
    with quiet():
        from snac import SNAC

    with folder.making("its model"):
        return SNAC(**folder.values("config.json"))
