"""A disk that is full, or fills while somebody speaks: it is said in a sentence, and room is all that it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from callers import callers
from rings import AT_NIGHT
from witness import StartWitness, Witness, is_answer, new_text, spoken_token, tells_too_much

pytestmark = pytest.mark.long

DISK_BYTES = 4 << 20
LONGER_THAN_THE_DISK = "word " * 2_000  # 6.4 MB
WARM_UP = Path(__file__).parents[2] / "assets" / "warm-up.flac"


def why_no_disk(folder: Path) -> str:
    """Why no small disk can be mounted here; "" where it can."""
    if sys.platform != "linux":
        return "disks of a size of their own can be mounted without root on Linux only"
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    mount = ["unshare", "--mount", *as_root, "mount", "-t", "tmpfs", "none", str(folder)]
    try:
        tried = subprocess.run(mount, capture_output=True, text=True, timeout=10)
    except OSError as error:
        return f"unshare can't be run: {error}"
    return f"no namespace of one's own is allowed here: {tried.stderr.strip()}" if tried.returncode else ""


@pytest.fixture(scope="module")
def _small(start_witness: StartWitness, tmp_path_factory: pytest.TempPathFactory) -> Witness:
    folder = tmp_path_factory.mktemp("small")
    if reason := why_no_disk(folder):
        pytest.skip(reason)
    return start_witness(
        "tests/faults/small_disk_app.py",
        SMALL_DISK=folder,
        SMALL_DISK_SIZE=DISK_BYTES,
        VOXDEMO_CACHE_DIR=folder / "cache",
        TMPDIR=folder / "tmp",
    )


@pytest.fixture
def small(_small: Witness) -> Iterator[Witness]:
    """A server whose disk holds 4 MB."""
    _small.stage("open")
    yield _small
    _small.prove()


@contextmanager
def full(witness: Witness) -> Generator[Path, None, None]:
    """While this lasts there's no room on its disk."""
    ballast = witness.cache.parent / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 16, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue
        yield ballast
    finally:
        ballast.unlink(missing_ok=True)


NO_ROOM = "no room left"


async def test_speech_is_refused_in_a_sentence_and_leaves_nothing(small: Witness) -> None:
    async with callers(small.url) as people:
        with full(small):
            for _ in range(20 if AT_NIGHT else 2):
                assert NO_ROOM in (await people.call(new_text("no room"))).sentence
    small.prove(settle_s=1)


async def test_recognition_goes_on_without_room(small: Witness) -> None:
    path = uploaded(small)
    with full(small):
        joined = small.ask("POST", "/gradio_api/call/prompt_wav_recognition", json={"data": [path]})
        told = small.ask("GET", f"/gradio_api/call/prompt_wav_recognition/{joined.json()['event_id']}")
    assert "heard" in told.text, told.text


async def test_what_was_spoken_before_it_filled_is_kept(small: Witness) -> None:
    async with callers(small.url) as people:
        call = await people.call(new_text(LONGER_THAN_THE_DISK))
        drop_results(small)
        assert not call.is_served
        assert NO_ROOM in call.sentence
        assert not tells_too_much(call.sentence)
        assert (await people.call(new_text("room again"))).is_served


def test_another_format_is_refused_and_can_be_had_later(small: Witness) -> None:
    token, endings = spoken_token(small, new_text("some words " * 40)), ("flac", "mp3", "opus")
    with full(small):
        for ending in endings:
            answer = small.ask("GET", f"/speech/{token}.{ending}")
            assert answer.status_code in (404, 503, 507), (ending, answer.status_code, answer.text)
            assert is_answer(answer)
    for ending in endings:
        assert small.ask("GET", f"/speech/{token}.{ending}").status_code == 200, ending


def test_an_upload_is_refused(small: Witness) -> None:
    try:
        with full(small):
            answer = small.ask("POST", "/gradio_api/upload", files={"files": ("a.wav", bytes(1 << 20))})
    finally:
        small.prove(settle_s=1)
    assert answer.status_code in (413, 503, 507), (answer.status_code, answer.text)
    assert is_answer(answer)


def uploaded(witness: Witness) -> dict[str, object]:
    [path] = witness.ask("POST", "/gradio_api/upload", files={"files": ("a.flac", WARM_UP.read_bytes())}).json()
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def drop_results(witness: Witness) -> None:
    for folder in (witness.cache / "files" / "results").iterdir():
        shutil.rmtree(folder)
