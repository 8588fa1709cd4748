"""What is heard of texts that people paste: through `plain` and `parts`, the built-in voice, and Whisper."""

from __future__ import annotations

import re

import numpy as np
import pytest
import soxr
from faster_whisper import WhisperModel

from voxdemo.engines.base import SpeechPart
from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.intake.validate import readable_text
from voxdemo.recognizers.builtin_weights import whisper_base_files
from voxdemo.speech import Utterance
from voxdemo.text.pasted import plain
from voxdemo.text.split import parts

pytestmark = pytest.mark.long

RATE, PAUSE_S = 16_000, 0.7

CASES = {
    "numbers": ("There are 1,234 people and 3.5 loaves in room 42.", "1 ?234 people and 3.5 loaves in room 42"),
    "ordinals": ("She came 1st and he came 23rd.", "(first|1st) and he came (twenty third|23rd)"),
    "decimals": ("It grew by .75 points.", "by (point 7 ?5|0?.75) points"),
    "years": ("It began in 1984.", "(1984|nineteen eighty four)"),
    "dates": ("He left on 04.03.2025, on a Tuesday.", "(4th of march|march 4th?) 2025 on a tuesday"),
    "dates in words": ("We met on March 4, 2021.", "march (4|fourth)(th)? 2021"),
    "iso dates": ("The deadline is 2026-10-21.", "october (21st|21|twenty first) 2026"),
    "times": ("The train leaves at 5:30 pm and 17:05.", "5.30 ?p.?m.? and (17.05|seventeen oh five)"),
    "ranges of times": ("We open 10:00-11:30.", "10 o'?clock to 11.30"),
    "money": ("It costs $5.50, or 20 EUR.", r"\$?5.50 or 20 euros|five dollars and fifty cents or 20 euros"),
    "money behind": ("Coffee is 5€ here.", "(5|five) euros|€5"),
    "large money": ("They paid $5bn for it.", r"(\$5 billion|5 billion dollars) for it"),
    "units": ("The road is 5 km long and 3 m wide.", "5 kilometers long and 3 meters wide"),
    "degrees": ("It was -5°C outside.", "(minus |-)(5|five) degrees celsius outside"),
    "watts": ("A 100 W lamp needs 12 V.", "100 watt lamp needs 12 volts"),
    "percentages": ("About 50% of them, or 5-10% of us.", "50% of them or 5 (to )?10% of us"),
    "fractions": ("Add 2 1/2 cups of sugar.", "(two and one half|2 and 1 half|(two|2) and a half|2.5|2 1/2) cups"),
    "ranges": ("It takes the mail from 3-5 days.", "(3|three) to (5|five) days"),
    "versions": ("Version 2.0.1 is out.", "version (2.0.1|two point zero point one) is out"),
    "phones": ("Call 555-123-4567 now.", "call 555 ?123 ?4567 now"),
    "urls": ("Please visit https://www.example.com/docs today.", "www.example.com ?(slash ?|/)docs today"),
    "e-mails": ("Write to john.doe@example.com tomorrow.", "john ?(dot |.)?doe (at |@)example.com tomorrow"),
    "hashtags": ("We love #MachineLearning here.", "hash ?tag machine learning here"),
    "sums": ("You know that 3 * 4 = 12.", "(3|three) (times|x) (4|four) (equals|is) (12|twelve)|3x4=12"),
    "emoji": ("Great job 🎉! Let's go 🚀 home.", "great job let's go home"),
    "markdown": (
        "# The Title\n\nThis is **very important**, see [the manual](https://a.b/c).\n\n- Buy apples\n- Buy oranges",
        "the title this is very important see the manual buy apples buy oranges",
    ),
    "html": (
        "<h1>The News</h1><p>Rain is <b>coming</b> &amp; snow too.</p><script>var x = 1;</script>",
        "the news rain is coming and snow too",
    ),
    "smart quotes": ("It’s “fine” — don’t worry…", "it's fine don't worry"),
    "broken lines": (
        "The old sailor walked along the river and looked for the beauti-\nful ship that he had seen on the\nmorning.",
        "looked for the beautiful ship that he had seen on the morning",
    ),
    "capitals": (
        "THIS IS A VERY IMPORTANT MESSAGE FROM NASA. PLEASE READ IT.",
        "this is a very important message from nasa please read it",
    ),
}


@pytest.fixture(scope="module")
def heard() -> dict[str, str]:
    """What is heard of each case: the words of the half minute that it is in, since Whisper listens to no less."""
    voice = BuiltinEngine()
    # Without the demo's code or its filters.
    listener = WhisperModel("test", device="cpu", compute_type="int8", cpu_threads=1, files=whisper_base_files())
    sounds = {name: resample(speak(voice, text)) for name, (text, _) in CASES.items()}
    voice.close()
    words = {}
    for names in half_minutes(sounds):
        words |= dict.fromkeys(names, listen(listener, np.concatenate([sounds[name] for name in names])))
    return words


@pytest.mark.parametrize("name", CASES)
def test_it_is_heard_as_people_say_it(heard: dict[str, str], name: str) -> None:
    _, pattern = CASES[name]
    assert re.search(pattern, heard[name]), heard[name]


def half_minutes(sounds: dict[str, np.ndarray]) -> list[list[str]]:
    """The sounds' names, as many together as last half a minute."""
    groups, length = [list[str]()], 0
    for name, sound in sounds.items():
        if length + len(sound) > 29.5 * RATE:
            groups.append([])
            length = 0
        groups[-1].append(name)
        length += len(sound)
    return groups


def speak(voice: BuiltinEngine, pasted: str) -> np.ndarray:
    text, _ = readable_text(plain(pasted), voice.info)
    utterance = Utterance(text, seed=1)
    spoken = parts(text, voice.info.chunk_chars, sentences_apart=True)
    return np.concatenate(
        [piece for part in spoken for piece in list(voice.speak(SpeechPart(utterance, part.text)))[:-1]]
    )


def resample(samples: np.ndarray) -> np.ndarray:
    """At Whisper's rate, with a pause behind."""
    return np.pad(soxr.resample(samples, BuiltinEngine.INFO.sample_rate, RATE), (0, round(PAUSE_S * RATE)))


def listen(listener: WhisperModel, sound: np.ndarray) -> str:
    """The words, in lower case, without the punctuation around them."""
    segments, _ = listener.transcribe(sound, language="en", beam_size=5)
    text = " ".join(segment.text for segment in segments).lower().replace("’", "'")
    return " ".join(re.sub(r"(?<!\w)['\"]+|(?<!\w)\.+(?!\d)|[.,;:!?'\"]+(?!\w)|,|(?<=\w)-(?=\w)", " ", text).split())
