"""SHOUTED SENTENCES in normal case. Knows letters and some abbreviations, and nothing of voices."""

import re

_TITLES = "MR|MRS|MS|DR|ST|MT|FT|GOV|SEN|REP|GEN|PROF|REV|CAPT|SGT|LT|COL"
_SHORTENED = f"{_TITLES}|JAN|FEB|MAR|APR|JUN|JUL|AUG|SEPT?|OCT|NOV|DEC|PTS?|VS|DEPT|AVE|BLVD"
_BEHIND_SHORTENED = "".join(
    rf"|(?<=\b{word})\.(?= [A-Z\d])"
    for word in _SHORTENED.replace("SEPT?", "SEP|SEPT").replace("PTS?", "PTS").split("|")
)
_SENTENCE = re.compile(
    rf"(?:[^.!?。！？\n]|\.(?=[A-Z\d])|(?<=\.[A-Z])\.(?= [A-Z\d])|(?<=\bNO)\.(?= \d){_BEHIND_SHORTENED})+[.!?。！？]*"
    r"|[.!?。！？\n]+"
)
"""Up to a stop that ends more than an abbreviation."""
_WORD = re.compile(r"(?:[^\W\d_]\.){2,}|[^\W_]+(?:['’&][^\W_]+)*")
_ACRONYMS = re.compile(
    "ABBA|ACLU|AI|AIDS|AKA|API|APR|ASAP|ASCII|ATM|AT&T|AWS|CEO|CFO|CIA|CIO|COVID|CPU|CTO|DIY|DNA|EOF|EPA|ESA|"
    "ETA|EU|EV|FAQ|FBI|FDA|FIFA|FIFO|GIF|GPA|GPU|GUI|HIV|IBM|ICU|ID|IEEE|IMF|INXS|IOS|IOT|IP|IPA|IPO|IQ|IRA|"
    "IRS|ISBN|ISO|ISP|JPEG|JSON|LED|LIFO|MIT|NAFTA|NASA|NATO|NBA|NRA|NYC|NYPD|NYSE|OECD|OK|OLED|OPEC|OS|PIN|"
    "PNG|Q&A|R&B|R&D|REM|RNA|RSVP|SAT|SIM|SOS|SQL|SUV|TBA|TOEFL|UAE|UCLA|UEFA|UFO|UI|UK|UN|UNESCO|UNICEF|URL|"
    "US|USA|USB|USSR|UV|UX|VIP|YMCA"
)
"""Those with vowels; one without is known by having none."""

_NOT_ACRONYMS = frozenset(f"{_TITLES}|JR|SR|LTD|BLVD|PTS|HMM|SHH|PSST|GRR|BRR|NTH|VS".split("|"))
_VOWEL = re.compile(r"[AEIOUYÀ-ÆÈ-ÏÒ-ÖØ-Ý]")
_NUMERAL = re.compile(r"X{0,3}(?:IX|IV|V?I{0,3})")
_I = re.compile(r"I(?:['’][A-Z]+)?")


_ORDINAL = re.compile(r"\b(\d{0,12})(1ST|2ND|3RD|\dTH)\b")
_DECADE = re.compile(r"\b(\d{2}|\d{3}0)S\b")
_TITLED = re.compile(rf"\b(?i:({_TITLES}))\. ([a-z])")
_PRONOUN_US = re.compile(
    r"\b(?:LET|HELP|JOIN|GIVE|TELL|CONTACT|FOLLOW|CALL|SHOW|SEND|MAKES?|TEACH|TEACHES|SAVE|FREE|LEAVE|BRINGS?|TAKES?|ASK|SEE|"
    r"MEET|MET|BETWEEN|AMONG|FOR|WITH|ABOUT|TO|OF|LIKE|AGAINST|BEHIND|BEFORE|AROUND|NEAR|FROM|BY|KEEPS?|WANTS?|NEEDS?|"
    r"LOVES?|HATES?|TRUST|BELIEVE|REMEMBER|FORGIVE|WATCH|VISIT|FIND|HEAR|JUDGE|PROTECT|UNITES?|CHANGES?|GAVE|TOLD|TOOK|"
    r"MADE|LEFT|SAVED|HELPED) US"
    r"(?= (?:ALL|BOTH|TO|IN|AT|ON|NOW|TODAY|TONIGHT|AND|OR|A|AN|THE|SO|HERE|THERE|IF|WHEN|AS|BY|FOR|WITH|WHAT|HOW|WHY|"
    r"WHO|YOUR|MORE|BACK|OUT|UP|DOWN|FREE|KNOW|GO|BE|THAT|THIS|IS|ARE|NOT|FROM|HOPE|ALONE|HUMAN|HAPPY)\b|\W*$)"
)
"""The pronoun, which stands behind a verb or a preposition and before no noun; else US is the country."""


def calm(text: str) -> str:
    """`text` with its sentences in capitals as they are written otherwise; words and abbreviations in capitals stay."""
    return _SENTENCE.sub(lambda match: _calmed(match[0]) if _is_shouted(match[0]) else match[0], text)


def _is_shouted(sentence: str) -> bool:
    if not sentence.isupper():
        return False
    words = [word for word in _WORD.findall(sentence) if len(word) > 1 and not _stays(word)]
    return (len(words) > 1 and sum(map(len, words)) >= 6) or bool(_PRONOUN_US.search(sentence))


def _calmed(sentence: str) -> str:
    sentence = _ORDINAL.sub(
        lambda match: match[0].lower(), _PRONOUN_US.sub(lambda match: match[0][:-2] + "us", sentence)
    )
    lower = _WORD.sub(lambda match: match[0] if _stays(match[0]) else _lowered(match[0]), _DECADE.sub(r"\1s", sentence))
    lower = _TITLED.sub(lambda match: f"{match[1].capitalize()}. {match[2].upper()}", lower)
    first = _WORD.search(lower)
    at = first.start() if first else 0
    return lower[:at] + lower[at : at + 1].upper() + lower[at + 1 :]


def _lowered(word: str) -> str:
    return word[0] + word[1:].lower() if _I.fullmatch(word) else word.lower()


def _stays(word: str) -> bool:
    """Whether this is an abbreviation, a numeral or a code, which is in capitals everywhere."""
    if word in _NOT_ACRONYMS:
        return False
    has_digit = any(map(str.isdigit, word))
    is_numeral = len(word) > 1 and bool(_NUMERAL.fullmatch(word))
    without_vowel = word.isascii() and len(word) > 1 and not _VOWEL.search(word)
    return has_digit or is_numeral or without_vowel or bool(_ACRONYMS.fullmatch(word)) or "." in word
