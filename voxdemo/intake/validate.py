"""What may be asked for: whether an `Utterance` can be served, or what to change.

Knows the engine's description and nothing of the engine itself, so it runs before a job takes its place in line.
"""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any, TypeVar

from voxdemo.engines.builtin import english
from voxdemo.errors import InputError, some
from voxdemo.intake import detection
from voxdemo.intake.languages import title_of
from voxdemo.speech import GUIDANCE, RARE_DIALS, SPEED, STEPS, EngineInfo, SpeakOptions, Utterance
from voxdemo.text import leftovers, pasted, scripts
from voxdemo.text.split import is_speakable

MAX_TEXT_CHARS = 50_000
"""Longest text: a long chapter of a book, about an hour of speech."""
MOST_NAMED = 12
"""How many of those that could be chosen a sentence names."""
ASKED_SPEEDS = (0.25, 4.0)
"""Paces that may be asked for, as in OpenAI's API; those beyond the engine's dial are spoken at its ends."""

_NAMES = {
    "prompt_audio": "prompt audio",
    "prompt_text": "a transcript of the prompt audio",
    "cfg_value": "guidance (cfg)",
    "inference_timesteps": "inference steps",
    "normalize": "text normalisation",
    "denoise": "denoising",
    "control": "a control instruction",
    "seed": "a seed",
    "speed": "a speed",
    "exaggeration": "exaggeration",
    "cfg_weight": "a guidance weight",
    "temperature": "a temperature",
}
_DEFAULTS = SpeakOptions()
_UNSAYABLE: Mapping[str, Callable[[str], Iterable[str]]] = {
    "en": english.unsayable,
    **{language: partial(scripts.foreign, language=language) for language in scripts.WRITTEN_IN},
}
"""What each language (ISO 639-1) has no sound for. A voice of another language, or of several, is taken to read
everything."""

_SAID = frozenset("°©®™℠¦№")
"""Pictures by their category that English voices say or pass over harmlessly."""

_PICTURES = ("So", "Co", "Cn")
"""Symbols and emoji; characters newer than this Python's Unicode tables count as unassigned (Cn)."""

_ATTACHED = ("Mn", "Mc", "Me", "Cf")
"""What belongs to the character before it: accents, vowel signs, variation selectors, joiners."""

_SKIN_TONES = range(0x1F3FB, 0x1F400)

_CLOSING = ",.;:!?…"
Options = TypeVar("Options", bound=SpeakOptions)


def checked(utterance: Utterance, info: EngineInfo) -> tuple[str, ...]:
    """What this engine will ignore of an utterance, one sentence each; the text is `readable_text`'s to check.

    Raises InputError, whose sentence says what to change.
    """
    _check_types(utterance)
    _check_ranges(utterance, info)
    _check_choices(utterance, info)
    _check_together(utterance, info)
    return (*_ignored(utterance, info), *_bounded(utterance, info))


def within_bounds(options: Options, info: EngineInfo) -> Options:
    """The same at the nearest pace that is spoken; it must have been `checked`."""
    return replace(options, speed=info.dial(SPEED).nearest(options.speed))


def _check_types(utterance: Utterance) -> None:
    types: Sequence[tuple[str, Any, str, str]] = (
        ("text", str, "The text", "a string"),
        ("prompt_text", str, "The transcript of the prompt audio", "a string"),
        ("control", str, "The control instruction", "a string"),
        ("cfg_value", (int, float), "Guidance (cfg)", "a number"),
        ("inference_timesteps", int, "Inference steps", "a whole number"),
        *((dial.name, (int, float), dial.label, "a number") for dial in (SPEED, *RARE_DIALS)),
        ("normalize", bool, "Text normalisation", "true or false"),
        ("denoise", bool, "Denoising", "true or false"),
        ("seed", (int, type(None)), "The seed", "a whole number"),
    )
    for name, kind, words, expected in types:
        value = getattr(utterance, name)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InputError("{what} must be {expected}.", code="wrong_type", what=words, expected=expected)


def _check_ranges(utterance: Utterance, info: EngineInfo) -> None:
    guidance, steps = info.dial(GUIDANCE), info.dial(STEPS)
    for name, words, (low, high) in (
        ("cfg_value", "Guidance (cfg)", (guidance.low, guidance.high)),
        ("inference_timesteps", "Inference steps", (steps.low, steps.high)),
        ("speed", "Speed", ASKED_SPEEDS),
        *((dial.name, dial.label, (dial.low, dial.high)) for dial in map(info.dial, RARE_DIALS)),
        ("seed", "The seed", (0, 2**32 - 1)),
    ):
        value = getattr(utterance, name)
        if value is not None and not low <= value <= high:  # which not-a-number never is
            sentence = "{what} must be from {low:g} to {high:.10g}, not {value}."
            values = {"what": words, "low": low, "high": high, "value": str(value)[:20]}
            raise InputError(sentence, name, "out_of_range", **values)


def _check_choices(utterance: Utterance, info: EngineInfo) -> None:
    for name, allowed in (
        ("voice", info.voice_names),
        ("language", info.languages_of(utterance.voice)),
        ("format", ("wav",)),
    ):
        value = getattr(utterance, name)
        if value is not None and value not in allowed:
            raise unknown_choice(info.subject, name, value, allowed)


def unknown_choice(subject: str, kind: str, asked: object, allowed: Sequence[str]) -> InputError:
    """For a voice, language or format that the subject ("VoxCPM") doesn't have."""
    these = some(allowed, ", ", most=MOST_NAMED)
    values = {"subject": subject, "kind": kind, "name": str(asked)[:40], "these": these}
    if not allowed:
        sentence = "{subject} has no {kind} '{name}': leave it empty."
        return InputError(sentence, kind, "unknown_choice", reason="none", **values)
    return InputError("{subject} has no {kind} '{name}': choose one of {these}.", kind, "unknown_choice", **values)


def _check_together(utterance: Utterance, info: EngineInfo) -> None:
    if "control" in info.honours and utterance.control and utterance.prompt_audio and utterance.prompt_text:
        raise InputError(
            "A control instruction and a transcript of the prompt audio don't go together: leave one of them out.",
            code="control_and_transcript",
        )


def readable_text(
    text: str, info: EngineInfo, voice: str | None = None, guests: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """What of a text this voice of an engine can say, as plain prose, and a warning that names what it can't.

    Stretches in the languages of its `guests` (ISO 639-1) stay, where it has something to say itself. Raises InputError
    for text that is empty, too long, full of control characters or not sayable at all.
    """
    check_length(text)
    text, left_out = leftovers.taken_out(text)
    text = pasted.plain(text)
    if control := control_characters(text):
        named = ", ".join(f"U+{ord(character):04X}" for character in control[:5])
        sentence = "The text has control characters ({named}): take them out and try again."
        raise InputError(sentence, code="control_characters", named=named)
    languages = info.languages_of(voice)
    foreign = unreadable(text, languages)
    if not is_speakable(without(text, foreign) if foreign else text):
        raise _unspeakable(foreign, languages)
    skipped = _unread(text, foreign, guests) if guests else foreign
    readable = without(text, skipped) if skipped else text
    warnings = [f"Skipped “{some(skipped)}”: this voice can't read it."] if skipped else []
    language = detection.detected(text)
    if language in detection.IN_LATIN_LETTERS and language not in languages:  # else its letters are named already
        warnings.append(not_spoken(language, info, voice))
    if left_out:
        warnings.append(f"Marks that aren't read aloud are left out: {some(left_out, ' ')}.")
    return readable, tuple(warnings)


def not_spoken(language: str, info: EngineInfo, voice: str | None) -> str:
    """That a text is in a language that this voice doesn't speak, as a sentence."""
    spoken = info.languages_of(voice)
    names = [each.title for each in info.voices if voice in (None, each.name)]
    name = names[0] if names else info.title
    speaks = f"speaks {title_of(spoken[0])} only" if len(spoken) == 1 else "doesn't speak it"
    return f"This looks like {title_of(language)}; {name} {speaks}."


def check_length(text: str) -> None:
    """Raises InputError for a text that is empty or too long."""
    if not text.strip():
        raise InputError("There is no text yet: write what should be spoken.", "text", "no_text")
    if len(text) > MAX_TEXT_CHARS:
        sentence = "The text has {count:,} characters; send at most {most:,}."
        raise InputError(sentence, "text", "text_too_long", count=len(text), most=MAX_TEXT_CHARS)


def _unread(text: str, foreign: str, guests: Collection[str]) -> str:
    """Those of the `foreign` letters that are in no stretch of a guest's language."""
    stretches = scripts.stretches(text, foreign)
    unread = set[str]().union(*(stretch for language, stretch in stretches if language not in guests))
    return "".join(letter for letter in foreign if letter in unread)


def foreign_languages(text: str, languages: Sequence[str]) -> frozenset[str]:
    """The languages that letters of `text` may be of which a voice for `languages` doesn't read."""
    if len(languages) != 1 or languages[0] not in _UNSAYABLE:
        return frozenset()
    return scripts.languages_in(text) - {*languages}


def _unspeakable(skipped: str, languages: Sequence[str]) -> InputError:
    if not skipped:
        return InputError.nothing_to_say()
    return InputError.unsayable(" and ".join(map(title_of, languages)), some(skipped))


def _ignored(utterance: Utterance, info: EngineInfo) -> tuple[str, ...]:
    asked = [field.name for field in fields(SpeakOptions) if field.name in _NAMES and _differs(utterance, field.name)]
    ignored = [name for name in asked if name not in info.honours]
    if "prompt_text" not in ignored and utterance.prompt_text and not utterance.prompt_audio:
        return ("The transcript is left out: there is no prompt audio that it belongs to.", *_without(ignored, info))
    return _without(ignored, info)


def _without(ignored: list[str], info: EngineInfo) -> tuple[str, ...]:
    why = [info.absent[name] for name in ignored if name in info.absent]
    plain = [_NAMES[name] for name in ignored if name not in info.absent]
    return (*([f"{info.subject} doesn't support {_listed(plain)}: ignored."] if plain else []), *why)


def _bounded(utterance: Utterance, info: EngineInfo) -> tuple[str, ...]:
    spoken = within_bounds(utterance, info).speed
    if spoken == utterance.speed or "speed" not in info.honours:
        return ()
    return (f"A speed of {utterance.speed:g} is out of reach: spoken at {spoken:g}.",)


def _differs(utterance: Utterance, name: str) -> bool:
    value: Any = getattr(utterance, name)
    return bool(value != getattr(_DEFAULTS, name))


def _listed(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


# What of a text a voice can say, by Unicode alone, judged by the languages it reads


def unreadable(text: str, languages: tuple[str, ...]) -> str:
    """The distinct characters of `text`, as they first appear, that a voice for `languages` (ISO 639-1) can't say.

    Those are letters that the language has no sound for, and emoji and other pictures. Typographic signs ("&",
    "§", "°", "→") are not among them, nor are accents, joiners and skin tones: `without` takes those out with the
    character they belong to.
    """
    if len(languages) != 1 or languages[0] not in _UNSAYABLE:
        return ""
    silent = set(_UNSAYABLE[languages[0]](text))
    return "".join(character for character in dict.fromkeys(text) if character in silent or _is_picture(character))


def without(text: str, characters: str) -> str:
    """`text` less `characters` and what is attached to them, with single spaces and its paragraphs kept."""
    kept: list[str] = []
    dropping = False
    for character in text:
        if character in characters or (dropping and _is_attached(character)):
            dropping = True
            continue
        if dropping:
            _close_gap(kept, character)
            dropping = False
        kept.append(character)
    return _tidy("".join(kept))


def control_characters(text: str) -> str:
    """The distinct characters of `text` that no honest text holds.

    Those are control characters other than tab and line ends, and lone surrogates.
    """
    return "".join(character for character in dict.fromkeys(text) if _is_control(character))


def _is_picture(character: str) -> bool:
    if character in _SAID or ord(character) in _SKIN_TONES or unicodedata.category(character) not in _PICTURES:
        return False
    return not english.is_spelt(character)


def _is_attached(character: str) -> bool:
    return unicodedata.category(character) in _ATTACHED or ord(character) in _SKIN_TONES


def _is_control(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return unicodedata.category(character) in ("Cc", "Cs")


def _close_gap(kept: list[str], following: str) -> None:
    """Part the words around something taken out, but leave no space before a comma or stop."""
    if following not in _CLOSING:
        kept.append(" ")
        return
    while kept and kept[-1] == " ":
        kept.pop()


def _tidy(text: str) -> str:
    lines = "\n".join(" ".join(line.split()) for line in text.splitlines()).split("\n\n")
    return "\n\n".join(paragraph.strip() for paragraph in lines if paragraph.strip())
