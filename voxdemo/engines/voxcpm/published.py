"""The VoxCPM models that OpenBMB has published on the Hugging Face hub: what is known of them before a download.

Enough to choose one that fits and to describe it; once the files are here, they speak for themselves.
"""

from collections.abc import Mapping
from pathlib import Path

from voxdemo.engines.voxcpm.checkpoint import Checkpoint

PUBLISHED: Mapping[str, Checkpoint] = {
    "openbmb/VoxCPM2": Checkpoint(
        folder=Path(),
        title="VoxCPM2",
        architecture="voxcpm2",
        weights=Path("model.safetensors"),
        vae_weights=Path("audiovae.pth"),
        sample_rate=48_000,
        prompt_rate=16_000,
        patch_s=0.16,
        max_length=8192,
        parameters=2_290_004_544,
        embedding_parameters=150_421_504,
        vae_parameters=94_213_957,
        cached_values=18_432,
    ),
    "openbmb/VoxCPM1.5": Checkpoint(
        folder=Path(),
        title="VoxCPM1.5",
        architecture="voxcpm",
        weights=Path("model.safetensors"),
        vae_weights=Path("audiovae.pth"),
        sample_rate=44_100,
        prompt_rate=44_100,
        patch_s=0.16,
        max_length=4096,
        parameters=801_729_856,
        embedding_parameters=75_210_752,
        vae_parameters=86_483_330,
        cached_values=8192,
    ),
    "openbmb/VoxCPM-0.5B": Checkpoint(
        folder=Path(),
        title="VoxCPM-0.5B",
        architecture="voxcpm",
        weights=Path("pytorch_model.bin"),
        vae_weights=Path("audiovae.pth"),
        sample_rate=16_000,
        prompt_rate=16_000,
        patch_s=0.08,
        max_length=4096,
        parameters=652_287_296,
        embedding_parameters=75_210_752,
        vae_parameters=75_355_202,
        cached_values=7680,
    ),
}
"""By hub id, the newest first."""
