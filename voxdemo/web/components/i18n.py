"""The page's languages: English, in which everything is written, and Simplified Chinese.

`assets/shell/zh.json` has English phrases and what they are in Chinese. Gradio's own i18n takes the words of its
components from it, by the language of the browser; `assets/shell/translate.js` what our scripts and the server say.
"""

import functools
import json
from collections.abc import Mapping

import gradio as gr
from gradio.i18n import I18nData

from voxdemo.web.components.assets import asset

MISSING = {"common.complete": "Done"}
"""What Gradio's English lacks; a screen reader would read the key."""
LOGIN = {
    "login.login": "Log in",
    "login.username": "Name",
    "login.password": "Password",
    "login.incorrect_credentials": "Wrong name or password.",
}
"""What Gradio's login says, by its keys."""


@functools.cache
def phrases() -> Mapping[str, str]:
    """English phrases and what they are in Simplified Chinese; `translate.js` says what the braces in them mean."""
    read: dict[str, str] = json.loads(asset("shell/zh.json"))
    return read


def say(english: str) -> I18nData:
    """A component's words, which Gradio's page shows in its browser's language. Raises KeyError for unknown ones."""
    if english not in phrases():
        raise KeyError(f"{english!r} isn't in assets/shell/zh.json")
    return I18nData(english)


def login_words() -> dict[str, dict[str, str]]:
    """What the login says, by language: it gets no translations from Gradio."""
    return {"en": LOGIN, "zh-CN": {key: phrases()[english] for key, english in LOGIN.items()}}


def translations() -> gr.I18n:
    """For `demo.launch`. English needs only what Gradio lacks: all else is written in it."""
    return gr.I18n(**{"en": MISSING, "zh-CN": dict(phrases())})
