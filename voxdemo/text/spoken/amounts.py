"""Numbers that count something, in Spanish, French, Italian and Portuguese: money, measures, fractions, plain numbers.

They agree with the noun behind them as far as its ending shows its gender. Knows no days, hours, or rows of digits.
"""

import re
from itertools import chain

from voxdemo.text.rules import Rule, alternatives
from voxdemo.text.spoken import numbers
from voxdemo.text.spoken.language import (
    CURRENCIES,
    SIGNS_OF_CURRENCIES,
    UNITS,
    Forms,
    Table,
    currency_names,
    month_names,
    unit_names,
)
from voxdemo.text.spoken.numbers import Figure

_DASH = "[-–—~]"
_WORD_BEHIND = re.compile(r"[ \u00a0\u202f]?([^\W\d_]+)(?:[ \u00a0]([^\W\d_]+))?")
_WORD_BEFORE = re.compile(r"([^\W\d_]+)\W{1,2}$")
_LOOK_BACK = 24
_PER = r"(?: ?/ ?(?P<per>[^\W\d_]{1,12}[²³]?)(?![\w/]))?"
"""A price for each of something."""

_HECTARES = r"ha(?= de\b| di\b| d['’]|[.,;:)]|$)"
"""Elsewhere it is a verb: "el 5 ha llegado"."""

_SCALE_WORDS = ("mil", "mila", "mille")


def word_before(match: re.Match[str]) -> str:
    """The word before what was found, in lower case."""
    found = _WORD_BEFORE.search(match.string[max(0, match.start() - _LOOK_BACK) : match.start()])
    return found[1].lower() if found else ""


class Amounts:
    """How a language says amounts, and the rules that find them."""

    def __init__(self, table: Table) -> None:
        self.table = table
        spaces = table.thousands
        grouped = (
            rf"\d{{1,3}}(?:(?:\.\d{{3}}){{1,5}}|(?:,\d{{3}}){{1,5}}|(?:['’]\d{{3}}){{1,5}}|(?:[{spaces}]\d{{3}}){{1,5}}|"
            r"(?: \d{3}){2,5}|(?: 000){1,5})(?!\d)"
        )
        unsigned = rf"(?<!\w)(?<!\d[.,])(?:{grouped}|\d{{1,15}})(?:[.,]\d{{1,12}})?(?!\d)(?![.,]\d)"
        self.figure = rf"(?:(?<![\w)\]}}%°º²³.,/:+−–-])[-−–+±])?{unsigned}"
        self.amount = rf"{self.figure}(?: ?{_DASH} ?{self.figure})?"
        self.space = rf"[ {spaces}]?"
        self.units = {**dict.fromkeys(UNITS), **table.units}
        self._amounts = re.compile(rf"({self.figure})(?: ?{_DASH} ?({self.figure}))?$")

    def rules(self) -> list[Rule]:
        return [*self._rules_of_money(), *self._rules_of_measures(), *self._rules_of_fractions()]

    def rules_of_plain_numbers(self) -> list[Rule]:
        return [
            (r"(?<=\d) ?[-−–] ?(?=\d[\d.,]{0,15} ?=)", f" {self.table.minus} "),
            (r"(?<=\d)(?=[^\W\d_])", " "),
            (rf"(?P<low>{self.amount})(?: (?=[^\W\d_]))?", self._bare),
            (r"\d+", lambda match: f" {numbers.digit_by_digit(match[0], self.table.code)} "),
        ]

    def _rules_of_money(self) -> list[Rule]:
        scales = self.table.scales
        scale, sign = alternatives(scales), alternatives(CURRENCIES)
        written = [scale for scale, forms in scales.items() if scale not in forms]
        short = alternatives(scale for scale in written if len(scale) == 1)
        longer = alternatives(scale for scale in written if len(scale) > 2) or "(?!)"
        behind = rf"(?P<low>{self.amount})(?: ?(?P<scale>{scale}))?{self.space}(?P<sign>{sign})(?![^\W_])"
        before = rf"(?P<sign>(?<![^\W\d_])(?:{sign})) ?(?P<low>{self.amount})(?: ?(?P<scale>{scale})(?!\w))?"
        return [
            (rf"(?P<minus>(?<![\w)])[-−])?{before}{_PER}", self._money),
            (rf"{behind}{_PER}", self._money),
            (
                rf"(?P<low>{self.amount})(?:(?P<scale>{short})|{self.space}(?P<longer>{longer}|M(?= d)))(?![\w/])",
                self._scaled_bare,
            ),
        ]

    def _rules_of_measures(self) -> list[Rule]:
        units = "|".join([alternatives(unit for unit in self.units if unit != "ha"), _HECTARES])
        space, figure = self.space, self.figure
        return [
            (rf"(?<![\w/.,])(?:(\d{{1,3}}) )?(\d{{1,3}})/(\d{{1,4}}) ?({units})(?![\w'’]|\.\w)", self._part_of_unit),
            (r"(?<![\w.,])(\d) ?m ?(\d\d)(?!\w|[.,]\d)", self._height),
            (rf"(?P<low>{figure}){space}%(?: ?{_DASH} ?(?P<high>{figure}){space}%)", self._percents),
            (rf"(?P<low>{self.amount}){space}(?P<unit>{units})(?![\w'’²³]|\.\w){_PER}", self._measure),
            (rf"(?P<low>{figure}) ?[xX×*] ?(?=\d)", self._times),
        ]

    def _rules_of_fractions(self) -> list[Rule]:
        return [
            (r"(?<![\w/.,])(\d{1,3}) (\d{1,2})/(\d{1,2})(?: ([^\W\d_]{3,20}))?(?![\d/]|[.,]\d)", self._mixed),
            (r"(?<![\w/.,])(\d{1,3}(?:\.\d{3})?)/((?:19|20)\d\d)(?![\d/]|[.,]\d)", self._of_year),
            (r"(?<![\w/.,])(\d{1,4})/(\d{1,4})(?: (?=[^\W\d_]))?(?![\d/]|[.,]\d)", self._fraction),
        ]

    def said(self, figure: Figure, gender: str = "") -> str:
        """A number, as it is before a noun of `gender` ("m", "f") or by itself."""
        table = self.table
        if figure.is_code:
            whole = numbers.digit_by_digit(figure.whole, table.code)
        else:
            agrees = gender and (table.decimals_agree or not figure.decimals)
            ruleset = table.genders["mf".index(gender)] if agrees else "numbering"
            whole = numbers.cardinal(figure.whole, table.code, ruleset)
        before = {"": "", "+": f"{table.plus} ", "±": f"{table.plus} {table.minus} "}.get(
            figure.sign, f"{table.minus} "
        )
        behind = (
            f" {table.points[figure.point]} {numbers.decimals(figure.decimals, table.code)}" if figure.decimals else ""
        )
        return f"{before}{whole}{behind}"

    def gender(self, noun: str) -> str:
        noun = noun.lower()
        is_feminine = not self.table.masculine.fullmatch(noun) and self.table.feminine.fullmatch(noun)
        return "f" if is_feminine else "m"

    def _gender_of_measure(self, name: str) -> str:
        first = name.split()[0]
        return "f" if first in self.table.feminine_measures else self.gender(first)

    def parsed(self, written: str) -> Figure:
        return numbers.parsed(written, self.table.decimal)

    def _range(self, match: re.Match[str], written: str, gender: str) -> tuple[str, Figure]:
        """One number or two in words, and the last of them."""
        found = self._amounts.match(written)
        if not found:
            return self.said(self.parsed(written), gender), self.parsed(written)
        low = self.parsed(found[1])
        if not found[2]:
            return self.said(low, gender), low
        high = self.parsed(found[2])
        if low.is_code or high.is_code:
            return ", ".join(numbers.digit_by_digit(each.whole, self.table.code) for each in (low, high)), high
        before = word_before(match)
        joint = self.table.between.get(before, self.table.to)
        is_score = not gender and len(low.whole) < 4
        from_ = "" if is_score or before in self.table.openers or before in self.table.between else self.table.from_
        if len(low.whole) == 4 and int(high.whole) < int(low.whole):  # no range: a season, a law of that year
            return f"{self.said(low)} {self.said(high, gender)}", high
        return f"{from_}{self.said(low, gender)} {joint} {self.said(high, gender)}", high

    def counted(self, said: str, figure: Figure, forms: Forms, gender: str) -> str:
        """A number, and what it counts: "un millón de euros"."""
        table = self.table
        is_singular = figure.is_one or (table.singular_below_two and figure.whole in ("0", "1"))
        noun = forms[0] if is_singular else forms[1]
        if figure.is_millions:
            return f"{said} {self._of(noun)}"
        if figure == Figure("1") and table.one:
            return f"{table.one(gender, noun)}{noun}"
        return f"{said} {noun}"

    def _of(self, noun: str) -> str:
        is_elided = self.table.of_vowel and noun[:1].lower() in "aeiouéèêhy"
        return f"{self.table.of_vowel if is_elided else self.table.of}{noun}"

    def _bare(self, match: re.Match[str]) -> str:
        noun = _WORD_BEHIND.match(match.string, match.end("low"))
        space = match[0][len(match["low"]) :]
        gender = self._gender_behind(match, noun)
        said, figure = self._range(match, match["low"], gender)
        if noun and gender and figure.is_millions and noun[1].lower() not in self.table.scales:
            return f"{said} {self._of(noun[1]).removesuffix(noun[1])}"
        if noun and gender and figure == Figure("1") and self.table.one and space:
            return self.table.one(gender, noun[1])
        return f"{said}{space}"

    def _gender_behind(self, match: re.Match[str], noun: re.Match[str] | None) -> str:
        """That of the noun behind a number, or none."""
        table = self.table
        before = match.string[max(0, match.start() - _LOOK_BACK) : match.start()].rstrip(" \u00a0.")
        if not noun or noun[1].lower() in table.not_nouns or table.labels.search(before):
            return ""
        if noun[1].lower() in _SCALE_WORDS and noun[2] and noun[2].lower() not in table.not_nouns:
            return self.gender(noun[2])
        is_adjective = noun[1].endswith("es") and noun[2] and noun[2].endswith("s")
        return self.gender(noun[2]) if is_adjective and self.gender(noun[1]) == "m" else self.gender(noun[1])

    def _times(self, match: re.Match[str]) -> str:
        is_score = re.search(r"(?<!\d)\d x $", match[0]) and self.table.score
        return f"{self.said(self.parsed(match['low']))} {self.table.score if is_score else self.table.signs['×']} "

    def _money(self, match: re.Match[str]) -> str:
        table = self.table
        code = SIGNS_OF_CURRENCIES.get(match["sign"], match["sign"])
        names = table.currencies.get(code) or (*currency_names(code, table.code), "", "")
        gender = self._gender_of_measure(names[0])
        said, figure = self._range(match, match["low"], gender)
        scale = match["scale"]
        if scale:
            money = self._scaled(match, scale, names[1], figure)
        elif figure.decimals and len(figure.decimals) <= 2 and names[2] and self.parsed(match["low"]) == figure:
            money = self._with_cents(figure, names, gender)
        else:
            money = self.counted(said, figure, (names[0], names[1]), gender)
        minus = f"{table.minus} " if "minus" in match.re.groupindex and match["minus"] else ""
        return f"{minus}{money}{self._per(match)}"

    def _scaled(self, match: re.Match[str], scale: str, noun: str, figure: Figure) -> str:
        gender = self._gender_of_measure(noun) if scale in self.table.of_free else "m"
        said, _ = self._range(match, match["low"], gender)
        singular, plural = self.table.scales[scale]
        is_singular = figure.is_one or (self.table.singular_below_two and figure.whole == "1")
        name = singular if is_singular else plural
        if figure.is_one and self.table.one:
            said = self.table.one("m", name).strip()
        if scale in self.table.of_free:
            return f"{'' if figure.is_one else said + ' '}{name} {noun}"
        return f"{said} {name} {self._of(noun)}"

    def _scaled_bare(self, match: re.Match[str]) -> str:
        """A number with a scale and no currency: "2,5 mld", "10k"."""
        scale = match["scale"] or match["longer"]
        said, figure = self._range(match, match["low"], "m")
        singular, plural = self.table.scales[scale]
        if figure.is_one and scale in self.table.of_free:
            return singular
        if figure.is_one and self.table.one:
            said = self.table.one("m", singular).strip()
        return f"{said} {singular if figure.is_one else plural}"

    def _with_cents(self, figure: Figure, names: tuple[str, str, str, str], gender: str) -> str:
        cents = Figure(str(int(figure.decimals.ljust(2, "0"))))
        cents_gender = self.gender(names[2])
        counted = self.counted(self.said(cents, cents_gender), cents, (names[2], names[3]), cents_gender)
        if not figure.whole.strip("0"):
            return counted if cents.whole != "0" else self.counted(self.said(cents, gender), cents, names[:2], gender)
        whole = Figure(figure.whole, sign=figure.sign)
        euros = self.counted(self.said(whole, gender), whole, names[:2], gender)
        if cents.whole == "0":
            return euros
        return self.table.cents.format(euros=euros, cents=self.said(cents), counted=counted)

    def _per(self, match: re.Match[str]) -> str:
        if not match["per"]:
            return ""
        unit = match["per"]
        return f" {self.table.per} {self.unit(unit)[0] if unit in self.units else unit}"

    def measures(self) -> str:
        """A pattern for what numbers count, in signs and in words, except times of day."""
        units = self.units.keys() - {"h", "hrs", "min", "s", "seg", "ms"}
        named = (*map(self.unit, units), *self.table.currencies.values(), *self.table.scales.values())
        signs = units - {"ha"}  # elsewhere it is a verb
        return alternatives({*signs, *CURRENCIES, *self.table.scales, *chain.from_iterable(named)} - {""})

    def unit(self, sign: str) -> Forms:
        return self.table.units.get(sign) or unit_names(sign, self.table.code)

    def _measure(self, match: re.Match[str]) -> str:
        forms = self.unit(match["unit"])
        gender = "" if match["unit"] in "%‰" else self._gender_of_measure(forms[0])
        said, figure = self._range(match, match["low"], gender)
        measured = self.counted(said, figure, forms, gender) if gender else f"{said} {forms[0]}"
        return f"{measured}{self._per(match)}"

    def _height(self, match: re.Match[str]) -> str:
        """Such as 1m80."""
        meters = Figure(match[1])
        return f"{self.counted(self.said(meters, 'm'), meters, self.unit('m'), 'm')} {self.said(Figure(match[2]))}"

    def _percents(self, match: re.Match[str]) -> str:
        low, high = (self.said(self.parsed(match[name])) for name in ("low", "high"))
        joint = self.table.between.get(word_before(match), self.table.to)
        return f"{low} {joint} {high} {self.unit('%')[0]}"

    def _part_of_unit(self, match: re.Match[str]) -> str:
        """A part before a unit: "½ kg", "2 1/2 km"."""
        forms = self.unit(match[4])
        gender = self._gender_of_measure(forms[0])
        if match[1]:
            return self._mixed_words(match[1], match[2], match[3], forms[1 if match[1] != "1" else 0])
        if (match[2], match[3]) == ("1", "2"):
            return f"{self.table.halves['mf'.index(gender)]} {forms[0]}"
        return f"{self._fraction_words(match[2], match[3])} {self._of(forms[0])}"

    def _mixed(self, match: re.Match[str]) -> str:
        noun = match[4] or ""
        if noun.lower() in self.table.not_nouns:
            return f"{self._mixed_words(match[1], match[2], match[3], '')} {noun}".rstrip()
        return self._mixed_words(match[1], match[2], match[3], noun)

    def _mixed_words(self, whole: str, upper: str, lower: str, noun: str) -> str:
        """A number and a part: "dos kilos y medio", "dos y tres cuartos"."""
        gender = self.gender(noun.split()[0]) if noun else ""
        figure = Figure(whole)
        counted = self.counted(self.said(figure, gender), figure, (noun, noun), gender) if noun else self.said(figure)
        if (upper, lower) == ("1", "2"):
            return f"{counted} {self.table.and_a_half['mf'.index(gender or 'm')]}"
        part = self._fraction_words(upper, lower)
        return f"{self.said(figure)} {self.table.and_} {part}{' ' + self._of(noun) if noun else ''}"

    def _of_year(self, match: re.Match[str]) -> str:
        number = self.said(self.parsed(match[1]))
        if len(match[1]) == 2 and 1 <= int(match[1]) <= 12:
            number = month_names(self.table.code)[int(match[1]) - 1]
        return f"{number} {self.table.of_year} {self.said(Figure(match[2]))}"

    def _fraction(self, match: re.Match[str]) -> str:
        table, upper, lower = self.table, match[1], match[2]
        space = " " if match[0].endswith(" ") else ""
        noun = _WORD_BEHIND.match(match.string, match.end() - len(space))
        if (upper, lower) == ("1", "2") and noun and noun[1].lower() not in table.not_nouns:
            return f"{table.halves['mf'.index(self.gender(noun[1]))]}{space}"
        if int(lower) in table.fractions and (int(upper) < int(lower) < 10 or upper == "1"):
            return f"{self._fraction_words(upper, lower)}{space}"
        joint = " " if len(upper) == 4 or (upper, lower) == ("24", "7") else f" {table.over} "
        return f"{self.said(self.parsed(upper))}{joint}{self.said(self.parsed(lower))}{space}"

    def _fraction_words(self, upper: str, lower: str) -> str:
        table = self.table
        if int(lower) not in table.fractions:
            return f"{self.said(self.parsed(upper))} {table.over} {self.said(self.parsed(lower))}"
        singular, plural = table.fractions[int(lower)]
        figure = Figure(str(int(upper)))
        return self.counted(self.said(figure, "m"), figure, (singular, plural), "m")
