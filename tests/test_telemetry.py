"""Nothing is reported to the makers of libraries, in any way of starting."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from gradio_client import Client, handle_file
from serving import ROOT, Server, environment, free_port

from voxdemo.telemetry import OFF

pytestmark = pytest.mark.long
IN_CI = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION", "TRAVIS")
"""Where these are set, some libraries report nothing by themselves."""
WATCHED = ("onnxruntime", "gradio", "huggingface_hub", "gradio_client")
"""Libraries that read a variable of OFF."""
LOOKING = f"""
import os, sys
class Looking:
    def find_spec(self, name, *_):
        if name in {WATCHED!r}:
            print(name, *(f"{{key}}={{os.environ.get(key)}}" for key in {tuple(OFF)!r}), file=sys.stderr, flush=True)
        if name == os.environ.get("UNTIL"):
            os._exit(0)
sys.meta_path.insert(0, Looking())
"""
"""A sitecustomize that shows how the variables are when such a library is first imported, and ends with UNTIL."""
CALLING = """
import ipaddress, os, sys
def near(host):
    try:
        return ipaddress.ip_address(host).is_loopback or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host in ("localhost", "")
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0] or ""
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host)
    if not near(host):
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(f"{event} {host}\\n")
sys.addaudithook(hook)
"""
"""A sitecustomize that writes down with whom Python code wants to talk outside of this machine."""
CACHES = ("matplotlib",)
"""Whose may be below the home folder after a start."""


@contextmanager
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy's URL, and the first lines of what it is asked for; libraries in C are heard here, too."""
    asked: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                asked.append(connection.recv(4096).partition(b"\r\n")[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def anew(folder: Path, source: str, **variables: object) -> dict[str, object]:
    """Variables of a Python whose `sitecustomize` this is, as a user's would be: nothing is off, nothing in HOME."""
    home, inside = folder / "home", folder / "inside"
    home.mkdir()
    inside.mkdir()
    (inside / "sitecustomize.py").write_text(source)
    unset: dict[str, object] = dict.fromkeys((*OFF, *IN_CI, "XDG_CACHE_HOME", "HF_HOME"))
    return {**unset, "HOME": home, "PYTHONPATH": f"{inside}{os.pathsep}{ROOT}", **variables}


def left_in(home: Path) -> list[str]:
    """What a start left there that isn't a cache of no interest."""
    files = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()]
    return [file for file in files if not any(name in file for name in CACHES)]


def test_a_start_jobs_and_an_end_in_the_midst_of_one_leave_and_send_nothing(tmp_path: Path) -> None:
    with proxy() as (url, asked):
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"), url)
        calls = tmp_path / "calls"
        told = anew(tmp_path, CALLING, CALLS=calls, HF_HUB_OFFLINE=None, NO_PROXY="127.0.0.1,localhost", **proxies)
        server = Server(tmp_path, **told)  # type: ignore[arg-type]
        try:
            server.wait_until_ready()
            client = Client(server.url, verbose=False)
            spoken = client.predict("Good morning, and welcome aboard.", api_name="/generate")
            assert "welcome" in client.predict(handle_file(spoken), api_name="/prompt_wav_recognition").lower()
            client.submit("A sentence, and then another one. " * 100, api_name="/generate")
            process = psutil.Process(server.process.pid)
            connected, children = process.net_connections(), process.children(recursive=True)
        finally:
            ended = server.stop()
    assert (ended, "Traceback" in server.log, any(child.is_running() for child in children)) == (0, False, False)
    assert {each.raddr.ip for each in connected if each.raddr} <= {"127.0.0.1", "::1"}
    assert asked == []
    assert not calls.exists(), calls.read_text()
    assert left_in(tmp_path / "home") == []


@pytest.mark.parametrize(
    ("way", "library"),
    [
        (["-c", "import app"], "gradio"),
        (["-m", "voxdemo", "say", "Hi.", "-o", "-"], "onnxruntime"),
        (["-m", "voxdemo", "doctor"], "huggingface_hub"),
        (["-m", "voxdemo.cli.fetch"], "huggingface_hub"),
    ],
)
def test_all_is_off_before_a_library_is_imported(tmp_path: Path, way: list[str], library: str) -> None:
    """What a server leaves behind, the test above sees; only where a voice speaks without one does this go on."""
    until = {} if "say" in way else {"UNTIL": library}
    told = anew(tmp_path, LOOKING, **until, HF_HUB_OFFLINE=1, VOXDEMO_PORT=free_port(), ORT_DISABLE_TELEMETRY="0")
    ended = subprocess.run(
        [sys.executable, *way], env=dict(environment(tmp_path, **told)), cwd=ROOT, capture_output=True, check=False
    )
    seen = [line.split() for line in ended.stderr.decode().splitlines() if line.startswith(WATCHED)]
    assert library in {name for name, *_ in seen}
    assert {tuple(variables) for _, *variables in seen} == {tuple(f"{key}={value}" for key, value in OFF.items())}
    assert left_in(tmp_path / "home") == []
