"""The command line, run as people run it."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from commands import Run, settings_of
from fakes import Stage
from rings import first_of
from serving import ROOT, Server, eventually, free_port
from typer.testing import CliRunner

from voxdemo import __version__, cli
from voxdemo.cli import local
from voxdemo.errors import VoxdemoError
from voxdemo.server.assemble import local_service
from voxdemo.settings import Settings
from voxdemo.speech import Tell, Utterance
from voxdemo.stores.voices import NOBODY, VoiceStore

SENTENCE = "Good morning, and welcome aboard."
WARM_UP = str(ROOT / "assets" / "warm-up.flac")


def test_help_comes_at_once_and_names_every_command(voxdemo: Run) -> None:
    asked = voxdemo("--help", anew=True)
    assert asked.returncode == 0
    for name in (b"say", b"hear", b"voices", b"serve", b"doctor"):
        assert name in asked.stdout
    for module, heavy in (("voxdemo.cli", "numpy"), ("voxdemo.cli.remote", "voxdemo.service.service")):
        code = f"import sys, {module}; print({{'torch', 'gradio', 'av', '{heavy}'}} & sys.modules.keys())"
        imported = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, text=True)
        assert imported.stdout == "set()\n"


def test_what_is_said_here_is_heard_here(voxdemo: Run, tmp_path: Path) -> None:
    dials = ("--seed", "5", "--cfg", "2.5", "--language", "en-US")
    spoken = voxdemo("say", "-o", "said.mp3", *dials, said=SENTENCE.encode(), anew=True)
    assert (spoken.returncode, spoken.stdout) == (0, b"")
    assert spoken.stderr.decode() == "The built-in voice doesn't support guidance (cfg) and a seed: ignored.\n"
    assert 1 < soundfile.info(tmp_path / "said.mp3").duration < 5
    heard = voxdemo("hear", "-", "--format", "json", "--language", "en", said=(tmp_path / "said.mp3").read_bytes())
    told = json.loads(heard.stdout)
    assert "welcome aboard" in told["text"].lower()
    assert told["segments"][-1]["end"] <= told["duration"] + 0.5
    assert heard.stderr == b""
    assert not list(tmp_path.glob("tmp/voxdemo-*"))


def test_a_command_here_loads_the_model_that_it_asks_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stage, built, shown = Stage(open=True), list[str](), list[str]()

    def noted(choice: Any) -> Any:
        def build(tell: Tell) -> Any:
            built.append(choice.info.title)
            return choice.build(tell)

        return replace(choice, build=build)

    def tell(words: str, _: float) -> None:
        shown.append(words)

    fakes = [noted(stage.engine())], [noted(stage.recognizer())]
    monkeypatch.setattr(local, "local_service", lambda settings, *_: local_service(settings, *fakes))
    monkeypatch.setattr(local, "_settings", lambda: Settings(_env_file=None, cache_dir=tmp_path))  # type: ignore[call-arg]
    assert local.listen(Path(WARM_UP), None, tell).text == "heard"
    assert built == ["Fake recogniser"]
    local.speak(Utterance("Hello."), "wav", io.BytesIO(), tell)
    assert built == ["Fake recogniser", "Fake voice"]
    assert not any("when it is needed" in words for words in shown), shown


def test_a_server_does_it_as_well(server: Server, voxdemo: Run, tmp_path: Path) -> None:
    spoken = voxdemo("say", SENTENCE, "-o", "-", "--server", server.url)
    assert (spoken.returncode, spoken.stderr) == (0, b"")
    assert 1 < soundfile.info(io.BytesIO(spoken.stdout)).duration < 5
    (tmp_path / "said.wav").write_bytes(spoken.stdout)
    heard = voxdemo("hear", "said.wav", "--server", server.url)
    assert (heard.stdout.startswith(b"Good"), "welcome aboard" in heard.stdout.decode().lower()) == (True, True)


@pytest.mark.long
@pytest.mark.parametrize(("rate", "is_there"), [(16_000, False), (44_100, True)])
def test_what_comes_through_a_pipe_is_printed_turn_by_turn(
    server: Server, voxdemo: Run, rate: int, is_there: bool
) -> None:
    there = ("--server", server.url) if is_there else ()
    sound, own_rate = soundfile.read(WARM_UP, dtype="float32")
    twice = np.concatenate([sound, np.zeros(own_rate, np.float32), sound])
    raw = (soxr.resample(twice, own_rate, rate) * 32_767).astype("<i2").tobytes()
    heard = voxdemo("hear", "--live", "-", "--rate", str(rate), *there, said=raw + b"\0")
    assert (heard.returncode, heard.stderr) == (0, b"")
    lines = heard.stdout.decode().lower().splitlines()
    assert len(lines) == 2
    assert all("line is open" in line and "comes next" in line for line in lines)


@pytest.mark.parametrize("is_there", first_of(True, False))
def test_a_pipe_without_sound_is_one_sentence(server: Server, voxdemo: Run, is_there: bool) -> None:
    heard = voxdemo("hear", "--live", "-", *(("--server", server.url) if is_there else ()), said=b"")
    sentence = "No sound came through the pipe: send raw 16-bit mono sound, 16000 samples a second.\n"
    assert (heard.returncode, heard.stdout, heard.stderr.decode()) == (2, b"", sentence)


@pytest.mark.parametrize("is_there", first_of(True, False))
def test_a_language_that_no_voice_speaks_is_refused_as_by_the_api(server: Server, voxdemo: Run, is_there: bool) -> None:
    there = ("--server", server.url) if is_there else ()
    refused = voxdemo("say", "Hi.", "--language", "tlh-Latn", "-o", "-", *there)
    sentence = "The built-in voice has no language 'tlh': choose one of en.\n"
    assert (refused.returncode, refused.stdout, refused.stderr.decode()) == (2, b"", sentence)
    assert voxdemo("say", "Hi.", "--language", "AUTO", "-o", "-", *there).returncode == 0


NAMES = ("speech.wav", "speech-2.wav", "speech-3.wav")


def test_without_a_file_it_says_where_it_saved_and_overwrites_nothing(
    server: Server, voxdemo: Run, tmp_path: Path
) -> None:
    for name in NAMES[:2]:
        (tmp_path / name).write_bytes(b"mine")
    spoken = voxdemo("say", SENTENCE, "--server", server.url)
    assert (spoken.returncode, spoken.stdout, spoken.stderr.decode()) == (0, b"", f"Saved as {NAMES[2]}.\n")
    assert soundfile.info(tmp_path / NAMES[2]).duration > 1
    assert [(tmp_path / name).read_bytes() for name in NAMES[:2]] == [b"mine"] * 2
    assert voxdemo("say", SENTENCE, "-o", NAMES[0], "--server", server.url).stderr == b""
    assert soundfile.info(tmp_path / NAMES[0]).duration > 1
    assert voxdemo("say", "안녕", "--server", server.url).returncode == 2
    assert sorted(path.name for path in tmp_path.glob("*.wav")) == sorted(NAMES)


class Chinese(BaseHTTPRequestHandler):
    """A server that hears and has what not every terminal can show."""

    def do_GET(self) -> None:
        self._answer({"voices": [{"name": "晓 – “warm”", "languages": ["zh"]}], "clones": False})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        segments = [{"text": HEARD, "start": 0.0, "end": 1.0}]
        self._answer({"text": HEARD, "language": "zh", "duration": 1.0, "segments": segments})

    def _answer(self, told: object) -> None:
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


HEARD = "你好，Zoë – 5 €"


@pytest.fixture(scope="module")
def chinese() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Chinese) as other:
        thread = Thread(target=other.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{other.server_port}"
        other.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("words", "encoding", "shown"),
    [
        (["hear", "x.wav"], "cp1252:strict", "\\u4f60\\u597d\\uff0cZoë – 5 €\n"),
        (["hear", "x.wav", "--format", "srt"], "ascii", "\n\\u4f60\\u597d\\uff0cZo\\xeb \\u2013 5 \\u20ac\n"),
        (["hear", "x.wav", "--format", "vtt"], "utf-8", f"\n{HEARD}\n"),
        (["voices"], "cp1252", "\\u6653 – “warm”"),
    ],
)
def test_what_a_terminal_cannot_show_is_shown_as_escapes(
    chinese: str, voxdemo: Run, tmp_path: Path, words: list[str], encoding: str, shown: str
) -> None:
    (tmp_path / "x.wav").touch()
    told = voxdemo(*words, "--server", chinese, PYTHONIOENCODING=encoding)
    assert (told.returncode, told.stderr) == (0, b"")
    written = told.stdout.decode(encoding.partition(":")[0])
    assert shown in written
    assert written.startswith({"srt": "1\n", "vtt": "WEBVTT"}.get(words[-1], ""))


def test_json_stays_json_in_every_encoding(chinese: str, voxdemo: Run, tmp_path: Path) -> None:
    (tmp_path / "x.wav").touch()
    told = voxdemo("hear", "x.wav", "--format", "json", "--server", chinese, PYTHONIOENCODING="ascii")
    assert json.loads(told.stdout.decode())["text"] == HEARD


def test_a_text_is_read_as_utf_8_in_every_locale(server: Server, voxdemo: Run) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "utf-8"}
    told = voxdemo("say", "Hello 안녕, Zoë.", "-o", "x.wav", "--server", server.url, **locale)
    assert (told.returncode, told.stderr.decode()) == (0, "Skipped “안녕”: this voice can't read it.\n")


def test_a_terminal_shows_at_once_that_it_is_loading_and_stdout_stays_clean(chinese: str, tmp_path: Path) -> None:
    (tmp_path / "x.wav").touch()
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", BEFORE_IMPORTS, "hear", "x.wav", "--server", chinese],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=settings_of(tmp_path, TERM="xterm", PYTHONIOENCODING="utf-8"),
        cwd=tmp_path,
    )
    os.close(theirs)
    out, _ = process.communicate(timeout=180)
    shown = b""
    with suppress(OSError):  # that is how a terminal ends
        while block := os.read(ours, 4096):
            shown += block
    os.close(ours)
    assert (process.returncode, out.decode()) == (0, HEARD + "\n")
    assert b"Loading" in shown.partition(b"IMPORTS")[0]
    assert b"IMPORTS" in shown


BEFORE_IMPORTS = """
import sys
class Marking:
    def find_spec(self, name, *_):
        if name == "voxdemo.cli.remote":
            print("IMPORTS", file=sys.stderr, flush=True)
sys.meta_path.insert(0, Marking())
from voxdemo.cli import main
main()
"""
"""The command line, which shows on stderr when it begins to import what takes seconds."""


def test_voices_are_listed(server: Server, voxdemo: Run) -> None:
    here = voxdemo("voices", VOXDEMO_ENGINE="auto").stdout.decode()
    head, heart, *_ = (line.split("  ") for line in here.splitlines())
    assert head[0] == "VOICE"
    assert [each.strip() for each in heart if each] == [
        "builtin/heart", "Heart", "American English", "female", "instant", "built-in-voice",
    ]  # fmt: skip
    assert any("kokoro/bf_emma" in row and "British English" in row for row in map(str.strip, here.splitlines()))
    assert here.endswith("\nVoices can't be copied from a recording.\n")
    assert len(voxdemo("voices").stdout.splitlines()) == 4
    listed = server.http.get("/v1/audio/voices").json()
    assert json.loads(voxdemo("voices", "--server", f"{server.url}/v1/", "--format", "json").stdout) == listed
    remote = voxdemo("voices", "--server", server.url).stdout.decode()
    assert [line.split()[0] for line in remote.splitlines()[1:-2]] == [voice["id"] for voice in listed["voices"]]
    wrong = voxdemo("voices", "--format", "srt")
    assert (wrong.returncode, wrong.stderr) == (2, b"--format must be one of text, json, not 'srt'.\n")
    key = voxdemo("voices", "--server", server.url, VOXDEMO_CLIENT_KEY="kéy-of-some-length")
    assert (key.returncode, b"VOXDEMO_CLIENT_KEY can't be used" in key.stderr) == (2, True)


def test_a_voice_of_one_s_own_is_added_spoken_in_and_removed(fake_server: Server, voxdemo: Run, tmp_path: Path) -> None:
    fake_server.http.post("/stage/open")
    there = ("--server", fake_server.url)
    added = voxdemo("voices", "add", "Anna", WARM_UP, "--consent", "--transcript", "The line is open.", *there)
    assert (added.returncode, added.stderr) == (0, b"")
    id = added.stdout.decode().strip()
    spoken = voxdemo("say", "In my voice.", "--voice", id, "-o", "said.wav", *there)
    assert (spoken.returncode, spoken.stderr) == (0, b"")
    assert fake_server.http.get("/stage").json()["copied"][0] == "The line is open."
    assert voxdemo("voices", *there, "remove", id).returncode == 0
    for words, said in (
        (["remove", id], b"There is no such voice"),
        (["add", "Anna", WARM_UP], b"A voice needs its owner's consent"),
        (["add", "Anna", "nothing.wav", "--consent"], b"There is no file"),
        (["add", "Anna", str(ROOT / "README.md"), "--consent"], b"isn't audio"),
    ):
        ended = voxdemo("voices", *words, *there)
        assert (ended.returncode, ended.stdout) == (2, b"")
        assert said in ended.stderr


def test_voices_of_this_machine_are_kept_where_its_server_keeps_them(voxdemo: Run, tmp_path: Path) -> None:
    refused = voxdemo("voices", "add", "Anna", WARM_UP, "--consent")
    assert (refused.returncode, refused.stderr[:34]) == (2, b"Copying a voice needs VoxCPM or Ch")
    kept = VoiceStore(tmp_path / "cache" / "voices").keep(NOBODY, "Anna", "", Path(WARM_UP).read_bytes(), "now")
    assert f"\n{kept.id}  Anna\n".encode() in voxdemo("voices").stdout
    assert voxdemo("voices", "remove", kept.id).returncode == 0
    again = voxdemo("voices", "remove", kept.id)
    assert (again.returncode, again.stderr.decode()[:22]) == (2, "There is no voice '" + kept.id[:3])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a file that is always full")
@pytest.mark.parametrize("words", first_of(["say", "Full.", "-o", "-"], ["hear", WARM_UP], ["voices"], ["doctor"]))
def test_a_full_disk_is_one_sentence(server: Server, chinese: str, voxdemo: Run, words: list[str]) -> None:
    there = {"doctor": [], "say": ["--server", server.url]}.get(words[0], ["--server", chinese])
    ended = voxdemo(*words, *there, to="/dev/full")
    assert (ended.returncode, ended.stderr.count(b"\n")) == (1, 1)
    assert b"can't be written (No space left on device): make room" in ended.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["say", "Hi.", "-o", "said.wma"], "The file must end with .wav, .flac, .mp3, .opus, .aac, not 'said.wma'."),
        (["say", "Hi.", "-o", "nowhere/said.wav"], "can't be written (No such file or directory)"),
        (["say", "Hi.", "-o", "."], "The file must end with"),
        (["say", "Hi.", "-o", "folder.wav"], "folder.wav is a folder: name a file in it."),
        (["say", "Hi.", "-o", "folder.wav/"], "folder.wav is a folder: name a file in it."),
        (["say", os.fsdecode(b"caf\xe9")], "The text isn't UTF-8: convert it, then try again."),
        (["say", "Hi.", "--voice", os.fsdecode(b"Zo\xeb")], "The text isn't UTF-8"),
        (["say", "Hi.", "--prompt-text", os.fsdecode(b"\xff")], "The text isn't UTF-8"),
        (["hear", "x.wav", "--language", os.fsdecode(b"fran\xe7ais")], "The text isn't UTF-8"),
        (["say", "Hi.", "--language", os.fsdecode(b"fran\xe7ais")], "The text isn't UTF-8"),
        (["hear", "x.wav", "--format", "xml"], "--format must be one of text, json, srt, vtt, not 'xml'."),
        (["say", "Hi.", "--server", "nonsense"], "isn't an address: write it like http://127.0.0.1:7860."),
        (["say", "Hi.", "--speed", "fast"], "Invalid value for '--speed'"),
        (["hear", "--live", "a.mp3"], "--live listens to the microphone or"),
        (["hear", "--live", "--format", "srt"], "--format can't be used with --live"),
        (["hear", "--live", "-", "--server", "http://127.0.0.1:1"], "can't be reached or has stopped"),
        (["hear", "--live", "-", "--server", "nonsense"], "isn't an address: write it like http://127.0.0.1:7860."),
        (["hear", "--live", "-", "--rate", "4000"], "--rate must be from 8000 to 192000."),
        (["hear", "--live"], "The microphone needs the package sounddevice, and PortAudio"),
        (["hear"], "name a recording, - for stdin, or --live"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.wav").mkdir()
    monkeypatch.setitem(sys.modules, "sounddevice", None)  # it isn't installed
    ended = CliRunner().invoke(cli.app, words)
    told = ended.exception.sentence if isinstance(ended.exception, VoxdemoError) else ended.output
    assert ended.exit_code
    assert sentence in " ".join(told.split())


def test_the_process_ends_with_the_code_of_a_mistake_and_nothing_but_its_sentence(voxdemo: Run) -> None:
    for words, code, sentence in (
        (["hear", "录音.wav"], 2, "There is no file '\\u5f55\\u97f3.wav': check its name."),
        (["say", "Hi.", "--server", "http://127.0.0.1:1"], 3, "can't be reached or has stopped"),
        (["shout"], 2, "No such command 'shout'"),
    ):
        ended = voxdemo(*words, PYTHONIOENCODING="ascii")
        assert (ended.returncode, ended.stdout) == (code, b"")
        assert sentence in " ".join(ended.stderr.decode().split())
        assert b"Traceback" not in ended.stderr


@pytest.mark.long
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


def test_doctor_tells_in_every_encoding_what_it_found_and_what_would_be_chosen_and_no_secret(
    voxdemo: Run, server: Server, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {
        "VOXDEMO_AUTH": "ann:secret-word",
        "VOXDEMO_PORT": server.port,
        "VOXDEMO_ENGINE": "auto",
    }
    told = voxdemo("doctor", **settings, PYTHONIOENCODING="ascii", VOXDEMO_CACHE_DIR=tmp_path / "缓存")
    lines = told.stdout.decode("ascii")
    assert (told.returncode, "\\u7f13\\u5b58" in lines, lines.count("\n") > 8) == (0, True, True)
    assert f"Port {server.port} on 127.0.0.1 is taken" in lines
    assert "VOXDEMO_AUTH is (a secret)" in lines
    assert "secret-word" not in lines
    for found in ("Python 3.", "memory:", "disk:", "device:", "VoxCPM:", "SenseVoice:", "voice:", "recogniser:"):
        assert found in lines
    assert "GB free" in lines
    assert "Built-in voice: 1 voice, en; loaded at the start" in lines
    assert "Kokoro-82M: 50 voices, en, es, fr, it, pt, ja, zh; loaded when one of its voices is used" in lines
    wrong = voxdemo("doctor", VOXDEMO_ENGINE="espeak")
    names = b"auto, builtin, chatterbox, kokoro, orpheus, voxcpm"
    assert (wrong.returncode, b"must be one of " + names in wrong.stderr) == (2, True)


@pytest.mark.long
def test_commands_here_use_this_machine_alone_where_a_server_elsewhere_is_the_usual_engine(
    voxdemo: Run, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        elsewhere.setblocking(False)
        entry = {"name": "studio", "url": f"http://127.0.0.1:{elsewhere.getsockname()[1]}", "key": "very-secret"}
        settings = {"VOXDEMO_ENGINE": "studio", "VOXDEMO_REMOTE_ENGINES": json.dumps([entry])}
        told = voxdemo("doctor", **settings)
        assert told.returncode == 0, told.stderr
        assert b"studio, at an address; the built-in one while it can't speak" in told.stdout
        assert b"Built-in voice: 1 voice, en; loaded at the start" in told.stdout
        assert b"very-secret" not in told.stdout
        assert b"builtin/heart" in voxdemo("voices", **settings).stdout
        said = voxdemo("say", "Hello.", "-o", "said.wav", **settings)
        assert (said.returncode, soundfile.info(tmp_path / "said.wav").frames > 0) == (0, True), said.stderr
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@pytest.mark.long
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


def test_the_version_is_one_everywhere(tmp_path: Path, server: Server) -> None:
    command = [sys.executable, "-m", "voxdemo", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, env=settings_of(tmp_path), check=True).stdout
    assert told == f"voxdemo {__version__}\n"
    assert server.http.get("/health").json()["version"] == __version__
    assert f'\nversion = "{__version__}"\n' in (ROOT / "pyproject.toml").read_text()


FAULT = """
import sys
from voxdemo.cli import local, main

def voices():
    raise KeyError("somewhere in a library")

local.voices = voices
sys.argv = ["voxdemo", "voices"]
main()
"""


def test_what_nobody_foresaw_is_one_sentence_and_a_traceback_in_the_log(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FAULT], capture_output=True, text=True, env=settings_of(tmp_path), check=False
    )
    *log, sentence = ended.stderr.splitlines()
    assert (ended.returncode, sentence) == (
        1, "Something went wrong (KeyError): set VOXDEMO_LOG_LEVEL=debug to see more.",
    )  # fmt: skip
    assert "Traceback (most recent call last):" in log
    assert any("in voices" in line for line in log)
