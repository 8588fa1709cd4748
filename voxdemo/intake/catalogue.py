"""The voices of all engines that serve here, and which engine follows from what is asked for.

Knows the engines' descriptions, no engine and no line.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from voxdemo.intake import detection
from voxdemo.intake.languages import accent_of
from voxdemo.intake.request import Guest
from voxdemo.intake.validate import unknown_choice
from voxdemo.speech import EngineInfo, SpeakOptions, TaggedVoice, Utterance, Voice
from voxdemo.stores.voices import KeptVoice
from voxdemo.text import tags

FIELDS = {"control": "instructions"}
"""What programs call settings by another name than `SpeakOptions` does."""
VOICE_ALIASES = {
    "alloy": "heart", "ash": "am_michael", "ballad": "bm_george", "cedar": "am_fenrir", "coral": "af_bella",
    "echo": "am_echo", "fable": "bm_fable", "marin": "af_sarah", "nova": "af_nova", "onyx": "am_onyx",
    "sage": "bf_emma", "shimmer": "af_aoede", "verse": "am_puck",
}  # fmt: skip
"""Names of OpenAI's voices, and which of ours speaks for each: the first one here, where that isn't."""
MOST_OWN = 8
"""How many voices of somebody's own a text may name: their recordings go along with its job."""


@dataclass(frozen=True)
class Catalogue:
    """What can be spoken with: the engine that speaks where nothing else is asked for, then the others."""

    engines: tuple[EngineInfo, ...]
    failed: frozenset[str] = frozenset()
    """The names of engines that can't be loaded: they speak for nobody who doesn't ask for them."""

    @property
    def usual(self) -> EngineInfo:
        return self.engines[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of what can be spoken, the usual engine's first."""
        return tuple(dict.fromkeys(language for engine in self.engines for language in engine.languages))

    @property
    def copier(self) -> EngineInfo | None:
        """The engine that speaks in the voice of a recording."""
        return next((engine for engine in self.engines if "prompt_audio" in engine.honours), None)

    def voices(self) -> Iterator[tuple[Voice, EngineInfo]]:
        """What people choose from, with the engines: of voices of the same title and language the first alone.

        Those at an address are all there, because somebody has named it.
        """
        seen = set[tuple[str, str]]()
        for voice, engine in self._all():
            if engine.is_elsewhere or (voice.title, voice.language) not in seen:
                seen.add((voice.title, voice.language))
                yield voice, engine

    def _all(self) -> Iterator[tuple[Voice, EngineInfo]]:
        return ((voice, engine) for engine in self.engines for voice in engine.voices)

    def named(self, name: str) -> tuple[Voice, EngineInfo] | None:
        """The first voice that is called so, in any case: "heart", with its engine "builtin/heart", or by its title."""
        return self._by_name.get(name.lower())

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[Voice, EngineInfo]]:
        found, by_name = list(self._all()), dict[str, tuple[Voice, EngineInfo]]()
        for way in (lambda voice, engine: voice.name, voice_id, lambda voice, engine: voice.title):
            for each in found:
                by_name.setdefault(way(*each).lower(), each)
        return by_name

    def near(self, engine: EngineInfo) -> "Catalogue":
        """As it is for somebody whose first engine is this one: of voices that are named alike theirs is found."""
        return Catalogue((engine, *(each for each in self.engines if each != engine)), self.failed)

    def name_of(self, voice: Voice, engine: EngineInfo) -> str:
        """What to ask for it by: its name, or its id where another engine's voice is found by that name."""
        found = self.named(voice.name)
        return voice.name if found and found[1] == engine else voice_id(voice, engine)

    def engine_of(self, options: SpeakOptions) -> EngineInfo:
        """The engine that says this: its voice's; else for a recording one that copies; else one of its language.

        That is the one that is asked for, or what the text is in, if the usual engine doesn't speak it.
        """
        return self._found(options)[0]

    def is_away(self, engine: str) -> bool:
        """Whether the engine of this name is a server at an address, which can't be used just now."""
        return engine in self.failed and any(each.is_elsewhere for each in self.engines if each.name == engine)

    def resolved(self, utterance: Utterance) -> tuple[Utterance, EngineInfo]:
        """The utterance, its voice as the engine calls it, and that engine. Raises InputError for an unknown voice."""
        if utterance.voice is not None and not self.named(utterance.voice):
            subject = "This server" if len(self.engines) > 1 else self.usual.subject
            raise unknown_choice(subject, "voice", utterance.voice, [voice.name for voice, _ in self.voices()])
        engine, voice = self._found(utterance)
        return replace(utterance, voice=voice), engine

    def guests(self, host: EngineInfo) -> Mapping[str, Guest]:
        """The voices that say stretches of other languages in a text of this engine, by ISO 639-1 code.

        They are the first of each language. Nothing goes to or from an address for that.
        """
        joined = [each for each in self._joined(host) if each == host or not (host.is_elsewhere or each.is_elsewhere)]
        fitting = [(voice, engine) for voice, engine in self.voices() if engine in joined]
        return {voice.language.partition("-")[0]: Guest(voice.name, engine) for voice, engine in reversed(fitting)}

    def named_in(self, asked: Utterance, host: EngineInfo) -> Mapping[str, Guest]:
        """The voices that tags in a text of this engine name, as `guests`, by the names as `tags.plain_name`.

        A name is one of those that somebody keeps, as far as `MOST_OWN`, of ours, or of OpenAI's, in this order; of
        voices that are named alike the host's own goes first, then one of this server.
        """
        names = tags.names(asked.text) if isinstance(asked.text, str) else []  # else it is refused in words, later
        if not names:
            return {}
        near = Catalogue(tuple(self._joined(host)), self.failed)
        found = {name: near.named(name) or near.named(VOICE_ALIASES.get(name, "")) for name in names}
        ours = {name: Guest(each[0].name, each[1]) for name, each in found.items() if each}
        return ours | near._own_in(names, asked.own)

    def _own_in(self, names: Collection[str], own: Sequence[TaggedVoice]) -> dict[str, Guest]:
        copier = self.copier
        if not copier:
            return {}
        called = {
            tags.plain_name(each.name): each for each in reversed(own) if each.text or not copier.needs_transcript
        }
        known = [name for name in names if name in called][:MOST_OWN]
        return {name: Guest(None, copier, called[name].recording, called[name].text) for name in known}

    def _joined(self, host: EngineInfo) -> list[EngineInfo]:
        """The engines that can have a part in a text of this one, in order: itself, those here, those at addresses."""
        able = [each for each in self.near(host).engines if each.name not in self.failed]
        return sorted(able, key=lambda each: each.is_elsewhere and each != host)

    def _found(self, options: SpeakOptions) -> tuple[EngineInfo, str | None]:
        if options.voice is not None and (found := self.named(options.voice)):
            return found[1], found[0].name
        if options.prompt_audio is not None and self.copier:
            return self.copier, None
        language = options.language or _language_of(options)
        if language is None or language in self.usual.languages_of(None):
            return self.usual, None
        speaker = self.speaker(language)
        if speaker and (options.language or speaker[1].name not in self.failed):
            return speaker[1], speaker[0].name
        return self.usual, None

    def speaker(self, language: str) -> tuple[Voice, EngineInfo] | None:
        """The voice of a language (ISO 639-1) where none is named; first those whose engines can be loaded."""
        speakers = [found for found in self.voices() if found[0].speaks(language)]
        return min(speakers, key=lambda found: found[1].name in self.failed, default=None)


def _language_of(options: SpeakOptions) -> str | None:
    """That of the text, if there is one."""
    return (
        detection.detected(options.text) if isinstance(options, Utterance) and isinstance(options.text, str) else None
    )


def voice_id(voice: Voice, engine: EngineInfo) -> str:
    """What tells a voice from all others: "builtin/heart"."""
    return f"{engine.name}/{voice.name}"


def described(voice: Voice, engine: EngineInfo, instant: bool | None) -> dict[str, Any]:
    """All that is known of a voice, as programs get it.

    `instant`: whether the engine speaks at once here, where that is known.
    """
    return {
        "id": voice_id(voice, engine),
        "name": voice.name,
        "title": voice.title,
        "model": engine.id,
        "language": voice.language or None,
        "languages": list(engine.languages_of(voice.name)),
        "accent": accent_of(voice.language) or None,
        "gender": voice.gender or None,
        "character": voice.character or None,
        "licence": engine.licence or None,
        "pace": None if instant is None else "instant" if instant else "slow",
        "takes": [asdict(replace(each, name=FIELDS.get(each.name, each.name))) for each in engine.takes],
    }


def described_kept(kept: KeptVoice, copier: EngineInfo | None) -> dict[str, Any]:
    """As `described`, for a voice that somebody keeps, which the `copier` speaks in; with what is known of it alone."""
    return {
        "id": kept.id,
        "object": "audio.voice",
        "type": "audio_sample",
        "name": kept.name,
        "title": kept.name,
        "model": copier.id if copier else None,
        "language": None,
        "languages": list(copier.languages) if copier else [],
        "accent": None,
        "gender": None,
        "character": None,
        "licence": None,
        "pace": None,
        "takes": [],
        "is_own": True,
        "created_at": _seconds(kept.consented),
        "consented": kept.consented,
        "transcript": kept.text,
        "duration_s": kept.seconds,
    }


def _seconds(day: str) -> int:
    """Of the epoch; 0 where somebody wrote something else."""
    try:
        return int(datetime.fromisoformat(day.replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return 0
