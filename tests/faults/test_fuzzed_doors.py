"""What nobody would think of, at every door: any answer will do but a failure, a hang, or a look inside."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

hypothesis = pytest.importorskip("hypothesis")

from hypothesis import HealthCheck, Phase, configuration, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from rings import AT_NIGHT  # noqa: E402
from transcribing import opened, said  # noqa: E402
from websockets.exceptions import ConnectionClosed  # noqa: E402
from websockets.frames import CloseCode  # noqa: E402
from websockets.sync.client import ClientConnection  # noqa: E402
from witness import Witness, is_answer, tells_too_much  # noqa: E402

from voxdemo.errors import UNEXPECTED_CODE  # noqa: E402
from voxdemo.web.v1.realtime.events import TAKEN  # noqa: E402

pytestmark = pytest.mark.long

# Tables that it makes for itself, which else would come to lie in the checkout.
configuration.set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "voxdemo-hypothesis")

EXAMPLES = 1_000 if AT_NIGHT else 20


def fuzzed(doors: int) -> settings:
    """As many odd requests as so many doors get; the more kinds there are, the more of them one door is worth."""
    return settings(
        max_examples=doors * EXAMPLES,
        deadline=None,
        derandomize=not AT_NIGHT,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
    )


# What JSON can hold and an answer can't, surrogates and no numbers, has a test of its own below.
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-1, 2**31, 2**63, 0.1])
letters = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
words = letters | st.sampled_from(["/etc/passwd", "../..", "http://127.0.0.1:1/", "\0", "raise", "x" * 60_000])
keys = words | st.sampled_from(["path", "url", "meta", "_type"])
values = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=10,
)
files = st.fixed_dictionaries(
    {"path": values, "meta": st.just({"_type": "gradio.FileData"}) | values},
    optional={"url": values, "size": values, "orig_name": values, "is_stream": values, "mime_type": values},
)
arguments = st.tuples(
    words | values, files | values, words | values, numbers | values, numbers | values, st.booleans() | values, values
)
data = st.fixed_dictionaries({"data": arguments.map(list) | st.lists(values, max_size=20) | values})
joins = st.fixed_dictionaries(
    {"data": arguments.map(list) | values},
    optional={"fn_index": st.integers(-2, 40) | values, "session_hash": words | values, "event_id": words | values,
              "trigger_id": values, "event_data": values, "simple_format": values, "batched": values,
              "api_name": words},
)  # fmt: skip
cancels = st.fixed_dictionaries({}, optional={"session_hash": values, "fn_index": values, "event_id": values})
forms = st.tuples(
    st.sampled_from(["multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary="]),
    st.lists(
        st.binary(max_size=200)
        | st.sampled_from([b"--b\r\n", b"--b--\r\n", b"--b", b"\r\n\r\n", b"\r\n", b"Content-Type: x"])
        | st.builds(b'--b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n\r\n%b\r\n--b--\r\n'.__mod__,
                    st.tuples(*[st.binary(max_size=20)] * 3)),
        max_size=8,
    ).map(b"".join),
)  # fmt: skip
addresses = st.text(st.characters(codec="latin-1", exclude_characters="\r\n#"), max_size=60).map(
    lambda text: quote(text)
)


def quote(text: str) -> str:
    """As it stands in an address: odd characters as they are, where they may be."""
    return "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in ' "<>\\^`{|}' else f"%{ord(letter):02x}"
        for letter in text
    )


def sent(fake: Witness, path: str, body: Any, listen: Callable[[str], str] | None = None) -> None:
    """Send JSON, and hear what becomes of it."""
    content = json.dumps(body).encode()
    answer = fake.ask("POST", path, content=content, headers={"Content-Type": "application/json"})
    assert is_answer(answer)
    if listen and answer.status_code == 200:
        assert is_answer(fake.ask("GET", listen(answer.json()["event_id"])))


@pytest.fixture
def open_fake(fake: Witness) -> Witness:
    fake.stage("open")
    return fake


@given(body=joins | values)
@fuzzed(doors=2)
def test_joining_the_line(open_fake: Witness, body: Any) -> None:
    sent(open_fake, "/gradio_api/queue/join", body)


@given(endpoint=st.sampled_from(["generate", "prompt_wav_recognition"]), body=data | values)
@fuzzed(doors=3)
def test_calling(open_fake: Witness, endpoint: str, body: Any) -> None:
    sent(open_fake, f"/gradio_api/call/{endpoint}", body, lambda event: f"/gradio_api/call/{endpoint}/{event}")


@given(
    door=st.sampled_from(["run/generate", "run/prompt_wav_recognition", "run/speak", "api/generate"]),
    body=joins | data | values,
)
@fuzzed(doors=4)
def test_running_past_the_line(open_fake: Witness, door: str, body: Any) -> None:
    if isinstance(body, dict):
        body.pop("fn_index", None)  # which would lead elsewhere: see below
    sent(open_fake, f"/gradio_api/{door}", body)


@pytest.fixture
def untidy(open_fake: Witness) -> Iterator[Witness]:
    """What is left of uploads that break off is another test's business."""
    yield open_fake
    open_fake.forget()


@given(form=forms, query=st.sampled_from(["", "?x=y", "?upload_id="]))
@fuzzed(doors=2)
def test_uploading(untidy: Witness, form: tuple[str, bytes], query: str) -> None:
    kind, body = form
    answer = untidy.ask("POST", f"/gradio_api/upload{query}", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200 or is_answer(answer)  # who sent a file is told where it lies


@given(body=cancels | values)
@fuzzed(doors=2)
def test_cancelling(open_fake: Witness, body: Any) -> None:
    sent(open_fake, "/gradio_api/cancel", body)


@given(
    door=st.sampled_from(["/live/", "/speech/", "/ready", "/health", "/gradio_api/file="]),
    rest=addresses,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]),
)
@fuzzed(doors=5)
def test_asking_for(open_fake: Witness, door: str, rest: str, method: str) -> None:
    assert is_answer(open_fake.ask(method, f"{door}{rest}"))


inputs = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from([{"type": "audio/pcmu"}, {"type": "audio/pcm", "rate": 24_000}]) | values,
        "transcription": st.fixed_dictionaries({"model": words, "language": words}) | values,
        "turn_detection": st.fixed_dictionaries({"type": words, "threshold": numbers}) | values,
    },
)
sessions = st.fixed_dictionaries(
    {},
    optional={
        "type": st.just("transcription") | values,
        "include": st.just(["voxdemo.open"]) | values,
        "audio": st.fixed_dictionaries({"input": inputs | values}) | values,
        "input_audio_format": words,
        "turn_detection": values,
    },
)
live_events = st.fixed_dictionaries(
    {"type": st.sampled_from([*TAKEN, "response.create"]) | values},
    optional={
        "audio": st.binary(max_size=60_000).map(lambda data: base64.b64encode(data).decode()) | values,
        "session": sessions | values, "event_id": values,
    },
).map(json.dumps)  # fmt: skip


class Line:
    """A live session that is opened again when it has been closed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._open = ExitStack()
        self._socket: ClientConnection | None = None

    def tells(self, frame: str | bytes) -> Iterator[dict[str, Any]]:
        """All that is told of this frame."""
        self._socket = self._socket or self._open.enter_context(opened(self._url))
        try:
            self._socket.send(frame)
            self._socket.send('{"type": "end", "event_id": "of this frame"}')
            while (told := said(self._socket)).get("error", {}).get("event_id") != "of this frame":
                yield told
        except ConnectionClosed as closing:
            yield {"type": "closed", "code": closing.rcvd and closing.rcvd.code}
            self.close()

    def close(self) -> None:
        self._open.close()
        self._socket = None


@pytest.fixture
def line(open_fake: Witness) -> Iterator[Line]:
    line = Line(open_fake.url)
    yield line
    line.close()


@given(frame=live_events | letters | st.binary(max_size=200) | values.map(json.dumps))
@fuzzed(doors=20)  # in a session that goes on each costs milliseconds
def test_sending_events_of_a_live_session(line: Line, frame: str | bytes) -> None:
    for told in line.tells(frame):
        assert not tells_too_much(json.dumps(told))
        assert told["type"] != "error" or told["error"]["code"] != UNEXPECTED_CODE
        assert told["type"] != "closed" or told["code"] not in (None, CloseCode.INTERNAL_ERROR)


WRONG_DATA: list[list[Any]] = [[], [None] * 7, ["a", "b", "c", "d"], [{}, [], {}]]
NO_TEXT = [
    '{"data": {"\\ud800": 1}, "session_hash": 5}',
    '{"data": {"x": NaN}, "session_hash": 5, "fn_index": "x"}',
    f'{{"data": {{"x": 1{"0" * 5_000}}}}}',
]


def test_what_is_no_text_and_no_number_and_a_number_of_five_thousand_digits_are_refused(open_fake: Witness) -> None:
    kind = {"Content-Type": "application/json"}
    for door, body in product(("queue/join", "call/generate", "run/generate", "cancel"), NO_TEXT):
        assert is_answer(open_fake.ask("POST", f"/gradio_api/{door}", content=body, headers=kind))


@pytest.mark.parametrize("number", [999, -1])
def test_numbers_that_gradio_does_not_know_are_refused(open_fake: Witness, number: int) -> None:
    for door in ("queue/join", "run/x", "run/generate", "api/x"):
        joins = {"data": [], "fn_index": number, "session_hash": "x"}
        assert open_fake.ask("POST", f"/gradio_api/{door}", json=joins).status_code == 404
    asks = {"session_hash": "x", "component_id": number, "fn_name": "x", "data": []}
    assert open_fake.ask("POST", "/gradio_api/component_server", json=asks).status_code == 404


@pytest.mark.xfail(strict=True, reason="Gradio fails on names it doesn't know at its newest door")
@pytest.mark.parametrize("body", [{}, {"text": "a"}, {"data": ["a"]}])
def test_calling_by_wrong_names(open_fake: Witness, body: Any) -> None:
    sent(open_fake, "/gradio_api/call/v2/generate", body)


@pytest.mark.xfail(
    strict=True, reason="Gradio begins to answer before it knows that there is no such event, then breaks off"
)
def test_asking_for_an_event_that_there_is_not(open_fake: Witness) -> None:
    assert is_answer(open_fake.ask("GET", "/gradio_api/call/generate/no-such-event"))


@pytest.mark.xfail(
    strict=True, reason="what the page asks of itself past the line fails on what the page wouldn't send"
)
def test_running_what_only_the_page_runs_with_what_it_would_not_send(open_fake: Witness) -> None:
    functions = open_fake.ask("GET", "/config").json()["dependencies"]
    for number in [function["id"] for function in functions if function["backend_fn"] and not function["queue"]]:
        for sent_data in WRONG_DATA:
            assert is_answer(open_fake.ask("POST", "/gradio_api/run/x", json={"data": sent_data, "fn_index": number}))
