"""What SenseVoice writes, read: its tags as values, and the text as people write it.

It writes "<|zh|><|HAPPY|><|Speech|><|withitn|>你好。": language, mood, kind of sound, style, then the words. Pure text.
"""

import re
from dataclasses import dataclass

LANGUAGES = ("zh", "en", "yue", "ja", "ko")
"""What SenseVoiceSmall was trained to tell apart (`lid_dict` in funasr's SenseVoiceSmall)."""

EMOTIONS = frozenset({"happy", "sad", "angry", "neutral", "fearful", "disgusted", "surprised"})
"""The moods it names (`emo_dict` in funasr.utils.postprocess_utils)."""

_TAG = re.compile(r"<\|/?([^|<>]*)\|>")
_NO_SPEECH = "<|nospeech|>"
"""Stands in the place of the language."""
_UNKNOWN = "⁇"
"""How SentencePiece writes a token without text."""
_FALSE_ALARM = "The."
"""What it hears in noise; funasr's own `rich_transcription_postprocess` drops it too."""

_CJK = r"\u3000-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff9f\U00020000-\U0003ffff"
_CJK_STOPS = "、。，！？；："
_NEEDLESS_SPACE = re.compile(rf"(?<=[{_CJK}])\s+(?=[{_CJK}])|(?<=[{_CJK_STOPS}])\s+|\s+(?=[{_CJK_STOPS}])")


@dataclass(frozen=True, slots=True)
class Written:
    """The words of one part of a recording; text "" where there are none, and then nothing else is known either."""

    text: str
    language: str | None = None
    emotion: str | None = None


def read(written: str) -> Written:
    """What SenseVoice wrote for one part, without its tags; of each kind the first one counts."""
    tags = _TAG.findall(written)
    text = tidy(_TAG.sub(" ", written).replace(_UNKNOWN, " "))
    if written.startswith(_NO_SPEECH) or text == _FALSE_ALARM or not any(character.isalnum() for character in text):
        return Written("")
    language = next((tag for tag in tags if tag in LANGUAGES), None)
    emotion = next((tag.lower() for tag in tags if tag.isupper() and tag.lower() in EMOTIONS), None)
    return Written(text, language, emotion)


def tidy(text: str) -> str:
    """`text` with single spaces, and none where Chinese or Japanese is written without."""
    return _NEEDLESS_SPACE.sub("", " ".join(text.split()))
