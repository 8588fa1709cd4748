"""How well the times of words in captions hold, against the alignments of pocketsphinx 5.

    .venv/bin/python benchmarks/words.py

A server of its own speaks forty English sentences with each of its engines. The times of their words, as events
`speech.captions` have them, are compared with where pocketsphinx hears them, and so are those that would be estimated
if the engine didn't know them, as they are for other engines.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from collections.abc import Sequence

import httpx
import numpy as np
import soundfile
import soxr
from languages import sentences
from overhead import ROOT, running
from pocketsphinx import Decoder  # type: ignore[import-untyped]

sys.path.insert(0, str(ROOT))

from voxdemo.audio.align import word_spans
from voxdemo.speech import Samples, Spans

VOICES = ("heart", "af_heart")
MORE = (
    "Well, if you ask me, nobody knows the answer.",
    "The doctor, a quiet man of sixty, closed his book.",
    "Stop at the gate; wait there until I come.",
    "Red, green, blue, and white were the colors of the flag.",
    "She was tired, but she could not sleep.",
)
SENTENCES = (*(ROOT / "tests" / "data" / "sentences.txt").read_text().splitlines(), *sentences("en")[:15], *MORE)
SPHINX_RATE = 16_000
CLOSE_S = 0.1


def main() -> None:
    """Run everything and print a table."""
    with running("app.py") as app, httpx.Client(base_url=app.url, timeout=300) as client:
        for voice in VOICES:
            known, estimated = list[Spans](), list[Spans]()
            for text in SENTENCES:
                samples, rate, told = speak(client, voice, text)
                if aligned := align(samples, rate, text):
                    known.append(differences(told, aligned))
                    estimated.append(differences(word_spans(samples, rate, text.split()), aligned))
            report(voice, "as told", known)
            report(voice, "estimated", estimated)


def speak(client: httpx.Client, voice: str, text: str) -> tuple[Samples, int, Spans]:
    """The sound, its rate, and start and end of each word."""
    body = {"voice": voice, "input": text, "response_format": "wav", "stream_format": "sse"}
    answer = client.post("/v1/audio/speech", json=body).raise_for_status()
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]
    sound = b"".join(base64.b64decode(event["audio"]) for event in events if event["type"] == "speech.audio.delta")
    captions = [segment for event in events if event["type"] == "speech.captions" for segment in event["segments"]]
    words = tuple((word["start"], word["end"]) for segment in captions for word in segment["words"])
    return *soundfile.read(io.BytesIO(sound), dtype="float32"), words


def align(samples: Samples, rate: int, text: str) -> Spans:
    """Where pocketsphinx hears each word; empty where it doesn't know one."""
    words = re.findall(r"[a-z']+", text.lower())
    decoder = Decoder(lm=None, loglevel="FATAL")
    if not all(map(decoder.lookup_word, words)):
        return ()
    decoder.set_align_text(" ".join(words))
    decoder.start_utt()
    heard = (32767 * soxr.resample(samples, rate, SPHINX_RATE)).astype(np.int16)
    decoder.process_raw(heard.tobytes(), full_utt=True)
    decoder.end_utt()
    found = [segment for segment in decoder.seg() if segment.word[0] not in "<["]
    return tuple((segment.start_frame / 100, (segment.end_frame + 1) / 100) for segment in found)


def differences(ours: Spans, theirs: Spans) -> Spans:
    return tuple((a - c, b - d) for (a, b), (c, d) in zip(ours, theirs, strict=True))


def report(voice: str, times: str, found: Sequence[Spans]) -> None:
    starts, ends = np.concatenate([np.array(each) for each in found]).T
    close = " ".join(
        f"{what} within {CLOSE_S} s {np.mean(np.abs(off) <= CLOSE_S):6.1%}, median {np.median(off):+.3f} s"
        for what, off in (("starts", starts), ("ends", ends))
    )
    print(f"{voice:9} {times:10} {len(found)} sentences, {len(starts)} words: {close}", flush=True)


if __name__ == "__main__":
    main()
