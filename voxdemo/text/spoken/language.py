"""What a table of a language holds, and what Unicode's CLDR (Babel) adds to it: months, units, currencies."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache

from babel.dates import get_month_names
from babel.numbers import UnknownCurrencyError, get_currency_name
from babel.units import format_unit

UNITS = {
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "µm": "micrometer", "nm": "nanometer",
    "km²": "square-kilometer", "km2": "square-kilometer", "m²": "square-meter", "m2": "square-meter",
    "cm²": "square-centimeter", "cm2": "square-centimeter", "m³": "cubic-meter", "m3": "cubic-meter",
    "cm³": "cubic-centimeter", "cm3": "cubic-centimeter", "ha": "hectare", "km/h": "kilometer-per-hour",
    "m/s": "meter-per-second", "ft": "foot", "mph": "mile-per-hour", "lb": "pound", "oz": "ounce",
    "t": "tonne", "kg": "kilogram", "Kg": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram",
    "l": "liter", "L": "liter", "cl": "centiliter", "dl": "deciliter", "ml": "milliliter", "mL": "milliliter",
    "°C": "celsius", "ºC": "celsius", "℃": "celsius", "° C": "celsius", "°F": "fahrenheit", "ºF": "fahrenheit",
    "°": "degree",
    "%": "percent", "‰": "permille", "bit": "bit", "kB": "kilobyte", "KB": "kilobyte", "MB": "megabyte",
    "GB": "gigabyte", "TB": "terabyte",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "W": "watt", "kW": "kilowatt",
    "MW": "megawatt", "GW": "gigawatt", "kWh": "kilowatt-hour", "V": "volt", "cal": "calorie",
    "kcal": "kilocalorie", "kJ": "kilojoule", "px": "pixel", "hPa": "hectopascal", "h": "hour",
    "hrs": "hour", "min": "minute", "s": "second", "seg": "second", "ms": "millisecond", "hp": "horsepower",
    "″": "inch",
}  # fmt: skip
"""CLDR's name of what a sign stands for."""

SIGNS_OF_CURRENCIES = {
    "€": "EUR", "$": "USD", "US$": "USD", "U$S": "USD", "USD$": "USD", "£": "GBP", "¥": "JPY", "￥": "JPY", "R$": "BRL",
    "₹": "INR",
    "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₫": "VND", "฿": "THB", "₿": "BTC", "₱": "PHP",
    "A$": "AUD", "C$": "CAD", "MX$": "MXN", "元": "CNY",
}  # fmt: skip
CODES_OF_CURRENCIES = (
    "EUR", "USD", "GBP", "JPY", "BRL", "CHF", "CNY", "CAD", "AUD", "MXN", "ARS", "CLP", "COP", "PEN", "INR", "RUB",
    "KRW", "SEK", "NOK", "DKK", "PLN", "TRY", "ZAR", "HKD", "TWD", "SGD", "BTC",
)  # fmt: skip
CURRENCIES = (*SIGNS_OF_CURRENCIES, *CODES_OF_CURRENCIES)

Forms = tuple[str, str]
"""The singular and the plural."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """How the four Romance languages differ. Words are in lower case; patterns match whole words."""

    code: str
    decimal: str = ","
    points: Mapping[str, str]
    """What is said for the sign before decimals."""
    minus: str
    plus: str
    thousands: str = "\u00a0\u202f\u2009"
    """Kinds of spaces that part thousands wherever they stand; an ordinary one does so before "000" and in pairs."""
    genders: tuple[str, str] = ("cardinal-masculine", "cardinal-feminine")
    """CLDR's rules for a number before a masculine and a feminine noun."""
    decimals_agree: bool = False
    """Whether a number with decimals agrees with its noun, too."""
    singular_below_two: bool = False
    """Whether nouns behind 0 and 1.5 are singular."""
    one: Callable[[str, str], str] | None = None
    """One before a noun, from its gender ("m", "f") and itself, with the space behind it."""
    masculine: re.Pattern[str]
    feminine: re.Pattern[str]
    """Nouns of that gender; others are masculine."""
    not_nouns: frozenset[str]
    labels: re.Pattern[str]
    """What is before a number that counts nothing: "página 1"."""

    to: str
    """Between the numbers of a range."""
    between: Mapping[str, str]
    """What is there instead behind some words: "entre"."""
    from_: str = ""
    """Before a range, unless one of `openers` is there."""
    openers: frozenset[str] = frozenset()

    ordinals: Mapping[str, str]
    """CLDR's rules for what is written behind a number: "ª"."""
    apocope: str = ""
    """CLDR's rule for "º" before a noun."""
    degree_ordinals: bool = True
    """Whether "3°" is an ordinal before a noun."""
    halves: Forms
    """Masculine and feminine, before a noun: "medio", "media"."""
    and_a_half: Forms
    """The same behind a noun: "dos kilos y medio", "dos horas y media"."""
    and_: str
    fractions: Mapping[int, Forms]
    over: str
    of_year: str
    """Between a number and the year it is of: a law 27/2014, the month 05/2024."""
    score: str = ""
    """What "x" is between the goals of two teams, where that isn't "times"."""
    of: str
    of_vowel: str = ""
    """The same before a vowel."""

    date: str
    """With {day} and {month}."""
    year: str
    """What is before the year of a date."""
    first: str = ""
    """The first day of a month, where that isn't said as a number."""
    before_dates: str
    """Words, as alternatives, behind which 25/12 is a date."""
    clock: tuple[str, str, str, str]
    """With {h}, {m} and {hours}: up to nine minutes, more, none, and none in the afternoon."""
    hours: Forms
    dotted_times: str = ""
    """Words, as alternatives, behind which 15.30 is a time."""
    duration: Forms
    """How minutes and seconds are joined to what is before them."""

    phones: tuple[str, ...]
    in_pairs: bool = False
    """Whether phone numbers are read as numbers of two digits."""

    currencies: Mapping[str, tuple[str, str, str, str]]
    """The singular and the plural, and those of a hundredth."""
    cents: str
    """With {euros} ("cinco euros"), {cents} ("diez") and {counted} ("diez céntimos")."""
    scales: Mapping[str, Forms]
    of_free: frozenset[str]
    """Scales without an "of" behind them: "mil euros"."""
    per: str
    units: Mapping[str, Forms] = field(default_factory=dict)
    """What CLDR lacks, or says otherwise than people do."""

    feminine_measures: frozenset[str] = frozenset()
    """Currencies and units of that gender, where the same noun has another one elsewhere."""

    regnal_ordinals: int
    """The last king of a name that has an ordinal; behind it they have cardinals."""
    kings: str
    queens: str
    romans: tuple[tuple[str, str], ...] = ()
    """Patterns with {roman}, and how it is read: "m", "f" as ordinals, "king", "queen", "cardinal"."""

    abbreviations: Mapping[str, str]
    closing: frozenset[str] = frozenset()
    """Those of them that may end a sentence."""
    signs: Mapping[str, str]
    hashtag: str = "hashtag"
    letters: Mapping[str, str]
    spelt: frozenset[str] = frozenset()
    """Acronyms that are spelt although they could be words."""
    web: Mapping[str, str]


@cache
def month_names(language: str) -> tuple[str, ...]:
    names = get_month_names("wide", locale=language)
    return tuple(names[month] for month in range(1, 13))


@cache
def unit_names(sign: str, language: str) -> Forms:
    """The singular and the plural, without the number: "por ciento"."""
    found = [format_unit(count, UNITS[sign], "long", locale=language) for count in (1, 2)]
    singular, plural = (" ".join(re.sub(r"\d", "", name).split()) for name in found)
    return singular, plural


@cache
def currency_names(code: str, language: str) -> Forms:
    try:
        singular, plural = (get_currency_name(code, count, language) for count in (1, 2))
    except UnknownCurrencyError:
        return code, code
    return singular[0].lower() + singular[1:], plural[0].lower() + plural[1:]


def letter_names(names: str) -> dict[str, str]:
    """The names of A to Z, given with commas between them."""
    return dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", names.split(","), strict=True))


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())
