"""Begins a text that a lent GPU would speak on for ever, leaves off, says the next, and tells how that went, in JSON.

The argument is a folder with weights.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from pathlib import Path

import without_cuda  # noqa: F401 - it has to come first

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.voxcpm import checkpoint, lent, loading
from voxdemo.errors import InputError
from voxdemo.model_support.devices import Device
from voxdemo.speech import Utterance

found = checkpoint.read(Path(sys.argv[1]))
engine = lent.LentVoxCPM(found, loading.plan(found, Device("cpu", "a GPU that is lent", 10**12), "none", 512))
utterance = Utterance("Good morning. And more.", seed=1)
speaking = engine.speak(SpeechPart(utterance, "Good morning.", "a job"))
next(speaking)
(process,) = multiprocessing.active_children()
begun = time.perf_counter()
speaking.close()
closed_s = time.perf_counter() - begun
again = engine.speak(SpeechPart(utterance, "And more.", "a job", 1))
next(again)
again.close()
try:
    next(engine.speak(SpeechPart(utterance, " ")))
except InputError as error:
    refusal = error.sentence
try:
    next(engine.speak(SpeechPart(utterance, [1])))  # type: ignore[arg-type]  # a fault of the program
except Exception as error:
    fault = f"{type(error).__name__}: {error}"
processes = multiprocessing.active_children()
print(json.dumps({"closed_s": closed_s, "is_kept": processes == [process], "refusal": refusal, "fault": fault}))
process.terminate()
process.join()
