"""`hear --live` with a microphone, which ALSA makes of a pipe, and with one that brings more than can be read."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import soundfile
import soxr
from commands import Run
from programs import WARM_UP
from serving import Server

from voxdemo.cli import live
from voxdemo.errors import InputError

ALSA = Path("/usr/share/alsa/alsa.conf")
A_MICROPHONE = 'pcm.!default {{ type file slave.pcm "null" file "/dev/null" infile "{pipe}" format raw }}'
PIECE, PIPE_BYTES = 2_400, 1 << 20
"""Samples that PortAudio reads at once: of less it would make them up."""


HAS_PORTAUDIO = ALSA.exists() and find_library("portaudio") and find_spec("sounddevice")


@contextmanager
def spoken_into(pipe: Path, sound: Any) -> Iterator[None]:
    """What reads the pipe gets these samples at once, and then silence at its pace: a read must not wait for ever."""
    os.mkfifo(pipe)
    is_over = threading.Event()

    def speak() -> None:
        for at in range(0, len(sound) // PIECE * PIECE, PIECE):
            while int.from_bytes(fcntl.ioctl(file, termios.FIONREAD, bytes(4)), sys.byteorder) > PIPE_BYTES // 2:
                if is_over.wait(0.01):
                    return
            file.write(sound[at : at + PIECE].astype("<f4").tobytes())
        while not is_over.wait(PIECE / 24_000):
            file.write(bytes(4 * PIECE))

    with pipe.open("r+b", buffering=0) as file:
        fcntl.fcntl(file, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        speaking = threading.Thread(target=speak)
        speaking.start()
        try:
            yield
        finally:
            is_over.set()
            speaking.join()


@pytest.mark.long
@pytest.mark.skipif(not HAS_PORTAUDIO, reason="PortAudio isn't installed")
def test_what_is_said_into_the_microphone_is_printed(server: Server, voxdemo: Run, tmp_path: Path) -> None:
    samples, rate = soundfile.read(WARM_UP, dtype="float32")
    sound = np.concatenate([soxr.resample(samples, rate, 24_000), np.zeros(65 * 24_000, np.float32)])
    pipe, settings = tmp_path / "microphone", tmp_path / "asound.conf"
    settings.write_text(A_MICROPHONE.format(pipe=pipe), encoding="utf-8")
    with spoken_into(pipe, sound):
        heard = voxdemo("hear", "--live", "--server", server.url, ALSA_CONFIG_PATH=f"{ALSA}:{settings}")
    told = heard.stderr.decode()
    assert heard.returncode == 0, told
    assert "line is open" in heard.stdout.decode().lower()
    assert "Listening: speak" in told
    assert told.endswith("Nobody has spoken for a while.\n")


class Full:
    """A session that takes no more."""

    rate = 16_000

    def __init__(self) -> None:
        self.is_finished = asyncio.Event()

    def feed(self, _: Any) -> None:
        if not self.is_finished.is_set():
            raise InputError("Too much.")

    def finish(self) -> None:
        self.is_finished.set()


async def test_more_than_can_be_read_is_told_once_and_ends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    brings: list[Any] = []

    def opened(*_: Any, callback: Any, **__: Any) -> Any:
        brings.append(callback)
        return nullcontext()

    monkeypatch.setitem(
        sys.modules,
        "sounddevice",
        SimpleNamespace(InputStream=opened, PortAudioError=OSError),  # type: ignore[arg-type]
    )
    session = Full()
    with live._microphone()(cast(live.OpenSession, session)):
        for _ in range(3):
            brings[0](np.zeros((1600, 1), np.float32))
        await session.is_finished.wait()
        await asyncio.sleep(0)
    assert capsys.readouterr().err.count("Too much.") == 1
