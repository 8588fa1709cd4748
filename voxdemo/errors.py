"""Everything that can go wrong, as a small tree; each error carries the one sentence a person reads.

    VoxdemoError
    ├── InputError             the request can't be served as it stands: change it and try again
    ├── UnavailableError       a good request at a bad moment: try again later
    │   ├── BusyError          the line is full
    │   ├── LimitError         this client has asked for too much lately
    │   └── NotReadyError      the models are still loading, or have failed to
    ├── EngineError            the model failed on this job
    │   ├── ModelDiedError     and can't be used any more: the worker builds it anew
    │   └── JobTimeoutError    and was stopped at the deadline
    ├── StorageError           the disk can't take what was made
    └── SettingsError          the server can't start like this
        └── WeightsError       nor can a model whose weights can't be had, trusted or held

Raised where the cause is known, with the cause chained for the log; translated once at each door.
"""

from __future__ import annotations

UNEXPECTED = "Something went wrong on the server: try again in a minute."
"""What people read of errors that nobody foresaw; the log has them."""


class VoxdemoError(Exception):
    """Root of our errors. `str(error)` is a whole sentence for a person: no path, no secret, no traceback."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class InputError(VoxdemoError):
    """What was sent can't be served; the sentence says what to change. `field`: of an Utterance, if it's one alone."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class UnavailableError(VoxdemoError):
    """Nothing is wrong with the request; it comes at a bad moment. `retry_after_s`: when to try again, if known."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class BusyError(UnavailableError):
    """The line is full."""

    @classmethod
    def full(cls, waiting: int, seconds: float | None) -> BusyError:
        """For a line of `waiting` jobs that will have been served in about `seconds`."""
        people = "1 person is waiting" if waiting == 1 else f"{waiting} people are waiting"
        if seconds is None:
            return cls(f"Busy: {people}. Try again in a minute.")
        return cls(f"Busy: {people}. Try again in about {max(1, round(seconds))} s.", seconds)


class LimitError(UnavailableError):
    """The client has asked for more than it may; others are served."""


class NotReadyError(UnavailableError):
    """No model can serve now."""


class EngineError(VoxdemoError):
    """The model failed on this job."""


class ModelDiedError(EngineError):
    """The model is not to be used again. `what` happened, as in "the voice ran out of memory"."""

    def __init__(self, sentence: str, what: str = "failed") -> None:
        super().__init__(sentence)
        self.what = what


class JobTimeoutError(EngineError):
    """The job ran into its deadline and was stopped."""


class StorageError(VoxdemoError):
    """What was made can't be written to the disk."""

    def __init__(self) -> None:
        super().__init__("The server has no room left for the audio: tell its operator.")


class SettingsError(VoxdemoError):
    """The server can't start with these settings.

    The sentence is for whoever runs the server and may name a `folder`; `public` is the same without it.
    """

    def __init__(self, sentence: str, folder: str = "") -> None:
        super().__init__(sentence)
        self.public = sentence.replace(folder, "its folder") if folder else sentence


class WeightsError(SettingsError):
    """A model's weights can't be had, can't be trusted or don't fit; the sentence says what to type."""
