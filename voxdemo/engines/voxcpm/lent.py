"""VoxCPM on a GPU that is lent call by call, as ZeroGPU does in a Space: the model lives where CUDA is, not here.

The package `spaces` runs a wrapped function in a process that it forks, to which a GPU is given for as long as the
function works; the process is kept while nobody else needs that GPU, and with it the model. In the server's own process
CUDA is never touched. Knows that package's decorator and the engine; nothing of quotas, visitors or the web.
"""

from collections.abc import Generator
from contextlib import closing
from typing import Any

from voxdemo import hf_space
from voxdemo.engines.base import RanOn, Retake, SpeechPart
from voxdemo.engines.voxcpm.checkpoint import Checkpoint
from voxdemo.engines.voxcpm.engine import VoxCPMEngine, loaded_info
from voxdemo.engines.voxcpm.loading import LoadingPlan
from voxdemo.errors import ModelDiedError, NotReadyError, VoxdemoError
from voxdemo.speech import Samples

LOADING_S = 30.0
"""How long the GPU is asked for beyond speaking: a new process imports the package and reads the weights. A guess."""
CHARS_PER_S = 10
"""Characters that are spoken in a second at the least: real time would be 12 to 15 of English. A guess, too."""

FAULT = "ZeroGPU worker error"
"""What `spaces` heads an error with that was raised on the GPU, and of which nothing but its class's name arrives."""

Item = Samples | Retake | RanOn | VoxdemoError


class LentVoxCPM:
    """A SpeechEngine whose every call is one call of the wrapped function. Nothing is loaded until the first.

    Threading: as any engine's; two of them may call at the same time, each then has a process of its own.
    """

    def __init__(self, checkpoint: Checkpoint, plan: LoadingPlan) -> None:
        self._checkpoint = checkpoint
        self._plan = plan
        self.info = loaded_info(checkpoint, plan)

    def speak(self, part: SpeechPart) -> Generator[Samples | Retake | RanOn, None, None]:
        """As `VoxCPMEngine.speak`; raises NotReadyError where no GPU is lent for it.

        The voice that the model chooses is kept from part to part of a job as long as the process is.
        """
        try:
            with closing(_on_gpu(self._checkpoint, self._plan, part)) as items:
                for item in items:
                    if isinstance(item, VoxdemoError):
                        raise item
                    yield item
        except VoxdemoError:
            raise
        except Exception as error:  # all that `spaces` has to say is an error of Gradio's, whose message people read
            if getattr(error, "title", FAULT) == FAULT:
                raise
            why = str(getattr(error, "message", None) or error)
            raise NotReadyError("No GPU is available for this: {why}.", reason="no_gpu", why=why) from error

    def close(self) -> None:
        """The processes end with the server, or when their GPU is needed elsewhere."""


def seconds(_: Checkpoint, __: LoadingPlan, part: SpeechPart) -> float:
    """Seconds of GPU to request; shorter requests are served sooner."""
    return LOADING_S + len(part.text) / CHARS_PER_S


_loaded: dict[Checkpoint, VoxCPMEngine] = {}
"""In a process that has a GPU: its model."""


def _speak(checkpoint: Checkpoint, plan: LoadingPlan, part: SpeechPart) -> Generator[Item, None, None]:
    """In a process that has a GPU: what the engine says. Errors are items, because of others only the name arrives."""
    try:
        if checkpoint not in _loaded:
            _loaded[checkpoint] = VoxCPMEngine(checkpoint, plan)
        with closing(_loaded[checkpoint].speak(part)) as pieces:
            yield from pieces
    except VoxdemoError as error:
        if isinstance(error, ModelDiedError):
            _loaded.pop(checkpoint).close()
        yield error


def _wrapped(function: Any) -> Any:
    """What `spaces` makes of it where GPUs are lent; only there is that package imported.

    A Space with such hardware doesn't start unless a function is wrapped before the launch, whichever voice it has.
    """
    if not hf_space.lends_gpu():
        return function
    import spaces

    return spaces.GPU(duration=seconds)(function)


_on_gpu = _wrapped(_speak)
