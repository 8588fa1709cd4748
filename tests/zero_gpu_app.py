"""app.py as on ZeroGPU, with the real package `spaces`, which forks and asks whom SPACES_ZERO_DEVICE_API_URL names.

Only CUDA isn't there: the forked process goes on without it, and calculates on the processor.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

if torch.version.cuda is None:  # PyTorch without CUDA is no case that the package knows
    torch.version.cuda = "13.0"
    torch._C._cuda_init = None
    torch.cuda._is_in_bad_fork = bool

import gradio  # noqa: F401 - before `spaces`, as in app.py
from spaces.zero import torch as lender

from voxdemo import devices

lender.init = lambda _: None
lender.move = lambda callback=None: None
devices.lent = lambda _: devices.Device("cpu", "a GPU that is lent", 10**12)
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
