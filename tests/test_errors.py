"""Errors as programs read them: every one has a code and values, documented, and its words in Chinese by them."""

from __future__ import annotations

import json
import pickle
import re

import pytest
from raised_errors import ALL, UNKNOWN
from serving import ROOT

from voxdemo.errors import BusyError, EngineError, InputError, LimitError, NotReadyError, StorageError, VoxdemoError
from voxdemo.web.components.assets import phrases


def test_every_error_has_one_sentence_by_its_code_and_reason() -> None:
    assert UNKNOWN == []
    assert len({each.key for each in ALL}) > 60
    generic = {"invalid_input", "not_ready", "server_error"}
    assert [each for each in ALL if each.key in generic] == []
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+(\.[a-z_]+)?", each.key) for each in ALL)
    sentences: dict[str, set[str]] = {}
    for each in ALL:
        sentences.setdefault(each.key, set()).add(each.sentence)
    assert {key: said for key, said in sentences.items() if len(said) > 1} == {}


def test_every_error_that_the_page_can_show_has_its_words_in_chinese_by_its_code() -> None:
    shown = [each for each in ALL if each.is_on_the_page]
    assert len(shown) > 50
    assert [each for each in shown if f"error.{each.key}" not in phrases()] == []
    beside = {
        "busy": {"waiting"}, "busy.wait_unknown": {"waiting"},
        "rate_limit_exceeded.waiting": {"most"}, "rate_limit_exceeded.live": {"most"},
    }  # fmt: skip
    for each in shown:
        places = set(re.findall(r"{(\w+)}", phrases()[f"error.{each.key}"]))
        assert places <= each.places | beside.get(each.key, set()), each
    assert {key for key in phrases() if key.startswith("error.")} == {f"error.{each.key}" for each in shown}


def test_the_documentation_lists_every_error_with_its_sentence() -> None:
    listed = dict(re.findall(r"^\| `([\w.]+)` \| (.+) \|$", (ROOT / "docs/errors.md").read_text(), re.MULTILINE))
    expected = {each.key: re.sub(r"{(\w+)[^}]*}", r"{\1}", each.sentence).replace("|", "\\|") for each in ALL}
    assert listed == expected


@pytest.mark.parametrize(
    "error",
    [
        InputError("The text has {count:,} characters.", "text", "text_too_long", count=60_000),
        BusyError.full(3, 12.3),
        BusyError.full(1, None),
        LimitError.too_many(7_201),
        NotReadyError.stopping(),
        StorageError(),
        EngineError("It stopped after {where}. {why}", where="“{x}”", why=InputError.unsayable("English", "世界")),
    ],
)
def test_an_error_keeps_its_code_and_values_on_every_way(error: VoxdemoError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.described, str(copy)) == (type(error), error.described, error.sentence)
    assert json.loads(json.dumps(error.described)) == error.described


def test_an_error_in_another_is_told_with_its_own_code() -> None:
    error = EngineError("It stopped after {where}. {why}", where="“{x}”", why=InputError.unsayable("English", "世"))
    assert error.sentence.startswith("It stopped after “{x}”. This voice speaks English only and can't read “世”.")
    assert (error.values["why"]["code"], error.values["why"]["values"]["letters"]) == ("unsayable", "世")


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [(0.001, "1 s"), (11.2, "12 s"), (120, "120 s"), (121, "3 min"), (7200, "120 min"), (7201, "3 h")],
)
def test_a_wait_is_never_told_shorter_than_it_is(wait_s: float, told: str) -> None:
    error = LimitError.too_many(wait_s)
    assert error.sentence == f"Too many requests: try again in {told}."
    assert (error.values["time"], error.retry_after_s) == (told, wait_s)
