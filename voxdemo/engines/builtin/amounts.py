"""Amounts of money in words: "$9.99/month" is "9 dollars and 99 cents a month".

The built-in voice's own reading of money depends on what it takes the words around for, takes "$0.5" for five cents and
drops the currency of "$20/hr". So nothing of it is left to the voice. Knows no other figures.
"""

import re
import unicodedata
from typing import NamedTuple

from voxdemo.engines.builtin import measures
from voxdemo.text.rules import NUMBER, alternatives, as_count, is_attributive, rules


class _Currency(NamedTuple):
    one: str
    many: str
    cent: str = ""
    cents: str = ""


def _dollar(country: str = "") -> _Currency:
    return _Currency(f"{country} dollar".strip(), f"{country} dollars".strip(), "cent", "cents")


_DOLLAR, _EURO = _dollar(), _Currency("euro", "euros", "cent", "cents")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_YEN, _YUAN, _WON = _Currency("yen", "yen"), _Currency("yuan", "yuan"), _Currency("won", "won")
_RUPEE = _Currency("rupee", "rupees", "paisa", "paise")
_SIGNS = {
    "$": _DOLLAR, "US$": _DOLLAR, "U.S.$": _DOLLAR, "C$": _dollar("Canadian"), "CA$": _dollar("Canadian"),
    "A$": _dollar("Australian"), "AU$": _dollar("Australian"), "NZ$": _dollar("New Zealand"),
    "HK$": _dollar("Hong Kong"), "S$": _dollar("Singapore"), "NT$": _dollar("Taiwan"),
    "R$": _Currency("Brazilian real", "Brazilian reais", "centavo", "centavos"),
    "MX$": _Currency("Mexican peso", "Mexican pesos", "centavo", "centavos"), "€": _EURO, "£": _POUND, "¥": _YEN,
    "CN¥": _YUAN, "₹": _RUPEE, "₩": _WON, "₽": _Currency("ruble", "rubles"), "₺": _Currency("lira", "lira"),
    "₦": _Currency("naira", "naira"), "₪": _Currency("shekel", "shekels"), "₱": _Currency("peso", "pesos"),
    "฿": _Currency("baht", "baht"), "₫": _Currency("dong", "dong"), "₿": _Currency("bitcoin", "bitcoins"),
    "₴": _Currency("hryvnia", "hryvnias"), "₡": _Currency("colon", "colones"), "₲": _Currency("guarani", "guaranis"),
    "₵": _Currency("cedi", "cedis"), "₸": _Currency("tenge", "tenge"), "¢": _Currency("cent", "cents"),
}  # fmt: skip
_CODES = {
    "USD": _DOLLAR, "EUR": _EURO, "GBP": _POUND, "JPY": _YEN, "CNY": _YUAN, "RMB": _YUAN, "INR": _RUPEE, "KRW": _WON,
    "Rs.": _RUPEE, "Rs": _RUPEE, "CHF": _Currency("Swiss franc", "Swiss francs"), "CAD": _dollar("Canadian"),
    "AUD": _dollar("Australian"), "NZD": _dollar("New Zealand"), "HKD": _dollar("Hong Kong"),
    "SGD": _dollar("Singapore"), "BRL": _SIGNS["R$"], "MXN": _SIGNS["MX$"], "RUB": _SIGNS["₽"],
    "ZAR": _Currency("rand", "rand"), "SEK": _Currency("Swedish krona", "Swedish kronor"),
    "NOK": _Currency("Norwegian krone", "Norwegian kroner"), "DKK": _Currency("Danish krone", "Danish kroner"),
    "PLN": _Currency("zloty", "zlotys"), "zl": _Currency("zloty", "zlotys"), "kr": _Currency("krone", "kroner"),
    "BTC": _SIGNS["₿"],
}  # fmt: skip
_CURRENCIES = _SIGNS | _CODES
SIGNS = frozenset(sign for sign in _SIGNS if len(sign) == 1)
"""The signs that are read with an amount; alone they are left to the voice or to their names."""

SCALES = {
    "k": "thousand", "m": "million", "mm": "million", "mn": "million", "mln": "million", "mio": "million",
    "b": "billion", "bn": "billion", "t": "trillion", "tn": "trillion", "trn": "trillion", "cr": "crore",
    "lakhs": "lakh", "crores": "crore",
}  # fmt: skip
"""What stands behind a number for so many of them, in small letters."""
_SCALE = (
    r"(?:(?i:hundred|thousand|million|billion|trillion|lakhs?|crores?)(?![a-z])"
    r"|(?i:mln|mio|trn|mm|mn|bn|tn|cr|(?<=\d)[kmbt]|(?<= )[kmbt](?!-))(?![\w&']|\.\w))"
)
_MEASURES = "hr h mo yr wk d min sec s lb lbs oz kg g gal l L mi km ft ft² m² m kWh MWh GB TB MB"
_PER = {unit: measures.PER[unit] for unit in _MEASURES.split()} | {
    "mth": "month", "y": "year", "qtr": "quarter", "pp": "person", "p": "person", "pc": "piece", "ea": "each",
    "t": "ton", "bbl": "barrel", "sqft": "square foot",
}  # fmt: skip
_PERS = r"(?: ?/ ?[A-Za-z]{1,12}²?(?![\w/]\d)){1,3}"
_AN = re.compile(r"(?:hour|ounce|[aeio])", re.IGNORECASE)


def _per(rates: str) -> str:
    """How "/user/month" is said: " a user a month"."""
    said = ""
    for word in rates.replace(" ", "").split("/")[1:]:
        unit = _PER.get(word) or _PER.get(word.lower()) or word
        said += " each" if unit == "each" else f" {'an' if _AN.match(unit) else 'a'} {unit}"
    return said


def _amount(match: re.Match[str]) -> str:
    """An amount or a range of two, with its scale, currency and rate."""
    low, high = match["low"], match["high"]
    currency = _CURRENCIES[match["code"] or match["sign"]]
    rate, plus = _per(match["rate"] or ""), " plus" if match["plus"] else ""
    singular = is_attributive(match)
    minus = {"-": "minus ", "+": "plus ", "": ""}[match["minus"] or match["minus_after"] or ""]
    scale, low_scale = _scale(match["scale"]), _scale(match["low_scale"])
    if high is None:
        return f"{minus}{_money(low, scale, currency, singular)}{plus}{rate}"
    first = f"{_whole(low)}{low_scale}" if scale or not _has_cents(low, currency) else _money(low, "", currency, False)
    return f"{minus}{first} to {_money(high, scale, currency, singular)}{plus}{rate}"


def _scale(written: str | None) -> str:
    return f" {SCALES.get(written.lower(), written.lower())}" if written else ""


def _whole(number: str) -> str:
    return f"0{number}" if number.startswith(".") else as_count(number)


def _has_cents(number: str, currency: _Currency) -> bool:
    return bool(currency.cent and re.search(r"\.\d{1,2}$", number))


def _money(number: str, scale: str, currency: _Currency, singular: bool) -> str:
    """One amount in words, "5 dollars and 50 cents" for 5.5; with a scale or three decimals it keeps its point."""
    if scale or not _has_cents(number, currency):
        return f"{_whole(number)}{scale} {currency.one if singular or (number == '1' and not scale) else currency.many}"
    whole, _, decimals = number.partition(".")
    cents = int(decimals.ljust(2, "0"))
    parts = []
    if int(whole.replace(",", "") or 0) or not cents:
        parts.append(f"{as_count(whole) or 0} {currency.one if singular or whole == '1' else currency.many}")
    if cents:
        parts.append(f"{cents} {currency.cent if singular or cents == 1 else currency.cents}")
    return " and ".join(parts)


def _regrouped(match: re.Match[str]) -> str:
    """Thousands for the lakhs that India counts in: "100,000" for "1,00,000"."""
    return f"{int(match[0].replace(',', '')):,}"


def _rate(match: re.Match[str]) -> str:
    return match[1] + _per(match[2])


_SIGN = rf"(?:{alternatives(_SIGNS)})"
_CODE = rf"(?:{alternatives(_CODES)})"
_LOW = rf"(?P<low>{NUMBER}|\.\d{{1,12}})(?![\d]|[.,]\d)"
_HIGH = (
    rf"(?: ?(?P<low_scale>{_SCALE}))?(?:[-~]{_SIGN}?|(?: ?[-~] ?| to ){_SIGN})(?P<high>{NUMBER})"
    r"(?!\d|[A-Za-z/]\d|[.,:-]\d|%| ?=)"
)
_TAIL = rf"(?:[ -]?(?P<scale>{_SCALE}))?(?P<plus>\+)?"
RULES = rules(
    (r"(?<![\w.,])\d{1,2}(?:,\d{2}){1,5},\d{3}(?![\w]|[.,]\d{3})", _regrouped),
    (r"(?<![\w.,])(\d{1,6}),(\d\d) ?€(?!\w)", r"€\1.\2"),
    (r"(?<=€)(\d{1,6}),(\d\d)(?!\w|[.,]\d)", r"\1.\2"),
    (
        rf"(?P<minus>(?<![\w)])[-+])?(?<![\w$£€])(?P<sign>{_SIGN}|{_CODE}(?![A-Za-z])) ?(?P<minus_after>-)?{_LOW}"
        rf"(?:{_HIGH})?{_TAIL}(?!\d)(?: ?(?P<code>{_CODE})(?!\w))?(?![A-Za-z])(?P<rate>{_PERS})?",
        _amount,
    ),
    (
        rf"(?P<minus>(?<![\w)])-)?(?<![\w.,$£€])(?P<minus_after>(?!))?{_LOW}(?:{_HIGH})?{_TAIL} ?"
        rf"(?:(?P<sign>{_SIGN})|(?P<code>{_CODE}))(?!\w| ?\d)(?P<rate>{_PERS})?",
        _amount,
    ),
    (rf"[{''.join(sorted(SIGNS - set('$€£¥₹₩¢')))}]", lambda match: f" {unicodedata.name(match[0]).lower()} "),
    (r"\b(dollars?|cents?|euros?|pounds?|pence|yen|rupees?|\d ?%)( ?/ ?[A-Za-z]{1,12}²?)(?![\w/])", _rate),
    (r"(?<![/\d])(\d{1,4}x?)(/(?:day|week|month|year|hour|minute|second|hr|wk|mo|yr|min|sec|person))\b(?!/)", _rate),
)
"""What is found and how it is said, in this order."""
