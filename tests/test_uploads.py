"""What people send costs no more than the limit, is no path, isn't had by guessing, and goes when its time is over."""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest
import soundfile
from serving import Server

from voxdemo.stores.results import Results, delete_old, speech_file

RATE = 8_000
MINUTES_ALLOWED = 10
HOURS = 10
DAY_S = 86_400.0
WARM_UP = Path(__file__).parent.parent / "assets" / "warm-up.flac"


def files_of(server: Server) -> set[Path]:
    return {path for path in (server.folder / "cache" / "files").rglob("*") if path.is_file()}


def uploaded(server: Server, path: Path, name: str = "") -> str:
    with path.open("rb") as file:
        answer = server.http.post("/gradio_api/upload", files={"files": (name or path.name, file)}, timeout=120)
    answer.raise_for_status()
    return str(answer.json()[0])


def recognised(server: Server, upload: str) -> str:
    """What is told to who wants this upload recognised: the words, or why not."""
    recording = {"path": upload, "meta": {"_type": "gradio.FileData"}}
    told = list(server.messages("prompt_wav_recognition", [recording]))
    output = next(message for message in told if message["msg"] == "process_completed")["output"]
    return str(output.get("error") or output["data"][0])


def test_what_is_too_large_is_refused_and_leaves_nothing(fake_server: Server) -> None:
    before = files_of(fake_server)

    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
        for _ in range(211):
            yield bytes(1_000_000)
        yield b"\r\n--b--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = fake_server.http.post("/gradio_api/upload", content=form(), headers=kind)
    assert answer.status_code == 413
    assert files_of(fake_server) == before


@dataclass
class Cost:
    cpu_s: float
    memory: int
    """Most bytes more than before."""
    answer: str


def cost_of(server: Server, path: Path) -> Cost:
    """What it costs the server to have this recording recognised."""
    process, upload = psutil.Process(server.process.pid), uploaded(server, path)
    cpu_before, memory_before = sum(process.cpu_times()[:2]), process.memory_info().rss
    most, pause = memory_before, threading.Event()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(recognised, server, upload)
        while not answer.done():
            most = max(most, process.memory_info().rss)
            pause.wait(0.005)
    return Cost(sum(process.cpu_times()[:2]) - cpu_before, most - memory_before, answer.result())


def flac(path: Path, minutes: int) -> Path:
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format="FLAC") as file:
        for _ in range(minutes):
            file.write(np.zeros(RATE * 60, np.int16))
    return path


def opus(path: Path, minutes: int) -> Path:
    """One packet of silence, again and again."""
    frame_s = Fraction(12, 100)
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono", options={"frame_duration": "120"})
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 5_760), np.float32), format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        packet = (stream.encode(frame) + stream.encode(None))[0]
        content = bytes(packet)
        for number in range(round(minutes * 60 / frame_s)):
            packet = av.Packet(content)
            packet.stream, packet.time_base = stream, Fraction(1, 48_000)
            packet.pts = packet.dts = number * 5_760
            packet.duration = 5_760
            container.mux(packet)
    return path


TEN_MINUTES_BYTES = 2 * 600 * 16_000 * 4
"""What ten minutes take as samples, in pieces and put together; ten hours would take 4.6 GB."""


@pytest.mark.long
@pytest.mark.parametrize("make", [flac, opus])
def test_ten_hours_of_silence_cost_no_more_than_the_ten_minutes_that_are_read(
    fake_server: Server, tmp_path: Path, make: Callable[[Path, int], Path]
) -> None:
    honest, bomb = make(tmp_path / "honest.ogg", MINUTES_ALLOWED), make(tmp_path / "bomb.ogg", HOURS * 60)
    assert bomb.stat().st_size < 10_000_000
    cost_of(fake_server, honest)  # what it takes for itself the first time is no cost of the file's
    allowed, taken = cost_of(fake_server, honest), cost_of(fake_server, bomb)
    assert allowed.answer == "heard"
    assert "longer than 10 minutes" in taken.answer
    assert taken.cpu_s < 1.5 * allowed.cpu_s + 0.3
    assert taken.memory < 1.5 * allowed.memory + 2 * TEN_MINUTES_BYTES  # what is free already costs nothing


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def lying_m4a(path: Path, packets: int = 80_000_000, tracks: int = 1) -> Path:
    """An m4a of 6 kB whose header says that it holds so many packets (ISO/IEC 14496-12: Sample Size Box)."""
    codec = bytes.fromhex("0000000003808080220001000480808014401500000000000000000000000005808080021210068080800102")
    sound = struct.pack(">6xH8xHHHHI", 1, 1, 16, 0, 0, 16_000 << 16) + box(b"esds", codec)
    table = box(
        b"stbl",
        box(b"stsd", numbers(0, 1), box(b"mp4a", sound)),
        box(b"stts", numbers(0, 1, packets, 1024)),
        box(b"stsc", numbers(0, 1, 1, packets, 1)),
        box(b"stsz", numbers(0, 1, packets)),
        box(b"stco", numbers(0, 1, 40)),
    )
    data = box(b"dinf", box(b"dref", numbers(0, 1), box(b"url ", numbers(1))))
    medium = box(
        b"mdia",
        box(b"mdhd", numbers(0, 0, 0, 16_000, 0xFFFFFFF0, 0)),
        box(b"hdlr", bytes(8), b"soun", bytes(13)),
        box(b"minf", box(b"smhd", bytes(8)), data, table),
    )
    track = box(b"trak", box(b"tkhd", numbers(7, 0, 0, 1, 0, 0xFFFFFFF0), bytes(60)), medium)
    head = box(b"mvhd", numbers(0, 0, 0, 1000, 0xFFFFFFF0), bytes(80))
    kind = box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom\0\0\0\0")
    path.write_bytes(kind + box(b"moov", head, *[track] * tracks) + box(b"mdat", bytes(6_000)))
    return path


def many_lies(path: Path) -> Path:
    return lying_m4a(path, 1_000_000, 900)


def lying_wav(path: Path) -> Path:
    """A wav of a tenth of a second that says it has four gigabytes."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 2_000, 4_000, 2, 16)
    path.write_bytes(b"RIFF\xf0\xff\xff\xffWAVE" + form + b"data\xf0\xff\xff\xff" + bytes(1_000))
    return path


def lying_flac(path: Path) -> Path:
    """A flac that says it has 2³⁶ - 1 samples."""
    content = bytearray(flac(path, 1).read_bytes())
    content[21] |= 0x0F
    content[22:26] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    return path


LIES = [lying_m4a, many_lies, lying_wav, lying_flac]


@pytest.mark.parametrize("make", LIES)
def test_a_header_that_lies_costs_no_more_than_an_honest_file(
    fake_server: Server, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    honest = flac(tmp_path / "honest.flac", MINUTES_ALLOWED)
    cost_of(fake_server, honest)
    allowed, taken = cost_of(fake_server, honest), cost_of(fake_server, make(tmp_path / "lie"))
    assert taken.cpu_s < 1.5 * allowed.cpu_s + 0.3
    assert taken.memory < 2 * allowed.memory + 100_000_000
    assert "/" not in taken.answer


@pytest.mark.parametrize("make", LIES)
def test_nobody_is_told_to_wait_for_what_a_header_claims(
    fake_server: Server, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    lie = {"path": uploaded(fake_server, make(tmp_path / "lie")), "meta": {"_type": "gradio.FileData"}}
    told: list[Any] = list(fake_server.messages("prompt_wav_recognition", [lie]))
    seconds = [message.get(name) for message in told for name in ("eta", "rank_eta")]
    assert max((value for value in seconds if value is not None), default=0.0) < 600


@pytest.mark.parametrize("name", ["../../evil.wav", "/etc/evil", "..", "a/b/c.wav", "evil\0.wav", "x" * 2_000])
def test_a_name_is_no_path(fake_server: Server, name: str) -> None:
    answer = fake_server.http.post("/gradio_api/upload", files={"files": (name, WARM_UP.read_bytes())})
    files = fake_server.folder / "cache" / "files"
    for path in answer.json() if answer.status_code == 200 else []:
        assert Path(path).resolve().parent.parent == files
    assert not (fake_server.folder / "evil.wav").exists()


def test_nobody_fetches_another_ones_file_by_guessing(fake_server: Server) -> None:
    fake_server.http.post("/stage/open")
    upload = Path(uploaded(fake_server, WARM_UP))
    told = list(fake_server.messages("generate", ["a secret", None, "", 2.0, 10, False, False]))
    output = next(message for message in told if message["msg"] == "process_completed")["output"]
    result = Path(output["data"][0]["path"])
    token, files = result.parent.name, fake_server.folder / "cache" / "files"
    for guess in (token[:-1], token[:4], token.swapcase(), f"{token}x", f"{token}/", f"{token}/.."):
        assert fake_server.http.get(f"/speech/{guess}", follow_redirects=False).status_code in (307, 404), guess
    for folder in (files, files / "results", result.parent, upload.parent, files.parent):
        for path in (folder, f"{folder}/", f"{folder}/*", f"{folder}/."):
            assert fake_server.http.get(f"/gradio_api/file={path}").status_code in (403, 404), path
    assert fake_server.http.get(f"/gradio_api/file={upload.parent}/other.flac").status_code in (403, 404)


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Makes a file below the folder of all files, with a time of its own and one for its folder, as ages in seconds."""

    def make(name: str, age_s: float, folder_age_s: float | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"sound")
        now = time.time()
        os.utime(path, (now - age_s, now - age_s))
        if path.parent != tmp_path:
            folder_age_s = age_s if folder_age_s is None else folder_age_s
            os.utime(path.parent, (now - folder_age_s, now - folder_age_s))
        return path

    return make


def test_what_is_old_goes_with_its_folder_and_what_is_young_stays(tmp_path: Path, files: Callable[..., Path]) -> None:
    old = [files("upload/voice.wav", 2 * DAY_S), files("results/old/speech.wav", 2 * DAY_S), files("tmpx", 2 * DAY_S)]
    young = [files("other/voice.wav", 60), files("results/young/speech.wav", 60), files("tmpy", 60)]
    delete_old(tmp_path, DAY_S)
    assert not any(path.exists() for path in old)
    assert not any(path.parent.exists() for path in old[:2])
    assert all(path.exists() for path in young)


def test_an_empty_folder_goes_when_it_is_old(tmp_path: Path, files: Callable[..., Path]) -> None:
    for name, age_s in (("old", 2 * DAY_S), ("young", 60)):
        files(f"{name}/voice.wav", 0).unlink()
        os.utime(tmp_path / name, (time.time() - age_s, time.time() - age_s))
    delete_old(tmp_path, DAY_S)
    assert [path.name for path in tmp_path.iterdir()] == ["young"]


def test_a_link_to_something_old_is_as_young_as_its_folder(tmp_path: Path, files: Callable[..., Path]) -> None:
    kept, results = files("kept/speech.wav", 2 * DAY_S), Results(tmp_path / "results")
    with results.new() as folder:
        os.link(kept, speech_file(folder))
    delete_old(tmp_path, DAY_S)
    assert speech_file(folder).exists()
    assert not kept.exists()


def test_a_file_that_still_grows_is_as_young_as_its_end(tmp_path: Path, files: Callable[..., Path]) -> None:
    growing = files("results/long/.speech.wav", 1, folder_age_s=2 * DAY_S)
    delete_old(tmp_path, DAY_S)
    assert growing.exists()


def test_what_is_from_the_future_stays_for_its_time_and_not_for_ever(
    tmp_path: Path, files: Callable[..., Path]
) -> None:
    wrong = [
        files("both/a.wav", -40 * DAY_S),
        files("own/a.wav", -40 * DAY_S, folder_age_s=2 * DAY_S),
        files("folder/a.wav", 2 * DAY_S, folder_age_s=-40 * DAY_S),
        files("tmpx", -40 * DAY_S),
    ]
    delete_old(tmp_path, DAY_S)
    assert all(path.exists() for path in wrong)
    for _ in range(3):
        let_pass(tmp_path, 2 * DAY_S)
        delete_old(tmp_path, DAY_S)
    assert list(tmp_path.iterdir()) == []


def let_pass(folder: Path, seconds: float) -> None:
    """Make everything older that has a time by now."""
    for path in folder.rglob("*"):
        if (written := path.stat().st_mtime) <= time.time():
            os.utime(path, (written - seconds, written - seconds))


def test_a_clock_that_jumps_makes_nothing_old(
    tmp_path: Path, files: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    young, right_time = files("upload/voice.wav", 60), time.time
    for jump_s in (40 * DAY_S, -40 * DAY_S):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: right_time() + jump_s)
        delete_old(tmp_path, DAY_S)
        assert young.exists()


def test_files_that_go_at_the_same_time_are_no_trouble(tmp_path: Path, files: Callable[..., Path]) -> None:
    for number in range(300):
        files(f"results/{number}/speech.wav", 2 * DAY_S)
    files("dangling", 0).unlink()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with ThreadPoolExecutor(4) as pool:
        for cleaning in [pool.submit(delete_old, tmp_path, DAY_S) for _ in range(8)]:
            cleaning.result()
    assert not list(tmp_path.rglob("*.wav"))


def test_what_is_still_being_made_stays_however_old_it_is(tmp_path: Path) -> None:
    made, abandoned = tmp_path / "made", tmp_path / "abandoned"
    for folder in (made, abandoned):
        folder.mkdir()
        (folder / ".speech.wav").touch()
        for path in (folder / ".speech.wav", folder):
            os.utime(path, (1, 1))
    delete_old(tmp_path, DAY_S, {made})
    assert (made / ".speech.wav").exists()
    assert not abandoned.exists()
