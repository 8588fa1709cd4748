"""Orpheus-3B as an engine to choose: what it needs on this machine. It speaks only where a setting names it."""

from voxdemo.engines.extra import Extra
from voxdemo.engines.orpheus import checkpoint as checkpoints
from voxdemo.engines.orpheus.checkpoint import CODEC_NEEDED, CODEC_SETTING, PUBLISHED, SETTING, Checkpoint
from voxdemo.engines.orpheus.engine import OrpheusEngine, info_for, memory_bytes
from voxdemo.model_support.offers import Weights
from voxdemo.settings import Settings


def _weights(settings: Settings) -> list[Weights]:
    model, codec = settings.orpheus_model, settings.snac_model
    return [Weights(model, checkpoints.needed(model), SETTING), Weights(codec, CODEC_NEEDED, CODEC_SETTING)]


ORPHEUS: Extra[Checkpoint] = Extra(
    name="orpheus",
    title="Orpheus-3B",
    packages={"snac": "snac"},
    weights=_weights,
    published=PUBLISHED,
    read=checkpoints.read,
    check=checkpoints.check,
    precisions={"cuda": "bfloat16", "mps": "bfloat16", "cpu": "float32"},  # processors are slow at bfloat16
    memory_bytes=memory_bytes,
    info=info_for,
    engine=OrpheusEngine,
)
