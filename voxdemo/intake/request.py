"""What a client asks for, as one value with a key: two requests with the same key have the same answer.

Checks what can be checked at once and reads the recordings that came along; `plan` cuts a text into parts. Knows no
line and no cache.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from voxdemo.audio.reading.decode import check_there
from voxdemo.errors import InputError
from voxdemo.estimates.paces import speech_units
from voxdemo.files import content
from voxdemo.intake import detection, languages, validate
from voxdemo.speech import GUIDANCE, RARE_DIALS, SPEED, EngineInfo, ModelInfo, RecognizerInfo, SpeakOptions, Utterance
from voxdemo.text import scripts, split, tags
from voxdemo.text.length import spoken_length

UNSEEN_RECORDING_S = 10.0
"""How long a recording is taken to be whose file doesn't tell: about what people say into a microphone."""
ANSWER_FORMAT = 1
"""Raised when the same request is answered differently than before: by other joins, other captions, other files."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a text, and the voice that says it: the utterance has the stretch, and the engine's own voice."""

    utterance: Utterance
    engine: EngineInfo
    pause_s: float | None = None
    """Silence before it, where the text asks for one."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A voice that says a part of a text that another voice speaks: the engine's own, or that of a recording."""

    voice: str | None
    engine: EngineInfo
    recording: Path | None = None
    recorded: str = ""
    """What is said in the recording, where that is known."""

    def saying(self, text: str, host: Utterance) -> Passage:
        """The passage `text` of what the host says, at its pace."""
        speed = self.engine.dial(SPEED).nearest(host.speed)
        voice = SpeakOptions(voice=self.voice, prompt_audio=self.recording, prompt_text=self.recorded)
        return Passage(replace(voice.saying(text), speed=speed, seed=host.seed), self.engine)

    @property
    def key(self) -> list[str | None]:
        """What makes it another voice than others, its model included. Reads the recording; raises InputError."""
        recording = [_content(self.recording), self.recorded] if self.recording else []
        return [self.voice, *_model(self.engine), *recording]


NO_GUESTS: Mapping[str, Guest] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """An utterance for an engine. It has a seed: its own where the engine honours that, else one from all the rest."""

    key: str
    utterance: Utterance
    engine: EngineInfo
    warnings: tuple[str, ...]
    """What of it is ignored, one sentence each."""
    guests: Mapping[str, Guest]
    """The voices of stretches of other languages in the text, by ISO 639-1 code."""
    named: Mapping[str, Guest] = field(default_factory=dict)
    """The voices that tags in the text name, by `tags.plain_name`."""

    @property
    def seat_of(self) -> str:
        """The name of the engine at whose seats it is spoken: one at an address's only if no voice here has a part.

        A seat of this server takes its other voices in, but a seat of an address has no models.
        """
        speakers = (self.engine, *(guest.engine for guest in self.named.values()))
        return next((each.name for each in speakers if not each.is_elsewhere), self.engine.name)

    @property
    def seed(self) -> int | None:
        """The utterance's; None where another one would make no other sound."""
        return self.utterance.seed if "seed" in self.engine.honours else None


@dataclass(frozen=True, slots=True)
class RecordingRequest:
    """A recording for a recogniser."""

    key: str
    recording: Path
    language: str | None
    recognizer: RecognizerInfo
    with_words: bool = False


@dataclass(frozen=True, slots=True)
class AskedRecording:
    """One to be recognised, in a language if it's known, perhaps with the times of its words."""

    path: Path
    language: str | None = None
    with_words: bool = False


Asked = Utterance | AskedRecording | None
"""What a handler is asked for: to say this, to recognise this recording, or nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be spoken. The utterance has the text that is left of what was sent."""

    utterance: Utterance
    parts: Sequence[split.Part]
    guests: Mapping[int, Passage]
    """Of the parts that another voice says, by their index, which it is; the utterance has the text of the others."""
    shares: Sequence[float]
    """The share of the work that each part is."""
    work: Mapping[str, float]
    """How much work it is for each model, by its key: `estimates.paces.speech_units`."""
    warnings: tuple[str, ...]
    """What of the text will be left out, one sentence each."""
    lead_s: float = 0.0
    """Silence before the first part."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What was asked for, and what was found out about it before it joined the line."""

    asked: Asked
    request: SpeechRequest | RecordingRequest | None
    plan: Plan | None = None
    """Of a text, unless its answer was at hand."""
    recording_s: float = UNSEEN_RECORDING_S
    """How long its recording is, or is taken to be."""

    @property
    def speech(self) -> SpeechRequest:
        assert isinstance(self.request, SpeechRequest), "a recording was asked for"
        return self.request

    @property
    def recording(self) -> RecordingRequest:
        assert isinstance(self.request, RecordingRequest), "a text was asked for"
        return self.request

    def of(self, asked: Asked, model: ModelInfo) -> Examined | None:
        """The same, if it is about what is `asked` of that model; None: it has to be examined again."""
        match self.request:
            case SpeechRequest(engine=info) | RecordingRequest(recognizer=info) if info == model:
                return self if self.asked == asked else None
        return None


def speech(
    utterance: Utterance,
    engine: EngineInfo,
    guests: Mapping[str, Guest] = NO_GUESTS,
    named: Mapping[str, Guest] = NO_GUESTS,
) -> SpeechRequest:
    """The request to speak this, with those of the `guests` whose languages its letters are of, and those it names.

    Takes up to half a second for the longest prompt audio. Raises InputError for values that can't be, and for prompt
    audio that isn't there; of the text only the scripts are looked at.
    """
    warnings = validate.checked(utterance, engine)
    speed = validate.within_bounds(utterance, engine).speed
    # 1 is 1.0
    numbers: dict[str, Any] = {dial.name: float(getattr(utterance, dial.name)) for dial in (GUIDANCE, *RARE_DIALS)}
    utterance = replace(utterance, **numbers, speed=float(speed))
    if "language" in engine.honours and utterance.language is None:
        utterance = replace(utterance, language=_language(utterance.text, engine))
    asked = {name: getattr(utterance, name) for name in ("format", *sorted(engine.honours - {"seed", "prompt_audio"}))}
    asked["text"] = utterance.text.strip()
    asked["voice"] = utterance.voice or next(iter(engine.voice_names), None)
    if utterance.prompt_audio is not None:
        asked["prompt_audio"] = _content(utterance.prompt_audio)
    is_tagged = tags.understood(utterance.text, named)
    if is_tagged:
        asked["tags"] = [[name, *guest.key] for name, guest in sorted(named.items())]
    speakers = [(engine, utterance.voice), *((guest.engine, guest.voice) for guest in named.values())]
    needed = frozenset[str]().union(
        *(validate.foreign_languages(utterance.text, info.languages_of(voice)) for info, voice in speakers)
    )
    invited = {language: guests[language] for language in sorted(needed & guests.keys())}
    if invited:
        asked["guests"] = [[language, *guest.key] for language, guest in invited.items()]
    if is_tagged or invited:
        asked["speed"] = utterance.speed  # others may speak at it where its own voice doesn't
    unseeded = _key(_model(engine), engine.sample_rate, asked)
    varies = "seed" in engine.honours
    seed = utterance.seed if varies and utterance.seed is not None else int(unseeded[:8], 16)
    key = _key(unseeded, seed) if varies else unseeded
    return SpeechRequest(key, replace(utterance, seed=seed, own=()), engine, warnings, invited, named)


def _language(text: str, engine: EngineInfo) -> str | None:
    """What a text is in, where the engine speaks that."""
    found = detection.detected(text)
    return found if found in engine.languages else None


def plan(request: SpeechRequest) -> Plan:
    """How its engine, and its guests', are to speak this. Takes up to a second for the longest text.

    Raises InputError where there is nothing in it that can be said.
    """
    spoken = passages(request.utterance, request.engine, request.guests, request.named)
    parts, guests = list[split.Part](), dict[int, Passage]()
    cut = [(passage, found) for passage in spoken.passages if (found := _parts(passage))]
    if not cut:
        raise InputError.nothing_to_say()
    for (passage, found), following in zip(cut, [*(passage for passage, _ in cut[1:]), None], strict=True):
        if following:
            stop = split.stop_between(passage.utterance.text, following.utterance.text)
            found[-1] = replace(found[-1], stop=stop, pause_s=following.pause_s)
        else:
            found[-1] = replace(found[-1], pause_s=spoken.end_s)
        if not _is_own(passage, request):
            guests |= {len(parts) + index: passage for index in range(len(found))}
        parts += found
    lengths = [spoken_length(part.text) for part in parts]
    total = sum(lengths)
    shares = [length / total for length in lengths]
    own = " ".join(passage.utterance.text for passage in spoken.passages if _is_own(passage, request))
    lead_s, work = cut[0][0].pause_s or 0.0, work_of([passage for passage, _ in cut])
    return Plan(replace(request.utterance, text=own), parts, guests, shares, work, spoken.warnings, lead_s)


def work_of(passages: Sequence[Passage]) -> Mapping[str, float]:
    """How much work they are for each model, as in `Plan.work`."""
    work = defaultdict[str, float](float)
    for passage in passages:
        work[passage.engine.key] += speech_units(passage.utterance, passage.engine)
    return dict(work)


@dataclass(frozen=True, slots=True)
class Reading:
    """Which voice says what of a text, in its order."""

    passages: Sequence[Passage]
    warnings: tuple[str, ...]
    """What people should know, one sentence each."""
    end_s: float | None = None
    """Silence behind all of it, where the text asks for one."""


def passages(
    host: Utterance, engine: EngineInfo, guests: Mapping[str, Guest] = NO_GUESTS, named: Mapping[str, Guest] = NO_GUESTS
) -> Reading:
    """How a text is read: its tags and its languages decide who says what.

    Raises InputError where there is nothing in it that can be said.
    """
    validate.check_length(host.text)
    cut, warnings = tags.stretches(host.text, named)
    found, refusals, pause_s = list[Passage](), list[InputError](), None
    for stretch in cut:
        pause_s = stretch.pause_s if stretch.pause_s is not None else pause_s
        if not stretch.text.strip():
            continue
        own = _spoken_by(named.get(stretch.voice or ""), stretch.text, host, engine)
        try:
            read, told = _in_languages(own, guests, host, keeps_ends=len(cut) > 1)
        except InputError as error:
            refusals.append(error)
            continue
        found += [replace(read[0], pause_s=pause_s), *read[1:]]
        warnings, pause_s = (*warnings, *told), None
    if not found:
        raise refusals[0] if refusals else InputError.nothing_to_say()
    unsaid = (error.sentence for error in refusals if error.code != "nothing_to_say")
    return Reading(found, tuple(dict.fromkeys((*warnings, *unsaid))), pause_s)


def _spoken_by(guest: Guest | None, text: str, host: Utterance, engine: EngineInfo) -> Passage:
    """A stretch in the voice that a tag names; in the text's own, where none does, or that one."""
    usual = None if host.prompt_audio else host.voice or next(iter(engine.voice_names), None)
    if guest is None or (guest.engine, guest.voice, guest.recording) == (engine, usual, host.prompt_audio):
        return Passage(replace(host, text=text), engine)
    return guest.saying(text, host)


def _in_languages(
    passage: Passage, guests: Mapping[str, Guest], host: Utterance, keeps_ends: bool
) -> tuple[list[Passage], tuple[str, ...]]:
    """A passage with the words of other languages in voices of those, and warnings. Raises InputError as `passages`.

    It `keeps_ends`, the white space around it, where others are beside it.
    """
    said, engine = passage.utterance, passage.engine
    text, warnings = validate.readable_text(said.text, engine, said.voice, guests)
    if keeps_ends:
        text = text.strip().join(said.text.split(said.text.strip(), 1))
    foreign = validate.unreadable(text, engine.languages_of(said.voice))
    cut = scripts.stretches(text, foreign) if foreign else [(None, text)]
    return [
        guests[language].saying(words, host) if language else Passage(replace(said, text=words), engine)
        for language, words in cut
    ], warnings


def _is_own(passage: Passage, request: SpeechRequest) -> bool:
    said, asked = passage.utterance, request.utterance
    return (passage.engine, said.voice, said.prompt_audio) == (request.engine, asked.voice, asked.prompt_audio)


def _parts(passage: Passage) -> list[split.Part]:
    info, languages = passage.engine, passage.engine.languages_of(passage.utterance.voice)
    language = languages[0] if len(languages) == 1 else split.ENGLISH
    return split.parts(passage.utterance.text, info.chunk_chars, info.sentences_apart, language)


def recording(asked: AskedRecording, recognizer: RecognizerInfo) -> RecordingRequest:
    """The request to read this, in a language as `languages.code_of` takes it.

    Takes up to half a second for the longest recording; raises InputError, as `speech`.
    """
    code = languages.code_of(asked.language, recognizer)
    words = ["words"] if asked.with_words else []
    key = _key(_model(recognizer), code, _content(asked.path), *words)
    return RecordingRequest(key, asked.path, code, recognizer, asked.with_words)


def _model(info: ModelInfo) -> list[str]:
    return [info.name, info.version, info.key, info.weights]


def _content(path: Path) -> str:
    try:
        check_there(path)
        return content(path)
    except OSError as error:  # a name that no file can have, or one that went meanwhile
        raise InputError("That recording is no longer here: send it again.", code="recording_gone") from error


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps([ANSWER_FORMAT, *parts], sort_keys=True).encode()).hexdigest()
