"""What a long text costs and how well it is spoken, next to short ones in the same run.

    .venv/bin/python benchmarks/long_text.py

Starts `app.py` with the built-in voice and has it speak 20,000 characters. Printed are: peak resident memory over that
of 500 characters (each in a server of its own); the largest step between two samples within 20 ms of a join against the
largest elsewhere; the loudness (ITU-R BS.1770) of the sentences against each other; the time to first audio of 5,000
characters against that of one sentence; the word error rate against that of the same sentences spoken one by one, both
written down by Whisper base in full precision outside our code; and how far from the words it hears captions begin.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import jiwer
import numpy as np
import pyloudnorm
import soundfile
import soxr
from faster_whisper import WhisperModel
from numpy.typing import NDArray
from overhead import ROOT, SENTENCE, App, running

sys.path.insert(0, str(ROOT))

from voxdemo.recognizers.builtin_weights import whisper_base_files

SHORT_CHARACTERS = 500
FIRST_AUDIO_CHARACTERS = 5_000
PARAGRAPH = 8
"""Sentences in a paragraph."""
NEAR_JOIN_S = 0.02
MIN_MEASURED_S = 1.0
"""Sentences shorter than this are too short for a loudness that means something."""

_WHO = "The captain|My neighbour|A young teacher|The old gardener|Her brother|The night nurse|Our driver|The baker"
_DID = "carried|painted|forgot|repaired|borrowed|described|measured|sold|found|cleaned"
_WHAT = "a wooden boat|the yellow curtains|seven heavy boxes|an empty bottle|the broken clock|a letter from home"
_WHERE = "near the harbour|behind the station|in the morning rain|after the long winter|before anybody was awake"
_THEN = "and nobody asked why|but the door stayed open|because the road was closed|while the children watched"


def main() -> None:
    """Run everything and print it."""
    characters = _arguments().characters
    sentences = _sentences(characters)
    text = _text(sentences)
    with running("app.py") as app:
        _spoken(app, text[:SHORT_CHARACTERS])
        short_mib = _peak_mib(app)
    with running("app.py") as app:
        speech = _spoken(app, text)
        more_mib = _peak_mib(app) - short_mib
        print(f"{len(text):,} characters, {speech.duration_s / 60:.1f} min of sound, {len(speech.captions)} captions")
        print(f"peak memory over that of {SHORT_CHARACTERS} characters: {more_mib:+.0f} MiB (want <= 60)")
        print(f"largest step at a join over the largest elsewhere: {_step_at_joins(speech):.2f} (want <= 1)")
        print(f"loudness of the sentences: {_loudness(speech)}")
        print(f"first audio of {FIRST_AUDIO_CHARACTERS:,} characters over one sentence: {_first_audio(app, text)}")
        alone = [_spoken(app, sentence) for sentence in sentences]
    listener = WhisperModel("benchmark", device="cpu", compute_type="float32", files=whisper_base_files())
    _words(listener, speech, alone, sentences)


@dataclass(frozen=True, slots=True)
class Caption:
    """A sentence and when it's heard."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Speech:
    """A sound, float32 mono, with its captions."""

    samples: NDArray[np.float32]
    rate: int
    captions: list[Caption]

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def between(self, start_s: float, end_s: float) -> NDArray[np.float32]:
        """The samples between two moments."""
        return self.samples[max(0, round(start_s * self.rate)) : round(end_s * self.rate)]


def _spoken(app: App, text: str) -> Speech:
    """What `/generate` makes of a text, with the captions that lie beside it."""
    path = Path(app.client().predict(text, api_name="/generate")["path"])
    samples, rate = soundfile.read(path, dtype="float32")
    captions = httpx.get(f"{app.url}/speech/{path.parent.name}.vtt").raise_for_status().text
    cues = re.findall(r"^(\S+) --> (\S+).*\n((?:.+\n?)+)", captions, re.MULTILINE)
    return Speech(samples, rate, [Caption(_seconds(a), _seconds(b), " ".join(words.split())) for a, b, words in cues])


def _seconds(clock: str) -> float:
    seconds = 0.0
    for part in clock.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds


def _peak_mib(app: App) -> float:
    status = Path(f"/proc/{app.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def _step_at_joins(speech: Speech) -> float:
    """A join is where one caption ends and where the next begins."""
    steps = np.abs(np.diff(speech.samples))
    near = np.zeros(len(steps), bool)
    for caption in speech.captions:
        for moment in (caption.start_s, caption.end_s):
            first, last = (round((moment + off) * speech.rate) for off in (-NEAR_JOIN_S, NEAR_JOIN_S))
            near[max(0, first) : last] = True
    return float(steps[near].max() / steps[~near].max())


def _loudness(speech: Speech) -> str:
    meter = pyloudnorm.Meter(speech.rate)
    found = [
        meter.integrated_loudness(speech.between(caption.start_s, caption.end_s))
        for caption in speech.captions
        if caption.end_s - caption.start_s >= MIN_MEASURED_S
    ]
    middle = statistics.median(found)
    off = max(abs(loudness - middle) for loudness in found)
    between = max(abs(one - other) for one, other in pairwise(found))
    return f"{middle:.1f} LUFS, at most {off:.2f} LU from it, {between:.2f} LU from one to the next (want <= 1)"


def _first_audio(app: App, text: str, rounds: int = 15) -> str:
    """Medians over pairs, from the sending of the job to its first sound on the page's stream."""
    seconds: dict[str, list[float]] = {text[:FIRST_AUDIO_CHARACTERS]: [], SENTENCE.strip(): []}
    for _ in range(rounds):
        for each, taken in seconds.items():
            taken.append(_seconds_to_first_audio(app, each))
    long, short = (statistics.median(taken) for taken in seconds.values())
    return f"{1000 * long:.0f} ms / {1000 * short:.0f} ms = {long / short:.2f} (want <= 3)"


def _seconds_to_first_audio(app: App, text: str) -> float:
    """As the page does it: join the queue, wait for the sound's key, read its stream until sound comes."""
    with httpx.Client(base_url=app.url, timeout=60) as http:
        joined = _as_the_page_asks(http, text)
        begun = time.perf_counter()
        http.post("/gradio_api/queue/join", json=joined).raise_for_status()
        with http.stream("GET", "/gradio_api/queue/data", params={"session_hash": joined["session_hash"]}) as told:
            lines = told.iter_lines()  # which, when dropped, hangs up
            key = next(found[1] for line in lines if (found := re.search(r'"sound": ?"([\w-]{22})"', line)))
            with http.stream("GET", f"/live/{key}") as stream:
                if not any(b'{"sound"' in block for block in stream.iter_raw()):
                    http.get(f"/speech/{key}").raise_for_status()  # a sentence may be over by then
                return time.perf_counter() - begun


def _as_the_page_asks(http: httpx.Client, text: str) -> dict[str, Any]:
    """A job for the handler of the page's Speak button, with every control as it is at first."""
    config = http.get("/config").json()
    speak = next(function for function in config["dependencies"] if function["api_name"] == "speak")
    values = {component["id"]: component["props"].get("value") for component in config["components"]}
    data = [text, *(values[number] for number in speak["inputs"][1:])]
    return {"data": data, "fn_index": speak["id"], "session_hash": secrets.token_hex(8)}


def _words(listener: WhisperModel, speech: Speech, alone: Sequence[Speech], sentences: Sequence[str]) -> None:
    """Word error rates, and captions against the words."""
    words = _heard(listener, speech)
    whole = jiwer.wer(_plain(" ".join(sentences)), _plain(" ".join(word.word for word in words)))
    single = jiwer.wer(
        [_plain(sentence) for sentence in sentences],
        [_plain(" ".join(word.word for word in _heard(listener, each))) for each in alone],
    )
    print(f"word error rate {whole:.2%}, one by one {single:.2%}: ratio {whole / single:.2f} (want <= 1.3)")
    starts = np.array([word.start for word in words])
    off = [float(np.abs(starts - caption.start_s).min()) for caption in speech.captions]
    within = statistics.mean(seconds <= 0.15 for seconds in off)
    print(f"captions begin {statistics.median(off):.2f} s from a word (median), {within:.1%} of them within 0.15 s")


def _heard(listener: WhisperModel, speech: Speech) -> list[Any]:
    samples = soxr.resample(speech.samples, speech.rate, 16_000)
    segments, _ = listener.transcribe(samples, language="en", beam_size=1, word_timestamps=True, vad_filter=True)
    return [word for segment in segments for word in segment.words]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def _sentences(characters: int) -> list[str]:
    """Different sentences, seeded, of together at least so many characters."""
    draw, found = random.Random(5), list[str]()
    while sum(len(sentence) + 1 for sentence in found) < characters:
        parts = [draw.choice(choices.split("|")) for choices in (_WHO, _DID, _WHAT, _WHERE, _THEN)]
        length = draw.choice([3, 4, 5])
        found.append(" ".join(parts[:length]) + draw.choice("...!?"))
    return found


def _text(sentences: Sequence[str]) -> str:
    paragraphs = [sentences[at : at + PARAGRAPH] for at in range(0, len(sentences), PARAGRAPH)]
    return "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--characters", type=int, default=20_000, help="length of the long text")
    return parser.parse_args()


if __name__ == "__main__":
    main()
