"""Figures and signs in Spanish, French, Italian and Portuguese: one set of rules over the table of a language.

Rules are tried in order, and each writes words only, so that those behind it find no figure it has read. Their patterns
have bounded repeats: time is linear.
"""

import re
from collections.abc import Callable

from voxdemo.text.rules import Rule, alternatives
from voxdemo.text.spoken import numbers
from voxdemo.text.spoken.amounts import Amounts, word_before
from voxdemo.text.spoken.language import Table, month_names, unit_names, words
from voxdemo.text.spoken.numbers import Figure

_SENTENCE_ENDS = re.compile(r"\s*$|\s*\n|\s+[«“\"¿¡(]?[A-ZÀ-Ý]")
_NAME = re.compile(r"[ \u00a0][A-ZÀ-Ý\d]")
_CAPITALISED = re.compile(r"(?<!\w)[A-ZÀ-Ý][\w.]*\W?$")
_SINGULAR = words("el la del al il lo dal nel dello o a do da no na ao")
"""Articles, behind which "25°" is no angle."""

_BEHIND_DEGREES = words(
    "bajo sobre norte sur este oeste nord sud est ouest ovest norte sul leste oeste a à all sotto sopra "
    "abaixo acima centígrados centigradi circa e y et en in em al au sous dessous"
)
_DOMAINS = "com|org|net|edu|gov|info|io|es|mx|ar|fr|it|br|pt|eu|de|uk"


def rules_of(table: Table) -> list[Rule]:
    """What a text in the language of `table` is read by, in this order."""
    return _Reader(table).rules()


class _Reader:
    """The rules of a language, and how each of them reads what it finds."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.amounts = Amounts(table)
        self.months = month_names(table.code)

    def rules(self) -> list[Rule]:
        return [
            *self._rules_of_words(), *self._rules_of_days(), *self._rules_of_hours(), *self._rules_of_digits(),
            *self.amounts.rules(), *self._rules_of_codes(), *self.amounts.rules_of_plain_numbers(),
            *self._rules_of_signs(),
        ]  # fmt: skip

    def _rules_of_words(self) -> list[Rule]:
        table, numeral = self.table, rf"(?P<roman>{numbers.ROMAN})"
        host, path = r"(?<![\w@.-])(?:[\w-]{1,63}\.){1,4}", r"(?:/[^\s<>]{0,2000})?"
        return [
            (r"(?:https?://|www\.)[^\s<>]{1,2000}", self._web),
            (r"(?<![\w@.])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", self._web),
            (r"(?<![\w.])@\w[\w.]{1,40}", self._web),
            (rf"{host}(?:{_DOMAINS}){path}(?![\w.]\w|\w)", self._web),
            (rf"(?<!\w)(?:{alternatives(table.abbreviations)})(?![^\W\d])", self._abbreviation),
            (r"(?<![\w&])#(?=[^\W\d])", f"{table.hashtag} "),
            (r"(?<!\w)['’](?=\d\d(?!\d))", ""),
            *((pattern.replace("{roman}", numeral), self._as_roman(how)) for pattern, how in table.romans),
            (rf"\b(?P<name>{table.kings}|{table.queens}) {numeral}(?:er|re|e)?(?![\w.]\w|\w)", self._king),
            (r"(?<=[^\W\d_] )(?P<roman>[IVX]{2,7})(?!\w)", self._as_roman("cardinal")),
        ]

    def _rules_of_days(self) -> list[Rule]:
        table, months = self.table, "|".join(self.months)
        return [
            (r"(?<![\w/.-])(\d{4})([-/.])(\d\d?)\2(\d\d?)(?:T(?=\d)|(?![\d/]|[.-]\d))", self._date_of_year_first),
            (r"(?<![\w/.-])(\d\d?)([-/.])(\d\d?)\2(\d{4}|\d\d)(?![\d/]|[.-]\d)", self._date),
            (rf"\b(?P<before>(?:{table.before_dates}) )(\d\d?)/(\d\d?)(?![\d/])", self._day),
            (r"(?<![\w/.,])(?P<before>)(\d\d)/(0[1-9]|1[0-2])(?![\d/]|[.,]\d)", self._day_after_its_month),
            (rf"(?<=['’])1(?= (?:{months})\b)", self.amounts.said(Figure("1"))),
            (rf"(?<![\w.,])1(?= (?:de )?(?:{months})\b)", table.first or self.amounts.said(Figure("1"))),
        ]

    def _rules_of_hours(self) -> list[Rule]:
        hour, minute = r"(?:[01]?\d|2[0-4])", r"[0-5]\d"
        return [
            *self._rules_of_points(hour, minute),
            (rf"(?<![\d:.,\w])(\d{{1,2}}):({minute}):({minute})(?![\d:])", self._duration),
            (rf"(?<![\d:.,\w])({hour}) ?[hH] ?({minute})(?P<unit>)(?:min|m)?(?![\w:]| ?min)", self._clock),
            (rf"(?<![\d:.,\w])({hour}):({minute})(?: ?(?P<unit>h|hs|hrs)\b)?(?!\d|:\d)", self._clock),
        ]

    def _rules_of_points(self, hour: str, minute: str) -> list[Rule]:
        """Times that are written with a point, of a range the second, too, get a colon, unless something is counted."""
        if not self.table.dotted_times:
            return []
        words = self.table.dotted_times.split("|")
        behind = rf"\.({minute})(?!\d|[.,]\d| ?(?:{self.amounts.measures()})(?!\w))"
        hours = {word: "0?1" if word.endswith(" la") else hour for word in words}  # one o'clock is singular
        to = r" ?[-–] ?| (?:a|e|y|hasta|fino a) (?:las? |le )?"
        return [
            *((rf"(?<=\b(?i:{word}) )({hours[word]}){behind}", r"\1:\2") for word in words),
            (rf"(?<=:\d\d)({to})({hour}){behind}", r"\1\2:\3"),
        ]

    def _rules_of_digits(self) -> list[Rule]:
        country, area = r"(?:\(?\+ ?\d{1,3}\)?[ .-]?)?", r"(?:\(0?\d{1,4}\) ?)?"
        return [
            (rf"(?<![\w.,+]){country}{area}(?:{'|'.join(self.table.phones)})(?!\w|[.,-]\d)", self._phone),
            (r"(?<![\w.,])\+ ?\d{1,3}(?:[ .-]\d{1,5}){2,6}(?![\w.,-]\d|\w)", self._phone),
            (r"(?<![\w.,])\d{3,4}(?:-\d{3,4}){1,3}-\d{3,4}(?![\w-])", self._phone),
            (r"(?<![\d.,])\d{1,5}(?:\.\d{1,5}){2,5}(?!\d|[.,]\d)", self._version),
            (rf"(?<![\w.,])(\d{{1,4}})\.?({alternatives(self.table.ordinals)})(?!\w| [CF]\b)", self._ordinal),
        ]

    def _rules_of_codes(self) -> list[Rule]:
        return [
            (r"\b([A-ZÀ-Ý]{1,3})(?=-?\d)", self._letters),
            (r"(?<=[^\W\d_])[-–]?(?=\d)", " "),
            (r"(?<=\d)-?([A-Z]{1,2})(?!\w)", lambda match: f" {self._letters(match)}"),
        ]

    def _rules_of_signs(self) -> list[Rule]:
        table = self.table
        spelt = "|".join(["[BCDFGHJKLMNPQRSTVWXZ]{2,5}", *sorted(table.spelt)])
        letter = "[B-DF-HJ-NP-TV-XZ]"
        return [
            (alternatives(table.signs), lambda match: f" {table.signs[match[0]]} "),
            (rf"(?<![\w.-])(?![IVX]+\b)(?:{spelt})(?![\w'’-]|\.\w)", self._letters),
            (r"(?<![\w.'’-])(?:[A-Z]\. ?){2,4}(?=[A-ZÀ-Ý][a-zà-ÿ])", self._initials),
            (rf"(?<![\w.'’-]){letter}(?![\w'’-]|\.\w)", self._letters),
        ]

    def _date_of_year_first(self, match: re.Match[str]) -> str:
        said = self._calendar(match[4], match[3], match[1])
        return f"{said} " if match[0].endswith("T") and said else said or match[0]

    def _date(self, match: re.Match[str]) -> str:
        year = match[4] if len(match[4]) == 4 else f"{20 if match[4] < '50' else 19}{match[4]}"
        return self._calendar(match[1], match[3], year) or self._calendar(match[3], match[1], year) or match[0]

    def _day(self, match: re.Match[str]) -> str:
        said = self._calendar(match[2], match[3], "")
        return f"{match['before']}{said}" if said else match[0]

    def _day_after_its_month(self, match: re.Match[str]) -> str:
        """Such as 25/12, where the day can't be a part of the month."""
        return self._day(match) if int(match[2]) > int(match[3]) else match[0]

    def _calendar(self, day: str, month: str, year: str) -> str:
        """A date in words; nothing, where there is no such day."""
        if not 1 <= int(day) <= 31 or not 1 <= int(month) <= 12:
            return ""
        table = self.table
        number = table.first if table.first and int(day) == 1 else numbers.cardinal(day, table.code)
        said = table.date.format(day=number, month=self.months[int(month) - 1])
        return f"{said}{table.year}{numbers.cardinal(year, table.code)}" if year else said

    def _clock(self, match: re.Match[str]) -> str:
        table, hour, minute = self.table, int(match[1]), int(match[2])
        few, more, none, none_late = table.clock
        template = (more if minute > 9 else few) if minute else none_late if hour > 12 or hour == 0 else none
        said = table.one("f", "").strip() if hour == 1 and table.one else self.amounts.said(Figure(str(hour)), "f")
        hours = table.hours[0] if hour < 2 else table.hours[1]
        said = template.format(h=said, m=self.amounts.said(Figure(str(minute))), hours=hours)
        has_unit = match["unit"] and "{hours}" not in template
        return f"{said} {hours}" if has_unit else said

    def _duration(self, match: re.Match[str]) -> str:
        named = []
        for place, sign in ((1, "h"), (2, "min"), (3, "s")):
            figure, forms = Figure(str(int(match[place]))), unit_names(sign, self.table.code)
            gender = self.amounts.gender(forms[0])
            named.append(self.amounts.counted(self.amounts.said(figure, gender), figure, forms, gender))
        return f"{named[0]}{self.table.duration[0]}{named[1]}{self.table.duration[1]}{named[2]}"

    def _phone(self, match: re.Match[str]) -> str:
        code = self.table.code
        plus = f"{self.table.plus} " if "+" in match[0] else ""
        groups = re.findall(r"\d+", match[0])
        if self.table.in_pairs:
            if len(groups) == 1:
                groups = re.findall(r"\d\d?", groups[0])
            said = [
                numbers.digit_by_digit(group, code)
                if group[0] == "0" or len(group) > 3
                else numbers.cardinal(group, code)
                for group in groups
            ]
        else:
            if len(groups) == 1 and not plus:
                groups = re.findall(r"\d{1,3}", groups[0])
            said = [numbers.digit_by_digit(group, code) for group in groups]
        return plus + ", ".join(said)

    def _version(self, match: re.Match[str]) -> str:
        groups = match[0].split(".")
        if (
            all(len(group) == 3 for group in groups[1:])
            and len(groups[0]) <= 3
            and not (len(groups) == 4 and max(map(int, groups)) < 256)
        ):
            return match[0]
        return f" {self.table.points['.']} ".join(self.amounts.said(self.amounts.parsed(group)) for group in groups)

    def _ordinal(self, match: re.Match[str]) -> str:
        table, number, suffix = self.table, int(match[1]), match[2]
        noun = re.match(r" ([^\W\d_]+)", match.string[match.end() : match.end() + 24])
        is_before_noun = bool(noun and noun[1].lower() not in table.not_nouns)
        is_angle = suffix == "º" and number > 20 and noun and noun[1].lower() in _BEHIND_DEGREES
        if is_angle or (suffix == "°" and not self._is_ordinal(match, number, noun[1] if noun else "")):
            figure = Figure(str(number))
            return self.amounts.counted(self.amounts.said(figure, "m"), figure, self.amounts.unit("°"), "m")
        if table.ordinals[suffix].startswith("=") or not number:
            return table.ordinals[suffix][1:] if number == 2 else self.amounts.said(Figure(str(number)))
        ruleset = table.apocope if table.apocope and suffix in "º°" and is_before_noun else table.ordinals[suffix]
        return numbers.ordinal(number, table.code, ruleset)

    def _is_ordinal(self, match: re.Match[str], number: int, noun: str) -> bool:
        """Whether "3°" isn't an angle."""
        is_one_of_them = word_before(match) in _SINGULAR and number < 32
        is_noun = len(noun) > 3 and noun.islower() and noun not in self.table.not_nouns
        is_before_noun = noun.lower() not in _BEHIND_DEGREES and ((noun and number <= 10) or is_noun)
        return bool(self.table.degree_ordinals and (is_one_of_them or is_before_noun))

    def _as_roman(self, how: str) -> Callable[[re.Match[str]], str]:
        def said(match: re.Match[str]) -> str:
            start, end = match.start("roman"), match.end("suffix" if "suffix" in match.re.groupindex else "roman")
            words = self._roman(match["roman"], how)
            return match[0][: start - match.start()] + words + match[0][end - match.start() :]

        return said

    def _roman(self, numeral: str, how: str) -> str:
        value, code = numbers.roman(numeral), self.table.code
        if how == "cardinal" or (how in ("king", "queen") and value > self.table.regnal_ordinals):
            return numbers.cardinal(str(value), code)
        return numbers.ordinal(value, code, "feminine" if how in ("f", "queen") else "masculine")

    def _king(self, match: re.Match[str]) -> str:
        is_queen = re.fullmatch(self.table.queens, match["name"])
        return f"{match['name']} {self._roman(match['roman'], 'queen' if is_queen else 'king')}"

    def _abbreviation(self, match: re.Match[str]) -> str:
        said = self.table.abbreviations[match[0]]
        before = match.string[max(0, match.start() - 24) : match.start()]
        is_initial = not _NAME.match(match.string, match.end()) or (match[0] != "M." and _CAPITALISED.search(before))
        if re.fullmatch(r"[A-Z]\.", match[0]) and is_initial:
            return match[0]
        if match.string[match.end() : match.end() + 1].isdigit():
            return f"{said} "
        ends = match[0].endswith(".") and match[0] in self.table.closing
        return f"{said}." if ends and _SENTENCE_ENDS.match(match.string, match.end()) else said

    def _letters(self, match: re.Match[str]) -> str:
        return " ".join(self.table.letters.get(letter, letter) for letter in match[0].strip("-"))

    def _initials(self, match: re.Match[str]) -> str:
        return "".join(f"{self.table.letters[letter]} " for letter in match[0] if letter.isalpha())

    def _web(self, match: re.Match[str]) -> str:
        """An address: words as they are, signs by their names, "https://" and a stop behind it left out."""
        address = match[0].rstrip(".,;:!?)”»'\"")
        behind = match[0][len(address) :]
        address = re.sub(r"^https?://", "", address)
        letters = " ".join([self.table.letters["W"]] * 3)
        address = re.sub(r"^www(?=\.)", letters, address)
        said = "".join(f" {self.table.web[sign]} " if sign in self.table.web else sign for sign in address)
        return f"{' '.join(said.split())}{behind}"
