"""What programs ask for while something else happens in the same moment: their tickets are given back all the same."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from asking import spoken
from fakes import CLONER, RATE, Stage, until
from starlette.applications import Starlette

from voxdemo.batches.runner import Batches
from voxdemo.lanes.line import Claim
from voxdemo.lanes.turns import Size
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Utterance, Voice
from voxdemo.stores.batch_values import Load, jobs_unreachable
from voxdemo.stores.batches import BatchStore
from voxdemo.stores.limits import Limits
from voxdemo.web import v1
from voxdemo.web.line.admission import Admission
from voxdemo.web.v1.entrance import Entrance

STAND_IN = replace(CLONER, name="plain", title="Plain voice", voices=(Voice("plain", "en-GB", "male"),))


@pytest.fixture
def better() -> Stage:
    """Where the engine plays that is still loading."""
    stage = Stage(open=True)
    stage.may_load.clear()
    return stage


@pytest.fixture
async def service(tmp_path: Path, better: Stage) -> AsyncGenerator[SpeechService, None]:
    stage, settings = Stage(open=True), Settings(cache_dir=tmp_path / "cache")
    service = local_service(settings, [better.engine(), stage.engine(STAND_IN)], [stage.recognizer()])
    service.start()
    await until(lambda: service.readiness().ready)
    yield service
    better.may_load.set()
    await service.close()


def program(service: SpeechService, limits: Limits, batches: Batches | None = None) -> httpx.AsyncClient:
    entrance = Entrance(service, Admission(service, limits))
    routes = v1.mounted(entrance, batches or batches_of(service, lambda: service.stores.batches))
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=[routes])), base_url="http://testserver/v1")


def batches_of(service: SpeechService, open_store: Callable[[], BatchStore]) -> Batches:
    speak = Entrance(service, Admission(service, Limits("", ""))).speak_in_turn
    return Batches(open_store, speak, lambda options: "", lambda engine: False, 1, 1.0)


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
@pytest.mark.parametrize("asked", [{"model": "plain-voice"}, {"model": "plain"}, {"voice": "plain"}])
async def test_a_request_that_names_the_stand_in_is_answered_when_a_better_engine_serves_just_then(
    service: SpeechService, better: Stage, asked: dict[str, str], stream_format: str
) -> None:
    class Loading(Limits):
        async def take(self, client: str, kind: Any = "job") -> None:
            better.may_load.set()
            await until(lambda: service.engine_info.name == CLONER.name)

    body = {"input": "One two.", "response_format": "wav", "stream_format": stream_format, **asked}
    async with program(service, Loading("", "")) as client:
        answer = await client.post("/audio/speech", json=body)
    assert answer.status_code == 200
    assert "error" not in answer.text[:2000]
    assert service.line.stats().waiting == 0
    await asyncio.wait_for(spoken(service, Utterance("The next one.")), timeout=10)


@pytest.mark.parametrize("already", [0, 3], ids=["called at once", "to wait"])
@pytest.mark.parametrize("path", ["speech", "transcriptions"])
async def test_a_program_that_leaves_in_the_moment_when_it_gets_its_ticket_gives_it_back(
    service: SpeechService, path: str, already: int
) -> None:
    sound = io.BytesIO()
    soundfile.write(sound, np.zeros(RATE, np.float32), RATE, format="wav")
    body: dict[str, Any] = (
        {"json": {"input": "One two."}} if path == "speech" else {"files": {"file": sound.getvalue()}}
    )
    before = [service.line.take(Claim(Size(1.0)), 0.0) for _ in range(already)]
    async with program(service, Limits("", "")) as client:
        asking = asyncio.ensure_future(client.post(f"/audio/{path}", **body))
        service.line.moved.append(lambda: asyncio.get_running_loop().call_soon(asking.cancel) and None)
        with pytest.raises(asyncio.CancelledError):
            await asking
    service.line.moved.clear()
    await until(lambda: (service.line.stats().waiting, service.line.stats().running) == (already, 0))
    for ticket in before:
        service.line.leave(ticket)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "the-key"}], ids=["without a key", "with a key"])
async def test_a_job_whose_client_is_told_to_come_again_is_kept_only_for_the_same_request(
    service: SpeechService, tmp_path: Path, headers: dict[str, str]
) -> None:
    """It was accepted, and the database went away before the client could be told."""
    is_away = True

    class Away(BatchStore):
        def loads(self) -> Sequence[Load]:
            if is_away:
                raise jobs_unreachable()
            return super().loads()

    batches = batches_of(service, lambda: Away(tmp_path / "jobs"))
    async with program(service, Limits("", ""), batches) as client:
        refused = await client.post("/audio/jobs", json={"input": "One."}, headers=headers)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
        assert refused.json()["error"]["message"].endswith("try again in a minute.")
        is_away = False
        again = await client.post("/audio/jobs", json={"input": "One."}, headers=headers)
        assert again.status_code == 202
    if batches._withdrawing:
        await asyncio.wait_for(batches._withdrawing, timeout=30)
    assert [load.batch for load in await batches.ask(lambda store: store.loads())] == [again.json()["id"]]
    await batches.ask(lambda store: store.close())
