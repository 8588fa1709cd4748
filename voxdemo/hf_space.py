"""What is different where Hugging Face hosts this, in a Space: other defaults, and a GPU that is lent call by call.

The variables read here are those that a Space sets by itself; what people set is in voxdemo/settings.py. It knows no
model and no web, and everywhere else all of it says no.
"""

import os
from pathlib import Path
from typing import Any

DATA = Path("/data")
"""Where a Space's persistent storage is, if it has one; all else is gone at the next restart."""
PROXIES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8")
"""Where its proxy asks from: addresses of private networks, not always the same ones. Nobody else reaches a Space's
port. Of a chain the last address outside of these is the visitor, so that what visitors claim themselves doesn't count.
"""


def is_space() -> bool:
    return bool(os.environ.get("SPACE_ID"))


def lends_gpu() -> bool:
    """Whether this Space's hardware is ZeroGPU: CUDA is there within a function that `spaces.GPU` wraps, nowhere else.

    Elsewhere PyTorch looks as if it was. The variable is read as the package `spaces` reads it.
    """
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def source() -> str:
    """Where this Space's files can be read; empty where it isn't one."""
    return f"https://huggingface.co/spaces/{os.environ['SPACE_ID']}/tree/main" if is_space() else ""


def defaults() -> dict[str, Any]:
    """Settings that are different here unless somebody sets them."""
    if not is_space():
        return {}
    here: dict[str, Any] = {"trusted_proxies": PROXIES, "examples_ahead": not lends_gpu()}
    return {**here, "cache_dir": DATA / "voxdemo"} if _persists() else here


def keep_weights() -> None:
    """Let downloaded weights survive a restart where anything does; call it before huggingface_hub is imported."""
    if is_space() and _persists():
        os.environ.setdefault("HF_HOME", str(DATA / ".huggingface"))


def _persists() -> bool:
    return DATA.is_dir() and os.access(DATA, os.W_OK)
