"""The words everything shares: what to say, what comes out, and what happens in between.

Plain frozen values. They know nothing of models, threads, files being written or the web.
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono sound: float32, shape [n], within [-1, 1]."""
Tell = Callable[[str], None]
"""Takes one sentence on what loading is at ("VoxCPM2 is being downloaded: 1.2 of 4.6 GB, about 3 min left.")."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One of `SpeakOptions` that people set, where the engine honours it."""

    name: str
    """Of the field."""
    label: str


@dataclass(frozen=True, slots=True)
class Dial(Setting):
    """A setting that is a number."""

    low: float
    high: float
    step: float
    default: float

    def nearest(self, value: object) -> float:
        """The number in range that is closest to `value`, which may still be being typed; else the default."""
        if not isinstance(value, (int, float)) or value != value:
            return self.default
        return min(max(value, self.low), self.high)


SPEED = Dial("speed", "Speed", 0.5, 2.0, 0.05, 1.0)
"""Paces at which speech stays intelligible."""
GUIDANCE = Dial("cfg_value", "Guidance", 1.0, 3.0, 0.1, 2.0)
"""The range that VoxCPM's own demo offers."""
STEPS = Dial("inference_timesteps", "Steps", 4, 30, 1, 10)
"""As GUIDANCE."""
EXAGGERATION = Dial("exaggeration", "Exaggeration", 0.25, 2.0, 0.05, 0.5)
"""The range that Chatterbox's own demo offers."""
CFG_WEIGHT = Dial("cfg_weight", "Guidance weight", 0.0, 1.0, 0.05, 0.5)
"""As EXAGGERATION; not on the scale of GUIDANCE."""
TEMPERATURE = Dial("temperature", "Temperature", 0.05, 5.0, 0.05, 0.8)
"""As EXAGGERATION."""
RARE_DIALS = (EXAGGERATION, CFG_WEIGHT, TEMPERATURE)
"""Those that are not missed where an engine doesn't take them."""
SETTINGS = (
    Setting("prompt_audio", "Recording of the voice"),
    Setting("prompt_text", "Transcript of the recording"),
    Setting("control", "How to speak"),
    SPEED,
    Setting("seed", "Seed"),
    GUIDANCE,
    STEPS,
    *RARE_DIALS,
    Setting("normalize", "Write out numbers and dates"),
    Setting("denoise", "Remove noise from the recording"),
)
"""All that people set beside text, voice and format, in the order of the page."""


@dataclass(frozen=True, slots=True)
class TaggedVoice:
    """A voice that somebody keeps, by a name that tags in a text may call it by."""

    name: str
    recording: Path
    text: str = ""
    """What is said in the recording; "" where that isn't known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakOptions:
    """How to say something: all of an utterance but its text. Every door fills it once.

    The field names up to `denoise` are those of the public VoxCPM demo.
    """

    prompt_audio: Path | None = None
    """A recording of the voice to speak in."""
    prompt_text: str = ""
    """What is said in `prompt_audio`."""
    cfg_value: float = GUIDANCE.default
    """Classifier-free guidance: higher keeps closer to the prompt audio, lower varies more."""
    inference_timesteps: int = round(STEPS.default)
    """Diffusion steps for each patch of sound."""
    normalize: bool = False
    """Write out numbers and dates before speaking."""
    denoise: bool = False
    """Remove noise from `prompt_audio`."""
    control: str = ""
    """How to speak, in words ("whispering, slow")."""
    voice: str | None = None
    """One of `EngineInfo.voice_names`; None is the first."""
    language: str | None = None
    """An ISO 639-1 code; None leaves it to the engine."""
    seed: int | None = None
    """The same seed gives the same sound on the same machine; None is one that follows from the rest."""
    speed: float = SPEED.default
    """Pace: 2.0 is twice as fast."""
    exaggeration: float = EXAGGERATION.default
    """How much feeling is put into it."""
    cfg_weight: float = CFG_WEIGHT.default
    """How far guidance goes: lower is calmer, and has less of the accent of `prompt_audio`."""
    temperature: float = TEMPERATURE.default
    """How freely a language model draws: higher varies more."""
    format: str = "wav"
    """File format of the result."""
    own: tuple[TaggedVoice, ...] = ()
    """The voices that tags may call beside those of the catalogue; of those that are named alike the first."""

    def saying(self, text: str) -> Utterance:
        """The utterance of `text` with these options."""
        return Utterance(text, **{each.name: getattr(self, each.name) for each in fields(SpeakOptions)})


@dataclass(frozen=True, slots=True)
class Utterance(SpeakOptions):
    """What to say and how."""

    text: str


Spans = tuple[tuple[float, float], ...]
"""Starts and ends in seconds."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of sound at the engine's rate, with the part of the text it speaks and when it starts."""

    samples: Samples
    text: str
    start_s: float


@dataclass(frozen=True, slots=True)
class Retaken:
    """The engine lost its way: the chunks from `start_s` on are void; their text is spoken again."""

    start_s: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sound as it is written, signs included, and when it is heard, in seconds from its beginning."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What is said between two moments of a sound, in seconds from its beginning."""

    text: str
    start_s: float
    end_s: float
    emotion: str | None = None
    """The speaker's mood in one word ("happy"), from recognisers that tell it."""
    words: tuple[Word, ...] = ()
    """Of a recording where they were asked for; of speech always."""
    avg_logprob: float = 0.0
    """How sure the model was of its tokens: this and the next from recognisers that tell it."""
    no_speech_prob: float = 0.0
    """Probability that nobody spoke."""

    def later(self, by_s: float, most_s: float = math.inf) -> Segment:
        """The same where so many seconds come before it, in a sound that lasts `most_s`."""

        def at(seconds: float) -> float:
            return min(seconds + by_s, most_s)

        words = tuple(replace(word, start_s=at(word.start_s), end_s=at(word.end_s)) for word in self.words)
        return replace(self, start_s=at(self.start_s), end_s=at(self.end_s), words=words)


@dataclass(frozen=True, slots=True)
class Captions:
    """Which words are heard when, from the sentence with the index `first` on.

    Told when a part of the text begins, by what is expected of it, and again when it's over.
    """

    first: int
    segments: tuple[Segment, ...]
    is_settled: bool = True
    """Whether all of the part is there, so that no other times follow."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a recording. `text` is "" and `language` None where there was no speech."""

    text: str
    language: str | None
    """An ISO 639-1 code."""
    segments: tuple[Segment, ...]
    duration_s: float
    """Length of the recording that was listened to."""
    seconds_spent: float = 0.0
    """Time the recogniser took, without waiting."""
    emotion: str | None = None
    """The speaker's mood over most of the recording, from recognisers that tell it."""
    warnings: tuple[str, ...] = ()
    cached: bool = False
    """It was read before and is given again."""
    path: Path | None = None
    """The recording, where it was asked to be kept beside its captions."""
    peaks: tuple[int, ...] = ()
    """The wave of a recording that was kept, as bars of 0 to 100, for drawing."""


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that an engine has ready. What isn't known of it is ""."""

    name: str
    """What an `Utterance` calls it."""
    language: str = ""
    """A BCP 47 tag: "en-US"."""
    gender: Literal["", "female", "male"] = ""
    """What it sounds like to most people."""
    character: str = ""
    """A word on how it sounds or how good it is, by those who made it: "quality A"."""
    own_title: str = ""
    """As people read it, where that doesn't follow from its name."""

    @property
    def title(self) -> str:
        """As people read it: without what stands before a "_", which is its language and sex again."""
        return self.own_title or self.name.rpartition("_")[2].capitalize()

    def speaks(self, language: str) -> bool:
        """Whether this is its language, by the ISO 639-1 code."""
        return self.language.partition("-")[0] == language


ELSEWHERE = "elsewhere"
"""The device of a model that another server runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """What a model is, a speech engine or a recogniser."""

    name: str
    """Short and stable: "builtin"."""
    title: str
    """As people read it: "Built-in voice"."""
    version: str
    sample_rate: int
    """Hz, of what an engine speaks, or of what a recogniser wants to listen to."""
    languages: tuple[str, ...]
    """ISO 639-1 codes it speaks, or can tell apart."""
    weights: str = ""
    """What tells its weights from others, where the version doesn't."""
    device: str = "cpu"
    """What it runs on, as PyTorch names it: "cuda:0", "mps", "cpu"."""
    precision: str = "float32"
    """What it calculates in: "bfloat16", "float32", "int8"."""
    licence: str = ""
    """Of its weights and voices, by its SPDX identifier."""
    memory_bytes: int = 0
    """About how much of its device's memory it takes at work; 0: not known."""
    load_s: float | None = None
    """About how long it takes to load, the first words it says included; None: not known."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether it's a server at an address."""
        return self.device == ELSEWHERE

    @property
    def id(self) -> str:
        """What programs call it: "built-in-voice"."""
        return self.title.lower().replace(" ", "-")

    @property
    def key(self) -> str:
        """Which model on which device: what is measured of one isn't true of another."""
        return f"{self.title} {self.device} {self.precision}"

    @property
    def subject(self) -> str:
        """The model as a sentence begins with it: "The built-in voice", but "VoxCPM" and "Chatterbox"."""
        is_name = " " not in self.title or self.title != self.title.capitalize()
        return self.title if is_name else f"The {self.title[0].lower()}{self.title[1:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo(ModelInfo):
    """What a speech engine is and which fields of an `Utterance` it honours; the doors show exactly that."""

    voices: tuple[Voice, ...]
    honours: frozenset[str]
    """Names of the `Utterance` fields, beside `text`, that change the sound."""
    note: str
    """One sentence on what it can't do, for the page's banner."""
    chunk_chars: int
    """How many characters it says well in one go; longer text is cut into parts of at most this."""
    dials: tuple[Dial, ...] = ()
    """For numbers that it honours, where it has ranges, steps or defaults of its own."""
    sentences_apart: bool = False
    """Whether it says every sentence by itself anyway; else several make a part, for the melody that spans them."""
    prompt_rate: int = 48_000
    """The rate in Hz at which it wants prompt audio, where it honours that."""
    needs_transcript: bool = False
    """Whether it can use prompt audio only together with what is said in it."""
    usual_factor: float | None = None
    """Seconds of work per second of speech on two processor cores, where that was measured."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """For `Utterance` fields that it would honour if more were installed here: why not, one sentence each."""

    @property
    def voice_names(self) -> tuple[str, ...]:
        """What `voices` are called, in their order."""
        return tuple(voice.name for voice in self.voices)

    def languages_of(self, voice: str | None) -> tuple[str, ...]:
        """What a voice speaks, None's being the first: where voices differ in their languages its own, else all."""
        own = {each.name: each.language.partition("-")[0] for each in self.voices}
        if len(set(own.values())) < 2:
            return self.languages
        return (own.get(voice or "", next(iter(own.values()))),)

    @property
    def takes(self) -> tuple[Setting, ...]:
        """What of SETTINGS it honours, with its own dials."""
        honoured = (each for each in SETTINGS if each.name in self.honours)
        return tuple(self.dial(each) if isinstance(each, Dial) else each for each in honoured)

    def dial(self, usual: Dial) -> Dial:
        """Its own dial for the same field, else the usual one."""
        return next((dial for dial in self.dials if dial.name == usual.name), usual)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizerInfo(ModelInfo):
    """What a recogniser is."""

    times_words: bool = False
    """Whether it says when each word is heard, where it's asked."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """In line: how many jobs come first, and about how long until this one is done (None: not known yet)."""

    ahead: int
    seconds: float | None
    """While a model is `loading`: until that is loaded."""
    loading: str = ""
    """The model that is being loaded for it, as people read it: "Kokoro"."""


@dataclass(frozen=True, slots=True)
class Speaking:
    """The engine is at work: the share of the text spoken (0..1) and about how long the rest takes."""

    done_fraction: float
    seconds_left: float | None
    """Smoothed for display: it counts down. While a model is `loading`: until that is loaded."""
    sentence: int = 1
    """Which part of the text is being spoken, from 1."""
    sentences: int = 1
    total_s: float | None = None
    """About how long the whole sound will be."""
    work_left_s: float | None = None
    """Not smoothed, for calculations; it may jump."""
    sound: str = ""
    """The key under which the sound can be heard while it is made, and fetched when it is over."""
    loading: str = ""
    """The model that is being loaded for the next part, as in `Waiting`."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The recogniser is at work, as `Speaking`."""

    done_fraction: float
    seconds_left: float | None
    heard: Transcript | None = None
    """What was recognised so far; its text and segments only grow."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A finished utterance."""

    path: Path
    duration_s: float
    seed: int | None
    seconds_spent: float
    """Time the engine took, without waiting."""
    captions: tuple[Segment, ...]
    """Sentence by sentence."""
    peaks: tuple[int, ...] = ()
    """The wave as bars of 0 to 100, for drawing."""
    warnings: tuple[str, ...] = ()
    """What was asked for and not honoured, each one sentence."""
    failure: dict[str, Any] | None = None
    """Where and why the sound ends before the text does, as `VoxdemoError.described`."""
    cached: bool = False
    """It was made before, for the same request, and is given again."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Seconds by stage: "waiting" until the engine began, "first_chunk" and "speaking" from there."""

    @property
    def real_time_factor(self) -> float:
        """Seconds of work per second of speech; below 1 is faster than real time."""
        return self.seconds_spent / self.duration_s if self.duration_s else 0.0


TakeEvent = Speaking | Chunk | Captions | Retaken
"""What an utterance being spoken is made of."""

SpeechEvent = Waiting | Speaking | Spoken
"""What a generation tells: Waiting… → Speaking… → one Spoken. Its sound and captions come by way of `live`."""

RecognitionEvent = Waiting | Listening | Transcript
"""What a recognition yields: Waiting… → Listening… → one Transcript."""

R = TypeVar("R", Spoken, Transcript)


async def result_of(events: AsyncGenerator[Any, None], kind: type[R], tell: Callable[[Any], None] | None = None) -> R:
    """The result of a job, which is of this `kind` and the last of its `events`; the others are told as they come."""
    result: R | None = None
    async with aclosing(events):
        async for event in events:
            if isinstance(event, kind):
                result = event
            elif tell:
                tell(event)
    assert result, "a job that raises nothing ends with its result"
    return result
