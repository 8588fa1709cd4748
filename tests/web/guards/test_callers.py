from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gradio as gr
import httpx
import pytest
from fastapi import FastAPI
from gradio.routes import App
from serving import free_port, served
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from voxdemo.errors import BusyError, LimitError, NotReadyError
from voxdemo.stores.limits import Limits
from voxdemo.web.guards.bodies import CostlyDoors
from voxdemo.web.guards.callers import KEY, Incoming, trust
from voxdemo.web.guards.refusals import retry_after, status_of, to_program

UPLOAD = "/gradio_api/upload"


async def mirror(request: Request) -> Response:
    """Says whom it takes the caller for."""
    return JSONResponse({"caller": Incoming(request.scope).caller, "scheme": request.scope["scheme"]})


async def upload(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


def caller_of(**scope: Any) -> str:
    """The client of a WebSocket, and of a request over HTTP."""
    [caller] = {Incoming({"type": kind, **scope}).caller for kind in ("http", "websocket")}
    return caller


def small_app(limits: Limits) -> Starlette:
    routes = [Route("/mirror", mirror), Route("/{sub:path}gradio_api/upload", upload, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(CostlyDoors, limits=limits)])


class Web:
    """A server that trusts some proxies, and those who call it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=20)

    def caller(self, forwarded: str | Sequence[str] = (), **headers: str) -> str:
        """Whom the server takes this request's sender for."""
        entries = [forwarded] if isinstance(forwarded, str) else forwarded
        every = [("X-Forwarded-For", entry) for entry in entries] + list(headers.items())
        return str(self.http.get("/mirror", headers=every).json()["caller"])

    def upload(self, **keywords: Any) -> httpx.Response:
        return self.http.post(UPLOAD, content=b"sound", **keywords)


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts a server that believes these proxies, and limits uploads to a rate."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # put back at the end
    running: list[Any] = []

    def start(proxies: Sequence[str], rate: str = "") -> Web:
        trust(proxies)
        running.append(served(small_app(Limits(rate))))
        web = Web(running[-1].__enter__())
        running.append(web.http)
        return web

    yield start
    for each in reversed(running):
        each.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("host", "caller"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        ("/run/voxdemo.sock", "unknown"),
        ("testclient", "unknown"),
        ("192.0.2.7:80", "unknown"),
        ("1" * 5000, "unknown"),
    ],
)
def test_a_client_is_its_address_or_its_network(host: str, caller: str) -> None:
    assert caller_of(client=(host, 1234)) == caller


@pytest.mark.parametrize("scope", [{}, {"client": None}])
def test_all_without_an_address_are_one_client(scope: dict[str, Any]) -> None:
    assert caller_of(**scope) == "unknown"


def test_a_key_is_a_client_wherever_it_is_used() -> None:
    anywhere = [caller_of(**{KEY: "a"}, client=(host, 1)) for host in ("192.0.2.1", "192.0.2.2")]
    assert len({*anywhere, caller_of(**{KEY: "b"}), caller_of(client=("192.0.2.1", 1))}) == 3


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8", "127.0.0.2", "::1"]])
def test_nobody_untrusted_says_who_it_is(trusting: Any, proxies: list[str]) -> None:
    web = trusting(proxies)
    for claim in ("192.0.2.1", "10.0.0.1", "127.0.0.1, 10.0.0.1", "::1", "", "unknown"):
        assert web.caller(claim) == "127.0.0.1"
    assert web.caller(["192.0.2.1", "192.0.2.2"], **{"X-Real-IP": "192.0.2.3", "Forwarded": "for=192.0.2.4"}) == (
        "127.0.0.1"
    )
    assert web.http.get("/mirror", headers={"X-Forwarded-Proto": "https"}).json()["scheme"] == "http"


@pytest.mark.parametrize(
    ("forwarded", "caller"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.9, 192.0.2.1", "192.0.2.1"),  # what it claims itself stands in front
        ("192.0.2.9,192.0.2.1 , 10.1.2.3", "192.0.2.1"),  # another proxy of ours behind it
        ("192.0.2.1, ::ffff:10.1.2.3", "192.0.2.1"),
        (["192.0.2.9", "192.0.2.1"], "192.0.2.1"),  # in a header of its own
        ("10.1.2.3, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, gibberish", "unknown"),
        ("[2001:db8::1", "unknown"),
    ],
)
def test_a_trusted_proxy_says_who_is_behind_it(trusting: Any, forwarded: str | list[str], caller: str) -> None:
    assert trusting(["127.0.0.1", "10.0.0.0/8"]).caller(forwarded) == caller


def test_a_trusted_proxy_says_whether_it_was_https(trusting: Any) -> None:
    web = trusting(["127.0.0.0/8"])
    assert web.http.get("/mirror", headers={"X-Forwarded-Proto": "https"}).json()["scheme"] == "https"


def test_everybody_can_be_trusted(trusting: Any) -> None:
    web = trusting(["10.0.0.1", "*"])
    assert web.caller("192.0.2.1") == "192.0.2.1"
    assert web.caller() == "127.0.0.1"


def test_uploads_are_limited_and_told_when_to_come_again(trusting: Any) -> None:
    web = trusting([], "3/minute")
    assert [web.upload().status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = web.upload()
    wait_s = int(refused.headers["Retry-After"])
    assert 55 <= wait_s <= 60
    sentence = f"Too many requests: try again in {wait_s} s."
    told = {"code": "rate_limit_exceeded", "values": {"time": f"{wait_s} s"}}
    assert refused.json() == {"error": sentence, "detail": sentence, **told}
    assert web.http.get("/mirror").status_code == 200
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2"), base_url=web.url) as neighbour:
        assert neighbour.post(UPLOAD).status_code == 200


@pytest.mark.parametrize("path", [UPLOAD, "/a/sub/path" + UPLOAD, "/gradio_api/%75pload", "/gradio_api" + UPLOAD])
def test_an_upload_is_counted_wherever_the_page_hangs(trusting: Any, path: str) -> None:
    web = trusting([], "1/minute")
    assert [web.http.post(path).status_code for _ in range(2)] == [200, 429]


async def test_a_refused_upload_is_not_read() -> None:
    limits = Limits("1/minute")
    await limits.take("192.0.2.1", "upload")
    told: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was read")

    async def send(message: Message) -> None:
        told.append(message)

    scope = {"type": "http", "method": "POST", "path": UPLOAD, "headers": [], "client": ("192.0.2.1", 1)}
    await CostlyDoors(small_app(limits), limits)(scope, receive, send)
    assert told[0]["status"] == 429


def test_who_sends_much_learns_of_the_limit_and_goes_on(trusting: Any) -> None:
    web = trusting([], "1/minute")
    web.upload()
    refused = web.http.post(UPLOAD, content=(bytes(100_000) for _ in range(100)))
    assert refused.status_code == 429
    assert web.caller() == "127.0.0.1"


def test_a_refusal_says_what_is_known() -> None:
    limit, busy, unready = (
        to_program(status_of(error), error, headers=retry_after(error))
        for error in (LimitError("Wait.", 0.2), BusyError.full(2, 12.3), NotReadyError("The models load: wait."))
    )
    assert (limit.status_code, limit.headers["Retry-After"]) == (429, "1")
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "13")
    assert (unready.status_code, unready.headers["Retry-After"]) == (503, "10")
    assert b'"message":"The models load: wait."' in unready.body


def gradio_page() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Audio()
    return demo


@contextmanager
def launched(root_path: str, options: dict[str, Any]) -> Iterator[str]:
    demo, port = gradio_page(), free_port()
    demo.launch(
        server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False, root_path=root_path, app_kwargs=options
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        demo.close(verbose=False)


@contextmanager
def mounted(path: str, options: dict[str, Any]) -> Iterator[str]:
    app = gr.mount_gradio_app(FastAPI(), gradio_page(), path, app_kwargs=options, ssr_mode=False)
    with served(app) as url:
        yield url + path


@pytest.fixture(
    scope="module",
    params=[(launched, ""), (launched, "/behind/a/proxy"), (mounted, "/sub")],
    ids=["at the root", "behind a proxy's sub-path", "mounted"],
)
def gradio_http(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Real Gradio behind the middleware, which lets one upload pass."""
    start, path = request.param
    middleware = [Middleware(CostlyDoors, limits=Limits("1/minute"))]
    with start(path, {"middleware": middleware}) as url, httpx.Client(base_url=url, timeout=20) as http:
        yield http


def test_gradios_own_upload_is_counted(gradio_http: httpx.Client) -> None:
    first, second = (gradio_http.post(UPLOAD, files={"files": ("a.wav", b"sound")}) for _ in range(2))
    assert first.status_code == 200
    assert second.status_code == 429


SHUT = (
    ("GET", "gradio_api/proxy=https://example.org/a.png"),
    ("HEAD", "gradio_api/proxy=https://example.org/a.png"),
    ("GET", "gradio_api/file=http://example.org/a.wav"),
    ("GET", "gradio_api/file/https://example.org/a.wav"),
    ("GET", "gradio_api/file=%68ttps://example.org/a.wav"),
    ("POST", "gradio_api/process_recording"),
    ("GET", "gradio_api/deep_link?session_hash=a"),
    ("GET", "pwa_icon/50000"),
)


def test_doors_that_nobody_needs_are_shut(gradio_http: httpx.Client) -> None:
    for method, path in SHUT:
        answer = gradio_http.request(method, f"/{path}")
        assert answer.status_code == 404, path
        if method != "HEAD":
            assert answer.json()["detail"] == "This isn't offered here: send the recording itself."


def test_other_doors_stay_open(gradio_http: httpx.Client) -> None:
    for path in ("/config", "/gradio_api/info", "/gradio_api/startup-events"):
        for _ in range(3):
            assert gradio_http.get(path).status_code == 200


def test_gradio_has_no_door_that_nobody_looked_at() -> None:
    """One that a new Gradio brings must be counted, shut or found harmless."""
    counted, shut = {"upload", "component_server"}, {"process_recording"}
    at_the_queue = {"queue/join", "run/{api_name}", "api/{api_name}", "call/{api_name}", "call/v2/{api_name}"}
    switched_off = {"vibe-edit", "undo-vibe-edit", "vibe-code", "vibe-starter-queries", "run-history/connect"}
    cheap = {"reset", "cancel", "stream/{event_id}", "stream/{event_id}/close"}
    paths = App.create_app(gradio_page()).openapi()["paths"]
    doors = {path.rstrip("/") for path, methods in paths.items() if "post" in methods}
    found = {path.removeprefix("/gradio_api/") for path in doors}
    assert found == counted | shut | at_the_queue | switched_off | cheap | {"/login"}
