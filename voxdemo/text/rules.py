"""What the rooms that rewrite figures share: what a number is, and whether an amount stands before its noun.

Knows no figures of any kind.
"""

import re
from collections.abc import Callable, Iterable

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A pattern, and how what it finds is said."""
CompiledRules = tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]

NUMBER = r"(?:\d{1,15}(?:,\d{3}){0,5}(?:\.\d{1,12})?)"

_ARTICLE = re.compile(r"(?:^|\W)[Aa]n?[ -]$")
_DETERMINER = re.compile(
    r"(?:^|\W)(?:the|this|that|each|every|another|its|his|her|their|our|my|your)[ -]$", re.IGNORECASE
)
_NOT_NOUNS = (
    "a|an|the|of|to|in|on|at|by|for|from|with|and|or|but|if|as|than|that|which|who|he|she|it|we|you|they|is|are|was|"
    "were|be|been|has|have|had|will|would|can|could|did|does|do|between|per|each|away|off|more|less|long|wide|tall|"
    "high|deep|thick|up|down|into|over|under|above|below|before|after|back|left|apart|out|ago|now|only|not|so|then|"
    "when|while|because|about|all|spent|paid|made|lost|given|going|worth"
)
_NOUN = re.compile(rf"[ -](?!(?:{_NOT_NOUNS}|\w+ed)\b)[a-z]{{3,}}")
_COUNTED = re.compile(
    r"[ -](?:bills?|notes?|coins?|tickets?|stamps?|fees?|fines?|relay|race|dash|sprint|hurdles|freestyle)\b"
)
_HYPHENED = re.compile(r"(?:^|\W)(?:an?|the|its|his|her|their|our|my) [\w.]{1,12}-[a-z]{1,12}, $", re.IGNORECASE)
"""As in "a 30-day, $5 trial"."""
_PACKED = re.compile(
    r"\.?\) (?:cans?|packages?|packs?|pkgs?|jars?|boxe?s?|bags?|bottles?|containers?|tubes?|sticks?|blocks?|"
    r"cartons?|tubs?|tins?|pouche?s?|loa(?:f|ves)|steaks?|fillets?|bunche?s?|envelopes?)\b"
)
"""Of recipes: "1 (14.5 oz) can"."""


def rules(*pairs: Rule) -> CompiledRules:
    """`pairs` with their patterns compiled."""
    return tuple((re.compile(pattern), replacement) for pattern, replacement in pairs)


def alternatives(words: Iterable[str]) -> str:
    """A pattern that finds each of `words`, the longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def as_count(number: str) -> str:
    """`number` with a comma, where the voice would take it for a year: "1,013", but "1500" is fifteen hundred."""
    whole = number.partition(".")[0].lstrip("-")
    is_year = len(whole) == 4 and whole.isdigit() and not number.endswith("00") and whole[0] != "0"
    return number.replace(whole, f"{whole[0]},{whole[1:]}", 1) if is_year else number


def is_attributive(match: re.Match[str]) -> bool:
    """Whether the amount that `match` found describes the noun behind it: "a 5 meter rope", "the 90 meter race"."""
    longer = match.string[max(0, match.start() - 32) : match.start()]
    before = longer[-9:]
    after = match.string[match.end() : match.end() + 16]
    if _PACKED.match(after) or (_HYPHENED.search(longer) and _NOUN.match(after)):
        return True
    if _ARTICLE.search(before):
        return bool(re.match(r"[ -]\w", after))
    return bool(_COUNTED.match(after) or (_DETERMINER.search(before) and _NOUN.match(after)))
