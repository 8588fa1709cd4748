"""Where to cut a text so that a voice can say it part by part.

Knows where sentences, clauses and paragraphs end, and nothing of voices: how long a part may be, and how long the
silence behind it, are the caller's to say.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby

import regex  # type: ignore[import-untyped]  # its stubs are a package of their own
import sentencex

from voxdemo.text import abbreviations
from voxdemo.text.length import is_heard

FIRST_CHARS = 120
"""A first sentence longer than this is cut, so that sound starts early. About eight seconds of speech."""

FIRST_CHARS_CJK = 40
"""The same where a character is a syllable or a word, not a letter."""
ENGLISH = "en"


class Stop(Enum):
    """What is behind a part; the pause it asks for is the joiner's to know."""

    CUT = "cut"
    """Nothing: it was cut between two words or within one."""
    CLAUSE = "clause"
    SENTENCE = "sentence"
    """The end of a sentence, or of a line."""
    PARAGRAPH = "paragraph"
    """A blank line, a line of signs ("* * *"), or the end of the text."""


@dataclass(frozen=True, slots=True)
class Part:
    """What an engine says in one go, sentence by sentence as well; joined, they hold the same non-blank characters."""

    text: str
    sentences: tuple[str, ...]
    stop: Stop
    pause_s: float | None = None
    """Silence behind it, where the text asks for one in place of what the stop asks for."""


def parts(text: str, max_chars: int, sentences_apart: bool = False, language: str = ENGLISH) -> list[Part]:
    """The parts of `text` to be spoken one after another, each with something to say, none longer than `max_chars`.

    A part holds whole sentences of one paragraph; a line break ends a sentence and stays in the part. The first part is
    the first sentence alone (more, where that is a word or two), cut if it is longer than FIRST_CHARS. Other sentences
    are cut only where they are longer than `max_chars`: at a clause, else between words, else anywhere but within a
    character that is written with several. With `sentences_apart` each sentence is a part of its own, and the first one
    is cut no earlier than the others. Sentences end by the rules of the `language`, an ISO 639-1 code.

    No letter and no digit is lost or moved. White space becomes single spaces and line breaks; signs that stand alone
    are dropped where no neighbour has room for them. Time is linear in practice (50,000 characters in well under a
    second). Raises ValueError for `max_chars` < 1, and UnicodeEncodeError for lone surrogates.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars is above 0, not {max_chars}")
    found: list[Part] = []
    for paragraph in _paragraphs(text):
        early = not found and not sentences_apart
        room = min(max_chars, _first_chars(paragraph[0])) if early else max_chars
        pieces = _pieces(paragraph, room, max_chars, language)
        groups = [[piece] for piece in pieces] if sentences_apart else _grouped(pieces, room, max_chars, early)
        found += map(_part, groups)
    return found


def sentences(text: str, language: str = ENGLISH) -> list[str]:
    """The sentences of `text`, each with something to say; a line break ends one. Those that `parts` would make."""
    found = (
        sentence.strip() for lines in _paragraphs(text) for line in lines for sentence in _sentences(line, language)
    )
    return list(filter(is_speakable, found))


def stop_between(before: str, behind: str) -> Stop:
    """What is between two neighbouring stretches of a text that two voices say: at least the end of a clause."""
    gap = before[len(before.rstrip()) :] + behind[: len(behind) - len(behind.lstrip())]
    if gap.count("\n") > 1:
        return Stop.PARAGRAPH
    return Stop.SENTENCE if "\n" in gap or _SENTENCE_END.search(before.rstrip()) else Stop.CLAUSE


_SENTENCE_END = re.compile(r"[.!?…。！？｡।؟۔][\"”’»)\]」』）】]*$")


def within(text: str, most: int) -> Iterator[str]:
    """`text` in parts of at most `most` characters: after a clause if it can be, else after a word, else anywhere.

    For what isn't heard as text any more: prose that is pronounced piece by piece, and phonemes.
    """
    while len(text) > most:
        head = text[: most + 1]
        ends = [match.end() for match in _CLAUSE_END.finditer(head)]
        at = ends[-1] if ends and ends[-1] > most // 3 else head.rfind(" ") + 1 or most
        yield text[:at].strip()
        text = text[at:].strip()
    if text:
        yield text


_CLAUSE_END = re.compile(r"[,;:—.!?…)]\s")

# Words

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
_OPENING = r"[\p{Ps}\p{Pi}]"
_WORD = regex.compile(
    rf"{_UNSPACED}[ーゝゞヽヾ々ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ\p{{M}}]*[，。、：；！？…\p{{Pe}}\p{{Pf}}]*|{_OPENING}+(?={_UNSPACED})|"
    rf"(?:(?!{_OPENING}*{_UNSPACED})\S)+"
)
"""What stands between spaces; of scripts without spaces a character, with what only lengthens or changes it."""


def words(text: str) -> list[str]:
    """What is heard one after the other of `text`, as it is written; nothing but white space is lost.

    A sign that has no sound stands with the word before it, or with the next where it opens one. Empty where nothing is
    said at all.
    """
    found: list[tuple[int, int]] = []
    begins: int | None = None
    for match in _WORD.finditer(text):
        start, end = match.span()
        if is_heard(match[0]):
            found.append((start if begins is None else begins, end))
            begins = None
        elif found and not regex.match(_OPENING, match[0]):
            found[-1] = found[-1][0], end
        else:
            begins = start if begins is None else begins
    if found and begins is not None:
        found[-1] = found[-1][0], len(text)
    return [" ".join(text[start:end].split()) for start, end in found]


# Sentences

_STOPPED = re.compile(r"[^。！？｡।؟۔]*[。！？｡।؟۔]+[”’」』）】》〉]*\s*|[^。！？｡।؟۔]+")
"""Runs up to a stop that isn't Latin. sentencex knows these stops, but takes quadratic time over many of them."""

_WITHIN_WORD = re.compile(r"[_\d]|[A-Z]\.")
_ITEM_NUMBER = re.compile(r"\(?(?:\d{1,3}|[A-Za-z])[.)]\s*")
"""The number of a list item, which sentencex takes for a sentence."""

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]")


def is_speakable(text: str) -> bool:
    """Whether there is a letter or digit to say."""
    return any(map(str.isalnum, text))


def _paragraphs(text: str) -> Iterator[list[str]]:
    """Runs of lines with words, with single spaces: sentencex panics on some wider ones (U+3000)."""
    lines = (" ".join(line.split()) for line in text.splitlines())
    for has_words, paragraph in groupby(lines, key=is_speakable):
        if has_words:
            yield list(paragraph)


def _sentences(line: str, language: str) -> Iterator[str]:
    """Each sentence of a line, with the white space that follows it."""
    open_end: list[str] = []
    for run in _STOPPED.findall(line + "\n"):
        for sentence in sentencex.segment(language, run):
            if open_end and not _goes_on(open_end, sentence, language):
                yield "".join(open_end)
                open_end = []
            open_end.append(sentence)
    yield "".join(open_end)


def _goes_on(before: list[str], sentence: str, language: str) -> bool:
    """Whether `sentence` is no beginning, but belongs to what is `before` it in its line."""
    is_number = len(before) == 1 and _ITEM_NUMBER.fullmatch(before[0])
    is_within_word = bool(_WITHIN_WORD.match(sentence)) and not before[-1][-1:].isspace()
    shortened = abbreviations.goes_on if language == ENGLISH else _is_shortened
    return bool(is_number or is_within_word or shortened(before[-1], sentence))


_SHORTENED = re.compile(
    r"(?:^|[\s(])(?:Srta?s?|Sras?|Drs?|Dras?|D|Dña|Ud|Uds|Av|Avda?|Prof|Profa|Sta?|Sto|M|MM|Mmes?|Mlles?|Pr|Ste|bd|"
    r"sigg?|sig\.ra|dott|dott\.ssa|avv|ing|n|núm|nº|p|pp|pág|págs|pag|art|vol|cap|chap|tel|tél|aprox|env|fig)\.\s*$",
    re.IGNORECASE,
)
"""An end that is an abbreviation in Spanish, French, Italian or Portuguese, before a name or a number."""


def _is_shortened(before: str, sentence: str) -> bool:
    """Whether what is `before` ends with an abbreviation, in languages other than English."""
    return before.rstrip().endswith(".") and (sentence[:1].islower() or bool(_SHORTENED.search(before)))


def _first_chars(line: str) -> int:
    wide = len(_WIDE.findall(line[:FIRST_CHARS_CJK]))
    return FIRST_CHARS_CJK if wide > len(line[:FIRST_CHARS_CJK]) / 2 else FIRST_CHARS


# Pieces: sentences, or what they were cut into

_SHORTEST_END = 15
"""A piece at the end of a cut sentence is no shorter, where that can be had."""

_PLACES = (
    (re.compile(r"(?<=[.!?…]) |(?<=[.!?…][\"”’)\]]) "), Stop.SENTENCE),
    (
        re.compile(r"[,;:،؛][\"”’)\]]* |[)\]] | [-–—]+ |—(?=[^ ])|[，；：、—][”’」』）】]*(?: |(?=[^ ]))| (?=[(\[“«])"),
        Stop.CLAUSE,
    ),
    (re.compile(r" (?=(?:and|but|or|nor|so|because|which|who|when|while|where|if|then|than|that)\b)"), Stop.CUT),
    (re.compile(r" "), Stop.CUT),
)
"""Where a sentence that is too long is cut, the best place first, and what is there then."""


def _pieces(lines: list[str], first_chars: int, max_chars: int, language: str) -> list[Part]:
    """The sentences of a paragraph, cut to `max_chars` (the first one to `first_chars` in its first piece)."""
    pieces: list[Part] = []
    room = first_chars
    for line in lines:
        start = len(pieces)
        for sentence in _sentences(line, language):
            for piece in _cut(sentence, room, max_chars):
                _append(pieces, start, piece, max_chars)
            room = max_chars
    return [*pieces[:-1], replace(pieces[-1], stop=Stop.PARAGRAPH)]


def _append(pieces: list[Part], start: int, piece: Part, max_chars: int) -> None:
    """Put `piece` behind those from `start` on, or into the last of them where one of the two has nothing to say."""
    if len(pieces) > start and not (is_speakable(pieces[-1].text) and is_speakable(piece.text)):
        last = pieces.pop()
        joined = last.text + piece.text
        if len(joined.rstrip()) <= max_chars:
            piece = replace(piece, text=joined)
        elif is_speakable(last.text):
            piece = replace(last, stop=piece.stop)
    pieces.append(piece)


def _cut(sentence: str, room: int, max_chars: int) -> Iterator[Part]:
    """`sentence` in pieces of at most `room` (the first) and `max_chars`, not counting the white space after each."""
    start, length = 0, len(sentence.rstrip())
    while length - start > room:
        end, stop = _cut_place(sentence, start, room)
        yield Part(sentence[start:end], (), stop)
        start, room = end, max_chars
    yield Part(sentence[start:], (), Stop.SENTENCE)


def _cut_place(sentence: str, start: int, room: int) -> tuple[int, Stop]:
    """Where the piece that begins at `start` ends, at most `room` on, and what is there."""
    share = 0.25 if start == 0 else 0.5
    end_chars = min(_SHORTEST_END, room // 2)
    limit = min(start + room, max(len(sentence.rstrip()) - end_chars, start + room // 2))
    for pattern, stop in _PLACES:
        earliest = start + (1 if pattern.pattern == " " else int(room * share))
        ends = (match.end() for match in pattern.finditer(sentence, earliest, limit + 10))
        fitting = [end for end in ends if end - (sentence[end - 1] == " ") <= limit]
        if fitting:
            return fitting[-1], stop
    return _whole_characters(sentence, start, limit), Stop.CUT


def _whole_characters(sentence: str, start: int, limit: int) -> int:
    """The last place up to `limit` that is not within a character written with several, if there is one."""
    starts = [match.start() for match in regex.finditer(r"\X", sentence[start : limit + 1])]
    return start + starts[-1] or limit if starts[-1] else limit


# Groups

_FEW_WORDS = 2
_FEW_CHARS_CJK = 4


def _grouped(pieces: list[Part], room: int, max_chars: int, early: bool) -> list[list[Part]]:
    """`pieces` of a paragraph in groups of at most `room` (the first) and `max_chars` characters.

    If sound is to start `early`, the first group is the first piece, with others only while it is a word or two.
    """
    groups: list[list[Part]] = []
    for piece in pieces:
        most = room if len(groups) == 1 else max_chars
        said = early and len(groups) == 1 and not _is_short(groups[0])
        if not groups or said or _chars([*groups[-1], piece]) > most:
            groups.append([])
        groups[-1].append(piece)
    return _with_longer_end(groups, room if len(groups) == 2 else max_chars)


def _with_longer_end(groups: list[list[Part]], most: int) -> list[list[Part]]:
    """`groups`, the last of which is no word or two, if it can be had; the last but one holds up to `most`."""
    if len(groups) < 2 or not _is_short(groups[-1]):
        return groups
    *others, before, last = groups
    if _chars([*before, *last]) <= most:
        return [*others, [*before, *last]]
    if len(before) > 1 and not _is_short(before[:-1]) and _chars([before[-1], *last]) <= most:
        return [*others, before[:-1], [before[-1], *last]]
    return groups


def _chars(group: list[Part]) -> int:
    return sum(len(piece.text) for piece in group[:-1]) + len(group[-1].text.rstrip())


def _is_short(group: list[Part]) -> bool:
    text = "".join(piece.text for piece in group)
    return len(text.split()) <= _FEW_WORDS and len(_WIDE.findall(text)) <= _FEW_CHARS_CJK


def _part(group: list[Part]) -> Part:
    text = "".join(piece.text for piece in group).strip()
    return Part(text, tuple(piece.text.strip() for piece in group), group[-1].stop)
