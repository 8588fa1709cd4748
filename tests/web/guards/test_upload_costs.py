"""Recordings that claim to be more than they are cost no more than those that are as long as may be read."""

from __future__ import annotations

import struct
import threading
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

pytestmark = pytest.mark.long

RATE = 8_000
MINUTES_ALLOWED = 10
HOURS = 3
MUCH_MORE = 3
"""Times the processor time of an honest file: far from the eighteen that three hours would take."""


@dataclass
class Cost:
    cpu_s: float
    memory: int
    """Most bytes more than before."""
    told: list[dict[str, Any]]

    @property
    def answer(self) -> str:
        """The words that were heard, or why there are none."""
        output = next(message for message in self.told if message["msg"] == "process_completed")["output"]
        return str(output.get("error") or output["data"][0])


def cost_of(server: Server, path: Path) -> Cost:
    """What it costs the server to have this recording recognised."""
    with path.open("rb") as file:
        answer = server.http.post("/gradio_api/upload", files={"files": (path.name, file)}, timeout=120)
    recording = {"path": answer.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}
    process, pause = psutil.Process(server.process.pid), threading.Event()
    cpu_before, memory_before = sum(process.cpu_times()[:2]), process.memory_info().rss
    most = memory_before
    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(lambda: list(server.messages("prompt_wav_recognition", [recording])))
        while not told.done():
            most = max(most, process.memory_info().rss)
            pause.wait(0.005)
    return Cost(sum(process.cpu_times()[:2]) - cpu_before, most - memory_before, told.result())


@pytest.fixture
def allowed(fake_server: Server, tmp_path: Path) -> Cost:
    """What the longest recording costs that may be sent."""
    honest = flac(tmp_path / "honest.flac", MINUTES_ALLOWED)
    cost_of(fake_server, honest)  # what the server takes for itself the first time is no cost of the file's
    return cost_of(fake_server, honest)


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
"""What ten minutes take as samples, in pieces and put together; three hours would take 1.4 GB."""


def test_hours_of_silence_cost_no_more_than_the_ten_minutes_that_are_read(
    fake_server: Server, tmp_path: Path, allowed: Cost
) -> None:
    assert allowed.answer == "heard"
    for make in (flac, opus):
        bomb = make(tmp_path / "bomb", HOURS * 60)
        assert bomb.stat().st_size < 10_000_000
        taken = cost_of(fake_server, bomb)
        assert "longer than 10 minutes" in taken.answer
        assert taken.cpu_s < MUCH_MORE * allowed.cpu_s + 1
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


def test_a_header_that_lies_costs_no_more_than_an_honest_file_and_nobody_waits_for_what_it_claims(
    fake_server: Server, tmp_path: Path, allowed: Cost
) -> None:
    honest = max(allowed.memory, TEN_MINUTES_BYTES)  # what the server had free already cost nothing
    for make in (lying_m4a, many_lies, lying_wav, lying_flac):
        taken = cost_of(fake_server, make(tmp_path / make.__name__))
        assert taken.cpu_s < MUCH_MORE * allowed.cpu_s + 1, make
        assert taken.memory < 2 * honest + 100_000_000, make
        assert "/" not in taken.answer
        seconds = [message.get(name) for message in taken.told for name in ("eta", "rank_eta")]
        assert max((value for value in seconds if value is not None), default=0.0) < 600, make
