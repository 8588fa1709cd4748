"""nginx, Caddy and HAProxy as processes of their own, with the very files that are shipped, for tests that need one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from serving import ROOT, Server, eventually, free_port

DEPLOY = ROOT / "deploy"
NGINX = DEPLOY / "nginx"
PATH = "/demo"
UPSTREAM = "127.0.0.1:7860"
MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    proxy_ignore_headers X-Accel-Buffering; # by which the server would help itself
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {inside}
}}
"""


def needed(program: str, package: str, in_ci: bool = True) -> str:
    """Where the program is. Skips the test where it is missing; but where .ci/run installs it, that is a failure."""
    places = (os.environ.get("PATH", ""), "/usr/sbin", str(Path(sys.executable).parent))
    found = shutil.which(program, path=os.pathsep.join(places))
    if found is None and not (in_ci and "CI" in os.environ):
        pytest.skip(f"needs {program}, from {package}")
    assert found, f"{program} is missing: .ci/run should have installed {package}"
    return found


def ran(program: str, package: str, *arguments: str | Path, in_ci: bool = True) -> str:
    """What a program that must succeed says."""
    command = [needed(program, package, in_ci), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def main_config(folder: Path, inside: str) -> Path:
    """An nginx.conf that keeps all it writes in `folder`, with this inside its `http`."""
    file = folder / "nginx.conf"
    file.write_text(MAIN.format(folder=folder, inside=inside))
    return file


def locations(port: int) -> str:
    """What is shipped, with another port for the server behind."""
    shipped = (NGINX / "voxdemo.conf").read_text()
    assert UPSTREAM in shipped
    return shipped.replace(UPSTREAM, f"127.0.0.1:{port}")


@contextmanager
def behind_nginx(server: Server, folder: Path) -> Iterator[str]:
    """The URL of nginx in front of a running server."""
    program, port = needed("nginx", "Debian's package nginx-light"), free_port()
    included = folder / "voxdemo.conf"
    included.write_text(locations(server.port))
    config = main_config(folder, f"server {{ listen 127.0.0.1:{port}; include {included}; }}")
    url = f"http://127.0.0.1:{port}"
    with _running([program, "-p", str(folder), "-c", str(config)], f"{url}{PATH}/health", folder, {}):
        yield url


@contextmanager
def behind_caddy(port: int, folder: Path) -> Iterator[str]:
    """The URL of Caddy, with the file that is shipped, in front of the server at a port."""
    program, url = needed("caddy", "Debian's package caddy"), f"http://127.0.0.1:{free_port()}"
    config = folder / "Caddyfile"
    config.write_text("{\n\tadmin off\n}\n" + (DEPLOY / "Caddyfile").read_text())
    told = {"SITE_ADDRESS": url, "UPSTREAM": f"127.0.0.1:{port}", "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    with _running(command, f"{url}/health", folder, told):
        yield url


@contextmanager
def nginx_before(ports: Sequence[int], folder: Path) -> Iterator[str]:
    """The URL of nginx in front of the two front ends at these ports, without the TLS of the file that is shipped."""
    program, port = needed("nginx", "Debian's package nginx-light"), free_port()
    shipped = re.sub(r"^ *(ssl_\w+|listen \[::\]).*\n", "", (NGINX / "cluster.conf").read_text(), flags=re.MULTILINE)
    here = {"listen 80;": f"listen 127.0.0.1:{free_port()};", "listen 443 ssl;": f"listen 127.0.0.1:{port};"}
    config = main_config(folder, replaced(shipped, {**here, **front_ends(ports)}))
    url = f"http://127.0.0.1:{port}"
    with _running([program, "-p", str(folder), "-c", str(config)], f"{url}/ready", folder, {}):
        yield url


@contextmanager
def caddy_before(ports: Sequence[int], folder: Path) -> Iterator[str]:
    """The URL of Caddy in front of the two front ends at these ports, with the file that is shipped."""
    program, url = needed("caddy", "Debian's package caddy"), f"http://127.0.0.1:{free_port()}"
    config = folder / "Caddyfile"
    shipped = replaced((DEPLOY / "Caddyfile.cluster").read_text(), {"health_interval 1s": "health_interval 200ms"})
    config.write_text("{\n\tadmin off\n}\n" + shipped)
    named = " ".join(f"127.0.0.1:{port}" for port in ports)
    told = {"SITE_ADDRESS": url, "FRONT_ENDS": named, "XDG_DATA_HOME": str(folder), "HOME": str(folder)}
    told["ALIVE_PORT"] = str(free_port())
    command = [program, "run", "--adapter", "caddyfile", "--config", str(config)]
    with _running(command, f"{url}/ready", folder, told):
        yield url


@contextmanager
def haproxy_before(ports: Sequence[int], folder: Path, proxies: str = "") -> Iterator[str]:
    """The URL of HAProxy in front of the two front ends at these ports, with the file that is shipped.

    `proxies` are networks that it believes.
    """
    program, port = needed("haproxy", "Debian's package haproxy"), free_port()
    here = {"bind :8080": f"bind 127.0.0.1:{port}", **front_ends(ports)}
    here["inter 1s"] = "inter 200ms"
    config = folder / "haproxy.cfg"
    config.write_text(replaced((DEPLOY / "haproxy.cfg").read_text(), here))
    url = f"http://127.0.0.1:{port}"
    told = {"PROXIES": proxies} if proxies else {}
    few = ["bash", "-c", 'ulimit -n 1000 && exec "$@"', "haproxy"]  # open files: it starts wherever that is the limit
    with _running([*few, program, "-db", "-f", str(config)], f"{url}/ready", folder, told):
        yield url


Balancer = Callable[[Sequence[int], Path], AbstractContextManager[str]]
BALANCERS: Mapping[str, Balancer] = {"haproxy": haproxy_before, "nginx": nginx_before, "caddy": caddy_before}


def front_ends(ports: Sequence[int]) -> Mapping[str, str]:
    """Where the files that are shipped look for them, and where they are."""
    return {f"127.0.0.1:{7861 + number}": f"127.0.0.1:{port}" for number, port in enumerate(ports)}


def replaced(shipped: str, here: Mapping[str, str]) -> str:
    for before, after in here.items():
        assert before in shipped
        shipped = shipped.replace(before, after)
    return shipped


@contextmanager
def _running(command: list[str], looked_at: str, folder: Path, told: Mapping[str, str]) -> Iterator[None]:
    """The program, once it answers there and until the end."""
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env={**os.environ, **told})

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(looked_at, timeout=30).is_success
        except httpx.TransportError:
            return False

    try:
        eventually(is_up)
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        finally:
            process.kill()
            process.wait()
