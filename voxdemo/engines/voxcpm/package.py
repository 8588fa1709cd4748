"""The way to the voxcpm package: which of its classes make up a model, and peace from its chatter.

Importing it takes seconds, so nothing here does at module level. It knows nothing of files or devices.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import Any

from voxdemo.model_support.process_wide import CHANGES
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio


@dataclass(frozen=True, slots=True)
class Classes:
    """The package's classes for one architecture."""

    config: Any
    model: Any
    vae: Any
    tokenizer: Any

    @classmethod
    def of(cls, architecture: str) -> Classes:
        """Those for "voxcpm" (VoxCPM-0.5B and 1.5) or "voxcpm2"."""
        ensure_torchaudio()
        with quiet():
            from transformers import LlamaTokenizerFast

            if architecture == "voxcpm2":
                from voxcpm.model import voxcpm2

                parts = voxcpm2.VoxCPMConfig, voxcpm2.VoxCPM2Model, voxcpm2.AudioVAEV2
            else:
                from voxcpm.model import voxcpm

                parts = voxcpm.VoxCPMConfig, voxcpm.VoxCPMModel, voxcpm.AudioVAE
        return cls(*parts, LlamaTokenizerFast)

    def empty_model(self, config: Any, tokenizer: Any, device: str) -> Any:
        """A model without weights: all its tensors are on the "meta" device, except for the KV caches."""
        import torch

        with quiet(), torch.device("meta"):
            vae = self.vae(config.audio_vae_config) if config.audio_vae_config else self.vae()
            return self.model(config, tokenizer, vae, device=device).eval()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the package prints, and its use of parts of torch that are on their way out, from our log."""
    with CHANGES, warnings.catch_warnings(), redirect_stderr(io.StringIO()):
        for category in (DeprecationWarning, FutureWarning):  # weight_norm, jit.script, ao.quantization
            warnings.simplefilter("ignore", category)
        warnings.filterwarnings("ignore", "torch.quantize_per_tensor, ", UserWarning)
        yield
