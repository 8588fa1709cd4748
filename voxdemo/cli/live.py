"""`hear --live`: what is said into the microphone, or comes through a pipe, printed while it is said.

In this process, with a recogniser of its own, or at a running server. What has settled is printed and never taken back;
a line is a turn.
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, contextmanager, suppress
from functools import partial
from typing import Any, BinaryIO

from voxdemo.audio.arriving import ArrivingSound, Coding
from voxdemo.cli.local import a_listener, served
from voxdemo.cli.remote_live import RemoteSession, remote_session
from voxdemo.errors import InputError
from voxdemo.live import Heard, LiveEnded, LiveEvent, LiveOptions, TurnEnded, TurnFailed
from voxdemo.service.live_sessions import LiveSession
from voxdemo.speech import Samples

PIPE = "-"
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000
MOST_AHEAD_S = 30.0
"""How much of a pipe is taken before what was taken is read: one may give far more than is spoken in that time."""
PIECE_S = 0.1
ENDINGS = {"silence": "Nobody has spoken for a while.", "too_long": "Half an hour is over."}


OpenSession = LiveSession | RemoteSession
Listening = Callable[[OpenSession], AbstractContextManager[None]]


def hear_live(source: str, rate: int, language: str | None, server: str) -> None:
    """Listen to the microphone, or where `source` is "-", to stdin, which has raw 16-bit mono at `rate` Hz.

    By the server at this address, or in this process if it is "". Raises InputError where there is no sound, and the
    VoxdemoError for which the server doesn't listen.
    """
    if source not in ("", PIPE):
        sentence = "--live listens to the microphone or, with -, to raw 16-bit sound from stdin: leave out {path!r}."
        raise InputError(sentence, code="not_live", path=source)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        sentence = "--rate must be from {low} to {high}."
        raise InputError(sentence, code="rate_out_of_range", low=LOWEST_RATE, high=HIGHEST_RATE)
    listening: Listening = partial(_piped, sys.stdin.buffer, rate) if source else _microphone()
    if server:
        asyncio.run(_heard(remote_session(server, language), listening))
        return
    with a_listener() as service:

        async def heard() -> None:
            service.start()  # and not only once somebody has spoken
            await _heard(service.live(LiveOptions(language)), listening)

        asyncio.run(served(service, heard))


async def _heard(opening: AbstractAsyncContextManager[OpenSession], listening: Listening) -> None:
    async with opening as session, aclosing(session.events()) as events:

        def enough() -> None:
            """End the turn and print the rest; who can't wait for that interrupts again."""
            loop.remove_signal_handler(signal.SIGINT)
            session.finish()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, enough)
        try:
            with listening(session):
                async for event in events:
                    _print(event)
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _print(event: LiveEvent) -> None:
    match event:
        case Heard(settled=settled):
            print(settled, end="", flush=True)
        case TurnEnded(transcript=transcript) if transcript.text:
            print(flush=True)
        case TurnFailed(error=error):
            print(flush=True)
            print(error.sentence, file=sys.stderr)
        case LiveEnded(reason) if reason in ENDINGS:
            print(ENDINGS[reason], file=sys.stderr)


def _microphone() -> Listening:
    """Raises InputError where there is none, or what it needs isn't installed."""
    try:
        import sounddevice
    except (ImportError, OSError):  # the package, or PortAudio
        sentence = "The microphone needs the package sounddevice, and PortAudio: install them, or pipe raw sound to -."
        raise InputError(sentence, code="no_microphone", reason="package") from None

    @contextmanager
    def listening(session: OpenSession) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()

        def take(sound: Samples) -> None:
            try:
                session.feed(sound)
            except InputError as error:  # this machine reads far slower than one speaks: what came is still read
                print(error.sentence, file=sys.stderr)
                session.finish()

        def came(sound: Samples, *_: Any) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(take, sound[:, 0].copy())

        piece = round(PIECE_S * session.rate)
        try:
            stream = sounddevice.InputStream(session.rate, piece, channels=1, dtype="float32", callback=came)
        except sounddevice.PortAudioError:
            sentence = "No microphone can be opened: connect one and allow its use, or pipe raw sound to -."
            raise InputError(sentence, code="no_microphone") from None
        with stream:
            print("Listening: speak, and press Ctrl+C to end.", file=sys.stderr)
            yield

    return listening


@contextmanager
def _piped(pipe: BinaryIO, rate: int, session: OpenSession) -> Generator[None, None, None]:
    """Feed the session what comes through this pipe. Raises InputError at the end where that was nothing."""
    loop = asyncio.get_running_loop()

    async def give(samples: Samples) -> None:
        while session.behind_s > MOST_AHEAD_S and not session.is_over:  # noqa: ASYNC110 - nothing tells that it's read
            await asyncio.sleep(PIECE_S)
        session.feed(samples)

    is_empty = False

    def read() -> None:
        nonlocal is_empty
        count = 0
        with suppress(RuntimeError, asyncio.CancelledError):  # the loop is closed, or about to be
            for samples in _sound(pipe, rate, session.rate):
                count += len(samples)
                asyncio.run_coroutine_threadsafe(give(samples), loop).result()
            is_empty = not count
            loop.call_soon_threadsafe(session.finish)

    threading.Thread(target=read, name="pipe", daemon=True).start()  # it may never end by itself
    yield
    if is_empty:
        sentence = "No sound came through the pipe: send raw 16-bit mono sound, {rate} samples a second."
        raise InputError(sentence, code="no_sound", rate=rate)


def _sound(pipe: BinaryIO, rate: int, fed_rate: int) -> Generator[Samples, None, None]:
    """What comes through the pipe, at `fed_rate`."""
    sound = ArrivingSound(Coding(rate, "PCM_16", 2), fed_rate)
    while data := pipe.read1(2 * round(PIECE_S * rate)):  # type: ignore[attr-defined]  # stdin's has it
        yield sound.samples(data)
    yield sound.end()
