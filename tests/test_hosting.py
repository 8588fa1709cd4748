"""What is handed to whoever hosts it: a real nginx before a real server, and each file by the tool that reads it."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import soundfile
import yaml
from browsing import expect, needs_browser
from conftest import StartServer
from gradio_client import Client, handle_file
from serving import ROOT, Server, eventually, free_port

from voxdemo.web.uploads import MAX_FORM_BYTES

DEPLOY = ROOT / "deploy"
WARM_UP = ROOT / "assets" / "warm-up.flac"
NGINX_CONF = """
daemon off;
user {user};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        include {site};
    }}
}}
"""


def tool(name: str) -> str:
    """Where this program is; CI has it."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:{Path(sys.executable).parent}")
    if found is None and "CI" not in os.environ:
        pytest.skip(f"needs {name}")
    assert found, f"{name} isn't installed"
    return found


def run(*command: str | Path, **environment: str) -> str:
    ran = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=60, env={**os.environ, **environment}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


class Proxied:
    """A server behind nginx, below a path. `http` asks nginx."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.server = server
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/demo"
        self.http = httpx.Client(base_url=self.url, timeout=30)
        site, conf = folder / "voxdemo.conf", folder / "nginx.conf"
        shipped = (DEPLOY / "nginx" / "voxdemo.conf").read_text()
        assert "127.0.0.1:7860" in shipped
        site.write_text(shipped.replace("127.0.0.1:7860", f"127.0.0.1:{server.port}"))
        conf.write_text(NGINX_CONF.format(folder=folder, port=self.port, site=site, user=getpass.getuser()))
        nginx = tool("nginx")
        run(nginx, "-t", "-c", conf, "-p", folder)
        self._process = subprocess.Popen([nginx, "-c", conf, "-p", folder])
        eventually(self._answers)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "nginx ended"
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=20)
        self.http.close()


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """The paced server below /demo, behind nginx, which it believes."""
    folder = tmp_path_factory.mktemp("nginx")
    settings = {"GRADIO_ROOT_PATH": "/demo", "VOXDEMO_TRUSTED_PROXIES": "127.0.0.1", "VOXDEMO_CACHE_SIZE": 0}
    server = Server(folder, "tests/paced_app.py", **settings)
    try:
        server.wait_until_ready()
        behind = Proxied(folder, server)
        yield behind
        behind.stop()
    finally:
        server.stop()


@pytest.fixture
def paced(proxied: Proxied) -> Iterator[Proxied]:
    proxied.server.http.post("/pace/0.5")
    yield proxied
    proxied.server.http.post("/pace/0")
    eventually(lambda: not proxied.server.http.get("/ready").json()["running"])


@needs_browser
def test_the_page_works_below_a_path_behind_nginx(paced: Proxied, browser: Any, tmp_path: Path) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    asked, failed = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.goto(paced.url)
    expect(page.locator(".chip")).to_have_attribute("data-state", "ready", timeout=30_000)
    assert [url for url in asked if not url.startswith((f"{paced.url}/", paced.url, "data:", "blob:"))] == []
    page.fill("#vx-text textarea", "The birch canoe slid on the smooth planks of wood. Glue the sheet. Then the next.")
    page.click("#vx-speak")
    expect(page.locator("#vx-card .say")).to_contain_text("Speaking", timeout=30_000)
    page.wait_for_function("+document.querySelector('#vx-card .card').dataset.firstSound > 0")
    assert paced.server.http.get("/ready").json()["running"] == 1  # it is heard while it is made
    expect(page.locator("#vx-card .say")).to_contain_text("s of speech", timeout=60_000)
    with page.expect_download() as download:
        page.locator("#vx-card .save").click()
    download.value.save_as(tmp_path / "saved.wav")
    assert soundfile.info(tmp_path / "saved.wav").duration > 3
    assert failed == []
    context.close()


def test_scripts_and_programs_work_below_a_path_and_streams_come_as_they_are_made(
    paced: Proxied, tmp_path: Path
) -> None:
    client = Client(f"{paced.url}/", verbose=False)
    wav = client.predict("One two three.", api_name="/generate")
    assert soundfile.info(wav).duration > 0.5
    assert client.predict(handle_file(WARM_UP), api_name="/prompt_wav_recognition")
    client.close()
    body = {"input": "word " * 12, "response_format": "wav"}
    begun = time.monotonic()
    with paced.http.stream("POST", "/v1/audio/speech", json=body) as answer:
        chunks = [(time.monotonic() - begun, len(chunk)) for chunk in answer.iter_raw()]
    assert chunks[0][0] < 0.6 * chunks[-1][0]


def test_what_is_too_much_is_refused_and_what_is_not_comes_through(paced: Proxied) -> None:
    sent = b"POST /demo/gradio_api/upload HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n"
    with socket.create_connection(("127.0.0.1", paced.port), timeout=20) as connection:
        connection.sendall(sent % (MAX_FORM_BYTES + (8 << 20)))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    answer = paced.http.post("/gradio_api/upload", files={"files": ("large.wav", bytes(24 << 20))})
    assert answer.status_code == 200


def test_a_client_is_known_by_its_own_address_whatever_it_says(tmp_path: Path, start_server: StartServer) -> None:
    settings = {"GRADIO_ROOT_PATH": "/demo", "VOXDEMO_TRUSTED_PROXIES": "127.0.0.1", "VOXDEMO_RATE_LIMIT": "2/hour"}
    server = start_server("tests/guarded_app.py", **settings)
    server.wait_until_ready()
    behind = Proxied(tmp_path, server)
    try:
        statuses = [
            behind.http.post(
                "/v1/audio/speech", json={"input": f"Number {number}."}, headers={"X-Forwarded-For": f"10.0.0.{number}"}
            ).status_code
            for number in range(3)
        ]
    finally:
        behind.stop()
    assert statuses == [200, 200, 429]


def test_the_dockerfile_is_as_its_linter_likes_it() -> None:
    run(tool("hadolint"), "--failure-threshold", "info", DEPLOY / "Dockerfile")


def test_the_image_holds_all_that_the_server_needs_and_runs_as_nobody_special() -> None:
    written = (DEPLOY / "Dockerfile").read_text()
    copied = set(re.findall(r"^COPY (.+) \S+$", written, re.MULTILINE))
    assert {"requirements.txt", "app.py LICENSE", "assets", "voxdemo"} == copied
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name in " ".join(copied).split():
        assert f"!{name}" in ignored
        assert (ROOT / name).exists()
    assert re.search(r"^USER 1000$", written, re.MULTILINE)
    assert "/health" in written


@pytest.mark.parametrize("more", [[], ["compose.cuda.yaml"]], ids=["cpu", "cuda"])
def test_compose_takes_its_files_and_what_they_name_is_there(more: list[str], tmp_path: Path) -> None:
    files = ["--project-directory", str(DEPLOY)]
    for name in ["compose.yaml", *more]:
        written = (DEPLOY / name).read_text()
        (tmp_path / name).write_text(written.replace("name: voxdemo\n", "", 1))  # Debian's compose 1.29 knows no name
        files += ["-f", str(tmp_path / name)]
    told = yaml.safe_load(run(tool("docker-compose"), *files, "config"))
    mounted = [
        volume.split(":")[0] if isinstance(volume, str) else volume["source"]
        for service in told["services"].values()
        for volume in service.get("volumes", [])
    ]
    local = [Path(source) for source in mounted if source.startswith("/")]
    assert len(local) >= 4
    assert all(source.exists() for source in local)
    assert told["services"]["demo"]["build"].get("args", {}).get("VARIANT", "cpu") == ("cuda" if more else "cpu")


def test_caddy_takes_its_file() -> None:
    run(tool("caddy"), "adapt", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile", "--validate", HOME="/tmp")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "voxdemo.service").read_text()
    assert "/opt/voxdemo/.venv/bin/python" in unit
    here = unit.replace("/opt/voxdemo/.venv/bin/python", sys.executable).replace("User=voxdemo", "User=root")
    (tmp_path / "voxdemo.service").write_text(here)
    run(tool("systemd-analyze"), "verify", "--man=no", tmp_path / "voxdemo.service")


def test_the_procfile_starts_the_server_at_the_port_that_it_is_given() -> None:
    assert (ROOT / "Procfile").read_text() == "web: ./launch.sh --host 0.0.0.0 --port ${PORT:-7860}\n"
