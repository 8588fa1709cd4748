"""Tags that people write into a text: "[pause 0.8s]", and "[Emma]" for who speaks from there on.

Knows how they look, no voice and no sound. What is in brackets otherwise is left to the text.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from voxdemo.errors import some
from voxdemo.text import leftovers

LONGEST_PAUSE_S = 10.0
LONGEST_TOGETHER_S = 600.0
"""Of all pauses of a text: a short text could ask for days."""
USUAL_PAUSE_S = 1.0
"""Of a pause without a number."""
MOST_NAMES = 100
"""How many voices a text may name; more are read as they stand."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What stands between tags; `text` is "" behind the last one, where it's a pause."""

    text: str
    voice: str | None = None
    """The name in the tag that holds here, as `plain_name`; None is the text's own voice."""
    pause_s: float | None = None
    """Silence before it, in place of the usual one."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, from `start` to before `end` in its text: a pause, or a name."""

    start: int
    end: int
    pause_s: float | None = None
    name: str = ""


def plain_name(name: str) -> str:
    """A name as it is compared."""
    return " ".join(name.split()).casefold()


def names(text: str) -> list[str]:
    """What stands in brackets where a tag could name a voice, each once, as `plain_name`."""
    found = dict.fromkeys(plain_name(tag.name) for tag in _tags(text) if tag.name)
    return list(found)[:MOST_NAMES]


def understood(text: str, voices: Collection[str]) -> list[Tag]:
    """The tags of a text, of which the `voices`, as `plain_name`, are known; the others aren't among them."""
    return [tag for tag in _tags(text) if not tag.name or plain_name(tag.name) in voices]


def stretches(text: str, voices: Collection[str]) -> tuple[list[Stretch], tuple[str, ...]]:
    """`text` cut at its tags, and what people should know of them, in sentences.

    Without the tags, all of the text is there. Linear in practice; never raises.
    """
    cut, at, voice = list[Stretch](), 0, None
    pause_s: float | None = None
    budget_s, shortened = LONGEST_TOGETHER_S, set[str]()
    for tag in understood(text, voices):
        said = text[at : tag.start]
        if said.strip():
            cut.append(Stretch(said, voice, pause_s))
            pause_s = None
        if tag.pause_s is None:
            voice = plain_name(tag.name)
        else:
            before_s = pause_s or 0.0
            wanted_s = before_s + tag.pause_s
            longest_s = min(LONGEST_PAUSE_S, before_s + budget_s)
            shortened |= {_why_shorter(wanted_s)} if wanted_s > longest_s else set()
            if longest_s:
                pause_s = min(wanted_s, longest_s)
                budget_s -= pause_s - before_s
        at = tag.end
    if text[at:].strip() or pause_s is not None:
        cut.append(Stretch(text[at:], voice, pause_s))
    return cut or [Stretch(text)], (*sorted(shortened), *_not_understood(text, voices))


def _why_shorter(wanted_s: float) -> str:
    if wanted_s > LONGEST_PAUSE_S:
        return f"A pause can last {LONGEST_PAUSE_S:g} s at most: longer ones are shortened."
    return f"All pauses together can last {LONGEST_TOGETHER_S / 60:g} min at most: the last ones are left out."


def _not_understood(text: str, voices: Collection[str]) -> list[str]:
    """What looks like a tag and isn't one here."""
    unknown = dict.fromkeys(tag.name for tag in _tags(text) if tag.name and plain_name(tag.name) not in voices)
    meant = [name for name in unknown if _NAME.fullmatch(name) and not leftovers.taken_out(f"[{name}]")[1]]
    notes = (
        [f"No voice that can speak here is called “{some(meant, '”, “')}”: that is read as it stands."] if meant else []
    )
    inside = (match[1].strip() for match in _BRACKETS.finditer(text))
    if wrong := next((each for each in inside if _ALMOST_PAUSE.match(each) and not _PAUSE.fullmatch(each)), None):
        notes.append(f"“{wrong}” isn't a pause: write it like [pause 0.8s].")
    return notes


_BRACKETS = re.compile(r"\[([^\[\]\n]{1,80})\]")
_PAUSE = re.compile(
    r"\s*pause(?:\s*[:=]?\s*(?P<number>\d{1,6}(?:[.,]\d{1,6})?|[.,]\d{1,6})\s*"
    r"(?P<unit>ms|milliseconds?|s|secs?|seconds?|mins?|minutes?)?)?\s*",
    re.IGNORECASE,
)
_ALMOST_PAUSE = re.compile(r"pause\b", re.IGNORECASE)
_UNITS_S = {"ms": 0.001, "milli": 0.001, "min": 60.0}
"""Seconds in what a unit begins with; any other is a second."""
_NAME = re.compile(r"[^\W\d_a-z][\w'’.-]*(?: [^\W\d_a-z][\w'’.-]*){0,3}|[\w.-]+/[\w.-]+|[a-z]{2}_[a-z]+")
"""Words with capitals, or letters of a script that has none; or a voice's id, or its name as engines have it."""
_OPENING = re.compile(r"[\s>*•\"'“‘«(#-]*(?:\d{1,3}[.)]\s+)?")
"""What may stand before the first word of a paragraph."""
_STOPPED = re.compile(r"[.!?…][\"'”’»)\]]*\s+$|[。！？][”’」』）]*\s*$")
_OF_A_LINK = re.compile(r"\(|\[(?!\s*pause\b)|:\s*(?:\w+://|www\.|[/#<])", re.IGNORECASE)
"""What makes brackets a link of Markdown, or where one leads."""
_NEAR = 80
"""Characters before a tag that are looked at."""


def _tags(text: str) -> list[Tag]:
    found: list[Tag] = []
    for match in _BRACKETS.finditer(text) if "[" in text else ():
        inside, start, end = match[1], match.start(), match.end()
        pause = _PAUSE.fullmatch(inside)
        if pause and _is_apart(text, start, pause["number"]) and text[end : end + 1] != "(":
            found.append(Tag(start, end, pause_s=_seconds(pause)))
        elif _begins(text, start, found) and not _OF_A_LINK.match(text, end) and not pause:
            end += text[end : end + 2] in (": ", ":\n")
            found.append(Tag(start, end, name=" ".join(inside.split())))
    return [tag for tag in found if tag.name or tag.pause_s is not None]


def _is_apart(text: str, start: int, number: str | None) -> bool:
    """Whether it isn't the index of a name, as in "state[pause]"."""
    return number is not None or not re.match(r"\w|\]", text[start - 1 : start])


def _begins(text: str, start: int, before: list[Tag]) -> bool:
    """Whether a paragraph or a sentence begins there, or a tag has just ended."""
    if before and not text[before[-1].end : start].strip():
        return True
    line = text.rfind("\n", 0, start) + 1
    near = text[max(line, start - _NEAR) : start]
    return bool(_STOPPED.search(near)) or (start - line <= _NEAR and bool(_OPENING.fullmatch(near)))


def _seconds(pause: re.Match[str]) -> float:
    if pause["number"] is None:
        return USUAL_PAUSE_S
    unit = (pause["unit"] or "s").lower()
    per_unit = next((seconds for name, seconds in _UNITS_S.items() if unit.startswith(name)), 1.0)
    return float(pause["number"].replace(",", ".")) * per_unit
