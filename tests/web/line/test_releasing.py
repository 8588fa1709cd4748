"""What our queue does to Gradio's where no client of a server can bring it about at will."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import gradio as gr
import pytest
from fakes import Stage
from gradio.queueing import Event
from starlette.requests import Request

from voxdemo.intake.request import Examined
from voxdemo.monitoring.visit import RequestContext
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web.line import gradio_queue
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.gradio_queue import IN_LINE, LINE, LineQueue
from voxdemo.web.line.handlers import HandlerInfo


@pytest.fixture
async def service(tmp_path: Path) -> AsyncGenerator[SpeechService, None]:
    stage = Stage(open=True)
    service = local_service(Settings(cache_dir=tmp_path / "cache"), [stage.engine()], [stage.recognizer()])
    service.start()
    yield service
    await service.close()


async def test_an_event_whose_client_leaves_when_it_is_released_holds_up_nothing(
    service: SpeechService, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def handler() -> None:
        raise AssertionError("nobody waits for it")

    handler.info = HandlerInfo(lambda data: None)  # type: ignore[attr-defined]
    with gr.Blocks() as demo:
        gr.Button().click(handler, **IN_LINE)
    admission = Admission(service, service.stores.limits, 0)
    queue = LineQueue(demo, service, admission, Settings(cache_dir=tmp_path / "cache"))
    queue.set_server_app(demo.app)
    context = RequestContext("gradio", examined=Examined(None, None))
    service.take_ticket(context)
    request = Request({"type": "http", "headers": [], gradio_queue._CONTEXT: context})
    function = next(iter(demo.fns.values()))
    event = Event("session", function, request, None)
    queue.active_jobs, queue.event_queue_per_concurrency_id[LINE].current_concurrency = [[event]], 1
    await queue.clean_events(session_hash="session")
    await queue.process_events([event], False, 0.0, function)
    assert queue.active_jobs == [None]
    assert queue.event_queue_per_concurrency_id[LINE].current_concurrency == 0
    assert service.waiting == 0
    assert [vars(record)["ending"] for record in caplog.records if "ending" in vars(record)] == ["cancelled"]
