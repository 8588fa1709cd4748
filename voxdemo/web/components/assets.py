"""The page's own files: its look, its scripts, the HTML of its parts, its words in other languages.

Those are English, in which everything is written, and Simplified Chinese: `assets/shell/zh.json` has English phrases
and what they are in Chinese. Gradio's own i18n takes the words of its components from it, by the language of the
browser; `assets/shell/phrases.js` what our scripts and the server say.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import gradio as gr
from gradio.i18n import I18nData

ASSETS = Path(__file__).parents[3] / "assets"
PAGE, LOGIN = "page.js", "login.js"
"""The modules that the page and the login begin with."""
WORKLET = "live/worklet.js"
"""What runs on the browser's audio thread, which has nothing of the page."""
MODULES = "window.voxdemoModules"
"""Where a script has what its modules export, by their paths."""
MISSING = {"common.complete": "Done"}
"""What Gradio's English lacks; a screen reader would read the key."""
LOGIN_WORDS = {
    "login.login": "Log in",
    "login.username": "Name",
    "login.password": "Password",
    "login.incorrect_credentials": "Wrong name or password.",
}
"""What Gradio's login says, by its keys."""
_PLACE = re.compile(r"<!-- (\w+) -->")
_COMMENTS = re.compile(r"^\s*// .*\n", re.MULTILINE)
_IMPORT = re.compile(r"^import (?:(?:\* as (\w+)|({[^}]*})) from )?'([^']+)';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:const|(?:async )?function\*?) (\w+))", re.MULTILINE)


def asset(name: str) -> str:
    """The text of one of them, by its path below `assets/`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def filled(name: str, words: Mapping[str, str]) -> str:
    """The HTML of a part, with what its places, as in `<!-- name -->`, stand for; those that `words` lacks stay."""
    return _PLACE.sub(lambda place: words.get(place[1], place[0]), asset(name))


@cache
def phrases() -> Mapping[str, str]:
    """English phrases and what they are in Simplified Chinese; `phrases.js` says what the braces in them mean."""
    read: dict[str, str] = json.loads(asset("shell/zh.json"))
    return read


def say(english: str) -> I18nData:
    """A component's words, which Gradio's page shows in its browser's language. Raises KeyError for unknown ones."""
    if english not in phrases():
        raise KeyError(f"{english!r} isn't in assets/shell/zh.json")
    return I18nData(english)


def login_words() -> dict[str, dict[str, str]]:
    """What the login says, by language: it gets no translations from Gradio."""
    return {"en": LOGIN_WORDS, "zh-CN": {key: phrases()[english] for key, english in LOGIN_WORDS.items()}}


def translations() -> gr.I18n:
    """For `demo.launch`. English needs only what Gradio lacks: all else is written in it."""
    return gr.I18n(**{"en": MISSING, "zh-CN": dict(phrases())})


@cache
def scripts() -> Mapping[str, str]:
    """By its name, the module that a page begins with and all that it imports as one script, without comments.

    And `WORKLET` by itself. A browser would ask for the modules one by one: on a line of 500 kbit/s and 300 ms that
    takes 1.5 s more.
    """
    whole = {entry: f"{MODULES} = {{}};\n{''.join(map(_in_its_scope, needed_by(entry)))}" for entry in (PAGE, LOGIN)}
    return {**whole, posixpath.basename(WORKLET): asset(WORKLET)}


@cache
def version() -> str:
    """Of all scripts together. As it is in their addresses, browsers may keep them for ever."""
    return hashlib.sha256("".join(scripts().values()).encode()).hexdigest()[:12]


def scripts_folder() -> str:
    """Where they are, as seen from the page."""
    return f"./scripts/{version()}"


@cache
def needed_by(entry: str) -> tuple[str, ...]:
    """The paths of all modules that run for this one, in that order; it is the last."""
    return tuple(dict.fromkeys(_needed(entry)))


def _needed(path: str) -> Iterator[str]:
    for *_, address in _IMPORT.findall(asset(path)):
        yield from _needed(_from(path, address))
    yield path


def _from(path: str, address: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), address))


def _in_its_scope(path: str) -> str:
    """A module as a function that is called once, so that its names stay its own."""

    def taken(found: re.Match[str]) -> str:
        whole, names, address = found.groups()
        imported = whole or (names or "").replace(" as ", ": ")
        return f"const {imported} = {MODULES}['{_from(path, address)}'];\n" if imported else ""

    text = _IMPORT.sub(taken, _COMMENTS.sub("", asset(path)))
    exported = ", ".join(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1", text)
    return f"{MODULES}['{path}'] = (() => {{\n{body}return {{{exported}}};\n}})();\n"
