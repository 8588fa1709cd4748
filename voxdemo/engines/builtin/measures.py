"""Measures in words: lengths, weights, speeds, durations, angles, each after its number.

Units are written out here, whether or not the built-in voice knows them, because it says "a 10 kilometers run" and
stops at the slash of "500 MB/s". Knows no money.
"""

import re
import unicodedata

from voxdemo.text.rules import NUMBER, alternatives, as_count, is_attributive, rules
from voxdemo.text.spoken.language import UNITS, unit_names

_OTHERWISE = {"%", "‰", "°", "″", "s", "seg", "bit"}
"""Signs that other rules know here, or none."""
_UNITS = {sign: unit_names(sign, "en")[0] for sign in UNITS.keys() - _OTHERWISE} | {
    "dm": "decimeter", "mi": "mile", "yd": "yard", "yds": "yard", "Angstrom": "angstrom", "nmi": "nautical mile",
    "dL": "deciliter", "µl": "microliter", "µL": "microliter", "cc": "cubic centimeter", "gal": "gallon",
    "qt": "quart", "pt": "pint", "tsp": "teaspoon", "tbsp": "tablespoon", "fl oz": "fluid ounce", "lbs": "pound",
    "mcg": "microgram", "ng": "nanogram", "kt": "kiloton", "mol": "mole", "mmol": "millimole", "sq ft": "square foot",
    "sq mi": "square mile", "sq m": "square meter", "sq km": "square kilometer", "sq in": "square inch",
    "sq. ft": "square foot", "sq. mi": "square mile", "sq. m": "square meter", "mins": "minute", "sec": "second",
    "secs": "second", "hr": "hour", "µs": "microsecond", "ns": "nanosecond", "yr": "year", "yrs": "year", "wk": "week",
    "wks": "week", "mo": "month", "mos": "month", "mW": "milliwatt", "TW": "terawatt", "kV": "kilovolt",
    "mV": "millivolt", "µV": "microvolt", "mA": "milliamp", "µA": "microamp", "Ah": "amp hour", "mAh": "milliamp hour",
    "Wh": "watt hour", "MWh": "megawatt hour", "GWh": "gigawatt hour", "TWh": "terawatt hour", "kWp": "kilowatt peak",
    "J": "joule", "MJ": "megajoule", "eV": "electron volt", "keV": "kiloelectron volt", "MeV": "megaelectron volt",
    "GeV": "gigaelectron volt", "Nm": "newton meter", "kN": "kilonewton", "ohm": "ohm", "kohm": "kilohm",
    "Mohm": "megaohm", "µF": "microfarad", "nF": "nanofarad", "pF": "picofarad", "dB": "decibel", "kPa": "kilopascal",
    "MPa": "megapascal", "Pa": "pascal", "mbar": "millibar", "MP": "megapixel", "lm": "lumen", "lx": "lux",
    "cd": "candela", "PB": "petabyte", "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "TiB": "tebibyte",
    "kb": "kilobyte", "Mb": "megabit", "Gb": "gigabit", "Mbit": "megabit", "Gbit": "gigabit", "kbit": "kilobit",
    "Bq": "becquerel", "Sv": "sievert", "mSv": "millisievert", "Gy": "gray", "KM": "kilometer", "KG": "kilogram",
    "CM": "centimeter", "LBS": "pound", "LB": "pound", "OZ": "ounce", "FT": "foot", "HRS": "hour", "ML": "milliliter",
    "MPH": "mile per hour", "kph": "kilometer per hour", "kmh": "kilometer per hour", "KM/H": "kilometer per hour",
    "KPH": "kilometer per hour", "mpg": "mile per gallon", "MPG": "mile per gallon", "rpm": "revolution per minute",
    "RPM": "revolution per minute", "bpm": "beat per minute", "BPM": "beat per minute", "ppm": "part per million",
    "ppb": "part per billion", "dpi": "dot per inch", "DPI": "dot per inch", "ppi": "pixel per inch",
    "psi": "pound per square inch", "PSI": "pound per square inch", "fps": "frame per second",
    "FPS": "frame per second", "bps": "bit per second", "kbps": "kilobit per second", "Kbps": "kilobit per second",
    "Mbps": "megabit per second", "Gbps": "gigabit per second", "mmHg": "millimeter of mercury",
    "mm Hg": "millimeter of mercury",
}  # fmt: skip
_SAME_PLURAL = {
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "THz": "terahertz", "hp": "horsepower",
    "bhp": "brake horsepower", "pct": "percent", "mM": "millimolar", "µM": "micromolar", "nM": "nanomolar",
}  # fmt: skip
_LENGTHS = {"in": "inch"} | {
    length: _UNITS[length] for length in ("km", "m", "cm", "mm", "µm", "nm", "dm", "ft", "mi", "yd")
}
_POWERS = {"²": "square", "2": "square", "^2": "square", "³": "cubic", "3": "cubic", "^3": "cubic"}
_RAISED = {f"{length}{power}": f"{word} {name}" for length, name in _LENGTHS.items() for power, word in _POWERS.items()}
PER = {
    **_UNITS, **_RAISED, "sec": "second", "s": "second", "s²": "second squared", "s2": "second squared", "d": "day",
    "day": "day", "wk": "week", "week": "week", "month": "month", "yr": "year", "year": "year", "hour": "hour",
    "second": "second", "minute": "minute", "100 km": "100 kilometers", "100km": "100 kilometers",
    "100 g": "100 grams", "100g": "100 grams", "person": "person", "capita": "capita",
}  # fmt: skip
_IRREGULAR = {"foot": "feet", "inch": "inches", "lux": "lux", "gray": "grays"}
_ALL = {**_UNITS, **_SAME_PLURAL, **_RAISED}
_GLYPHS = {
    "℡": "telephone", "㏒": "log", "㏑": "natural log", "℞": "prescription", "℅": "care of", "℀": "account of",
    "㏂": "a.m.", "㏘": "p.m.", "㏇": "company", "㏗": "pH", "㏙": "parts per million", "℻": "fax", "ℓ": "liters",
    "㏌": "inches", "㏋": "horsepower", "㍶": "parsecs", "㏔": "millibars", "㏕": "mils", "℠": "",
}  # fmt: skip
_GLYPH = re.compile(r"(\d?)( ?)([℀℃℅℉ℓ℞℠℡℻㍱-㍺㎀-㏟㏿])(?=(\w?))")
_DEGREE = re.compile(r"(?<=\d)( ?)(?:º(?= ?[CF]\b)|˚)")
_LETTERS = {"μ": "µ", "Ω": "ohm", "Å": "Angstrom"}
_LETTER = re.compile(r"(?<=\d)( ?[kMGm]?)(μ(?=[A-Za-z])|[ΩÅ](?!\w))")


def with_plain_units(text: str) -> str:
    """`text` with "㎏", "℃", "μ", "Ω" and "Å" as letters behind a number, and in words elsewhere."""
    text = _DEGREE.sub("°", _GLYPH.sub(_glyph, text))
    return _LETTER.sub(lambda match: match[1] + _LETTERS[match[2]], text)


def _glyph(match: re.Match[str]) -> str:
    digit, space, glyph, following = match.groups()
    letters = unicodedata.normalize("NFKC", glyph).replace("μ", "µ").replace("Ω", "ohm").replace("∕", "/")
    words = _GLYPHS.get(glyph)
    if digit and words is None:
        return digit + space + letters + " " * bool(following)
    said = _plural(_ALL[letters]) if words is None and letters in _ALL else letters if words is None else words
    return f"{digit} {said} " if digit or following else f"{space}{said}"


def _plural(unit: str) -> str:
    if unit in _SAME_PLURAL.values():
        return unit
    what, per, rest = re.fullmatch(r"(.*?)( per | of | Celsius| Fahrenheit|$)(.*)", unit).groups()  # type: ignore[union-attr]
    before, _, last = what.rpartition(" ")
    return f"{before} {_IRREGULAR.get(last, last + 's')}{per}{rest}".strip()


def _unit(match: re.Match[str]) -> str:
    """One meter, two meters, "a 5 meter rope", "10 milligrams per liter"."""
    number, join, unit, per = match["number"], match["join"], _ALL.get(match["unit"], "second"), match["per"]
    one = join == "-" or number in ("1", "-1") or is_attributive(match)
    said = unit if one else _plural(unit)
    return f"{as_count(number)} {said}{f' per {PER[per]}' if per else ''}"


_TIMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def _duration(match: re.Match[str]) -> str:
    """Hours and minutes for "2h 30m"; a single "30m" is a length and is left alone."""
    parts = [(number, _TIMES[unit[0].lower()]) for number, unit in re.findall(r"(\d+) ?([dhmsDHMS])", match[0])]
    if len(parts) < 2:
        return match[0]
    return " ".join(f"{int(number)} {unit}{'s' * (int(number) != 1)}" for number, unit in parts)


def _seconds(match: re.Match[str]) -> str:
    unit = _TIMES[match["unit"]]
    plural = match["before"].rstrip().lower() not in ("a", "an") and match["number"] != "1"
    return f"{match['before']}{match['number']} {unit}{'s' * plural}"


def _inches(match: re.Match[str]) -> str:
    """The inches of a 5.5" screen; a quotation that ends with a number keeps its mark."""
    before, number, what = match["before"] or "", match["number"], match["what"]
    sure = before.rstrip().lower() in ("a", "an") or what is not None
    quoted = match.string.count('"', 0, match.start()) % 2 == 1
    if not sure and (quoted or ("." not in number and "/" not in number)):
        return match[0]
    one = before or number == "1" or re.fullmatch(r"\d+/\d+", number) or is_attributive(match)
    return f"{before}{number} {'inch' if one else 'inches'}{what or ''}"


def _feet(match: re.Match[str]) -> str:
    inches = f" {match[2]} inch{'es' * (match[2] != '1')}" if match[2] else ""
    return f"{match[1]} {'foot' if match[1] == '1' and not inches else 'feet'}{inches}"


def _feet_alone(match: re.Match[str]) -> str:
    return f"{match[1] or ''}{match[2]} {'foot' if match[1] or match[2] == '1' else 'feet'}"


_SIDES = {
    "N": "north", "S": "south", "E": "east", "W": "west", "NE": "northeast", "NW": "northwest", "SE": "southeast",
    "SW": "southwest",
}  # fmt: skip


def _angle(match: re.Match[str]) -> str:
    seconds = f" {match[3]} seconds" if match[3] else ""
    side = f" {_SIDES[match[4]]}" if match[4] else ""
    return f"{match[1]} degrees {match[2]} minutes{seconds}{side}"


def _part_of_unit(match: re.Match[str]) -> str:
    """Pounds for "2 1/2 lb", a mile for "3/4 mi"."""
    unit = _ALL[match["unit"]] if match["unit"] != "in" else "inch"
    return f"{match['number']} {_plural(unit) if ' ' in match['number'] else unit}"


_ABBREVIATED = alternatives(_ALL)
_INCH_NOUN = (
    r" ?[x×] ?(?=\d)| (?=(?:[A-Z]{2,5} )?(?:screens?|displays?|monitors?|tvs?|TVs?|tablet|laptop|pipes?|"
    r"nails?|drill|wide|long|tall|deep|thick|high|wheels?|rims?|pizza|waist|gun|barrel|tires?|vinyl|heels?|binder|disc|diameter|by|snow|rain|"
    r"of (?:rain|snow)|[WHDL])\b)"
)
_AMP_NOUN = (
    "fuses?|chargers?|breakers?|circuits?|suppl(?:y|ies)|outlets?|plugs?|sockets?|adapters?|cables?|currents?|loads?|"
    "max|peak|DC|AC|of current"
)
_HEATED = r"(?:\b(?i:at|to|is|was|hit|below|above|about|around|reach(?:es|ed)?|near|over|under|from|between|and)) "
_MULTIPLIED = r"(?:[a-z]{2,12}er\b|as\b|more\b|less\b|worse\b|the\b|daily\b|weekly\b|a (?:day|week|month|year)\b|per\b)"
_TOOK = r"\b(?:[Tt]ook|[Tt]akes?|[Ll]ast(?:s|ed)?|[Ww]ait(?:s|ed)?)(?: (?:about|only|just|over|under))? "
_WITHIN = r"\b(?:[Ii]n|[Ff]or|[Ww]ithin|[Aa]fter|[Ee]very|[Oo]nly|[Aa]bout|[Uu]nder|[Ll]east|another|[Jj]ust|[Aa]n?) "
RULES = rules(
    # Durations
    (
        r"(?<![\w.,:$£€/-])(?=\d{1,6} ?[dhm])(?:\d{1,6} ?d(?:ays?)?[ ,]*)?(?:\d{1,6} ?h(?:rs?|ours?)?[ ,]*)?"
        r"(?:\d{1,6} ?m(?:ins?)?\b[ ,]*|\d{1,6} ?m(?=\d))?(?:\d{1,6} ?s(?:ecs?)?\b)?(?<=[dhmsrnyc])(?!\w)",
        _duration,
    ),
    (rf"(?P<before>{_TOOK})(?P<number>\d{{1,4}}(?:\.\d{{1,3}})?) ?(?P<unit>[ms])(?!\w| of\b)", _seconds),
    (r"(?P<before>=)(?P<number>\d{1,4}) ?(?P<unit>[smhd])(?![\w'])", _seconds),
    (rf"(?P<before>{_WITHIN})(?P<number>\d{{1,4}}\.\d{{1,3}}|\d?[1-9]) ?(?P<unit>s)(?![\w'])", _seconds),
    (r"(?P<before>\b(?:[Ii]n|[Ww]ithin|[Aa]fter|[Ff]or) )(?P<number>[1-6]0)(?P<unit>s)(?![\w'])", _seconds),
    # Feet, inches, angles
    (r"(\d{1,3})° ?(\d{1,2})' ?(?:(\d{1,2}(?:\.\d{1,6})?)(?:\"|”|''))? ?(?:([NSEW])(?!\w))?", _angle),
    (r"(?<![\w'.])(\d{1,3})' ?(\d{1,2}(?:\.\d)?)(?:\"|”|'')", _feet),
    (r"(?<![\w'.])(\d)'(\d|1[01])(?![\w'])", _feet),
    (r"(?<![\w'.])(\d{1,3}) ?ft\.? ?(\d{1,2}(?:\.\d)?) ?in(?:\.(?= ?[a-z])|(?![\w]))", _feet),
    (r"(?<![\w'.])()(\d{1,3})'(?= (?:tall|long|wide|high|deep|by)\b| ?[x×] ?\d)", _feet_alone),
    (r"(\b[Aa]n? )(\d{1,3})'(?= [a-z])", _feet_alone),
    (r"(?:(?<=\bis )|(?<=\bwas )|(?<=\bover )|(?<=\babout ))()(\d{1,2})'(?=[.,;!?]|$)", _feet_alone),
    (rf"(?P<before>\b[Aa]n? )?(?<![\w./'\"“])(?P<number>(?:\d{{1,3}} )?\d{{1,2}}/\d{{1,2}}|{NUMBER})(?:\"|”|'')"
     rf"(?P<what>{_INCH_NOUN})?", _inches),
    (rf"(?P<before>(?!))?(?<![\w.,$£€/])(?P<number>{NUMBER}) ?in\.?(?P<what> ?[x×] ?(?=\d)| (?=(?:wide|long|tall|deep|"
     rf"thick|high|of (?:rain|snow))\b))", _inches),
    (rf"(?<=[x×] )({NUMBER}) ?in(?!\w)", r"\1 inches"),
    # Units
    (rf"(?<![\w.,$£€/-])(\d{{1,3}}(?:\.\d{{1,2}})?)[ -]?A(?= (?:{_AMP_NOUN})\b)", r"\1 amp"),
    (r"(\b(?:draws?|drew|rated at|pulls?) )(\d{1,3}(?:\.\d{1,2})?) ?A(?!\w)", r"\1\2 amps"),
    (rf"({_HEATED})((?:-\d|\d\d|(?<=at )\d(?= C))\d?(?:\.\d)?) ([CF])(?=[.,;:!?)]|$| [a-z(])", r"\1\2 °\3"),
    (rf"({_HEATED})(-?[1-5]\d0) ?([CF])(?!\w)", r"\1\2 °\3"),
    (r"(\d°) ?([NSEW])(?!\w)", lambda match: f"{match[1]} {_SIDES[match[2]]}"),
    (rf"(\d)x(?= {_MULTIPLIED})|(\d)x(?=/(?:day|week|month|year)\b)", lambda match: f"{match[1] or match[2]} times"),
    (r"(?<=\d) ?[x×] g\b", " times g"),
    (rf"(?<![\w.,/])({NUMBER}) ?(mg|g|mL|µg)/kg/(day|d|hr|h|min|wk)(?![\w/])",
     lambda match: f"{match[1]} {_plural(_ALL[match[2]])} per kilogram per {PER[match[3]]}"),
    (r"(?<=°[CF])/(?=\d)", ", "),
    (r"(?<=inches [WHDL]) ?[x×] ?(?=\d)", " by "),
    (r"(?<=\d)(?<!\b0) ?x ?(?=\d[\d.,]{0,9}(?! ?=))", " by "),
    (r"(?<=\d°)-(?=\d)|(?<=\d°[CF])-(?=\d)", " to "),
    (rf"(?<![\w/.,$£€])(?P<number>(?:\d{{1,3}} )?\d{{1,4}}/\d{{1,4}})[ -]?(?P<unit>{_ABBREVIATED}|in)"
     r"(?:\.(?= [a-z]))?(?![\w²³/^'])", _part_of_unit),
    (rf"(?<![\w.,$£€/])(?P<number>-?{NUMBER})(?P<join> |(?<=\.\d)|(?<=\.\d\d)|(?<=\.\d\d\d))(?P<unit>s)"
     r"(?P<per>(?!))?(?![\w²/^']|-\d)", _unit),
    (rf"(?<![\w.,$£€/])(?P<number>-?{NUMBER})(?P<join> ?|-)(?P<unit>{_ABBREVIATED})"
     rf"(?:/(?P<per>{alternatives(PER)}))?(?:\.(?= [a-z]))?(?![\w²³/^']|-\d| \d{{1,3}}(?:st|nd|rd|th)\b)", _unit),
    (rf"(?<=\d )([a-z]{{3,15}})/({alternatives(PER)})(?![\w²³/])", lambda match: f"{match[1]} per {PER[match[2]]}"),
    (r"(meters?|feet|foot|inch(?:es)?|yards?) ?[x×] ?(?=\d)", r"\1 by "),
    (r"(?<![\w.,])(\d{3,4}) ?× ?(?=\d{3,4}(?![\w.,]))", r"\1 by "),
    (r"(?<=inch by |ches by )(\d{1,3}(?:\.\d{1,3})?)(?:\"|”|'')", r"\1 inches"),
    (r"(\d [a-z]{3,20}s)(?:-|~| ~ )(?=\d)", r"\1 to "),
    (r"(miles?|kilometers?|hour) ([NS]?[EW]|[NS])(?= of\b|[,.;)]|$)", lambda match: f"{match[1]} {_SIDES[match[2]]}"),
)  # fmt: skip
"""What is found and how it is said, in this order."""
