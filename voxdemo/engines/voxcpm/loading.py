"""VoxCPM into memory: on which device, in which precision, at what cost, and no more of it at once than need be.

The package's own loader fills the model with random float32 first, which takes twice to four times the memory of the
weights and half a minute. Here its model is built empty and its weights come in part by part. Knows the package's
modules and PyTorch; nothing of text, speech or threads.
"""

import importlib.util
import itertools
from dataclasses import dataclass
from typing import Any, Literal

from voxdemo import hf_space
from voxdemo.engines.voxcpm.checkpoint import Checkpoint, empty_model
from voxdemo.errors import SettingsError
from voxdemo.model_support.devices import Device
from voxdemo.model_support.process_wide import CHANGES, quiet
from voxdemo.model_support.weight_folder import ModuleFiles

ROOM_STEP = 64
"""KV caches come in multiples of this, so that utterances of about the same length share one."""
LAYERS = ".layers."
"""In the names of tensors: what follows is the number of a transformer layer. These hold nearly all the weights."""
LIBRARIES_BYTES = 3 * 2**28
"""What PyTorch and the package take themselves: measured."""
LISTENING_BYTES = 2**31
"""What encoding 30 s of prompt audio takes: measured with VoxCPM1.5, which takes the most."""
INT8_ENGINES = ("x86", "fbgemm", "qnnpack")
"""PyTorch's ways to calculate in int8, the fastest first; the last is for ARM."""


@dataclass(frozen=True, slots=True)
class LoadingPlan:
    """How a checkpoint is to be held."""

    device: Device
    precision: Literal["bfloat16", "float32", "int8"]
    compiled: bool
    """Whether PyTorch compiles its steps, which costs a minute at the beginning."""
    kv_cache: int
    """Most steps (text tokens, prompt audio and speech together) that it keeps in mind."""

    @property
    def dtype(self) -> str:
        """What it calculates in between its weights."""
        return "float32" if self.precision == "int8" else self.precision


def plan(checkpoint: Checkpoint, device: Device, quantize: str, kv_cache: int) -> LoadingPlan:
    """The best way to hold `checkpoint` on `device`; `quantize` is "none" or "int8". Raises SettingsError.

    bfloat16, which the weights come in, on CUDA; float32 on MPS, where the package finds less too noisy.
    """
    if quantize == "int8" and device.kind != "cpu":
        raise SettingsError(
            f"VOXDEMO_QUANTIZE is 'int8', but that works on cpu only and VoxCPM runs on {device.name}: "
            "take it out, or set VOXDEMO_DEVICE=cpu."
        )
    precision: Literal["bfloat16", "float32", "int8"]
    if device.kind == "cpu":
        precision = "int8" if quantize == "int8" else "bfloat16" if _multiplies_bfloat16() else "float32"
    else:
        precision = "bfloat16" if device.kind == "cuda" else "float32"
    return LoadingPlan(device, precision, _compiles(device), min(kv_cache, checkpoint.max_length))


def memory_bytes(checkpoint: Checkpoint, precision: str, kv_cache: int) -> int:
    """The most memory that loading and speaking takes for one copy, estimated, as a LoadingPlan holds it."""
    wide = 2 if precision == "bfloat16" else 4
    layers = checkpoint.parameters - checkpoint.embedding_parameters
    weights = layers * (1.05 if precision == "int8" else wide)  # what isn't rounded to int8 takes 4 bytes
    weights += checkpoint.embedding_parameters * wide + checkpoint.vae_parameters * 4
    return int(weights) + checkpoint.cached_values * kv_cache * wide + LIBRARIES_BYTES + LISTENING_BYTES


def load(checkpoint: Checkpoint, plan: LoadingPlan) -> Any:
    """The package's VoxCPMModel or VoxCPM2Model, ready to speak; to be used on the thread that calls this.

    Sounds bit by bit like the package's own `from_local` in the same precision. Raises WeightsError.
    """
    import torch

    from voxdemo.engines.voxcpm import decoding

    if plan.device.kind == "cuda":
        torch.cuda.set_device(plan.device.name)  # the package compiles for "cuda", not for "cuda:1"
    model = empty_model(checkpoint, plan.device.kind, plan.kv_cache, plan.dtype)
    if plan.precision == "int8" and checkpoint.architecture == "voxcpm":
        model.audio_vae.decode = decoding.ContinuingDecoder(model.audio_vae, model.patch_size)
    with torch.inference_mode(False), torch.no_grad():
        _make_ropes(model, plan)
        _fill(model, checkpoint, plan)
        decoding.settle(model.audio_vae)
        if plan.precision == "int8":
            decoding.rearrange(model.audio_vae)
    if plan.compiled:
        with quiet():
            model.optimize()
            model.generate(target_text="Hello, this is the first test sentence.", max_len=10)
    return model


def make_room(model: Any, plan: LoadingPlan, steps: int) -> None:
    """Let the model keep `steps` in mind for the next utterance, rounded up and at most the plan's.

    Every step looks at the whole cache, used or not, so a short one is faster. A compiled model keeps its own.
    """
    length = min(-(-steps // ROOM_STEP) * ROOM_STEP, plan.kv_cache)
    if plan.compiled or model.base_lm.kv_cache.max_length == length:
        return
    for part in (model.base_lm, model.residual_lm):
        old = part.kv_cache.kv_cache
        part.kv_cache = None
        part.setup_cache(1, length, old.device, old.dtype)


def _multiplies_bfloat16() -> bool:
    """Whether this processor does so by itself; emulated, it's slower than float32."""
    import torch

    return any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))


def _compiles(device: Device) -> bool:
    import torch

    if device.kind != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    if hf_space.lends_gpu():  # to processes that are gone before it pays; nor is torch.compile for it
        return False
    return torch.cuda.get_device_capability(device.name) >= (7, 0)  # the oldest that Triton knows


def _make_ropes(model: Any, plan: LoadingPlan) -> None:
    """The tables of rotary positions, which aren't in the checkpoint; rounded as the package rounds them."""
    import torch

    dtype = getattr(torch, plan.dtype)
    for module in model.modules():
        if (rope := getattr(module, "rope_emb", None)) is not None:
            made = type(rope)(rope.config)
            made.cos_cached = made.cos_cached[: plan.kv_cache].clone()
            made.sin_cached = made.sin_cached[: plan.kv_cache].clone()
            module.rope_emb = made.to(dtype).to(plan.device.kind).eval()


def _fill(model: Any, checkpoint: Checkpoint, plan: LoadingPlan) -> None:
    import torch

    if plan.precision == "int8":
        _choose_int8_engine()
    dtype = getattr(torch, plan.dtype)
    for names in _portions(model):
        for name, tensor in checkpoint.within.tensors(checkpoint.weights, names).items():
            owner, _, own = name.rpartition(".")
            tensor = tensor.to(plan.device.kind, dtype, copy=True)
            setattr(model.get_submodule(owner), own, torch.nn.Parameter(tensor, requires_grad=False))
        if plan.precision == "int8" and LAYERS in names[0]:
            _quantize(model.get_submodule(_portion(names[0])))
    if plan.precision == "int8":
        _quantize(model.feat_decoder.estimator)  # what it makes of the time, again at every step
    checkpoint.within.fill(model.audio_vae, ModuleFiles([checkpoint.vae_weights]), plan.device.kind)
    model.requires_grad_(False)


def _portions(model: Any) -> list[list[str]]:
    """The names of the tensors beside the VAE's, in portions to be read at once: a layer each, and what is left."""
    names = [name for name in model.state_dict() if not name.startswith("audio_vae.")]
    return [list(portion) for _, portion in itertools.groupby(sorted(names, key=_portion), _portion)]


def _portion(name: str) -> str:
    """The module that holds the tensor of this name: a layer, else the outermost."""
    if LAYERS not in name:
        return name.partition(".")[0]
    before, _, behind = name.partition(LAYERS)
    return before + LAYERS + behind.partition(".")[0]


def _choose_int8_engine() -> None:
    import torch

    supported = torch.backends.quantized.supported_engines
    torch.backends.quantized.engine = next(name for name in INT8_ENGINES if name in supported)


def _quantize(module: Any) -> None:
    """Round the weights in the parts of a module to int8, each row by a scale of its own; norms stay as they are."""
    with CHANGES:
        import torch
        from torch.ao.nn.quantized import dynamic
        from torch.ao.quantization import per_channel_dynamic_qconfig

    for part in module.children():
        for name, linear in part.named_children():
            if isinstance(linear, torch.nn.Linear):
                rounded: Any = dynamic.Linear
                vars(linear)["qconfig"] = per_channel_dynamic_qconfig
                with quiet():
                    setattr(part, name, rounded.from_float(linear))
