"""What VoxCPM costs here: the upstream package as it is shipped against this engine, interleaved in one run.

    .venv/bin/python benchmarks/voxcpm.py

Writes a random checkpoint of each generation in its published dimensions to a temporary folder (speed doesn't depend on
the values), loads it in fresh processes in turn and prints the real-time factor, the time to the first sound and the
peak of memory, on the device it finds. No voice ends by itself: each speaks the same fixed number of patches. With
`--seams` it prints what our engine adds to the package's own generator instead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TEXT = "The ferry leaves at half past nine, calls at two islands, and is back at the pier before it is dark."
GENERATIONS = ("0.5B", "1.5", "2")


def main() -> None:
    """Run everything, or one measurement in a child process."""
    arguments = _arguments()
    sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # in place of this folder, where "voxcpm" would be this file
    if arguments.child:
        print(json.dumps(_measure(Path(arguments.folder), arguments.child, arguments)))
        return
    for generation in arguments.generation or GENERATIONS:
        with tempfile.TemporaryDirectory() as folder:
            _write(Path(folder), generation)
            print(
                f"VoxCPM {generation}, {arguments.steps} steps, {arguments.patches} patches, {_device_title(arguments)}"
            )
            if arguments.seams:
                print(f"  seams: {_child(folder, 'seams', arguments)['ratio']:.4f} x the package's generator")
                continue
            _compare(folder, arguments)


def _compare(folder: str, arguments: argparse.Namespace) -> None:
    ways = arguments.ways or (["upstream", "ours", "ours int8"] if _device(arguments) == "cpu" else _GPU_WAYS)
    figures: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way in ways:
            figures[way].append(_child(folder, way, arguments))
    for way, measured in figures.items():
        middle = {key: statistics.median(each[key] for each in measured) for key in measured[0]}
        line = f"  {way:20} RTF {middle['rtf']:.3f}  first sound {middle['first_s']:.2f} s  "
        line += f"peak {middle['peak_bytes'] / 2**30:.2f} GiB  load {middle['load_s']:.0f} s"
        if way != ways[0]:
            pairs = list(zip(figures[ways[0]], measured, strict=True))
            speed = statistics.median(a["rtf"] / b["rtf"] for a, b in pairs)
            memory = statistics.median(b["peak_bytes"] / a["peak_bytes"] for a, b in pairs)
            line += f"  {speed:.2f} x as fast, {memory:.0%} of the memory"
        print(line, flush=True)


_GPU_WAYS = ["upstream", "upstream compiled", "ours plain", "ours"]


def _child(folder: str, way: str, arguments: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", way, "--folder", folder, "--device", arguments.device]
    command += ["--steps", str(arguments.steps), "--patches", str(arguments.patches)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _measure(folder: Path, way: str, arguments: argparse.Namespace) -> dict[str, float]:
    from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio

    ensure_torchaudio()
    import torch

    begun = time.perf_counter()
    if way.startswith("upstream"):
        speak, patch_s = _upstream(folder, way, arguments)
    elif way == "seams":
        return {"ratio": _seams(folder, arguments)}
    else:
        speak, patch_s = _ours(folder, way, arguments)
    load_s = time.perf_counter() - begun
    _take(speak(), 3)
    torch.manual_seed(1)
    times = _take(speak(), arguments.patches)
    return {
        "rtf": times[-1] / (arguments.patches * patch_s),
        "first_s": times[0],
        "peak_bytes": _peak_bytes(),
        "load_s": load_s,
    }


Speak = Callable[[], Any]


def _upstream(folder: Path, way: str, arguments: argparse.Namespace) -> tuple[Speak, float]:
    import importlib

    from voxdemo.engines.voxcpm import checkpoint

    device = None if arguments.device == "auto" else arguments.device
    package: Any = importlib.import_module("voxcpm")
    voice = package.VoxCPM(str(folder), enable_denoiser=False, optimize=way.endswith("compiled"), device=device)

    def speak() -> Any:
        return voice.generate_streaming(TEXT, inference_timesteps=arguments.steps, retry_badcase=False)

    return speak, checkpoint.read(folder).patch_s


def _ours(folder: Path, way: str, arguments: argparse.Namespace) -> tuple[Speak, float]:
    import dataclasses

    from voxdemo.engines.base import SpeechPart
    from voxdemo.engines.voxcpm import checkpoint, loading
    from voxdemo.engines.voxcpm.engine import VoxCPMEngine
    from voxdemo.model_support import devices
    from voxdemo.speech import Utterance

    found = checkpoint.read(folder)
    checkpoint.check(found)
    quantize = "int8" if way.endswith("int8") else "none"
    plan = loading.plan(found, devices.find(arguments.device), quantize, 4096)
    if way.endswith("plain"):
        plan = dataclasses.replace(plan, compiled=False)
    if way.split()[-1] in ("bfloat16", "float32"):
        precision: Any = way.split()[-1]
        plan = dataclasses.replace(plan, precision=precision)
    engine = VoxCPMEngine(found, plan)
    utterance = Utterance(TEXT, inference_timesteps=arguments.steps, seed=1)
    return lambda: engine.speak(SpeechPart(utterance, TEXT)), found.patch_s


def _seams(folder: Path, arguments: argparse.Namespace) -> float:
    """Seconds of our engine over those of the package's generator on the same model: the middle of several pairs."""
    from voxdemo.engines.base import SpeechPart
    from voxdemo.engines.voxcpm import checkpoint, loading
    from voxdemo.engines.voxcpm.engine import VoxCPMEngine
    from voxdemo.model_support import devices
    from voxdemo.speech import Utterance

    found = checkpoint.read(folder)
    device = devices.find(arguments.device)
    plan = loading.plan(found, device, "int8" if device.kind == "cpu" else "none", 4096)
    model = loading.load(found, plan)
    engine = VoxCPMEngine(found, plan, model)
    utterance = Utterance(TEXT, inference_timesteps=arguments.steps, seed=1)

    def bare() -> Any:
        return model.generate_with_prompt_cache_streaming(
            target_text=TEXT, prompt_cache=None, inference_timesteps=arguments.steps
        )

    _take(engine.speak(SpeechPart(utterance, TEXT)), 3)  # makes the room for both
    ratios = []
    for _ in range(max(3, arguments.rounds)):
        seconds = [_take(made, arguments.patches)[-1] for made in (engine.speak(SpeechPart(utterance, TEXT)), bare())]
        ratios.append(seconds[0] / seconds[1])
    return statistics.median(ratios)


def _take(made: Any, patches: int) -> list[float]:
    """When each of the first patches came, in seconds."""
    begun, times = time.perf_counter(), []
    with closing(made):
        for _ in made:
            times.append(time.perf_counter() - begun)
            if len(times) == patches:
                return times
    raise RuntimeError(f"it ended after {len(times)} patches")


def _peak_bytes() -> int:
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved())
    if sys.platform == "linux":  # getrusage would tell the peak of the process that started this one, if that is more
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(status["VmHWM"].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _write(folder: Path, generation: str) -> None:
    """A checkpoint with the published dimensions whose voice never ends."""
    import importlib

    import torch
    from safetensors.torch import save_file

    from voxdemo.engines.voxcpm.checkpoint import Classes

    checkpoints = importlib.import_module("checkpoints")
    config = _published(generation)
    checkpoints.write_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(config))
    classes = Classes.of(config["architecture"])
    parsed = classes.config.model_validate(config)
    parsed.max_length = 1
    model = classes.empty_model(parsed, classes.tokenizer.from_pretrained(folder), "cpu")
    noise = torch.randn(2**20)
    speech = {
        name: _random(name, tensor, noise).to(torch.bfloat16)
        for name, tensor in model.state_dict().items()
        if not name.startswith("audio_vae.")
    }
    speech["stop_proj.weight"].zero_()
    speech["stop_proj.bias"].fill_(1)
    speech["stop_head.weight"] = torch.zeros_like(speech["stop_head.weight"])  # of two equals, the first is "go on"
    save_file(speech, folder / "model.safetensors")
    sound = {name: _random(name, tensor, noise) for name, tensor in model.audio_vae.state_dict().items()}
    if "decoder.sr_bin_boundaries" in sound:
        sound["decoder.sr_bin_boundaries"] = torch.tensor([20_000, 30_000, 40_000], dtype=torch.int32)
    torch.save({"state_dict": sound}, folder / "audiovae.pth")


def _random(name: str, tensor: Any, noise: Any) -> Any:
    import torch

    if name.endswith(("norm.weight", "weight_g", "alpha", "scale_embed.weight")):
        return torch.ones(tensor.shape)
    values = noise.repeat(-(-tensor.numel() // noise.numel()))[: tensor.numel()].reshape(tensor.shape)
    return values * tensor.shape[-1] ** -0.5


def _published(generation: str) -> dict[str, Any]:
    """config.json as OpenBMB published it, but for the factors of the rotary positions, which cost nothing."""
    second, first = generation == "2", generation == "0.5B"
    layers = {"0.5B": 4, "1.5": 8, "2": 12}[generation]
    part: dict[str, Any] = {"hidden_dim": 1024, "ffn_dim": 4096, "num_heads": 16, "num_layers": layers}
    head = 128 if second else 64
    if second:
        part["kv_channels"] = head
    lm: dict[str, Any] = {
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_size": 2048 if second else 1024,
        "intermediate_size": 6144 if second else 4096,
        "max_position_embeddings": 32768,
        "num_attention_heads": 16,
        "num_hidden_layers": 28 if second else 24,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000,
        "rope_scaling": {
            "type": "longrope",
            "long_factor": [1.0] * (head // 2),
            "short_factor": [1.0] * (head // 2),
            "original_max_position_embeddings": 32768,
        },
        "vocab_size": 73448,
        "scale_emb": 12,
        "dim_model_base": 256,
        "scale_depth": 1.4,
        "use_mup": False,
    }
    if second:
        lm["kv_channels"] = head
    rates = {
        "0.5B": {
            "decoder_dim": 1536,
            "encoder_rates": [2, 5, 8, 8],
            "decoder_rates": [8, 8, 5, 2],
            "sample_rate": 16_000,
        },
        "1.5": {
            "encoder_dim": 64,
            "decoder_dim": 2048,
            "encoder_rates": [2, 3, 6, 7, 7],
            "decoder_rates": [7, 7, 6, 3, 2],
            "sample_rate": 44_100,
        },
        "2": {"decoder_dim": 2048},
    }
    return {
        "architecture": "voxcpm2" if second else "voxcpm",
        "lm_config": lm,
        "patch_size": 2 if first else 4,
        "feat_dim": 64,
        "scalar_quantization_latent_dim": 512 if second else 256,
        "scalar_quantization_scale": 9,
        "residual_lm_num_layers": 6 if first else 8,
        **({"residual_lm_no_rope": True} if second else {}),
        "encoder_config": part,
        "dit_config": {**part, "cfm_config": {"sigma_min": 1e-6, "solver": "euler", "inference_cfg_rate": 2.0}},
        "audio_vae_config": rates[generation],
        "max_length": 8192 if second else 4096,
        "device": "cuda",
        "dtype": "bfloat16",
    }


def _device(arguments: argparse.Namespace) -> str:
    from voxdemo.model_support import devices

    return devices.find(arguments.device).kind


def _device_title(arguments: argparse.Namespace) -> str:
    from voxdemo.model_support import devices

    device = devices.find(arguments.device)
    return f"{device.name} ({device.title}, {os.cpu_count()} cores)"


def _arguments(given: Iterable[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generation", action="append", choices=GENERATIONS, help="again for more; all without")
    parser.add_argument("--patches", type=int, default=24, help="how many each voice speaks")
    parser.add_argument("--steps", type=int, default=10, help="diffusion steps for each patch")
    parser.add_argument("--rounds", type=int, default=2, help="how often each way is measured")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--ways", action="append", help='instead of all: "upstream", "ours int8" …')
    parser.add_argument("--seams", action="store_true", help="compare our engine with the generator under it")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    return parser.parse_args(list(given) if given is not None else None)


if __name__ == "__main__":
    main()
