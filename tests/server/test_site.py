"""What a server does beside what it is asked for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from fakes import Stage, until
from gradio.routes import App

from voxdemo.intake import detection
from voxdemo.server.assemble import local_service
from voxdemo.server.site import build
from voxdemo.settings import Settings


async def test_the_detector_of_languages_is_loaded_at_the_start_and_not_by_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings, stage = Settings(_env_file=None, cache_dir=tmp_path), Stage(open=True)  # type: ignore[call-arg]
    site = build(local_service(settings, [stage.engine()], [stage.recognizer()]), settings)
    threads, detected = list[threading.Thread](), detection.detected

    def noted(text: str) -> str | None:
        threads.append(threading.current_thread())
        return detected(text)

    monkeypatch.setattr(detection, "detected", noted)
    async with site.options["app_kwargs"]["lifespan"](SimpleNamespace()):
        await until(lambda: bool(threads))
    assert threads[0] is not threading.current_thread()


def test_a_page_and_its_app_are_made_without_event_loops_that_nobody_closes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def made() -> asyncio.AbstractEventLoop:
        raise AssertionError("by whom?")

    monkeypatch.setattr(asyncio, "new_event_loop", made)
    settings, stage = Settings(_env_file=None, cache_dir=tmp_path), Stage(open=True)  # type: ignore[call-arg]
    App.create_app(build(local_service(settings, [stage.engine()], [stage.recognizer()]), settings).demo)
