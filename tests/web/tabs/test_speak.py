"""What the Speak tab does while somebody writes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import gradio as gr
import pytest
from fakes import CLONER, Stage

from voxdemo import settings as voxdemo_settings
from voxdemo.server.assemble import local_service
from voxdemo.speech import RARE_DIALS
from voxdemo.text import tags
from voxdemo.web.tabs.speak import add_generate_tab


@pytest.mark.parametrize("text", ["[Fake] Hello. [pause 1s]", "[No one] " * 500, "((( [[[ " * 500])
async def test_a_text_is_looked_through_for_tags_beside_the_event_loop(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, whole = set[int](), tags.understood

    def understood(*asked: Any) -> list[tags.Tag]:
        looked.add(threading.get_ident())
        return whole(*asked)

    monkeypatch.setattr(tags, "understood", understood)
    stage = Stage(open=True)
    service = local_service(voxdemo_settings.load(), [stage.engine()], [stage.recognizer()])
    with gr.Blocks() as page, gr.Tabs():
        add_generate_tab(service, [page.load])
    look_ahead: Callable[..., Any] = next(
        each.fn for each in page.fns.values() if each.name == "look_ahead" and each.fn
    )
    await look_ahead(text, "Ready-made", "fake", 10, 1.0, [])
    assert looked
    assert threading.get_ident() not in looked


@pytest.mark.parametrize(
    ("dials", "says"),
    [
        pytest.param((), "<p>Chatterbox supports seed only. The other settings need VoxCPM.</p>", id="few"),
        pytest.param((dial.name for dial in RARE_DIALS), "", id="its-own"),
    ],
)
def test_settings_are_said_to_be_missing_of_an_engine_that_has_none_of_its_own(dials: Iterable[str], says: str) -> None:
    engine = Stage().engine(replace(CLONER, title="Chatterbox", honours=frozenset({"seed", *dials})))
    service = local_service(voxdemo_settings.load(), [engine], [Stage().recognizer()])
    with gr.Blocks() as page, gr.Tabs():
        add_generate_tab(service, [page.load])
    (note,) = [each for each in page.blocks.values() if getattr(each, "elem_id", None) == "vx-fine-note"]
    assert getattr(note, "value", None) == says
