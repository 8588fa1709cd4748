"""A WebSocket passes the guards that a request over HTTP passes: keys, logins, origins, counts, ids and bounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.routes import App
from serving import Server, served
from starlette.routing import WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.http11 import Response
from websockets.sync.client import connect

from voxdemo import logs
from voxdemo.settings import Settings
from voxdemo.stores.limits import Limits
from voxdemo.web.guards import access, headers
from voxdemo.web.guards.bodies import MAX_BODY_BYTES
from voxdemo.web.guards.callers import KEY
from voxdemo.web.guards.headers import guards
from voxdemo.web.guards.logins import Logins
from voxdemo.web.guards.traffic import Traffic

A_KEY = "a-key-of-some-length"
OWN, FRIEND, STRANGER = "http://127.0.0.1", "https://friend.example", "https://evil.example"
SITES = {
    "open": {},
    "keys": {"api_keys": A_KEY},
    "logins": {"auth": "ann:word"},
    "both": {"api_keys": A_KEY, "auth": "ann:word"},
    "counted": {"rate_limit": "2/minute"},
}


async def echo(socket: WebSocket) -> None:
    """Says what the route sees of its client, and then what the client says."""
    await socket.accept()
    await socket.send_json({"key": socket.scope.get(KEY), "request_id": logs.request_id()})
    async for text in socket.iter_text():
        await socket.send_text(text)


@contextmanager
def guarded(settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a page of Gradio's behind all guards, with an echo for programs and one for the page."""
    chosen = Settings(_env_file=None, **{"cors_origins": FRIEND, **settings})  # type: ignore[arg-type]
    routes = [WebSocketRoute(path, echo) for path in ("/v1/echo", "/v1/realtime", "/echo")]
    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Audio()
    demo.auth = chosen.accounts or None
    options = {"middleware": guards(chosen, Limits(chosen.rate_limit)), "routes": routes}
    app = App.create_app(demo, app_kwargs=options)
    app.tokens = Logins("", dict(chosen.accounts))  # type: ignore[assignment]  # as the site has it
    with served(app) as url:
        yield url


@pytest.fixture(scope="module")
def sites() -> Iterator[Mapping[str, str]]:
    """The addresses of servers, by their names in SITES."""
    with ExitStack() as running:
        yield {name: running.enter_context(guarded(settings)) for name, settings in SITES.items()}


def sent_with(url: str, credentials: str) -> dict[str, str]:
    """The headers of a client that has a key, a wrong one, a login, or nothing."""
    if credentials != "login":
        return {"key": {"Authorization": f"Bearer {A_KEY}"}, "wrong": {"Authorization": "Bearer x"}}.get(
            credentials, {}
        )
    cookies = httpx.post(f"{url}/login", data={"username": "ann", "password": "word"}).cookies
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}


def answer(url: str, path: str, **options: Any) -> tuple[Response, dict[str, Any]]:
    """The answer to a handshake, and what comes first: of the route, or in a refusal's body."""
    try:
        with connect(url.replace("http", "ws", 1) + path, **options) as socket:
            seen = json.loads(socket.recv(timeout=20))
            socket.send("one two")
            assert socket.recv(timeout=20) == "one two"
            assert socket.response
            return socket.response, seen
    except InvalidStatus as refusal:
        return refusal.response, json.loads(refusal.response.body or b"{}")


def sentence(path: str, body: Mapping[str, Any]) -> str:
    return str(body["error"]["message"] if path.startswith("/v1/") else body["detail"])


@pytest.mark.parametrize(
    ("site", "path", "credentials", "origin", "status", "refusal"),
    [
        ("open", "/v1/echo", "none", None, 101, ""),
        ("open", "/echo", "none", OWN, 101, ""),
        ("open", "/echo", "none", FRIEND, 101, ""),
        ("open", "/echo", "none", STRANGER, 403, headers.FOREIGN),
        ("open", "/v1/echo", "none", "null", 403, headers.FOREIGN),
        ("open", "/v1/echo", "none", "http://[", 403, headers.FOREIGN),
        ("keys", "/v1/echo", "none", None, 401, access.NO_KEY),
        ("keys", "/echo", "none", OWN, 401, access.NO_KEY),
        ("keys", "/v1/echo", "wrong", None, 401, access.WRONG_KEY),
        ("keys", "/echo", "wrong", None, 401, access.WRONG_KEY),
        ("keys", "/v1/echo", "key", None, 101, ""),
        ("keys", "/v1/echo", "key", FRIEND, 101, ""),
        ("keys", "/v1/echo", "key", STRANGER, 403, headers.FOREIGN),
        ("logins", "/v1/echo", "none", None, 401, access.NO_LOGIN),
        ("logins", "/echo", "none", OWN, 401, access.NO_LOGIN),
        ("logins", "/v1/echo", "login", None, 101, ""),
        ("logins", "/echo", "login", OWN, 101, ""),
        ("logins", "/echo", "login", FRIEND, 401, access.ELSEWHERE),
        ("logins", "/echo", "login", STRANGER, 403, headers.FOREIGN),
        ("both", "/v1/echo", "login", OWN, 401, access.NO_KEY),
        ("both", "/v1/realtime", "login", OWN, 101, ""),
        ("both", "/v1/realtime", "login", FRIEND, 401, access.ELSEWHERE),
        ("both", "/v1/realtime", "none", OWN, 401, access.NO_KEY),
        ("both", "/echo", "login", OWN, 101, ""),
        ("both", "/echo", "none", OWN, 401, access.NO_KEY),
        ("both", "/v1/echo", "key", None, 101, ""),
        ("both", "/echo", "key", None, 101, ""),
    ],
)
def test_a_websocket_is_let_in_as_a_request_is(
    sites: Mapping[str, str],
    site: str,
    path: str,
    credentials: str,
    origin: str | None,
    status: int,
    refusal: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = sites[site]
    options = {"origin": url if origin == OWN else origin, "additional_headers": sent_with(url, credentials)}
    answered, body = answer(url, path, **options)
    assert answered.status_code == status
    assert answered.headers["X-Content-Type-Options"] == "nosniff"
    assert answered.headers["X-Request-ID"]
    assert caplog.records == []
    if refusal:
        assert sentence(path, body) == refusal
        assert (status == 401) == ("WWW-Authenticate" in answered.headers)
    else:
        assert body["request_id"] == answered.headers["X-Request-ID"]
        assert str(body["key"]).startswith("key-") == (credentials == "key")


@pytest.mark.parametrize(
    ("offered", "headers", "status"),
    [
        (["realtime", f"openai-insecure-api-key.{A_KEY}"], {}, 101),
        ([f"openai-insecure-api-key.{A_KEY}", "openai-organization.org", "realtime"], {}, 101),
        (["realtime", "openai-insecure-api-key.wrong"], {}, 401),
        (["realtime", "openai-insecure-api-key."], {}, 401),
        (["realtime"], {}, 401),
        ([A_KEY], {}, 401),
        (["openai-insecure-api-key.wrong"], {"Authorization": f"Bearer {A_KEY}"}, 101),
        ([f"openai-insecure-api-key.{A_KEY}"], {"Authorization": "Bearer wrong"}, 401),
    ],
)
def test_a_browser_sends_its_key_as_openai_s_clients_do(
    sites: Mapping[str, str], offered: list[str], headers: dict[str, str], status: int
) -> None:
    answered, body = answer(sites["keys"], "/v1/echo", subprotocols=offered, additional_headers=headers)
    assert answered.status_code == status
    assert status != 101 or str(body["key"]).startswith("key-")
    assert A_KEY not in str(answered.headers) + str(body)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"Host": "backend:7860", "X-Forwarded-Host": "demo.example"}, 101),
        ({"Host": "backend:7860", "X-Forwarded-Host": "demo.example, inner.example"}, 101),
        ({"Host": "demo.example"}, 101),
        ({"Host": "backend:7860"}, 403),
        ({"Host": "backend:7860", "Sec-Fetch-Site": "same-origin"}, 101),
        ({"Host": "demo.example", "Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_page_behind_a_proxy_opens_a_websocket_of_its_own(
    sites: Mapping[str, str], sent: Mapping[str, str], status: int
) -> None:
    lines = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", **sent}
    lines |= {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Origin": "https://demo.example"}
    with httpx.stream("GET", f"{sites['open']}/echo", headers=lines, timeout=20) as answered:
        assert answered.status_code == status


def test_a_well_formed_id_is_kept(sites: Mapping[str, str]) -> None:
    answered, seen = answer(sites["open"], "/echo", additional_headers={"X-Request-ID": "a-Z_0.9"})
    assert answered.headers["X-Request-ID"] == seen["request_id"] == "a-Z_0.9"


def test_websockets_are_counted_apart_for_each_client(sites: Mapping[str, str]) -> None:
    answers = [answer(sites["counted"], path) for path in ("/v1/echo", "/echo", "/v1/echo", "/echo")]
    assert [answered.status_code for answered, _ in answers] == [101, 101, 429, 429]
    refused, body = answers[2]
    wait_s = int(refused.headers["Retry-After"])
    assert 50 <= wait_s <= 60
    assert sentence("/v1/echo", body) == f"Too many requests: try again in {wait_s} s."
    neighbour, _ = answer(sites["counted"], "/echo", source_address=("127.0.0.2", 0))
    assert neighbour.status_code == 101


@pytest.mark.parametrize(
    "too_large", [bytes(MAX_BODY_BYTES + 1), "語" * (MAX_BODY_BYTES // 3 + 1)], ids=["bytes", "text"]
)
def test_a_message_that_is_too_large_closes_its_websocket(sites: Mapping[str, str], too_large: str | bytes) -> None:
    with connect(sites["open"].replace("http", "ws", 1) + "/echo") as socket:
        socket.recv(timeout=20)
        socket.send(too_large)
        with pytest.raises(ConnectionClosedError) as closed:
            socket.recv(timeout=20)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009
        assert closed.value.rcvd.reason == "That is more than the 5 MiB that can be sent here at once: send less."


async def test_a_server_that_can_not_answer_a_websocket_closes_it() -> None:
    told: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("there's nothing to receive yet")

    async def send(message: Message) -> None:
        told.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was let in")

    scope = {"type": "websocket", "path": "/v1/echo", "headers": [(b"origin", STRANGER.encode())]}
    await headers.KnownOrigins(app, [FRIEND])(scope, receive, send)
    assert [(message["type"], message["code"]) for message in told] == [("websocket.close", 1008)]


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_server_that_ends_waits_for_what_is_open(kind: str) -> None:
    traffic, may_end = Traffic(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await may_end.wait()

    layer, arguments, options = traffic.middleware
    request: Any = layer(app, *arguments, **options)({"type": kind, "path": "/v1/echo"}, None, None)
    answering = asyncio.create_task(request)
    settled = asyncio.create_task(traffic.settled(0.0, 60.0))
    await asyncio.wait({settled}, timeout=0.01)
    assert not settled.done()
    may_end.set()
    await asyncio.gather(settled, answering)


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/health", "/v1/docs", "/v1/static-offline-docs/swagger-ui.css", "/v1/audio/speech",
             "/gradio_api/queue/data", "/static/fonts/x", "/assets/x", "/gradio_api/file=x"],
)  # fmt: skip
def test_where_there_is_no_websocket_none_is_opened_and_nothing_fails(fake_server: Server, path: str) -> None:
    lines = len(fake_server.log.splitlines())
    answered, _ = answer(fake_server.url, path)
    assert answered.status_code in (403, 404)
    assert "Traceback" not in "\n".join(fake_server.log.splitlines()[lines:])


@pytest.mark.parametrize("origin", ["http://[", "null", STRANGER])
def test_an_origin_of_any_form_can_be_compared(sites: Mapping[str, str], origin: str) -> None:
    refused = httpx.post(f"{sites['logins']}/logout", headers={"Origin": origin})
    assert (refused.status_code, refused.json()["error"]) == (401, access.ELSEWHERE)
