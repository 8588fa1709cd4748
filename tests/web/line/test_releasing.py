"""What our queue does to Gradio's where no client of a server can bring it about at will."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from starlette.requests import Request

from voxdemo.intake.request import Examined
from voxdemo.service.request_context import RequestContext
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web.line import gradio_queue
from voxdemo.web.line.admission import Admission
from voxdemo.web.line.gradio_queue import IN_LINE, LINE, LineQueue
from voxdemo.web.line.handlers import HandlerInfo


@pytest.fixture
def queue(service: SpeechService, tmp_path: Path) -> LineQueue:
    async def handler() -> None:
        raise AssertionError("nobody waits for it")

    handler.info = HandlerInfo(lambda data: None)  # type: ignore[attr-defined]
    with gr.Blocks() as demo:
        gr.Button().click(handler, **IN_LINE)
    admission = Admission(service, service.stores.limits)
    queue = LineQueue(demo, service, admission, Settings(cache_dir=tmp_path / "cache"))
    queue.set_server_app(demo.app)
    return queue


def came(queue: LineQueue, service: SpeechService, session: str = "session") -> Event:
    """An event that has its ticket."""
    context = RequestContext("gradio", examined=Examined(None, None))
    service.take_ticket(context)
    request = Request({"type": "http", "headers": [], gradio_queue._CONTEXT: context})
    return Event(session, next(iter(queue.blocks.fns.values())), request, None)


async def test_an_event_whose_client_leaves_when_it_is_released_holds_up_nothing(
    service: SpeechService, queue: LineQueue, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    event = came(queue, service)
    queue.active_jobs, queue.event_queue_per_concurrency_id[LINE].current_concurrency = [[event]], 1
    await queue.clean_events(session_hash="session")
    await queue.process_events([event], False, 0.0, event.fn)
    assert queue.active_jobs == [None]
    assert queue.event_queue_per_concurrency_id[LINE].current_concurrency == 0
    assert service.waiting == 0
    assert [vars(record)["ending"] for record in caplog.records if "ending" in vars(record)] == ["cancelled"]


async def test_events_that_leave_while_the_line_refuses_all_trouble_no_other(
    service: SpeechService, queue: LineQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    events = [came(queue, service, session) for session in ("first", "gone", "last")]
    waiting = queue.event_queue_per_concurrency_id[LINE].queue
    waiting += events
    refused: list[str] = []

    def send(event: Event, message: object) -> None:
        if isinstance(message, ProcessCompletedMessage):
            refused.append(event.session_hash)
            if events[1] in waiting:
                waiting.remove(events[1])

    monkeypatch.setattr(Queue, "send_message", lambda self, event, message: send(event, message))
    service.line.refuse_all(within_s=1.0)
    assert refused == ["first", "last"]
    assert waiting == []
    assert "Traceback" not in caplog.text
