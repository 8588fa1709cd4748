"""What belongs to the whole process while models load on threads of their own."""

from __future__ import annotations

import subprocess
import sys

from serving import ROOT

IMPORTS = """
import builtins, sys, threading
from voxdemo.audio.loudness import Meter
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.recognizers.builtin import BuiltinRecognizer

real, importing, most, at_once = builtins.__import__, [], [0], threading.Barrier(3)

def watched(name, *rest, **named):
    thread = threading.get_ident()
    if name.partition(".")[0] not in ("hibari", "faster_whisper", "pyloudnorm") or thread in importing:
        return real(name, *rest, **named)
    importing.append(thread)
    most[0] = max(most[0], len(importing))
    try:
        return real(name, *rest, **named)
    finally:
        importing.remove(thread)

def build(model):
    at_once.wait()
    model()

builtins.__import__ = watched
models = BuiltinEngine, BuiltinRecognizer, lambda: Meter(24_000)
threads = [threading.Thread(target=build, args=[model]) for model in models]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(most[0], "hibari" in sys.modules, "faster_whisper" in sys.modules)
"""


def test_models_that_are_built_and_a_sound_that_is_measured_at_once_never_import_at_once() -> None:
    """With the real libraries, which import parts of each other in circles."""
    ended = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert ended.stdout == "1 True True\n", ended.stderr


def test_a_forked_process_finds_no_import_begun_by_a_thread_that_it_lacks() -> None:
    script = """if True:
    import os, threading
    from voxdemo.model_support.process_wide import CHANGES
    begun, done = threading.Event(), threading.Event()
    def import_something():
        with CHANGES:
            begun.set()
            done.wait()
    threading.Thread(target=import_something).start()
    begun.wait()
    threading.Timer(0.2, done.set).start()
    if (child := os.fork()) == 0:
        os._exit(0 if CHANGES.acquire(timeout=5) else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, timeout=60).returncode == 0
