"""Everything that can go wrong, as a small tree; each error carries the one sentence a person reads.

    VoxdemoError
    ├── InputError             the request can't be served as it stands: change it and try again
    ├── UnavailableError       a good request at a bad moment: try again later
    │   ├── BusyError          the line is full
    │   ├── LimitError         this client has asked for too much lately
    │   └── NotReadyError      the models are still loading, or have failed to
    ├── EngineError            the model failed on this job
    │   ├── ModelDiedError     and can't be used any more: the worker builds it again
    │   ├── AddressError       which is a server's at an address
    │   ├── ChatError          the language model of a conversation failed
    │   └── JobTimeoutError    and was stopped at the deadline
    ├── StorageError           the disk can't take what was made
    └── SettingsError          the server can't start like this
        └── WeightsError       nor can a model whose weights can't be had, trusted or held

Raised where the cause is known, with the cause chained for the log; translated once at each door. Programs tell errors
apart by `code` and `values`, and the page finds its words in another language by them: never by the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Self

UNEXPECTED = "Something went wrong on the server: try again in a minute."
"""What people read of errors that nobody foresaw; the log has them."""
UNEXPECTED_CODE = "unexpected"
A_MINUTE_S = 60.0
"""When to come again, where the sentence of a store that can't be reached says "in a minute"."""


class VoxdemoError(Exception):
    """Root of our errors. `str(error)` is a whole sentence for a person: no path, no secret, no traceback.

    `code` is a stable word in snake_case, each class's own unless one is given; `values` is what stands in the places
    of the sentence, as JSON knows it; an error among them, as `described`. Where one code has several sentences,
    `values["reason"]` is a word for which. docs/errors.md lists them.
    """

    code = UNEXPECTED_CODE

    def __init__(self, sentence: str, code: str = "", **values: Any) -> None:
        self.sentence = sentence.format(**values) if values else sentence
        super().__init__(self.sentence)
        self.code = code or self.code
        self.values = {name: _plain(value) for name, value in values.items()}

    @classmethod
    def told(cls, described: Mapping[str, Any]) -> Self:
        """One that was `described` elsewhere; servers of other versions may have left out its code and values."""
        error = cls(described["message"])
        error.code, error.values = described.get("code") or cls.code, described.get("values") or {}
        return error

    @property
    def described(self) -> dict[str, Any]:
        """All that a program reads of it, as JSON knows it: its sentence as "message", its code and its values."""
        return {"message": self.sentence, "code": self.code, "values": self.values}


class InputError(VoxdemoError):
    """What was sent can't be served; the sentence says what to change. `field`: of an Utterance, if it's one alone."""

    code = "invalid_input"

    def __init__(self, sentence: str, field: str = "", code: str = "", **values: Any) -> None:
        super().__init__(sentence, code, **values)
        self.field = field

    @classmethod
    def nothing_to_say(cls) -> InputError:
        """For a text without anything that can be pronounced."""
        return cls("There is nothing to say in this text: write some words.", code="nothing_to_say")

    @classmethod
    def unsayable(cls, languages: str, letters: str) -> InputError:
        """For a text with letters that a voice for these languages, such as "English and Chinese", has no sound for."""
        sentence = "This voice speaks {languages} only and can't read “{letters}”. Write it in {languages}."
        return cls(sentence, code="unsayable", languages=languages, letters=letters)


class UnavailableError(VoxdemoError):
    """Nothing is wrong with the request; it comes at a bad moment. `retry_after_s`: when to try again, if known."""

    code = "not_ready"

    def __init__(self, sentence: str, retry_after_s: float | None = None, code: str = "", **values: Any) -> None:
        super().__init__(sentence, code, **values)
        self.retry_after_s = retry_after_s


class BusyError(UnavailableError):
    """The line is full."""

    code = "busy"

    @classmethod
    def full(cls, waiting: int, seconds: float | None) -> BusyError:
        """For a line of `waiting` jobs that will have been served in about `seconds`."""
        people = "1 person is" if waiting == 1 else f"{waiting} people are"
        values: dict[str, Any] = {"waiting": waiting, "people": people}
        if seconds is None:
            return cls("Busy: {people} waiting. Try again in a minute.", reason="wait_unknown", **values)
        return cls(
            "Busy: {people} waiting. Try again in about {time}.", seconds, time=f"{max(1, round(seconds))} s", **values
        )

    @classmethod
    def live(cls, sessions: int) -> BusyError:
        """For one live session more than there may be."""
        sentence = "Busy: {sessions} live sessions are open. Try again in a minute."
        return cls(sentence, reason="live", sessions=sessions)


class LimitError(UnavailableError):
    """The client has asked for more than it may; others are served."""

    code = "rate_limit_exceeded"

    @classmethod
    def too_many(cls, wait_s: float) -> LimitError:
        """For a client that must wait this long; it is never told less than the truth."""
        unit, unit_s = next(each for each in _UNITS if wait_s <= each[2])[:2]
        return cls("Too many requests: try again in {time}.", wait_s, time=f"{math.ceil(wait_s / unit_s)} {unit}")

    @classmethod
    def waiting(cls, most: int, until_next_s: float | None) -> LimitError:
        """For a client of whose jobs already so many wait as may; the first of them begins in about so many seconds."""
        jobs = "a job" if most == 1 else f"{most} jobs"
        sentence = "You already have {jobs} waiting: send more when one of them has started."
        return cls(sentence, until_next_s, reason="waiting", jobs=jobs, most=most)

    @classmethod
    def live(cls, most: int) -> LimitError:
        """For a client that has as many live sessions as it may."""
        sessions = "a live session" if most == 1 else f"{most} live sessions"
        sentence = "You already have {sessions} open: end one before you open another."
        return cls(sentence, reason="live", sessions=sessions, most=most)


_UNITS = (("s", 1, 120), ("min", 60, 7200), ("h", 3600, math.inf))
"""Of time: its name, its seconds, and up to how many seconds it is used."""


class NotReadyError(UnavailableError):
    """No model can serve now."""

    @classmethod
    def stopping(cls) -> NotReadyError:
        """For jobs that still wait when the server stops."""
        return cls("The server is stopping: try again in a minute.", reason="stopping")

    @classmethod
    def restarting(cls, seconds: float) -> NotReadyError:
        """For jobs that still wait when the server stops, and another one will be there in so many seconds."""
        wait_s = max(1, math.ceil(seconds))
        sentence = "The server is restarting: try again in {time}."
        return cls(sentence, wait_s, reason="restarting", time=f"{wait_s} s")


UNAVAILABLE_CODES = frozenset(kind.code for kind in (BusyError, LimitError, NotReadyError))
"""Of what may succeed later as it stands."""


class EngineError(VoxdemoError):
    """The model failed on this job."""

    code = "model_failed"


class ModelDiedError(EngineError):
    """The model is not to be used again. `what` happened, as in "the voice ran out of memory"."""

    code = "model_died"

    def __init__(self, sentence: str, what: str = "failed", **values: Any) -> None:
        super().__init__(sentence, **values)
        self.what = what


class AddressError(EngineError):
    """The server at an address failed on this job, for one of the reasons in OF_ADDRESSES."""

    @classmethod
    def of(cls, code: str, title: str) -> AddressError:
        """The one with this code, for the engine of this title."""
        return cls(OF_ADDRESSES[code], code, title=title)

    @property
    def again(self) -> bool:
        """Whether it may be over in a moment, so that the server is asked once more where nothing was heard."""
        return self.code not in ("engine_refused", "engine_odd_answer")


OF_ADDRESSES = {
    "engine_unreachable": "{title} can't be reached: try again in a minute, or choose another voice.",
    "engine_refused": "{title} refuses this server: tell its operator.",
    "engine_failed": "{title} failed on this text: try again, or choose another voice.",
    "engine_silent": "{title} sent no sound: try again in a minute, or choose another voice.",
    "engine_broke_off": "{title} stopped in the middle: try again, or choose another voice.",
    "engine_odd_answer": "{title} sent something that isn't speech: tell this server's operator.",
}
OF_CHATS = {
    "chat_unreachable": "The language model can't be reached: try again in a minute.",
    "chat_refused": "The language model refuses this server: tell this server's operator.",
    "chat_failed": "The language model failed on this: try again.",
    "chat_silent": "The language model didn't answer: try again in a minute.",
    "chat_said_nothing": "The language model gave no answer: ask again, or in other words.",
    "chat_broke_off": "The language model stopped in the middle of its answer: try again.",
    "chat_odd_answer": "The language model sent something that isn't an answer: tell this server's operator.",
}


class ChatError(EngineError):
    """The server of the language model failed on this answer, for one of the reasons in OF_CHATS."""

    @classmethod
    def of(cls, code: str) -> ChatError:
        return cls(OF_CHATS[code], code)


class JobTimeoutError(EngineError):
    """The job ran into its deadline and was stopped."""

    code = "took_too_long"

    @classmethod
    def after(cls, seconds: float) -> JobTimeoutError:
        return cls("This took longer than {seconds:g} s and was stopped: send something shorter.", seconds=seconds)


class StorageError(VoxdemoError):
    """What was made can't be written to the disk."""

    code = "no_room"

    def __init__(self, sentence: str = "The server has no room left for the audio: tell its operator.") -> None:
        super().__init__(sentence)


class SettingsError(VoxdemoError):
    """The server can't start with these settings.

    The sentence is for whoever runs the server and may name a `folder`; `public` is the same without it.
    """

    code = "wrong_settings"

    def __init__(self, sentence: str, folder: str = "") -> None:
        super().__init__(sentence)
        self.public = sentence.replace(folder, "its folder") if folder else sentence


class WeightsError(SettingsError):
    """A model's weights can't be had, can't be trusted or don't fit; the sentence says what to type."""

    code = "no_weights"


def _plain(value: Any) -> Any:
    return value.described if isinstance(value, VoxdemoError) else value


def some(these: Sequence[str], between: str = "", most: int = 8) -> str:
    """The first of them, for a sentence, with "…" where there are more."""
    shown = between.join(each[:40] for each in these[:most])
    return f"{shown}…" if len(these) > most else shown
