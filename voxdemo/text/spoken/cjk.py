"""Figures and signs in Japanese and Chinese: one set of rules over the table of a language.

Numbers are written in numerals of the language, which readers of it pronounce with the counters behind them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from babel.units import format_unit

from voxdemo.text.rules import Rule, alternatives
from voxdemo.text.spoken import numbers
from voxdemo.text.spoken.language import (
    CODES_OF_CURRENCIES,
    SIGNS_OF_CURRENCIES,
    UNITS,
    currency_names,
)
from voxdemo.text.spoken.numbers import Figure


@dataclass(frozen=True, kw_only=True)
class Table:
    """How the two languages differ."""

    code: str
    minus: str
    plus: str
    less: str
    """Between two numbers of a sum."""
    to: str
    version: str
    """Between the numbers of a version."""
    part: str
    """With {upper} and {lower}."""
    and_: str
    """Between a number and a part."""
    clock: tuple[str, str, str]
    """Hours with {h} and {m}: up to nine minutes, more, none."""
    duration: str
    """With {h}, {m} and {s}."""
    digits: str
    """The names of 0 to 9 in phone numbers, with spaces between them."""
    code_digits: str
    """The same in codes."""
    joint: str
    """Between the groups of a phone number."""
    phones: tuple[str, ...]
    currencies: Mapping[str, str]
    units: Mapping[str, str]
    """What CLDR says otherwise than people do, with {}."""
    below_zero: str = ""
    """Before degrees, instead of the minus."""
    years_by_digits: bool = False
    digitwise: tuple[str, ...] = ()
    """Patterns of figures that are read digit by digit."""
    pair: str = ""
    """Two before what is counted."""
    counters: str = ""
    """A pattern of what stands there."""
    fixed: Mapping[str, str]
    """Patterns that are said otherwise than by rule."""
    signs: Mapping[str, str]
    web: Mapping[str, str]


_SCALE = "[万萬億亿兆千百]{0,2}"
_FIGURE = (
    r"(?:(?<![A-Za-z\d_)\]}%°.,/:+−–~～〜-])[-−–+±])?(?<![\d.])(?<!\d,)"
    r"(?:\d{1,3}(?:,\d{3}){1,5}|\d{1,15})(?:\.\d{1,12})?(?!\d)(?!\.\d)"
)
_TO = "[-–—~～〜−]"
_COUNTRY = r"(?:\+ ?\d{1,3}[ -]?)?"
_HOST = "[A-Za-z0-9-]"
_WIDE = r"[\u3040-\u30ff\u3400-\u9fff]"


def rules_of(table: Table) -> list[Rule]:
    """What a text in the language of `table` is read by, in this order."""
    return _Reader(table).rules()


class _Reader:
    """The rules of a language, and how each of them reads what it finds."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.phone_digits = table.digits.split()
        self.code_digits = table.code_digits.split()
        self.units = [*UNITS, *(sign for sign in table.units if sign not in UNITS)]

    def rules(self) -> list[Rule]:
        table = self.table
        return [
            (r"(?:https?://|www\.)[!-~]{1,2000}", self._web),
            (rf"(?<![A-Za-z0-9_.+-])[A-Za-z0-9_.+-]{{1,64}}@{_HOST}{{1,63}}(?:\.{_HOST}{{1,63}}){{1,5}}", self._web),
            (
                rf"(?<![A-Za-z0-9@._-])(?:{_HOST}{{1,63}}\.){{1,4}}(?:com|org|net|jp|cn|io|edu)(?![A-Za-z0-9.])",
                self._web,
            ),
            *table.fixed.items(),
            *self._rules_of_days_and_hours(),
            (rf"(?<![A-Za-z\d.,+-]){_COUNTRY}(?:{'|'.join(table.phones)})(?![A-Za-z\d-]|[.,]\d)", self._phone),
            (r"(?<![A-Za-z\d.,])\+ ?\d{1,3}(?:[ -]\d{1,5}){2,6}(?![A-Za-z\d.,-]\d)", self._phone),
            (r"(?<![\d.,])\d{1,5}(?:\.\d{1,5}){2,5}(?!\d|\.\d)", self._version),
            (rf"(?<!\d)([12]\d{{3}}) ?{_TO} ?([12]\d{{3}})(?=[)）年])", self._years),
            (rf"(?<=[日号月年点时時分]) ?{_TO} ?(?=\d)", table.to),
            *((rf"(?<![\d.,A-Za-z]){pattern}", self._code) for pattern in table.digitwise),
            (r"(?<=\d) ?[-−] ?(?=\d[\d.,]{0,15} ?=)", table.less),
            *self._rules_of_amounts(),
            (r"(?<=[A-Za-z])-?(\d{3,15})(?![\d.])", self._code),
            (r"(?<=[A-Za-z])-?(?=\d)", ""),
            (r"(?<=\d) ?[×xX] ?(?=\d)", table.signs["×"]),
            (rf"(?P<low>{_FIGURE}) ?{_TO} ?(?P<high>{_FIGURE})", self._range),
            (rf"(?P<low>{_FIGURE})(?: (?={_WIDE}))?", self._bare),
            (r"(\d+)", self._code),
            (rf"(?<={_WIDE})[~～〜](?={_WIDE})", table.to),
            (rf" ?(?:{alternatives(table.signs)}) ?", lambda match: table.signs[match[0].strip()]),
        ]

    def _rules_of_days_and_hours(self) -> list[Rule]:
        hour, minute = r"(?:[01]?\d|2[0-4])", r"[0-5]\d"
        begin, end = r"(?<![\d:：.,])", r"(?![\d:：])"
        return [
            (r"(?<![\d/.-])(\d{4})([-/.])(\d\d?)\2(\d\d?)(?:T(?=\d)|(?![\d/]|[.-]\d))", self._date),
            (r"(?<![\d/.,])(\d\d?)/(\d\d?)(?:[(（]([月火水木金土日])[)）])(?![\d/])", self._day),
            (r"(?<![\d/.,])(\d\d?)/(1[3-9]|2\d|3[01])(?![\d/]|\.\d)", self._day),
            (rf"{begin}(\d{{1,2}})[:：]({minute})[:：]({minute}){end}", self._duration),
            (rf"{begin}({hour})[:：]({minute})(?: ?{_TO} ?({hour})[:：]({minute}))?{end}", self._clock),
            (rf"{begin}(\d{{1,3}})[:：](\d{{1,3}}){end}", self._ratio),
        ]

    def _rules_of_amounts(self) -> list[Rule]:
        signs, codes, units = alternatives(SIGNS_OF_CURRENCIES), "|".join(CODES_OF_CURRENCIES), alternatives(self.units)
        amount = rf"(?P<low>{_FIGURE})(?: ?{_TO} ?(?P<high>{_FIGURE}))?(?P<scale>{_SCALE})"
        return [
            (rf"(?P<minus>(?<![A-Za-z\d)])[-−])?(?P<sign>{signs}) ?{amount}", self._money),
            (rf"{amount} ?(?P<sign>{signs}|(?:{codes})(?![A-Za-z]))", self._money),
            (rf"(?P<low>{_FIGURE})(?: ?[%％])? ?{_TO} ?(?P<high>{_FIGURE}) ?(?P<unit>[%％])", self._measure),
            (rf"{amount} ?(?P<unit>{units}|％)(?![A-Za-z²³])", self._measure),
            (r"(?<![\d/.,])(?:(\d{1,3}) )?(\d{1,4})/(\d{1,4})(?![\d/]|\.\d)", self._fraction),
        ]

    # Numbers

    def said(self, figure: Figure, behind: str = "") -> str:
        table = self.table
        before = {"": "", "+": table.plus, "±": f"{table.plus}{table.minus}"}.get(figure.sign, table.minus)
        if figure.is_code:
            return before + self._in_digits(figure.whole)
        whole = self._whole(figure.whole)
        if figure.whole == "2" and not figure.decimals and table.pair and re.match(table.counters, behind):
            whole = table.pair
        if table.code == "ja" and whole.startswith("千") and behind[:1] in tuple("万億兆"):
            whole = f"一{whole}"
        if not figure.decimals:
            return before + whole
        return f"{before}{whole.replace('〇', '零')}点{self._digits_of_decimals(figure.decimals)}"

    def _whole(self, digits: str) -> str:
        """A whole number in numerals."""
        code = self.table.code
        if code == "ja":
            said = numbers.cardinal(digits, code, "cardinal").replace("〇", "零")
            return re.sub(r"(?<![一二三四五六七八九])千(?=[^万億兆]*[万億兆])|(?<=[万億兆])千", "一千", said)
        value = int(digits)
        if value < 10**12:
            ruleset = "cardinal-alternate2" if value > 2 else "cardinal"
            return numbers.cardinal(digits, code, ruleset)
        above, rest = divmod(value, 10**8)
        between = "零" if 0 < rest < 10**7 else ""
        return f"{self._whole(str(above))}亿{between}{self._whole(str(rest)) if rest else ''}"

    def _digits_of_decimals(self, digits: str) -> str:
        return "".join("零一二三四五六七八九"[int(digit)] for digit in digits)

    def _in_digits(self, digits: str) -> str:
        return "".join(self.code_digits[int(digit)] for digit in digits)

    def _parsed(self, written: str) -> Figure:
        return numbers.parsed(written, ".")

    def _code(self, match: re.Match[str]) -> str:
        return self._in_digits(match[1])

    def _bare(self, match: re.Match[str]) -> str:
        behind = match.string[match.end() : match.end() + 4]
        figure = self._parsed(match["low"])
        return self.said(figure, "" if match.string[match.start() - 1 : match.start()] == "第" else behind)

    def _range(self, match: re.Match[str]) -> str:
        behind = match.string[match.end() : match.end() + 4]
        if self._parsed(match["low"]).is_code or self._parsed(match["high"]).is_code:
            return self.table.joint.join(self._in_digits(re.sub(r"\D", "", match[name])) for name in ("low", "high"))
        return f"{self.said(self._parsed(match['low']))}{self.table.to}{self.said(self._parsed(match['high']), behind)}"

    def _years(self, match: re.Match[str]) -> str:
        low, high = (
            self._in_digits(year) if self.table.years_by_digits else self._whole(year) for year in match.groups()
        )
        return f"{low}{self.table.to}{high}"

    # Days and hours

    def _date(self, match: re.Match[str]) -> str:
        month, day = int(match[3]), int(match[4])
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return match[0]
        year = self._in_digits(match[1]) if self.table.years_by_digits else self._whole(match[1])
        return f"{year}年{self._month_and_day(month, day)}"

    def _month_and_day(self, month: int, day: int) -> str:
        is_first = day == 1 and self.table.code == "ja"
        return f"{self._whole(str(month))}月{'ついたち' if is_first else self._whole(str(day)) + '日'}"

    def _day(self, match: re.Match[str]) -> str:
        month, day = int(match[1]), int(match[2])
        if not 1 <= month <= 12 or not 1 <= day <= 31:
            return match[0]
        weekday = match[3] if match.re.groups > 2 else ""
        return self._month_and_day(month, day) + (f"、{weekday}曜日" if weekday else "")

    def _clock(self, match: re.Match[str]) -> str:
        said = self._hour(match[1], match[2])
        return f"{said}{self.table.to}{self._hour(match[3], match[4])}" if match[3] else said

    def _hour(self, hour: str, minute: str) -> str:
        few, more, none = self.table.clock
        template = none if minute == "00" else few if int(minute) < 10 else more
        return template.format(h=self.said(Figure(str(int(hour))), "小时"), m=self._whole(minute))

    def _duration(self, match: re.Match[str]) -> str:
        hour, minute, second = (self._whole(part) for part in match.groups())
        return self.table.duration.format(h=hour, m=minute, s=second)

    def _ratio(self, match: re.Match[str]) -> str:
        return f"{self._whole(match[1])}{self.table.signs['∶']}{self._whole(match[2])}"

    # Rows of digits

    def _phone(self, match: re.Match[str]) -> str:
        groups = re.findall(r"\d+", match[0])
        if len(groups) == 1 and len(groups[0]) == 11:
            groups = [groups[0][:3], groups[0][3:7], groups[0][7:]]
        said = self.table.joint.join("".join(self.phone_digits[int(digit)] for digit in group) for group in groups)
        return f"{self.table.plus if match[0].startswith('+') else ''}{said}"

    def _version(self, match: re.Match[str]) -> str:
        return self.table.version.join(self.said(self._parsed(group)) for group in match[0].split("."))

    # Amounts

    def _amount(self, match: re.Match[str], behind: str) -> str:
        named = match.re.groupindex
        scale = match["scale"] if "scale" in named else ""
        behind = scale + behind
        low = self._parsed(match["low"])
        if not match["high"]:
            return self.said(low, behind) + scale
        return f"{self.said(low)}{self.table.to}{self.said(self._parsed(match['high']), behind)}{scale}"

    def _money(self, match: re.Match[str]) -> str:
        table = self.table
        code = SIGNS_OF_CURRENCIES.get(match["sign"], match["sign"])
        name = table.currencies.get(match["sign"]) or table.currencies.get(code)
        name = name or currency_names(code, table.code)[0].replace(" ", "")
        minus = table.minus if "minus" in match.re.groupindex and match["minus"] else ""
        return f"{minus}{self._amount(match, '元')}{name}"

    def _measure(self, match: re.Match[str]) -> str:
        unit = match["unit"].replace("％", "%")
        template = self.table.units.get(unit) or _unit(unit, self.table.code)
        prefix = template.partition("{}")[0]
        if unit != "%" and prefix and prefix in match.string[max(0, match.start() - 4) : match.start()]:
            template = template.removeprefix(prefix)
        figure = self._parsed(match["low"])
        if self.table.below_zero and figure.sign in ("-", "−", "–") and "度" in template:
            return self.table.below_zero + template.format(
                self.said(Figure(figure.whole, figure.decimals, figure.point))
            )
        if unit == "%" and not match["high"] and figure.sign in ("-", "−", "–"):
            return self.table.minus + template.format(self.said(replace(figure, sign="")))
        is_said_twice = not template.startswith("{}") or re.search(rf"[%％] ?{_TO}", match[0])
        if match["high"] and unit == "%" and is_said_twice:
            low, high = (template.format(self.said(self._parsed(match[name]))) for name in ("low", "high"))
            return f"{low}{self.table.to}{high}"
        return template.format(self._amount(match, "小时" if unit not in "%‰" else ""))

    def _fraction(self, match: re.Match[str]) -> str:
        upper, lower = (self.said(self._parsed(part)) for part in (match[2], match[3]))
        whole = f"{self.said(self._parsed(match[1]))}{self.table.and_}" if match[1] else ""
        return whole + self.table.part.format(upper=upper, lower=lower)

    def _web(self, match: re.Match[str]) -> str:
        """An address: words as they are, signs by their names, "https://" left out."""
        address = match[0].rstrip(".,;:!?)'\"")
        behind = match[0][len(address) :]
        address = re.sub(r"^https?://", "", address)
        return "".join(self.table.web.get(sign, sign) for sign in address) + behind


@cache
def _unit(sign: str, language: str) -> str:
    return format_unit(2, UNITS[sign], "long", locale=language).replace("2", "{}").replace(" ", "")
