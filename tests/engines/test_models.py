"""The real models as people meet them: tiny random checkpoints behind the real server, through the frozen endpoint."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from checkpoints import Generation, voxcpm
from gradio_client import Client, handle_file
from rings import long
from sensevoice_checkpoint import sensevoice
from serving import ROOT, Server, StartServer, environment, free_port
from transcribing import opened, pcm, turn_of

RECORDING = ROOT / "assets" / "warm-up.flac"
NO_NETWORK = {"HF_HUB_OFFLINE": "", "HF_ENDPOINT": "http://127.0.0.1:9"}
"""A hub that nobody answers for: port 9 is where nothing listens."""
HEARD = "<|en|><|NEUTRAL|><|Speech|><|withitn|>morning"
"""What the tiny SenseVoice writes of whatever it hears."""
SAID = "The line is open, and the voice is ready to speak to whoever comes next."

pytestmark = pytest.mark.filterwarnings(
    # Made by the packages while the tests build checkpoints in this process.
    "ignore::DeprecationWarning:torch",
    "ignore::FutureWarning:torch",
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Generation], Path]:
    """The folder of a tiny checkpoint of a generation."""
    folder = tmp_path_factory.mktemp("weights")
    return functools.cache(lambda generation: voxcpm(folder / generation, generation))


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny SenseVoice."""
    return sensevoice(tmp_path_factory.mktemp("ears") / "SenseVoiceSmall", hears=HEARD)


@pytest.fixture
def client() -> Iterator[Callable[[Server], Client]]:
    opened: list[Client] = []

    def connect(server: Server) -> Client:
        opened.append(Client(server.url, verbose=False))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


def started(
    script: str = "app.py", *, ears: Path | None = None, start: StartServer, folder: Path, **settings: object
) -> Server:
    heard = {"VOXDEMO_RECOGNIZER": "sensevoice", "VOXDEMO_SENSEVOICE_MODEL": ears} if ears else {}
    named = {"VOXDEMO_ENGINE": "voxcpm", "VOXDEMO_VOXCPM_MODEL": folder, "VOXDEMO_DEVICE": "cpu"}
    return start(script, **{**named, **heard, **settings})


def until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """What `condition` returns once it is true; the server is another process, so there is nothing to wait on."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if result := condition():
            return result
        pause.wait(0.05)
    raise AssertionError("it never came to be")


def rate_of(path: str) -> int:
    return int(soundfile.info(path).samplerate)


def test_the_newest_generation_speaks_through_the_endpoint_with_and_without_a_prompt(
    weights: Callable[[Generation], Path],
    ears: Path,
    start_server: StartServer,
    client: Callable[[Server], Client],
) -> None:
    server = started(start=start_server, folder=weights("2"), ears=ears)
    server.wait_until_ready()
    until(lambda: not server.http.get("/ready").json()["pending"])
    script = client(server)
    plain = script.predict("Good morning.", api_name="/generate")
    cloned = script.predict("Good morning.", handle_file(RECORDING), SAID, api_name="/generate")
    unread = script.predict("Good morning.", handle_file(RECORDING), api_name="/generate")
    assert {rate_of(path) for path in (plain, cloned, unread)} == {48_000}
    assert Path(plain).read_bytes() != Path(cloned).read_bytes()
    assert script.predict(handle_file(RECORDING), api_name="/prompt_wav_recognition") == "morning"
    with opened(server.url) as socket:
        assert turn_of(socket, pcm(RECORDING)) == "morning"
    report = server.http.get("/ready").json()
    voice, listener = (model for model in report["models"] if model["serving"])
    assert (voice["name"], voice["title"], voice["device"]) == ("voxcpm", "VoxCPM2", "cpu")
    assert voice["precision"] in ("bfloat16", "float32")
    assert voice["load_s"] > 0
    assert (listener["name"], listener["state"]) == ("sensevoice", "ready")


@pytest.mark.long
def test_two_generators_of_an_older_generation_in_int8_speak_side_by_side(
    weights: Callable[[Generation], Path], start_server: StartServer, client: Callable[[Server], Client]
) -> None:
    server = started(
        "tests/without_whisper.py",
        start=start_server,
        folder=weights("1.5"),
        VOXDEMO_ENGINE="auto",  # with which weights that are here are used without a GPU, too
        VOXDEMO_GENERATORS=2,
        VOXDEMO_QUANTIZE="int8",
    )
    server.wait_until_ready()
    until(lambda: not server.http.get("/ready").json()["pending"])
    script = client(server)
    jobs = [script.submit(f"Sentence {number}.", api_name="/generate") for number in range(4)]
    assert {rate_of(job.result(timeout=180)) for job in jobs} == {44_100}
    voices = [model for model in server.http.get("/ready").json()["models"] if model["name"] == "voxcpm"]
    assert [(model["precision"], model["serving"]) for model in voices] == [("int8", True), ("int8", True)]
    assert {model["title"] for model in voices} == {"VoxCPM1.5"}


def refused(start: StartServer, **settings: object) -> str:
    """What a server says that ends at once."""
    server = start(**settings)
    assert server.process.wait(timeout=180) == 2
    return sentence_of(server.log)


def sentence_of(log: str) -> str:
    assert "Traceback" not in log
    (said,) = (line for line in log.splitlines() if line.startswith("voxdemo can't start: "))
    return said


@long
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"VOXDEMO_ENGINE": "voxcpm", "VOXDEMO_VOXCPM_MODEL": "/nowhere"}, ("/nowhere", "VOXDEMO_VOXCPM_MODEL")),
        ({"VOXDEMO_RECOGNIZER": "sensevoice"}, ("FunAudioLLM/SenseVoiceSmall", "./launch.sh fetch-models")),
    ],
)
def test_a_model_that_was_named_and_cannot_be_had_ends_the_start_in_one_sentence(
    tmp_path: Path, start_server: StartServer, settings: dict[str, object], words: tuple[str, ...]
) -> None:
    said = refused(start_server, HF_HOME=tmp_path / "hub", **NO_NETWORK, **settings)
    assert all(word in said for word in words), said


@pytest.mark.long
def test_a_device_that_is_not_here_ends_the_start_in_one_sentence_and_a_silent_stdout(
    tmp_path: Path, weights: Callable[[Generation], Path]
) -> None:
    asked = {"VOXDEMO_ENGINE": "voxcpm", "VOXDEMO_VOXCPM_MODEL": weights("2"), "VOXDEMO_DEVICE": "cuda:97"}
    ended = subprocess.run(
        [sys.executable, ROOT / "app.py"],
        env=environment(tmp_path, VOXDEMO_PORT=free_port(), **asked),
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "VOXDEMO_DEVICE is 'cuda:97'" in sentence_of(ended.stderr)


@pytest.mark.long
def test_with_auto_and_no_network_the_built_in_voice_serves_and_the_banner_says_why(
    tmp_path: Path, start_server: StartServer, client: Callable[[Server], Client]
) -> None:
    named = {"VOXDEMO_VOXCPM_MODEL": "openbmb/VoxCPM2"}
    server = start_server("tests/app_with_gpu.py", HF_HOME=tmp_path / "hub", **named, **NO_NETWORK)
    server.wait_until_ready()
    notice = until(lambda: "fetch-models" in (said := server.http.get("/ready").json()["notice"]) and said)
    assert "openbmb/VoxCPM2" in notice
    assert "Meanwhile" in notice
    assert rate_of(client(server).predict("Good morning.", api_name="/generate")) == 24_000
