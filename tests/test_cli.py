"""The command line, run as people run it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
from serving import ROOT, Server, environment, eventually, free_port

SENTENCE = "Good morning, and welcome aboard."
Run = Callable[..., subprocess.CompletedProcess[bytes]]


def settings_of(folder: Path, **settings: object) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    builtin = {
        "TMPDIR": str(folder / "tmp"),
        "VOXDEMO_ENGINE": "builtin",
        "VOXDEMO_RECOGNIZER": "builtin",
        "PYTHONPATH": str(ROOT),
    }
    return dict(environment(folder, **{**builtin, **settings}))


@pytest.fixture
def voxdemo(tmp_path: Path) -> Run:
    def run(*words: str, said: bytes = b"", **settings: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "voxdemo", *words],
            input=said,
            capture_output=True,
            env=settings_of(tmp_path, **settings),
            cwd=tmp_path,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def said(server: Server, tmp_path: Path, voxdemo: Run) -> Path:
    assert voxdemo("say", SENTENCE, "-o", "said.wav", "--server", server.url).returncode == 0
    return tmp_path / "said.wav"


def test_help_comes_at_once_and_names_every_command(voxdemo: Run) -> None:
    asked = voxdemo("--help")
    assert asked.returncode == 0
    for name in (b"say", b"hear", b"voices", b"serve", b"doctor"):
        assert name in asked.stdout
    code = "import sys, voxdemo.cli; print({'torch', 'gradio', 'numpy'} & sys.modules.keys())"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
    assert imported.stdout == "set()\n"


def test_what_is_said_here_is_heard_here(voxdemo: Run, tmp_path: Path) -> None:
    spoken = voxdemo("say", SENTENCE, "-o", "said.mp3")
    assert (spoken.returncode, spoken.stdout, spoken.stderr) == (0, b"", b"")
    assert 1 < soundfile.info(tmp_path / "said.mp3").duration < 5
    heard = voxdemo("hear", "-", "--format", "json", said=(tmp_path / "said.mp3").read_bytes())
    told = json.loads(heard.stdout)
    assert "welcome aboard" in told["text"].lower()
    assert told["segments"][-1]["end"] <= told["duration"] + 0.5
    assert heard.stderr == b""
    assert not list(tmp_path.glob("tmp/voxdemo-*"))


def test_a_text_is_piped_in_and_the_sound_out(voxdemo: Run) -> None:
    spoken = voxdemo("say", "-o", "-", "--seed", "5", "--cfg", "2.5", said=b"Piped words.")
    assert soundfile.info(io.BytesIO(spoken.stdout)).duration > 0.5
    assert spoken.stderr.decode() == "The built-in voice does without guidance (cfg): ignored.\n"


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_a_server_does_it_as_well(server: Server, voxdemo: Run, said: Path, form: str) -> None:
    assert 1 < soundfile.info(said).duration < 5
    heard = voxdemo("hear", "said.wav", "--format", form, "--server", server.url)
    assert "welcome aboard" in heard.stdout.decode().lower()
    assert heard.stdout.startswith({"text": b"Good", "srt": b"1\n", "vtt": b"WEBVTT"}[form])


def test_voices_are_listed(server: Server, voxdemo: Run) -> None:
    assert voxdemo("voices").stdout == b"Built-in voice: heart; copies none; languages: en\n"
    assert voxdemo("voices", "--server", server.url).stdout == b"heart: en\n"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["say", "Hi.", "-o", "said.wma"], 2, "The file must end with .wav, .flac, .mp3, .opus, .aac, not 'said.wma'."),
        (["say", "Hi.", "-o", "nowhere/said.wav"], 2, "can't be written (No such file or directory)"),
        (["hear", "nothing.wav"], 2, "There is no file 'nothing.wav': check its name."),
        (["hear", "x.wav", "--format", "xml"], 2, "--format must be one of text, json, srt, vtt, not 'xml'."),
        (["say", "Hi.", "--server", "http://127.0.0.1:1"], 3, "can't be reached or has gone"),
        (["say", "Hi.", "--server", "nonsense"], 2, "is no address: it looks like http://127.0.0.1:7860."),
        (["say", "Hi.", "--speed", "fast"], 2, "Invalid value for '--speed'"),
        (["shout"], 2, "No such command 'shout'"),
    ],
)
def test_mistakes_are_one_sentence_and_a_code(voxdemo: Run, words: list[str], code: int, sentence: str) -> None:
    ended = voxdemo(*words)
    assert (ended.returncode, ended.stdout) == (code, b"")
    assert sentence in " ".join(ended.stderr.decode().split())
    assert b"Traceback" not in ended.stderr


def test_what_the_server_refuses_is_told_with_the_code_of_its_kind(
    start_server: Callable[..., Server], voxdemo: Run, tmp_path: Path
) -> None:
    server = start_server("tests/guarded_app.py", VOXDEMO_API_KEYS="a-key-of-some-length", VOXDEMO_RATE_LIMIT="1/hour")
    server.wait_until_ready()
    shut_out = voxdemo("say", "One.", "--server", server.url)
    assert (shut_out.returncode, b"Programs need an API key" in shut_out.stderr) == (2, True)
    key: dict[str, Any] = {"VOXDEMO_CLIENT_KEY": "a-key-of-some-length"}
    failed = voxdemo("say", "One two. Three raise", "-o", "half.wav", "--server", server.url, **key)
    assert failed.returncode == 1
    assert not (tmp_path / "half.wav").exists()
    too_often = voxdemo("say", "Two.", "--server", server.url, **key)
    assert (too_often.returncode, too_often.stderr[:18]) == (3, b"Too many requests:")


def test_ctrl_c_leaves_no_half_file_and_the_old_one_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "said.wav").write_bytes(b"old")
    process = subprocess.Popen(
        [sys.executable, "-m", "voxdemo", "say", "-o", "said.wav"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=settings_of(tmp_path),
        cwd=tmp_path,
    )
    assert process.stdin
    process.stdin.write(b"A word and another. " * 2_000)
    process.stdin.close()
    eventually(lambda: list((tmp_path / "tmp").glob("voxdemo-*/workshop/*/.speech.wav")))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert process.stderr
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    assert (tmp_path / "said.wav").read_bytes() == b"old"
    assert not list(tmp_path.glob("tmp/voxdemo-*"))
    assert [path.name for path in tmp_path.iterdir() if "said" in path.name] == ["said.wav"]


def test_doctor_tells_what_it_found_and_what_would_be_chosen_and_no_secret(voxdemo: Run, server: Server) -> None:
    told = voxdemo("doctor", VOXDEMO_AUTH="ann:secret-word", VOXDEMO_PORT=server.port, VOXDEMO_ENGINE="auto").stdout
    lines = told.decode()
    assert f"Port {server.port} on 127.0.0.1 is taken" in lines
    assert "VOXDEMO_AUTH is (a secret)" in lines
    assert "secret-word" not in lines
    for found in ("Python 3.", "memory:", "disk:", "device:", "VoxCPM:", "SenseVoice:", "voice:", "recogniser:"):
        assert found in lines
    assert "GB free" in lines
    wrong = voxdemo("doctor", VOXDEMO_ENGINE="espeak")
    assert (wrong.returncode, b"must be one of auto, builtin, voxcpm" in wrong.stderr) == (2, True)


def test_serve_serves_as_launch_does(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "voxdemo", "serve"],
        stdout=subprocess.PIPE,
        env=settings_of(tmp_path, VOXDEMO_PORT=port),
        cwd=ROOT,
    )
    assert process.stdout
    assert f"voxdemo is at http://127.0.0.1:{port}".encode() in process.stdout.readline()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    process.stdout.close()
