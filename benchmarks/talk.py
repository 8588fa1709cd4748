"""How long it takes until an answer is heard, from the end of a spoken question.

    .venv/bin/python benchmarks/talk.py --questions 10

A server with the built-in models listens live to questions that were spoken by its own voice, each at the pace of
speech, as the page does: over `/v1/realtime`, and when a turn is complete it asks `/v1/talk`. The language model is a
stub that writes its answer a word at a time, the first one after `--thinks` seconds. The time is from the last sound of
the question to the first of the answer, less what the language model took for its first word. Then an answer is left,
and it's looked how soon the voice is free. At last the page itself is interrupted, in Chromium: the time is from the
first sound that its microphone hears until its audio context stands still. What a microphone, loudspeakers and their
drivers take comes on top.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import websockets
from playwright.async_api import async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from browsing import CHROMIUM, OPTIONS  # type: ignore[import-not-found]  # noqa: E402
from serving import Server, served  # type: ignore[import-not-found]  # noqa: E402

RATE, PIECE_S, LOUD = 24_000, 0.1, 300
QUESTIONS = (
    "What is the weather like today?",
    "Can you tell me a short story?",
    "How far away is the moon?",
    "Who wrote that famous book about the whale?",
    "Where should I go on holiday this year?",
)
ANSWER = "That is a very good question. Let me think about it for a moment, and then tell you what I know."
WANTED_S, SILENT_S = 1.2, 0.3
INTERRUPTS = 8
PAGE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext(), heard = new MediaStreamAudioDestinationNode(context);
  const samples = new Int16Array(Uint8Array.from(atob('%s'), (letter) => letter.charCodeAt(0)).buffer);
  const buffer = new AudioBuffer({length: samples.length, sampleRate: 24000});
  buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
  window.speak = () => {
    const voice = new AudioBufferSourceNode(context, {buffer});
    voice.connect(heard);
    voice.start();
    window.silentAt = 0;
    window.saidAt = performance.now();
  };
  window.speak();
  return heard.stream;
};
const suspend = AudioContext.prototype.suspend;
AudioContext.prototype.suspend = async function () {
  await suspend.call(this);
  window.silentAt ||= performance.now();
};"""
"""What a page's microphone hears: these samples, whenever it is told to `speak`."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds from the end of a question until it was all read, and from then to the first sound; and what was read."""

    heard_s: float
    sound_s: float
    text: str


def stub(thinks_s: float) -> Starlette:
    """A language model's server."""

    async def written() -> AsyncGenerator[bytes, None]:
        await asyncio.sleep(thinks_s)
        for word in ANSWER.split(" "):
            yield f"data: {json.dumps({'choices': [{'delta': {'content': f'{word} '}}]})}\n\n".encode()
            await asyncio.sleep(0.02)
        yield b"data: [DONE]\n\n"

    async def answer(_: Request) -> Response:
        return StreamingResponse(written(), media_type="text/event-stream")

    async def models(_: Request) -> Response:
        return JSONResponse({"data": [{"id": "stub"}]})

    return Starlette(routes=[Route("/v1/models", models), Route("/v1/chat/completions", answer, methods=["POST"])])


async def heard(server: Server, sound: np.ndarray) -> tuple[float, str]:
    """When the last sound of the question was sent, and what was read of it once its turn was complete."""
    url = f"{server.url.replace('http', 'ws', 1)}/v1/realtime?intent=transcription"
    last_loud = int(np.flatnonzero(np.abs(sound.astype(int)) > LOUD)[-1])
    ended_at = 0.0
    async with websockets.connect(url) as socket:
        session = {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcm", "rate": RATE}}}}
        await socket.send(json.dumps({"type": "session.update", "session": session}))

        async def feed() -> None:
            nonlocal ended_at
            begun, step = time.monotonic(), round(PIECE_S * RATE)
            at = 0
            while True:  # the microphone goes on behind the question
                piece = sound[at : at + step] if at < len(sound) else np.zeros(step, "<i2")
                audio = base64.b64encode(piece.tobytes()).decode()
                await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
                if at <= last_loud < at + step:
                    ended_at = time.monotonic()
                at += step
                await asyncio.sleep(max(0.0, begun + at / RATE - time.monotonic()))

        feeding = asyncio.ensure_future(feed())
        try:
            async for message in socket:
                event = json.loads(message)
                if event["type"].endswith("input_audio_transcription.completed") and event["transcript"].strip():
                    return ended_at, event["transcript"].strip()
        finally:
            feeding.cancel()
            with suppress(asyncio.CancelledError):
                await feeding
    raise SystemExit("the session ended without a turn")


async def asked(server: Server, http: httpx.AsyncClient, question: str, thinks_s: float) -> Turn:
    spoken = await http.post("/v1/audio/speech", json={"input": question, "voice": "heart", "response_format": "pcm"})
    ended_at, text = await heard(server, np.frombuffer(spoken.content, "<i2"))
    read_at = time.monotonic()
    body = {"voice": "heart", "messages": [{"role": "user", "content": text}]}
    async with http.stream("POST", "/v1/talk", json=body) as answer:
        async for line in answer.aiter_lines():
            if "speech.audio.delta" in line:
                break
    return Turn(read_at - ended_at, time.monotonic() - read_at - thinks_s, text)


async def free_after(server: Server, http: httpx.AsyncClient) -> float:
    """Seconds from leaving an answer to a free line."""
    body = {"messages": [{"role": "user", "content": "Well?"}]}
    async with http.stream("POST", "/v1/talk", json=body) as answer:
        async for line in answer.aiter_lines():
            if "speech.audio.delta" in line:
                break
    left_at = time.monotonic()
    while server.in_line():  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.005)
    return time.monotonic() - left_at


async def interrupted(server: Server, http: httpx.AsyncClient) -> list[float]:
    """Seconds from the first sound of somebody who speaks over an answer until the page is silent."""
    asked = {"input": QUESTIONS[2], "voice": "heart", "response_format": "pcm"}
    sound = np.frombuffer((await http.post("/v1/audio/speech", json=asked)).content, "<i2")
    loud = np.flatnonzero(np.abs(sound.astype(int)) > LOUD)
    said = base64.b64encode(sound[loud[0] : loud[-1]].tobytes()).decode()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = await browser.new_page()
        await page.add_init_script(PAGE % said)
        await page.goto(f"{server.url}/#talk")
        await page.get_by_label("Answer when I pause").check()
        seconds = []
        for _ in range(INTERRUPTS):
            await page.wait_for_selector(".talk[data-state=speaking]")
            await page.evaluate("speak()")
            await page.wait_for_function("silentAt")
            seconds.append(await page.evaluate("silentAt - saidAt") / 1000)
            await page.wait_for_selector(".talk[data-state=thinking]")
        await browser.close()
    return seconds


def line(name: str, values: Sequence[float]) -> str:
    return f"{name:<44} median {np.median(values):5.2f} s, most {max(values):5.2f} s"


async def measure(questions: int, thinks_s: float, folder: Path) -> bool:
    with served(stub(thinks_s)) as chat:
        settings = {"VOXDEMO_CHAT_URL": f"{chat}/v1", "VOXDEMO_ENGINE": "builtin", "VOXDEMO_CACHE_SIZE": 0}
        server = Server(folder, VOXDEMO_RECOGNIZER="builtin", **settings)
        try:
            server.wait_until_ready()
            async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
                turns = []
                for number in range(questions):
                    turns.append(await asked(server, http, QUESTIONS[number % len(QUESTIONS)], thinks_s))
                    print(f"  {turns[-1].text}", flush=True)
                free = [await free_after(server, http) for _ in range(5)]
                silent = await interrupted(server, http)
        finally:
            server.stop()
    totals = [turn.heard_s + turn.sound_s for turn in turns]
    print(line("question over → all of it read", [turn.heard_s for turn in turns]))
    print(line("first word of the language model → sound", [turn.sound_s for turn in turns]))
    print(line("together", totals), f" wanted: {WANTED_S} s")
    print(line("left → nobody in line", free))
    print(line("interrupted → the page is silent", silent), f" wanted: {SILENT_S} s")
    return bool(np.median(totals) <= WANTED_S and np.median(silent) <= SILENT_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=10, help="how many are asked (10)")
    parser.add_argument("--thinks", type=float, default=0.2, help="seconds until the stub's first word (0.2)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fine = asyncio.run(measure(options.questions, options.thinks, Path(folder)))
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
