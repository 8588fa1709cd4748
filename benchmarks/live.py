"""How soon a word is on the screen and settled after it was said, and what live sessions cost others.

    .venv/bin/python benchmarks/live.py                  # ten recordings of our voices
    .venv/bin/python benchmarks/live.py --quick a.wav    # recordings of your own, only how soon and how well

Feeds each recording at the pace at which it was spoken, in pieces of a tenth of a second, to a live session in this
process. A word counts as said at its end, by the times in its turn's transcript; as shown when it first stood at its
place, and as settled when it was told so. Word error rates are against what was said, and where that isn't known,
against what is read of the whole recording. Then two sessions and a speaker are served at once.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from voxdemo.audio import wav
from voxdemo.audio.reading import decode
from voxdemo.engines.registry import ENGINES
from voxdemo.intake.request import AskedRecording
from voxdemo.live import LIVE_RATE, Heard, LiveOptions, TurnEnded
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.server.assemble import local_service
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.speech import Samples, Spoken, Transcript, Utterance, Waiting, Word, result_of

SENTENCES = (Path(__file__).parents[1] / "tests" / "data" / "sentences.txt").read_text(encoding="utf-8").splitlines()
VOICES = ("heart", "am_michael", "bf_emma", "af_bella", "bm_george")
RECORDINGS, EACH = 10, 4
PIECE_S, PAUSE_S = 0.1, 0.8
SHOWN_S, SETTLED_S, MOST_WORSE, STARVED_S, LATER_S, WRONG_S = 2.0, 3.5, 1.15, 8.0, 1.5, 1.5
"""What is wanted at the median; of the word error rate; without a settled word; of others' first sound; and of the ends
that they are told.
"""
ASKED = 12
"""How often the speaker speaks, alone and beside two sessions."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What is fed, and what was said in it, where that is known."""

    name: str
    samples: Samples
    said: str = ""


@dataclass(slots=True)
class Fed:
    """What came of a recording that was fed live."""

    text: str = ""
    shown_s: list[float] = field(default_factory=list)
    settled_s: list[float] = field(default_factory=list)
    taken_back: int = 0
    starved_s: float = 0.0


def words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


async def spoken(service: SpeechService) -> list[Recording]:
    """A few sentences by each of several voices, with pauses."""
    recordings = []
    for number in range(RECORDINGS):
        said = [SENTENCES[(number * EACH + nth) % len(SENTENCES)] for nth in range(EACH)]
        voice, sound = VOICES[(number + number // len(VOICES)) % len(VOICES)], list[Samples]()
        for sentence in said:
            result = await result_of(service.speak(Utterance(sentence, voice=voice, seed=1)), Spoken)
            sound += [read(result.path), np.zeros(round(PAUSE_S * LIVE_RATE), np.float32)]
        recordings.append(Recording(f"{number + 1} {voice}", np.concatenate(sound), " ".join(said)))
    return recordings


def read(path: Path) -> Samples:
    return decode.read(path, 600.0, rate=LIVE_RATE).samples


async def fed(service: SpeechService, recording: Recording) -> Fed:
    """Feed it at the pace at which it was spoken, and see when which word comes."""
    result, settled, seen = Fed(), "", list[tuple[float, int, str, str]]()
    async with service.live(LiveOptions()) as session, aclosing(session.events()) as events:
        begun = time.monotonic()

        async def feed() -> None:
            step = round(PIECE_S * LIVE_RATE)
            for start in range(0, len(recording.samples), step):
                session.feed(recording.samples[start : start + step])
                await asyncio.sleep(max(0.0, begun + (start + step) / LIVE_RATE - time.monotonic()))
            session.finish()

        feeding = asyncio.ensure_future(feed())
        texts: dict[int, str] = {}
        settled_at = 0.0
        async for event in events:
            now = time.monotonic() - begun
            if isinstance(event, Heard):
                texts[event.turn] = texts.get(event.turn, "") + event.settled
                seen.append((now, event.turn, texts[event.turn], event.open))
                if event.settled:
                    result.starved_s = max(result.starved_s, now - settled_at)
                    settled_at = now
            elif isinstance(event, TurnEnded):
                settled = event.transcript.text
                result.taken_back += settled != texts.get(event.turn, "")
                result.text = f"{result.text} {settled}"
                when(result, event, seen)
        await feeding
    return result


def when(result: Fed, ended: TurnEnded, seen: Sequence[tuple[float, int, str, str]]) -> None:
    """Note of every word of a turn how long after it was said it was shown, and settled."""
    mine = [(at, words(text), words(text + still_open)) for at, turn, text, still_open in seen if turn == ended.turn]
    said: list[Word] = [word for segment in ended.transcript.segments for word in segment.words]
    for nth, word in enumerate(said):
        letters = words(word.text)
        if len(letters) != 1:
            continue
        shown = next((at for at, _, all_of_it in mine if all_of_it[nth : nth + 1] == letters), None)
        settled = next((at for at, firm, _ in mine if len(firm) > nth), None)
        if shown is not None and settled is not None:
            result.shown_s.append(shown - word.end_s)
            result.settled_s.append(settled - word.end_s)


async def whole(service: SpeechService, recording: Recording, folder: Path) -> str:
    path = folder / "whole.wav"
    wav.write_wav(path, recording.samples, LIVE_RATE)
    return (await result_of(service.transcribe(AskedRecording(path)), Transcript)).text


async def first_sounds(service: SpeechService) -> tuple[list[float], list[float]]:
    """Of sentences that somebody has spoken one after the other, seconds from request to first sound.

    And by how many seconds what was told of their ends, at their places in line, was wrong.
    """
    seconds, wrong = [], list[float]()
    for number in range(ASKED):
        begun, told = time.monotonic(), list[float]()

        def note(event: object, told: list[float] = told) -> None:
            if isinstance(event, Waiting) and event.seconds is not None:
                told.append(time.monotonic() + event.seconds)

        result = await result_of(service.speak(Utterance(SENTENCES[number % len(SENTENCES)])), Spoken, note)
        wrong += [abs(time.monotonic() - end) for end in told]
        seconds.append(result.timings["waiting"] + result.timings["first_chunk"])
        await asyncio.sleep(max(0.0, 2.0 - (time.monotonic() - begun)))
    return seconds, wrong


def line(name: str, values: Sequence[float], wanted: float | None = None) -> str:
    half, most, worst = np.quantile(values, 0.5), np.quantile(values, 0.95), max(values)
    told = "" if wanted is None else f"  wanted at the median: {wanted} s"
    return f"{name:<34} median {half:5.2f} s, 95 % {most:5.2f} s, worst {worst:5.2f} s{told}"


async def measure(paths: Sequence[Path], quick: bool, folder: Path) -> bool:
    settings = Settings(cache_dir=folder, cache_ttl=0)
    listeners = [RECOGNIZERS.built_in(settings)]
    service = local_service(settings, [ENGINES.built_in(settings)], listeners, ENGINES.others(settings))
    service.start()
    while not service.readiness().ready:  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(0.1)
    recordings = [Recording(path.name, read(path)) for path in paths] or await spoken(service)
    results, wholes = [], []
    for recording in recordings:
        wholes.append(await whole(service, recording, folder))
        results.append(await fed(service, recording))
        print(f"  {recording.name}: {results[-1].text.strip()[:90]}…", flush=True)
    said = [recording.said or read_whole for recording, read_whole in zip(recordings, wholes, strict=True)]
    reference = [" ".join(words(text)) for text in said]
    live, usual = (
        float(jiwer.wer(reference, [" ".join(words(text)) for text in texts]))
        for texts in ([result.text for result in results], wholes)
    )
    shown, settled = (
        [value for result in results for value in getattr(result, name)] for name in ("shown_s", "settled_s")
    )
    taken_back = sum(result.taken_back for result in results)
    print(line(f"{len(shown)} words shown after", shown, SHOWN_S))
    print(line("settled after", settled, SETTLED_S))
    print(f"settled text taken back            {taken_back}  wanted: 0")
    print(
        f"word error rate                    {live:.2%}, of whole recordings {usual:.2%}  wanted: {MOST_WORSE} x that"
    )
    fine = np.median(shown) <= SHOWN_S and np.median(settled) <= SETTLED_S and not taken_back
    fine = bool(fine and (live <= usual * MOST_WORSE or not any(recording.said for recording in recordings)))
    if not quick:
        fine = await together(service, recordings) and fine
    await service.close()
    return fine


async def together(service: SpeechService, recordings: Sequence[Recording]) -> bool:
    """Two sessions and a speaker at once."""
    alone, _ = await first_sounds(service)
    halves = [
        Recording("a", np.concatenate([each.samples for each in recordings[start::2]])[: 40 * LIVE_RATE])
        for start in (0, 1 % len(recordings))
    ]
    feeding = asyncio.gather(*(fed(service, half) for half in halves))
    beside, wrong = await first_sounds(service)
    starved = max(each.starved_s for each in await feeding)
    later = float(np.median(beside) - np.median(alone))
    print(line("first sound alone", alone))
    print(line("first sound beside two sessions", beside))
    print(f"later at the median                {later:.2f} s  wanted: {LATER_S} s")
    if wrong:
        print(line(f"{len(wrong)} told ends were wrong by", wrong, WRONG_S))
    else:
        print("told ends                          none: nothing to compare, which is wrong, too")
    print(f"longest without a settled word     {starved:.2f} s  wanted: {STARVED_S} s")
    return later <= LATER_S and starved <= STARVED_S and bool(wrong) and float(np.median(wrong)) <= WRONG_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="*", type=Path, help="to be fed instead of spoken ones")
    parser.add_argument("--quick", action="store_true", help="without two sessions and a speaker at once")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fine = asyncio.run(measure(options.recordings, options.quick, Path(folder)))
    raise SystemExit(0 if fine else 1)


if __name__ == "__main__":
    main()
