"""A Space on ZeroGPU: the real package `spaces` against a lender of GPUs that has none, and a tiny VoxCPM."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import forking
import psutil
import pytest
import soundfile
from checkpoints import voxcpm
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from serving import ROOT, StartServer, environment, eventually

from voxdemo import hf_space
from voxdemo.engines.registry import ENGINES
from voxdemo.model_support import devices
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.settings import Settings

pytestmark = pytest.mark.long

if "CI" not in os.environ:
    pytest.importorskip("spaces", reason="needs the package spaces")


class Lender:
    """What `spaces` asks for GPUs: remembers what it was asked, lends one or has none left."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.has_none = False
        self.url = ""

    def of(self, what: str) -> list[dict[str, str]]:
        return [parameters for path, parameters in self.asked if path == what]

    def answer(self, path: str, parameters: dict[str, str]) -> tuple[int, Any]:
        self.asked.append((path, parameters))
        if path != "/schedule":
            return 200, {}
        if self.has_none:
            return 429, {"left": 5, "wait": 3600}
        is_first = len(self.of("/allow")) == 0
        return 200, {"idle": not is_first, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": "a-token"}


@contextmanager
def lending() -> Iterator[Lender]:
    lender = Lender()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = urlsplit(self.path)
            status, body = lender.answer(asked.path, dict(parse_qsl(asked.query)))
            sent = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        lender.url = f"http://127.0.0.1:{serving.server_address[1]}"
        try:
            yield lender
        finally:
            serving.shutdown()
            thread.join()


def zero_gpu(lender: Lender, folder: Path) -> dict[str, object]:
    """What such a Space has in its environment."""
    (folder / "cgroup").write_text("0::/a-space\n")
    return {
        "SPACES_ZERO_GPU": "true",
        "SPACES_ZERO_DEVICE_API_URL": lender.url,
        "ZEROGPU_PROC_SELF_CGROUP_PATH": folder / "cgroup",
    }


def test_voxcpm_speaks_in_a_process_that_has_a_gpu_and_only_there(space: StartServer, tmp_path: Path) -> None:
    with lending() as lender:
        server = space(
            script="tests/zero_gpu_app.py",
            **zero_gpu(lender, tmp_path),
            VOXDEMO_ENGINE="voxcpm",
            VOXDEMO_VOXCPM_MODEL=voxcpm(tmp_path / "weights", "0.5B"),
            VOXDEMO_RECOGNIZER="builtin",
            VOXDEMO_CACHE_SIZE="0",
        )
        assert lender.asked[0] == ("/startup-report", {})  # else a Space is said not to have started
        client = Client(server.url, verbose=False, headers={"x-ip-token": "the.visitors.token"})
        words = "Good morning from a GPU that is lent. And so say all of us."
        samples, rate = soundfile.read(client.predict(words, api_name="/generate"))
        assert rate == 16_000
        assert len(samples) > 0.2 * rate
        assert lender.of("/schedule")[-1]["token"] == "the.visitors.token"
        assert 30 < int(lender.of("/schedule")[-1]["durationSeconds"]) < 60
        (process,) = {int(asked["pid"]) for asked in lender.of("/allow")}
        assert process != server.process.pid

        lender.has_none = True
        with pytest.raises(AppError, match=r"No GPU is available for this: You have exceeded your ZeroGPU quota"):
            client.predict("Nothing is left.", api_name="/generate")
        lender.has_none = False
        assert server.http.get("/ready").status_code == 200
        said = "The line is open, and the voice is ready to speak to whoever comes next."
        cloned = client.predict(
            "Good morning.", handle_file(ROOT / "assets" / "warm-up.flac"), said, api_name="/generate"
        )
        assert soundfile.info(cloned).samplerate == 16_000
        assert len(lender.of("/release")) == len(lender.of("/schedule")) - 1

        assert server.stop() == 0
        assert eventually(lambda: not psutil.pid_exists(process))


def test_closing_a_text_frees_the_gpu_at_the_next_step_and_keeps_the_model(tmp_path: Path) -> None:
    weights = voxcpm(tmp_path / "weights", "0.5B", stops=False)
    with lending() as lender:
        ended = forking.run(
            [str(ROOT / "tests" / "zero_gpu_call.py"), str(weights)],
            {**environment(tmp_path, **zero_gpu(lender, tmp_path)), "HOME": str(tmp_path)},
        )
        assert ended.returncode == 0, ended.stderr
        told = json.loads(ended.stdout.splitlines()[-1])
        assert told["closed_s"] < 5  # of a text that has no end
        assert told["is_kept"]
        assert told["refusal"].startswith("There is nothing to say")
        assert "No GPU can be had" not in told["fault"]
        assert "Error" in told["fault"]
        assert len(lender.of("/allow")) == 1
        assert [asked["fail"] for asked in lender.of("/release")] == ["false"] * 4


def test_what_has_no_gpu_of_its_own_runs_on_the_processor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(devices, "_NVIDIA_NODES", (Path("/dev/null"),))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    settings = Settings(_env_file=None)
    assert hf_space.lends_gpu()
    assert devices.find("auto").kind == devices.find("cuda").kind == "cpu"
    assert [choice.info.name for choice in RECOGNIZERS.choose(settings)] == ["builtin"]
    assert [choice.info.name for choice in ENGINES.choose(settings)] == ["voxcpm", "builtin"]
    assert [choice.info.name for choice in ENGINES.choose(Settings(_env_file=None, device="cpu"))] == ["builtin"]
