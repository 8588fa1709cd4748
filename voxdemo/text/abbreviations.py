"""English abbreviations: which of their stops end a sentence, and the words they are read as.

What an American newsreader would say ("Jan. 5" is January 5, "742 Maple Dr." a drive, "I ate a fig." no figure). Knows
words and their neighbours only: nothing of sound, and of figures no more than that they begin with a digit.
"""

import re
from collections.abc import Callable, Iterable

from voxdemo.text.rules import alternatives, rules

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
SHORT_MONTHS = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}
SHORT_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Weds": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_ALSO_WORDS = ("Jan", "Mar", "Sat", "Sun", "Wed")
"""Names and words as well: months and days only where something beside them says so."""

_TITLES = {
    "Mr": "Mr", "Mrs": "Mrs", "Ms": "Miz", "Messrs": "Messieurs", "Dr": "Doctor", "Prof": "Professor", "St": "Saint",
    "Mt": "Mount", "Ft": "Fort", "Sgt": "Sergeant", "Capt": "Captain", "Lt": "Lieutenant", "Cpl": "Corporal",
    "Cmdr": "Commander", "Msgr": "Monsignor", "Supt": "Superintendent",
}  # fmt: skip
"""Before a name, with their stop or without."""
_STOPPED_TITLES = {
    "Gen": "General", "Gov": "Governor", "Sen": "Senator", "Col": "Colonel", "Maj": "Major", "Adm": "Admiral",
    "Rep": "Representative", "Rev": "Reverend", "Hon": "Honorable", "Pres": "President", "Pvt": "Private",
    "Fr": "Father", "Br": "Brother", "Sr": "Sister", "Atty": "Attorney", "Amb": "Ambassador", "Ste": "Sainte",
    "Pt": "Point", "Pfc": "Private First Class", "Cpt": "Captain", "Insp": "Inspector", "Det": "Detective",
    "Sec": "Secretary", "Dist": "District", "Wm": "William", "Geo": "George", "Chas": "Charles", "Thos": "Thomas",
    "Attn": "attention", "Sens": "Senators", "Reps": "Representatives", "Drs": "Doctors", "Profs": "Professors",
    "Gens": "Generals",
}  # fmt: skip
"""Before a name and with their stop only: "Gen Z", "Rep Smith's team" and "Rev Up" aren't titles."""

_STREETS = {
    "Ave": "Avenue", "Av": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Hwy": "Highway", "Pkwy": "Parkway",
    "Expy": "Expressway", "Fwy": "Freeway", "Tpke": "Turnpike", "Ln": "Lane", "St": "Street", "Dr": "Drive",
}  # fmt: skip
_RARER_STREETS = {
    "Ct": "Court", "Pl": "Place", "Sq": "Square", "Ter": "Terrace", "Cir": "Circle", "Aly": "Alley", "Trl": "Trail",
    "Xing": "Crossing", "Hts": "Heights", "Plz": "Plaza",
}  # fmt: skip
_BEFORE_NUMBERS = {
    "no": "number", "nos": "numbers", "fig": "figure", "figs": "figures", "vol": "volume", "vols": "volumes",
    "p": "page", "pp": "pages", "pg": "page", "ch": "chapter", "chs": "chapters", "chap": "chapter", "sec": "section",
    "secs": "sections", "sect": "section", "para": "paragraph", "eq": "equation", "eqs": "equations", "op": "opus",
    "pt": "part", "tel": "telephone", "ext": "extension", "rm": "room", "ste": "suite", "fl": "floor",
    "apt": "apartment", "bldg": "building", "rte": "route", "rt": "route", "col": "column", "ver": "version",
    "ca": "circa", "est": "established", "approx": "approximately", "nr": "number", "ep": "episode",
}  # fmt: skip
_CAPITAL_BEFORE_NUMBERS = {"Art": "Article", "Par": "Paragraph", "Ex": "Example", "Hwy": "Highway", "App": "Appendix"}
"""These are words in small letters: "It was art. 5 people saw it."."""
_BEFORE_LETTERS = ("fig", "vol", "ch", "sec", "pt", "rm", "ste", "apt", "bldg")
_BEHIND_ORDINALS = {"gen": "generation", "fl": "floor", "ed": "edition", "c": "century"}
_UNSTOPPED_BEFORE_NUMBERS = ("fig", "figs", "vol", "vols", "pp", "rte", "apt", "bldg", "rm", "approx")
_BEFORE_YEARS = {"c": "circa", "b": "born", "d": "died"}
_ANYWHERE = {
    "approx": "approximately", "dept": "department", "depts": "departments", "govt": "government", "vs": "versus",
    "v.s": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is", "cf": "compare", "viz": "namely",
    "et al": "et al", "incl": "including", "excl": "excluding", "misc": "miscellaneous", "pts": "points",
    "temp": "temperature", "p.a": "per annum", "Inc": "Incorporated",
    "Corp": "Corporation", "Ltd": "Limited", "Co": "Company", "Cos": "Companies", "Bros": "Brothers",
    "Assn": "Association", "Assoc": "Associates", "Univ": "University", "Intl": "International", "Natl": "National",
    "Jr": "Junior", "Esq": "Esquire", "Blvd": "Boulevard", "Rd": "Road", "Hwy": "Highway", "Pkwy": "Parkway",
    "Ave": "Avenue", "Expy": "Expressway", "Bldg": "Building", "Tpke": "Turnpike", "Twp": "Township",
    "Apt": "Apartment", "Mfg": "Manufacturing", "a.k.a": "also known as", "yr": "year", "yrs": "years",
    "resp": "respectively", "avg": "average", "mgr": "manager", "asst": "assistant", "mgmt": "management",
    "Pvt": "Private",
    **{short: name for short, name in {**SHORT_MONTHS, **SHORT_DAYS}.items() if short not in _ALSO_WORDS},
}  # fmt: skip
"""Read as these wherever they stand with a stop."""
_UNSTOPPED = {
    "w/": "with ", "w/o": "without ", "b/c": "because ", "aka": "also known as", "AKA": "also known as",
    "BTW": "by the way", "IMO": "in my opinion", "TBD": "to be determined", "vs": "versus", "approx": "approximately",
    "Blvd": "Boulevard", "Hwy": "Highway", "Pkwy": "Parkway", "Dept": "Department", "dept": "department",
    "Govt": "Government", "govt": "government", "Gov't": "Government", "gov't": "government", "Int'l": "International",
    "int'l": "international", "Nat'l": "National", "nat'l": "national", "Qty": "Quantity", "qty": "quantity",
    "Attn": "Attention", "Temp:": "Temperature:", "temp:": "temperature:",
}  # fmt: skip
_UNITS = (
    "in", "ft", "lb", "lbs", "oz", "mi", "yd", "yds", "mo", "mos", "wk", "wks", "yr", "yrs", "hr", "hrs",
    "min", "mins", "sec", "secs", "tbsp", "tsp", "qt", "pt",
    "gal",
)  # fmt: skip
"""Behind a number and with a stop, which would be heard as the end of the sentence."""
_ONE_OF_UNITS = {
    "tbsp": "tablespoon", "tsp": "teaspoon", "pt": "pint", "qt": "quart", "gal": "gallon", "oz": "ounce", "lb": "pound",
    "yd": "yard",
}  # fmt: skip
"""As in "a tbsp. of oil" and "per lb."; behind numbers they are measures."""

_STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho",
    "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana", "ME": "Maine",
    "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MS": "Mississippi",
    "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "NJ": "New Jersey",
    "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota", "OH": "Ohio", "OK": "Oklahoma",
    "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina", "SD": "South Dakota",
    "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia", "WA": "Washington",
    "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D.C.",
}  # fmt: skip
_OLDER_STATES = {
    "Ala": "AL", "Ariz": "AZ", "Ark": "AR", "Calif": "CA", "Colo": "CO", "Conn": "CT", "Del": "DE", "Fla": "FL",
    "Ga": "GA", "Ill": "IL", "Ind": "IN", "Kan": "KS", "Kans": "KS", "Ky": "KY", "La": "LA", "Mass": "MA", "Md": "MD",
    "Mich": "MI", "Minn": "MN", "Miss": "MS", "Mo": "MO", "Mont": "MT", "Neb": "NE", "Nev": "NV", "N.H": "NH",
    "N.J": "NJ", "N.M": "NM", "N.Y": "NY", "N.C": "NC", "N.D": "ND", "Okla": "OK", "Ore": "OR", "Pa": "PA", "R.I": "RI",
    "S.C": "SC", "S.D": "SD", "Tenn": "TN", "Tex": "TX", "Vt": "VT", "Va": "VA", "Wash": "WA", "W.Va": "WV",
    "W. Va": "WV", "Wis": "WI", "Wyo": "WY",
}  # fmt: skip
_PARTS_OF_TOWN = {"N": "North", "S": "South", "E": "East", "W": "West"}


# Where a sentence ends

_DAY, _MONTH = alternatives(SHORT_DAYS), alternatives(SHORT_MONTHS)
_CERTAIN_MONTH = alternatives(set(SHORT_MONTHS) - set(_ALSO_WORDS))
_TIMES = "ET|EST|EDT|CT|CST|CDT|MT|MST|MDT|PT|PST|PDT|GMT|UTC|Eastern|Central|Mountain|Pacific"
_DAY_OR_MONTH = alternatives({*SHORT_DAYS, *SHORT_DAYS.values(), *SHORT_MONTHS, *SHORT_MONTHS.values(), "May"})
_LETTER = r"(?:(?:[IVXL]{2,}|[B-HVXL])\b|[AI]\b(?:(?! [a-z])|(?= (?:and|or|is|shows?|below|above)\b)))(?!'|\. ?\w)"
"""Of a figure or volume; "A" and "I" before another word begin a sentence."""
_OFFICES = r"(?:Prof|Dean|Dir|Editor|Coach|Att|Producer|Manager|Principal|Justice)"
_MAY_BE_LAST = {"Dr", "St", "Sr", "Ft", "Mt", "Pt"}
_KNOWN = {*_TITLES, *_STOPPED_TITLES, *_ANYWHERE, *_STREETS, *SHORT_MONTHS, *SHORT_DAYS, *_OLDER_STATES}
_GOES_ON = (
    (
        rf"(?<!\w)(?:(?i:{alternatives(_BEFORE_NUMBERS)})|{alternatives({*_CAPITAL_BEFORE_NUMBERS, *SHORT_MONTHS})})\.",
        r"[#$€£]?\d",
    ),
    (rf"(?<!\w)(?i:{alternatives(_BEFORE_LETTERS)})\.", _LETTER),
    (rf"\d ?(?:{alternatives(_UNITS)})\.", r"[\da-z(]"),
    (rf"(?<!\w)(?:{_DAY})\.", rf"(?: ?[-–] ?(?:{_DAY})\b|\d{{1,2}}(?::\d\d| ?[ap]\.?m\b| ?[-–]))"),
    (r"(?:^|[\s/(])\.", r"NET\b"),
    (r"[A-Za-z]\.", "[,:;]"),
    (r"(?:^|[(:,;] )(?i:max|min)\.", r"[a-z\d]"),
    (r"(?<!\w)App\.", _LETTER),
    (rf"\b[Aa]n? (?:{alternatives(_ONE_OF_UNITS)})\.", r"of\b"),
    (r"(?<!\w)So\.", r"(?:Calif|Carolina|Dakota)"),
    (r"(?<!\w)(?:Assoc|Asst)\.", rf"{_OFFICES}"),
    (r"(?<!\w)(?i:[ap]\.m)\.", rf"(?:{_TIMES}|{_DAY_OR_MONTH})\b"),
    (rf"(?<!\w)(?:{alternatives(_KNOWN)}|eds?|(?i:[ap]\.m|e\.g|i\.e)|[A-Z](?:\.[A-Z])+)\.", r"[a-z]"),
    (rf"(?<!\w)(?:{alternatives({*_TITLES, *_STOPPED_TITLES} - _MAY_BE_LAST)}|(?i:i\.e|e\.g|vs))\.", r"[A-Z]"),
    (r"(?:^|(?<![\w'])(?!the |my |your |his |her |our |a )[a-z']+[,;]? )(?:Dr|St|Mt|Ft)\.", r"[A-Z]"),
)
"""What is before a break and what behind it, where the stop between them only ends an abbreviation."""
_BREAKS = tuple((re.compile(before + "$"), re.compile(after)) for before, after in _GOES_ON)


def goes_on(before: str, after: str) -> bool:
    """Whether the sentence that seems to end with `before` goes on with `after`, as in "on Jan." and "5, 2024"."""
    tail = before[-24:].rstrip()
    return any(start.match(after) and end.search(tail) for end, start in _BREAKS)


# What they are read as

_STOP = r"(?:\.(?!\w)|(?![\w.]))"
"""The stop of an abbreviation, or its absence."""
_NAME = r"(?=[“\"]?[A-ZÀ-ÖØ-Þ][\w'.-])"
_NO_STREET = "(?!(?:The|An?|My|Our|His|Her|Your|Their|Hi|Hello|Dear|Hey|And|But|Yes|No|This|That|Ask|Call|Thanks) )"
_WORD = r"[A-Z][\w'-]{0,30}"
_STREET_NAME = rf"\b{_NO_STREET}(?:{_WORD}|\d{{1,3}}(?:st|nd|rd|th))"
_AFTER_STREET = (
    r"(?!,? (?:Maria|Atque))(?=[,;:)!?]|\.?$|\.[\"”')]|,? (?:[a-z0-9#&(]|(?:Apt|Ste|Suite|Unit|Room|Floor|[NS][WE])\b))"
)
_ADDRESS = rf"(?<!\bin )(?<!\bIn )\b\d{{1,5}}[A-Z]?(?: [NSEW]\.?)?(?: {_STREET_NAME}){{1,3}}"
_CITY = rf"(?:{_WORD} ){{0,2}}{_WORD}"
_NUMBER = r"[#$€£]?\d"
_AND = r"(?:,? (?:and|or|&) |, ?| ?[/&] ?)"
_SEASON = "(?:[Ii]n|[Ss]ince|[Uu]ntil|[Dd]uring|[Ll]ast|[Nn]ext|[Tt]his|[Ee]arly|[Ll]ate|[Mm]id)"
_IN = "(?:[Ii]n|[Ff]rom|[Tt]o|[Nn]ear|[Oo]f|[Aa]round|[Oo]utside|[Vv]isit|[Ll]eft)"
_CERTAIN_STATES = {
    state for state in _STATES if not re.match("OK|HI|OH|ME|IN|OR|M[DAST]|PA|ID|AL|LA|CO|D[EC]|VA", state)
}
_ALL_STREETS = _STREETS | _RARER_STREETS
_ALL_TITLES = _TITLES | _STOPPED_TITLES
_ALL_BEFORE_NUMBERS = _BEFORE_NUMBERS | _CAPITAL_BEFORE_NUMBERS


def _words(table: dict[str, str], suffix: str = "") -> Callable[[re.Match[str]], str]:
    """What to put for a match that ends with its group "short": the words, with a capital where a sentence begins."""

    def replacement(match: re.Match[str]) -> str:
        short = match["short"]
        found = table.get(short) or table.get(short.lower()) or table[short.capitalize()]
        is_first = short[0].isupper() and not match.string[: match.start("short")].strip("\"'“‘([ ")
        found = found[0].upper() + found[1:] if is_first else found
        return match[0][: match.start("short") - match.start()] + found + suffix

    return replacement


def _either_case(words: Iterable[str]) -> str:
    return alternatives({case for word in words for case in (word, word.lower(), word[0].upper() + word[1:])})


def _days(match: re.Match[str]) -> str:
    """Days or months in full: "Saturday and Sunday" for "Sat & Sun"."""
    named = re.sub(rf"\b({_DAY}|{_MONTH})\b\.?", lambda name: {**SHORT_DAYS, **SHORT_MONTHS}[name[1]], match[0])
    return re.sub(" ?[/&] ?", " and ", named)


def _state(match: re.Match[str]) -> str:
    return f"{match['city']}, {_STATES[_OLDER_STATES.get(match['short'], match['short'])]}"


def _state_and_zip(match: re.Match[str]) -> str:
    digits = ", ".join(" ".join(group) for group in match["zip"].split("-"))
    return f"{match['city']} {_STATES[match['short']]} {digits}"


_RULES = rules(
    # Addresses
    (rf"{_ADDRESS} (?P<short>{alternatives(_ALL_STREETS)}){_STOP}", _words(_ALL_STREETS)),
    (rf"{_STREET_NAME} (?P<short>{alternatives(_STREETS)}){_STOP}{_AFTER_STREET}", _words(_STREETS)),
    (rf"{_STREET_NAME} (?P<short>{alternatives(_RARER_STREETS)})\.{_AFTER_STREET}", _words(_RARER_STREETS)),
    (r"\b(?:Wall|Main|Elm|Oak|High|Market|State|\d{1,3}(?:st|nd|rd|th)) (?P<short>St)\b\.?", _words(_STREETS)),
    (r"\b\d{1,5} (?P<short>[NSEW])\.? (?=[A-Z\d][\w'])", _words(_PARTS_OF_TOWN, " ")),
    (
        rf"(?P<city>\b{_WORD},?) (?P<short>{alternatives(_STATES)}),? (?P<zip>\d{{5}}(?:-\d{{4}})?)(?![\w-])",
        _state_and_zip,
    ),
    (rf"(?P<city>\b{_WORD}), (?P<short>{alternatives(_CERTAIN_STATES)})(?![\w'-]|\.\w)", _state),
    (
        rf"(?P<city>\b{_IN} {_CITY}), (?P<short>{alternatives(set(_STATES) - {'OK', 'HI', 'ME'})})(?![\w'-]|\.\w)",
        _state,
    ),
    (rf"(?P<city>\b{_WORD}), (?P<short>{alternatives(_OLDER_STATES)})\.(?!\w)", _state),
    (
        rf"\b{_IN} (?P<short>{alternatives(_OLDER_STATES)})\.(?= [a-z]|,)",
        _words({short: _STATES[state] for short, state in _OLDER_STATES.items()}),
    ),
    (r"(?<![\w.])So\. (?=Calif)", "Southern "),
    (r"(?<![\w.])So\. (?=Carolina|Dakota)", "South "),
    (r"\b(?:I-|US-|Route |Highway )\d{1,3} (?P<short>[NSEW])\b\.?(?!\w)", _words(_PARTS_OF_TOWN)),
    # Dates
    (
        rf"(?<![\w.])(?P<short>{_MONTH})\.?(?=(?:,? (?:19|20)\d\d| \d{{1,2}}(?:st|nd|rd|th)?)(?![\w:%]))",
        _words(SHORT_MONTHS),
    ),
    (rf"\b(?:{_SEASON}|\d(?:st|nd|rd|th)?(?: of)?) (?P<short>{_MONTH})\.(?!\w)", _words(SHORT_MONTHS)),
    (rf"(?<=\b[DRI]-)(?P<short>{alternatives(_OLDER_STATES)})\.", lambda match: _STATES[_OLDER_STATES[match["short"]]]),
    (rf"\b(?:{_SEASON}|[Bb]y|[Tt]ill) (?P<short>{_CERTAIN_MONTH})(?![\w.'-]| [A-Z])", _words(SHORT_MONTHS)),
    (rf"\b(?i:from|between) (?:{_MONTH})\b\.? (?:to|through|and|until) (?:{_MONTH})\b(?:\.(?!\w)|(?![\w'-]))", _days),
    (rf"(?<![\w.'-])(?:{_DAY})\b\.?(?:{_AND}(?:{_DAY})\b\.?)+(?![\w'-])", _days),
    (
        rf"\b(?:[Oo]n|[Nn]ext|[Ll]ast|[Tt]his|[Ee]very) (?P<short>{_DAY})(?:\.(?!\w)|(?![\w.'-]| [A-Z]))",
        _words(SHORT_DAYS),
    ),
    (r"(?<![\w.'-])(?P<short>Fri|Tues|Thurs)(?![\w.'-])", _words(SHORT_DAYS)),
    (
        rf"(?<![\w.])(?P<short>Sat|Sun|Wed)\.(?=,? (?:{_DAY_OR_MONTH}|\d|and|at|through|night|morning|evening)\b)",
        _words(SHORT_DAYS),
    ),
    (rf"\b(?:{alternatives(SHORT_DAYS.values())}) (?:or|and|to|through) (?P<short>{_DAY})\.(?!\w)", _words(SHORT_DAYS)),
    # Numbers
    (
        rf"(?<=\d) ?(?P<short>{alternatives(_UNITS)})\.(?= [a-z\d(]|,|(?<!min\.)(?<!mins\.)(?<!hr\.)(?<!hrs\.) [A-Z])",
        lambda match: " inches" if match["short"] == "in" else f" {match['short']}",
    ),
    (
        rf"(?<![\w.])(?P<short>{_either_case(_BEFORE_NUMBERS)}|{alternatives(_CAPITAL_BEFORE_NUMBERS)})\. ?"
        rf"(?={_NUMBER})",
        _words(_ALL_BEFORE_NUMBERS, " "),
    ),
    (rf"(?<![\w.])(?P<short>{_either_case(_BEFORE_LETTERS)})\. (?={_LETTER})", _words(_BEFORE_NUMBERS, " ")),
    (rf"(?<![\w.])(?P<short>App)\. (?={_LETTER})", _words(_CAPITAL_BEFORE_NUMBERS, " ")),
    (r"(?<![\w.])(?P<short>[Tt]el|[Ee]xt)\.(?=:)", _words(_BEFORE_NUMBERS)),
    (rf"\b(?:[Aa]n?) (?P<short>{alternatives(_ONE_OF_UNITS)})\b\.?(?= of\b)", _words(_ONE_OF_UNITS)),
    (rf"\b[Pp]er (?P<short>{alternatives(_ONE_OF_UNITS)})\b\.?(?!\w)", _words(_ONE_OF_UNITS)),
    (rf"(?<![\w.])(?P<short>{_either_case(_UNSTOPPED_BEFORE_NUMBERS)}) (?=\d)", _words(_BEFORE_NUMBERS, " ")),
    (r"(?<![\w.])(?P<short>[cbd])\. ?(?=\d{3,4}\b)", _words(_BEFORE_YEARS, " ")),
    (r"\d(?:st|nd|rd|th) (?P<short>[Gg]en|[Ff]l)\b\.?(?!\w)", _words(_BEHIND_ORDINALS)),
    (r"\d(?:st|nd|rd|th) (?P<short>c)\.(?!\w)", _words(_BEHIND_ORDINALS)),
    (r"(?:\d(?:st|nd|rd|th)|rev\.|revised) (?P<short>ed)\.(?!\w)", _words(_BEHIND_ORDINALS)),
    # Names
    (r"(?<![\w.])Gen\.? (?=(?:[A-Z]|Alpha|Beta)s?\b(?!\.))", "Gen "),
    (rf"{_WORD},? (?P<short>Sr)\.(?!\w)", _words({"Sr": "Senior"})),
    (rf"{_WORD},? (?P<short>[JS]r)(?![\w.'-]| [A-Z])", _words({"Sr": "Senior", "Jr": "Junior"})),
    (r"(?<=[a-z]) v\.? (?=[A-Z][a-z])", " versus "),
    (rf"(?P<short>Assoc|Asst)\. (?={_OFFICES})", _words({"Assoc": "Associate", "Asst": "Assistant"}, " ")),
    (rf"(?<![\w.])(?<!\d )(?P<short>{alternatives(_TITLES)})\.? {_NAME}", _words(_TITLES, " ")),
    (rf"(?<![\w.])(?P<short>{alternatives(_STOPPED_TITLES)})\. ?{_NAME}", _words(_STOPPED_TITLES, " ")),
    (
        r"(?<![\w.])(?P<short>Gen|Gov|Sen|Col|Maj|Adm) (?=[A-Z][a-z])(?!Con\b|Xers?\b|Zers?\b|Alpha|Beta)",
        _words(_STOPPED_TITLES, " "),
    ),
    (r"(?<![\w.])(?P<short>mr|mrs|ms|dr|prof|gen|gov|sen|sgt|capt|lt|mt)\. (?=[a-z])", _words(_ALL_TITLES, " ")),
    (r"(?<![\w.])(?P<short>Mr|Mrs|Ms|Dr|Prof|Capt|Sgt|Lt)\.(?!\w)", _words(_TITLES)),
    (r"(?<![\w.])(?P<short>Gov|Sen|Rep|Gen|Col|Maj|Rev|Pres)\.(?= [a-z]|-elect)", _words(_STOPPED_TITLES)),
    (r"(?<![\w.])(?P<short>Maj|Lt|Brig)\.-(?=Gen|Col|Gov)", _words({**_ALL_TITLES, "Brig": "Brigadier"}, " ")),
    (r"(?<![\w.])(?P<short>Sec)\.(?= of [A-Z])", _words(_STOPPED_TITLES)),
    (r"(?:^|[(:,;] )(?P<short>[Mm]ax|[Mm]in)\. (?=[a-z\d])", _words({"max": "maximum", "min": "minimum"}, " ")),
    (r"(?<![\w.])(?P<short>St)\.(?!\w)", _words(_STREETS)),
    # Everything else
    (rf"(?<![\w./@-])(?P<short>{_either_case(_ANYWHERE)})\.(?!\w)", _words(_ANYWHERE)),
    (r"(?<![\w.])(?![ap]\.m\.)(?:[a-z]\.){2,5}(?= [a-z0-9])", lambda match: match[0].upper()),
    (rf"(?<![\w./])(?P<short>{alternatives(_UNSTOPPED)})(?![\w./])", lambda match: _UNSTOPPED[match["short"]]),
)
"""What is found and what is read for it, in this order."""

_LAST_STOP = re.compile(r"(?<!\.)\.(?=[\"”’')\]]*$)")
_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?=[\"”’')\]]*$)")
_INNER_STOP = re.compile(r"(?<=[A-Za-z]{2})\.(?= [a-z0-9])")


def expanded(sentence: str) -> str:
    """One English `sentence` with its abbreviations in words, and no stop within it that a voice would rest at.

    "No. 5" is "number 5", "St. John's St." is "Saint John's Street"; initials and "U.S." keep their stops, which voices
    know. Linear in practice.
    """
    text = _LAST_STOP.sub("..", sentence)  # of an abbreviation at the end, one stop is its own, one the sentence's
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return _INNER_STOP.sub("", _TWO_STOPS.sub(".", text))
