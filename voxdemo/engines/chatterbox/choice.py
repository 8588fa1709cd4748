"""Chatterbox as an engine to choose: what it needs on this machine. It speaks only where a setting names it."""

from voxdemo.engines.chatterbox import checkpoint as checkpoints
from voxdemo.engines.chatterbox.checkpoint import NEEDED, PUBLISHED, SETTING, Checkpoint
from voxdemo.engines.chatterbox.engine import ChatterboxEngine, info_for, memory_bytes
from voxdemo.engines.extra import Extra
from voxdemo.model_support.offers import Weights

CHATTERBOX: Extra[Checkpoint] = Extra(
    name="chatterbox",
    title="Chatterbox",
    packages={"chatterbox": "chatterbox-light", "perth": "resemble-perth"},
    weights=lambda settings: [Weights(settings.chatterbox_model, NEEDED, SETTING, is_all=True)],
    published=PUBLISHED,
    read=checkpoints.read,
    check=checkpoints.check,
    precisions=dict.fromkeys(("cuda", "mps", "cpu"), "float32"),  # what its weights come in, and the package knows
    memory_bytes=memory_bytes,
    info=info_for,
    engine=ChatterboxEngine,
)
