"""Getting weights from a hub: huggingface_hub's own code in processes of their own, against a hub on this machine."""

from __future__ import annotations

import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import forking
import pytest
from fake_hub import COMMIT, NO_PROXY, FakeHub, serve
from serving import ROOT, environment

from voxdemo.model_support import hub, hub_cache

pytestmark = pytest.mark.long
MODEL = "openbmb/VoxCPM2"
SENSEVOICE = "FunAudioLLM/SenseVoiceSmall"
WEIGHTS = "model.safetensors"
NEEDED = ("config.json", "model.safetensors|pytorch_model.bin")
SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "audiovae.pth")
LEFT_BY_TRAINING = ("optimizer.bin", "rng_state_0.pth", "scheduler.pt", "training_args.bin", "pytorch_model_fsdp.bin")
SENSEVOICE_FILES = ("config.yaml", "configuration.json", "am.mvn", "chn_jpn_yue_eng_ko_spectok.bpe.model", "model.pt")
PIECE_BYTES = 10 * 2**20
"""What huggingface_hub receives before it writes it to the file."""
LARGE_BYTES = 32_000_000
HOLD_AT = 25_000_000
HELD = "21 of 32 MB"

FETCH = f"""
import sys
from voxdemo.model_support import hub
from voxdemo.errors import WeightsError
try:
    print(hub.fetch(sys.argv[1], {NEEDED}, lambda sentence: print(sentence, flush=True), "VOXDEMO_VOXCPM_MODEL"))
except WeightsError as error:
    sys.exit(error.sentence)
"""
REFUSED = f"""
import sys
from voxdemo.model_support import hub
from voxdemo.errors import WeightsError
for name in sys.argv[1:]:
    for ask in hub.fetch, lambda *asked: hub.check_reachable(asked[0], asked[1], asked[3]):
        try:
            ask(name, {NEEDED}, print, "VOXDEMO_VOXCPM_MODEL")
        except WeightsError as error:
            print(error.sentence, file=sys.stderr)
"""
"""What is said of each name, by downloading it and by asking whether it could be: the same, line by line."""
CHECK_REACHABLE = f"""
from voxdemo.model_support import hub
hub.check_reachable({MODEL!r}, {NEEDED}, "VOXDEMO_VOXCPM_MODEL")
"""
LOGGING = 'import logging; logging.basicConfig(format="%(message)s"); logging.getLogger("voxdemo").setLevel("INFO")\n'
FULL_DISK = "import shutil, types; shutil.disk_usage = lambda folder: types.SimpleNamespace(free=10**3)\n"

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small model as it lies on the hub, with things that nobody needs to load it."""
    folder = tmp_path / "hub" / MODEL
    (folder / "assets").mkdir(parents=True)
    for name in (*SMALL_FILES, WEIGHTS, "pytorch_model.bin", "README.md", "assets/logo.png", *LEFT_BY_TRAINING):
        (folder / name).write_text(f"this is {name}")
    return folder


@pytest.fixture
def large_model(model: Path) -> Path:
    piece = random.Random(4).randbytes(999_983)  # a prime number: no two of the hub's are alike
    (model / WEIGHTS).write_bytes((piece * 33)[:LARGE_BYTES])
    return model


@pytest.fixture
def fake_hub(tmp_path: Path, model: Path) -> Iterator[FakeHub]:
    other = tmp_path / "hub" / SENSEVOICE
    other.mkdir(parents=True)
    for name in SENSEVOICE_FILES:
        (other / name).write_text(f"this is {name}")
    with serve({MODEL: model, SENSEVOICE: other}) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, fake_hub: FakeHub) -> Mapping[str, str]:
    """The environment on a machine whose home is in `tmp_path`, and whose hub is no other."""
    ours = {"HOME": tmp_path, "HF_ENDPOINT": fake_hub.url, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "", **NO_PROXY}
    inherited = {"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "TRANSFORMERS_OFFLINE"}
    return {name: value for name, value in environment(tmp_path, **ours).items() if name not in inherited}


@pytest.fixture
def start(home: Mapping[str, str]) -> Iterator[Start]:
    """Starts Python there, whose output is read while it runs."""
    started = []

    def start(*arguments: str, **variables: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**home, **variables},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(home: Mapping[str, str]) -> Run:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        ended = forking.run(arguments, {**home, **variables})
        return subprocess.CompletedProcess(arguments, ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    return run


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / ".cache" / "huggingface" / "hub"


def test_what_loading_needs_is_downloaded_to_where_the_hubs_own_programs_look(run: Run, cache: Path) -> None:
    fetched = run("-c", FETCH, MODEL)
    assert fetched.stderr == ""
    folder = Path(fetched.stdout.splitlines()[-1])
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        name: f"this is {name}" for name in (*SMALL_FILES, WEIGHTS)
    }
    patterns = f"allow_patterns={list(hub_cache.WANTED)}, ignore_patterns={list(hub_cache.TRAINING)}"
    code = f"import huggingface_hub as h; print(h.snapshot_download({MODEL!r}, {patterns}))"
    without = run("-c", code.replace(".bin", ".none"), HF_HUB_OFFLINE="1")
    assert without.stdout.strip() == str(folder) == str(cache / "models--openbmb--VoxCPM2" / "snapshots" / COMMIT)


def test_what_is_here_is_found_without_asking_the_hub_and_files_that_lack_are_fetched(
    run: Run, cache: Path, fake_hub: FakeHub
) -> None:
    first = run("-c", FETCH, MODEL)
    fake_hub.requests.clear()
    again = run("-c", FETCH, MODEL)
    assert again.stdout == first.stdout.splitlines(keepends=True)[-1]
    assert fake_hub.requests == []
    (cache / "models--openbmb--VoxCPM2" / "snapshots" / COMMIT / WEIGHTS).unlink()
    again = run("-c", FETCH, MODEL)
    assert (Path(again.stdout.splitlines()[-1]) / WEIGHTS).exists()
    assert fake_hub.bytes_asked(WEIGHTS) == []  # its content was still there


def test_it_tells_how_much_is_here_and_how_long_the_rest_takes(
    start: Start, fake_hub: FakeHub, large_model: Path
) -> None:
    fake_hub.hold_at = HOLD_AT
    process = start("-c", LOGGING + FETCH, MODEL)
    wait_for(process, rf"VoxCPM2 is being downloaded: {HELD}, about \d+ s left\.")
    fake_hub.go_on.set()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert re.fullmatch(r"VoxCPM2 is being downloaded: \d+ of 32 MB.*\n", errors)  # once, for the log
    assert_whole(output, large_model)


def test_a_stopped_download_ends_at_once_and_goes_on_where_it_stopped(
    start: Start, run: Run, fake_hub: FakeHub, large_model: Path, cache: Path
) -> None:
    fake_hub.hold_at = HOLD_AT
    process = start("-c", FETCH, MODEL)
    wait_for(process, HELD)
    process.terminate()
    assert process.wait(timeout=5) == -signal.SIGTERM
    fake_hub.hold_at = None
    fake_hub.go_on.set()
    resumed = run("-c", FETCH, MODEL)
    assert fake_hub.bytes_asked(WEIGHTS) == [0, 2 * PIECE_BYTES]
    assert HELD in resumed.stdout.splitlines()[0]
    assert_whole(resumed.stdout, large_model)
    assert not list(cache.rglob("*.incomplete"))


@pytest.mark.parametrize("breaks", [False, True])
def test_a_lost_connection_is_made_again(run: Run, fake_hub: FakeHub, large_model: Path, breaks: bool) -> None:
    fake_hub.cuts = [15_000_000, 28_000_000]
    fake_hub.breaks = breaks
    fetched = run("-c", FETCH, MODEL)
    assert fetched.returncode == 0, fetched.stderr
    assert fake_hub.cuts == []
    assert len(fake_hub.bytes_asked(WEIGHTS)) == 3
    assert_whole(fetched.stdout, large_model)


def test_two_processes_download_a_file_once_and_both_tell_of_it(
    start: Start, fake_hub: FakeHub, large_model: Path
) -> None:
    fake_hub.hold_at = HOLD_AT
    processes = [start("-c", FETCH, MODEL), start("-c", FETCH, MODEL)]
    for process in processes:
        wait_for(process, HELD)
    fake_hub.go_on.set()
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0].splitlines()[-1] == outputs[1].splitlines()[-1]
    assert_whole(outputs[0], large_model)
    assert {name: fake_hub.bytes_asked(name) for name in (*SMALL_FILES, WEIGHTS)} == {
        name: [0] for name in (*SMALL_FILES, WEIGHTS)
    }


def test_damaged_weights_are_refused_and_downloaded_anew_the_next_time(
    run: Run, fake_hub: FakeHub, large_model: Path
) -> None:
    fake_hub.damaged = True
    damaged = run("-c", FETCH, MODEL)
    sentence = "{} arrived damaged and was deleted: type ./launch.sh fetch-models to try again.\n"
    assert damaged.stderr in (sentence.format("audiovae.pth"), sentence.format(WEIGHTS))
    assert damaged.returncode == 1
    fake_hub.damaged = False
    assert_whole(run("-c", FETCH, MODEL).stdout, large_model)


def test_without_a_network_it_says_what_to_type(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert run("-c", REFUSED, MODEL, HF_ENDPOINT=nobody).stderr == 2 * (
        "openbmb/VoxCPM2 isn't in ~/.cache/huggingface/hub, and the hub can't be reached: connect this machine and "
        "type ./launch.sh fetch-models, or set VOXDEMO_VOXCPM_MODEL to a folder that has it.\n"
    )


def test_a_hub_that_says_nothing_is_not_waited_for(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused = run("-c", FETCH, MODEL, HF_ENDPOINT=endpoint, HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert "and the hub can't be reached: connect this machine" in refused.stderr


@pytest.mark.parametrize(
    ("status", "error_code", "says"),
    [
        (401, None, "the hub refuses to give it: see that HF_TOKEN is right or unset it, or set VOXDEMO_VOXCPM_MODEL"),
        (404, "RepoNotFound", "the hub has no such model or hides it: correct VOXDEMO_VOXCPM_MODEL, or set HF_TOKEN."),
        (429, None, r"the hub can't give it just now \(its answer was 429\): type ./launch.sh fetch-models in a few"),
    ],
)
def test_what_the_hub_refuses_is_one_sentence(
    run: Run, fake_hub: FakeHub, status: int, error_code: str | None, says: str
) -> None:
    fake_hub.status, fake_hub.error_code = status, error_code
    sentences = run("-c", REFUSED, MODEL).stderr.splitlines()
    assert len(sentences) == 2
    for sentence in sentences:
        assert re.match(f"openbmb/VoxCPM2 isn't in ~/.cache/huggingface/hub, and {says}", sentence)


def test_a_gated_model_says_how_to_be_let_in(run: Run, fake_hub: FakeHub) -> None:
    fake_hub.status, fake_hub.error_code, fake_hub.refused_files = 403, "GatedRepo", True
    refused = run("-c", REFUSED, MODEL)
    assert refused.stderr == 2 * (
        "openbmb/VoxCPM2 isn't in ~/.cache/huggingface/hub, and the hub gives it only to accounts that its makers "
        "approved: "
        "ask on its page there and set HF_TOKEN, or set VOXDEMO_VOXCPM_MODEL to a folder that has it.\n"
    )


def test_a_token_is_shown_to_the_hub_and_to_nobody_else(run: Run, fake_hub: FakeHub) -> None:
    assert run("-c", FETCH, MODEL, HF_TOKEN="hf_secret").returncode == 0
    storage = [request for request in fake_hub.requests if request.path.startswith("/storage/")]
    assert {request.token for request in storage} == {None}
    assert {request.token for request in fake_hub.requests if request not in storage} == {"Bearer hf_secret"}


def test_offline_mode_is_kept_and_named(run: Run, fake_hub: FakeHub) -> None:
    refused = run("-c", FETCH, MODEL, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids to download it: unset that, or set VOXDEMO_VOXCPM_MODEL to" in refused.stderr
    assert fake_hub.requests == []


def test_neither_a_folder_nor_an_id_is_said_so(run: Run, fake_hub: FakeHub) -> None:
    names = ("/no/such/folder", "~/nothing", "a b")
    known = "neither a folder on this machine nor a hub id such as openbmb/VoxCPM2"
    sentences = (2 * f"VOXDEMO_VOXCPM_MODEL is {name!r}, which is {known}: correct it.\n" for name in names)
    assert run("-c", REFUSED, *names).stderr == "".join(sentences)
    assert fake_hub.requests == []


def test_another_kind_of_model_is_refused_before_its_weights_come(run: Run, fake_hub: FakeHub) -> None:
    refused = run("-c", FETCH, SENSEVOICE)
    assert re.search("has no config.json, so it isn't a model of this kind", refused.stderr)
    assert fake_hub.bytes_asked("model.pt") == []


def test_too_little_space_is_told_before_the_download(run: Run, fake_hub: FakeHub, large_model: Path) -> None:
    refused = run("-c", FULL_DISK + FETCH, MODEL)
    assert refused.stderr == (
        "VoxCPM2 needs 32 MB more in ~/.cache/huggingface/hub, but 0 MB are free there: "
        "free some space, or set HF_HOME to a larger disk.\n"
    )
    assert fake_hub.bytes_asked(WEIGHTS) == []


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("ENOSPC", "The disk is full: openbmb/VoxCPM2 doesn't fit into ~/.cache/huggingface/hub: free some space and "),
        ("EIO", "openbmb/VoxCPM2 isn't in ~/.cache/huggingface/hub, which can't be written to: let this user write "),
    ],
)
def test_a_disk_that_takes_no_more_is_told_at_once(run: Run, number: str, says: str) -> None:
    fails = f"""
import errno
from huggingface_hub import file_download
def fail(*_, **__): raise OSError(errno.{number}, "no")
file_download.http_get = fail
"""
    assert run("-c", fails + FETCH, MODEL).stderr.startswith(says)


def test_a_cache_that_cannot_be_written_to_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("-c", FETCH, MODEL, HF_HOME=str(tmp_path / "file"))
    where = tmp_path / "file" / "hub"
    assert re.match(
        f"openbmb/VoxCPM2 isn't in (~/file/hub|{where}), which can't be written to: let this user", refused.stderr
    )


def test_a_reachable_hub_is_asked_for_no_content(run: Run, fake_hub: FakeHub) -> None:
    assert run("-c", CHECK_REACHABLE, MODEL).returncode == 0
    assert [request.method for request in fake_hub.requests] == ["HEAD"]


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert hub.folder_of(str(tmp_path), NEEDED) == tmp_path
    assert hub.fetch(str(tmp_path), NEEDED, print, "VOXDEMO_VOXCPM_MODEL") == tmp_path


@pytest.mark.parametrize("name", ["nobody/has-this-one", "/no/such/folder", "", "no id at all", "~nobody/x"])
def test_what_is_not_here_is_none(name: str) -> None:
    assert hub.folder_of(name, NEEDED) is None


def test_fetch_models_fetches_both_says_where_they_are_and_replaces_what_was_damaged_on_this_disk(
    run: Run, fake_hub: FakeHub, cache: Path, model: Path
) -> None:
    def places(fetched: subprocess.CompletedProcess[str]) -> list[str]:
        assert fetched.returncode == 0
        return [line for line in fetched.stdout.splitlines() if "downloaded" not in line]

    first = run("-m", "voxdemo.cli.fetch")
    assert first.stderr == ""
    folder = cache / "models--openbmb--VoxCPM2" / "snapshots" / COMMIT
    assert places(first) == [
        f"VoxCPM2 is in {folder}",
        f"SenseVoiceSmall is in {cache}/models--FunAudioLLM--SenseVoiceSmall/snapshots/{COMMIT}",
    ]
    (folder / WEIGHTS).write_bytes(b"")
    fake_hub.requests.clear()
    assert places(run("-m", "voxdemo.cli.fetch")) == places(first)
    assert (folder / WEIGHTS).read_bytes() == (model / WEIGHTS).read_bytes()
    assert fake_hub.bytes_asked("config.json") == []
    assert not [request for request in fake_hub.requests if SENSEVOICE in request.path]


def test_fetch_models_takes_names_and_fails_in_one_sentence(run: Run) -> None:
    failed = run("-m", "voxdemo.cli.fetch", VOXDEMO_VOXCPM_MODEL="nobody/nothing")
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("nobody/nothing isn't in ~/.cache/huggingface/hub, and the hub has no such model")


def test_fetch_models_can_be_stopped_and_says_how_to_go_on(start: Start, fake_hub: FakeHub, large_model: Path) -> None:
    fake_hub.hold_at = HOLD_AT
    process = start("-m", "voxdemo.cli.fetch")
    wait_for(process, "VoxCPM2 is being downloaded")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors.strip() == "Stopped: run it again to continue."


def wait_for(process: subprocess.Popen[str], pattern: str) -> None:
    """Read what `process` prints up to a line that has `pattern` in it."""
    assert process.stdout
    seen = []
    for line in process.stdout:
        seen.append(line)
        if re.search(pattern, line):
            return
    raise AssertionError(f"{pattern!r} was not among {seen}")


def assert_whole(output: str, model: Path) -> None:
    folder = Path(output.splitlines()[-1])
    for name in (*SMALL_FILES, WEIGHTS):
        assert (folder / name).read_bytes() == (model / name).read_bytes()
