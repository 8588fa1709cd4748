"""Lets the package `spaces` lend GPUs where there is no CUDA: what it forks goes on without, on the processor.

Import it before anything else of voxdemo, in a process of its own with SPACES_ZERO_GPU set.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

if torch.version.cuda is None:  # PyTorch without CUDA is no case that the package knows
    torch.version.cuda = "13.0"
    torch._C._cuda_init = None
    torch.cuda._is_in_bad_fork = bool

import gradio  # noqa: F401 - before `spaces`, as in app.py
from spaces.zero import torch as lender

lender.init = lambda _: None
lender.move = lambda callback=None: None
imported: Any = sys.modules.get("voxdemo.engines.voxcpm.lent")
if imported:  # before this process was forked, where nobody lends anything
    imported._on_gpu = imported._wrapped(imported._speak)
