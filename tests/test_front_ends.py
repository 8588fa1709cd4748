"""docs/front-ends.md, run as it stands: every block of code in it, by Node, bash, Python or a browser."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import expect, needs_browser
from programs import WARM_UP, WARM_UP_WORDS, words
from serving import ROOT, Server, StartServer
from transcribing import COMMITTED, check_turns, pcm

IN_CI = "CI" in os.environ  # where .ci/run sees that they are there, so that their absence is a failure
ADDRESS = "http://127.0.0.1:7860"
PAGE = (ROOT / "docs" / "front-ends.md").read_text()
BLOCKS = {
    re.match(r"(?:#|//) (\S+)\n", block)[1]: block  # type: ignore[index]  # each says on its first line what it is
    for block in re.findall(r"^```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
}
TESTED = {"speak.mjs", "app/api/speak/route.js", "speak.js", "call.sh", "speak.py", "openai.sh"}
KEY = "a-key-of-a-site-of-mine"

pytestmark = pytest.mark.long


@pytest.fixture(scope="session")
def front_end(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which Node finds @gradio/client and OpenAI's client, as `npm ci` puts them there."""
    lacking = [program for program in ("node", "npm") if not shutil.which(program)]
    if lacking and not IN_CI:
        pytest.skip(f"needs {' and '.join(lacking)}")
    folder = tmp_path_factory.mktemp("front_end")
    for file in (ROOT / "tests" / "front_ends").iterdir():
        shutil.copy(file, folder)
    ended = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True, text=True)
    if ended.returncode and not IN_CI:
        pytest.skip(f"npm can't install what the examples need: {ended.stderr[-300:]}")
    assert ended.returncode == 0, ended.stderr
    return folder


def written(name: str, server: Server, folder: Path) -> Path:
    """The block of this name as a file that calls this server."""
    assert ADDRESS in BLOCKS[name]
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(BLOCKS[name].replace(ADDRESS, server.url))
    return path


def told(*command: object, folder: Path, **variables: str) -> str:
    """What a program prints that ends well."""
    ended = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env={**os.environ, **variables},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_every_block_is_run() -> None:
    assert BLOCKS.keys() == TESTED
    assert len(BLOCKS) == PAGE.count("```") // 2


def test_node_speaks_and_reads_a_recording(server: Server, front_end: Path) -> None:
    printed = told("node", written("speak.mjs", server, front_end), folder=front_end)
    assert "good morning" in printed.strip().splitlines()[-1].lower()
    assert (front_end / "morning.wav").read_bytes()[:4] == b"RIFF"


def test_node_is_told_how_far_it_is(paced_server: Server, front_end: Path) -> None:
    printed = told("node", written("speak.mjs", paced_server, front_end), folder=front_end)
    assert "Speaking" in printed
    assert "undefined" not in printed


def test_openai_s_client_transcribes_a_recording_while_it_is_sent(server: Server, front_end: Path) -> None:
    sound = front_end / "sound.pcm"
    sound.write_bytes(pcm(WARM_UP))
    printed = told("node", "transcribe.mjs", f"{server.url}/v1", sound, folder=front_end)
    created, updated, *events = map(json.loads, printed.splitlines())
    assert (created["type"], updated["type"]) == ("session.created", "session.updated")
    assert words(check_turns(events, COMMITTED)) == WARM_UP_WORDS


def test_what_cannot_be_spoken_ends_in_the_servers_sentence(server: Server, front_end: Path) -> None:
    script = written("speak.mjs", server, front_end)
    wrong = script.with_name("wrong.mjs")
    wrong.write_text(script.read_text().replace("Good morning, and welcome aboard.", " "))
    ended = subprocess.run(["node", wrong], capture_output=True, text=True, timeout=120, cwd=front_end)
    assert ended.returncode == 1
    assert "Error: There is no text yet: write what should be spoken." in ended.stderr, ended.stderr


def test_a_route_handler_answers_with_the_sound_and_has_the_key(start_server: StartServer, front_end: Path) -> None:
    server = start_server("tests/guarded_app.py", VOXDEMO_API_KEYS=KEY)
    server.wait_until_ready()
    route = written("app/api/speak/route.js", server, front_end)
    call = (
        f"import {{ POST }} from {str(route)!r};"
        "const wanted = JSON.stringify({ text: process.argv[1] });"
        "const answer = await POST(new Request('http://site/api/speak', { method: 'POST', body: wanted }));"
        "console.log(answer.status, answer.headers.get('content-type'));"
        "console.log(Buffer.from(await answer.arrayBuffer()).subarray(0, 4).toString('latin1'));"
    )
    ask = ("node", "--input-type=module", "--eval", call)
    assert told(*ask, "Good day.", folder=front_end, VOXDEMO_CLIENT_KEY=KEY).split() == ["200", "audio/wav", "RIFF"]
    assert told(*ask, "Good day.", folder=front_end).startswith("502 application/json")


@needs_browser
def test_a_page_of_another_site_speaks_if_the_server_names_it(
    start_server: StartServer, front_end: Path, browser: Any
) -> None:
    with other_site(front_end) as site:
        server = start_server("tests/guarded_app.py", VOXDEMO_CORS_ORIGINS=site)
        server.wait_until_ready()
        written("speak.js", server, front_end)
        (front_end / "index.html").write_text(FRAME)
        visitor = browser.new_context()
        try:
            page = visitor.new_page()
            page.goto(site)
            expect(page.locator("p")).to_contain_text("complete", timeout=30_000)
            page.wait_for_function("document.querySelector('audio').duration > 0.3")  # once it is loaded
        finally:
            visitor.close()


@pytest.fixture
def saying(fake_server: Server) -> Server:
    """It hears "heard" in whatever it said: what real models hear of such calls, Node's example shows."""
    fake_server.http.post("/stage/open")
    return fake_server


def said(server: Server) -> str:
    return " ".join(server.http.get("/stage").json()["started"])


def test_curl_speaks_and_reads_in_two_steps(saying: Server, tmp_path: Path) -> None:
    printed = told("bash", "-eu", written("call.sh", saying, tmp_path), folder=tmp_path)
    assert (said(saying), printed.count("event: complete")) == ("Good evening, and sleep well.", 2)
    assert printed.strip().splitlines()[-1] == 'data: ["heard"]'


def test_python_speaks_and_reads(saying: Server, tmp_path: Path) -> None:
    assert told(sys.executable, written("speak.py", saying, tmp_path), folder=tmp_path).endswith("\nheard\n")
    assert said(saying) == "Good afternoon, and take a seat."


def test_curl_does_what_openais_client_does(saying: Server, tmp_path: Path) -> None:
    assert json.loads(told("bash", "-eu", written("openai.sh", saying, tmp_path), folder=tmp_path))["text"] == "heard"
    assert said(saying) == "Good night, and pleasant dreams."


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def other_site(folder: Path) -> Iterator[str]:
    """The origin of a site whose files are in this folder."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_address[1]}"
        finally:
            site.shutdown()
            thread.join()


FRAME = """<!doctype html><audio></audio><p></p>
<script type="importmap">{"imports": {"@gradio/client": "/node_modules/@gradio/client/dist/browser.js"}}</script>
<script type="module">
import { speak } from "./speak.js";
const [audio, shown] = [document.querySelector("audio"), document.querySelector("p")];
await speak("Good day from another site.", audio, (words) => { shown.textContent += words + "; "; });
</script>"""
