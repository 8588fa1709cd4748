"""How well Kokoro-82M's voices are understood, language by language.

    .venv/bin/python benchmarks/languages.py es fr

A server of its own speaks the sentences of languages.txt at /v1/audio/speech, fifteen in words, ten with figures and,
where the rules of a language were changed after those had been heard, others, written after the change. Whisper base
in full precision, without this project's code around it, writes down what it hears, as in its own evaluation: half a
minute at once, filled up with silence, without times.

Errors are counted in words and in letters. Case and signs don't count, as in Whisper's own evaluation, and figures on
both sides are read as words first. Nor does what no ear can tell: where one sound is written in many ways, in French
and Japanese, sounds are compared, in Chinese pinyin, and in Portuguese letters but for the spellings of SAME_SOUND; the
second pair of figures of such a language is of its letters.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial, reduce
from pathlib import Path

import httpx
import jiwer
import numpy as np
import pypinyin
import soundfile
import soxr
from faster_whisper import WhisperModel
from overhead import ROOT, running

sys.path.insert(0, str(ROOT))

from voxdemo.engines.builtin.english import readable
from voxdemo.engines.kokoro.phonemes.french import French
from voxdemo.engines.kokoro.phonemes.japanese import Japanese
from voxdemo.engines.kokoro.phonemes.spelling import STRESS
from voxdemo.recognizers.builtin_weights import whisper_base_files
from voxdemo.text.spoken import spoken
from voxdemo.text.spoken.numbers import cardinal

SENTENCES = Path(__file__).with_suffix(".txt")
KINDS = {"words": slice(0, 15), "figures": slice(15, 25), "later": slice(25, None), "all": slice(None)}
"""Which sentences of a language are which."""
SAME_SOUND = {"pt": ((r"\bà", "a"), (r"\bh", ""), (r"\bch", "x"))}
"""Spellings that sound the same: à and a, xícara and chícara."""
SILENCE = 2.0
"""How far below the loudest of a spectrum it is (openai/whisper, audio.py)."""
VOICES = {
    "en-us": "af_heart", "en-gb": "bf_emma", "es": "ef_dora", "fr": "ff_siwis", "it": "if_sara", "pt": "pf_dora",
    "ja": "jf_alpha", "zh": "zf_xiaoxiao",
}  # fmt: skip


class Ear(WhisperModel):  # type: ignore[misc]  # it has no types
    """Whisper base; its package fills a short sound up with zeros, which stand for a noise."""

    def __init__(self) -> None:
        super().__init__("whisper-base", device="cpu", compute_type="float32", files=whisper_base_files())

    def encode(self, features: np.ndarray) -> object:
        is_filler = ~features.any(axis=-2, keepdims=True)
        return super().encode(np.where(is_filler, features.max() - np.float32(SILENCE), features))

    def hear(self, wav: bytes, code: str) -> str:
        samples, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
        sound = soxr.resample(samples, rate, 16_000)
        segments, _ = self.transcribe(sound, language=code, beam_size=5, without_timestamps=True)
        return "".join(segment.text for segment in segments)


def main() -> None:
    """Run everything and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "languages", nargs="*", metavar="LANGUAGE", help=f"of {', '.join(VOICES)}; all if none is given"
    )
    parser.add_argument("--show", action="store_true", help="print each sentence that is heard otherwise")
    asked = parser.parse_args()
    ear = Ear()
    settings = {"VOXDEMO_ENGINE": "kokoro"}
    with running("app.py", **settings) as app, httpx.Client(base_url=app.url, timeout=120) as client:
        for language in asked.languages or VOICES:
            code = language.partition("-")[0]
            said = sentences(code)
            heard = [ear.hear(speak(client, VOICES[language], text), code) for text in said]
            report(language, said, heard, asked.show)


def sentences(code: str) -> list[str]:
    """Those of a language, by its ISO 639-1 code."""
    parts = re.split(r"^# (\w\w)\n", SENTENCES.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return parts[parts.index(code) + 1].splitlines()


def speak(client: httpx.Client, voice: str, text: str) -> bytes:
    answer = client.post("/v1/audio/speech", json={"voice": voice, "input": text, "response_format": "wav"})
    return answer.raise_for_status().content


def report(language: str, said: Sequence[str], heard: Sequence[str], show: bool) -> None:
    code = language.partition("-")[0]
    as_heard = comparable(code)
    both = [(in_words(one, code), in_words(other, code)) for one, other in zip(said, heard, strict=True)]
    spelt = [(words(one), words(other)) for one, other in both]
    pairs = [(as_heard(one), as_heard(other)) for one, other in both]
    for kind, which in KINDS.items():
        if pairs[which]:
            strict = f"  as spelt {errors(spelt[which])}" if pairs != spelt else ""
            print(f"{language:6} {kind:8} {errors(pairs[which])}{strict}", flush=True)
    for (truth, found), written in zip(pairs, heard, strict=True):
        if show and truth != found:
            print(f"    {truth}\n    {found}\n    ({written.strip()})")


def errors(pairs: Sequence[tuple[str, str]]) -> str:
    texts, heard_as = (list(side) for side in zip(*pairs, strict=True))
    return f"WER {jiwer.wer(texts, heard_as):6.1%}  CER {jiwer.cer(texts, heard_as):6.1%}"


def in_words(text: str, code: str) -> str:
    """`text` with its figures in words: in English those that `readable` leaves to a voice, too."""
    if code != "en":
        return spoken(text, code)
    return re.sub(r"\d+(?![\d\w])", lambda figure: cardinal(figure[0], code), readable(text))


def comparable(code: str) -> Callable[[str], str]:
    """What makes two spellings of the same sounds equal, of a text in words."""
    if code == "ja":
        japanese = Japanese(Path(tempfile.gettempdir()) / "voxdemo-benchmark")
        return lambda text: " ".join(re.findall(r"\w+", "".join(japanese(text).split())))
    if code == "zh":
        return lambda text: " ".join(re.findall("[a-z]+", " ".join(pypinyin.lazy_pinyin(text))))
    if code == "fr":
        return partial(french_sounds, French())
    rules = SAME_SOUND.get(code, ())
    return lambda text: reduce(lambda said, rule: re.sub(rule[0], rule[1], said), rules, words(text))


def french_sounds(french: French, text: str) -> str:
    """Each word as it sounds by itself, a letter for a sound."""
    text = text.lower().replace("’", "'").replace("-", " ")
    said = " ".join(french(word).replace(STRESS, "") for word in re.findall(r"\w+(?:'\w+)*", text))
    return re.sub("(.)\N{COMBINING TILDE}", lambda match: match[1].upper(), unicodedata.normalize("NFD", said))


def words(text: str) -> str:
    apart = unicodedata.normalize("NFC", text.lower()).replace("'", " ").replace("’", " ").replace("-", " ")
    return " ".join(re.findall(r"\w+", apart))


if __name__ == "__main__":
    main()
