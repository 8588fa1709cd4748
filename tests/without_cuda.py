"""Lets the package `spaces` lend GPUs where there is no CUDA: what it forks goes on without, on the processor.

Import it before anything of voxdemo, in a process of its own with SPACES_ZERO_GPU set.
"""

from __future__ import annotations

import torch

if torch.version.cuda is None:  # PyTorch without CUDA is no case that the package knows
    torch.version.cuda = "13.0"
    torch._C._cuda_init = None
    torch.cuda._is_in_bad_fork = bool

import gradio  # noqa: F401 - before `spaces`, as in app.py
from spaces.zero import torch as lender

lender.init = lambda _: None
lender.move = lambda callback=None: None
