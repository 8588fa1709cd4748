"""Examples on the page's tabs: texts, and recordings from `assets/examples/`, whose README names their sources."""

from dataclasses import dataclass
from pathlib import Path

from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import EngineInfo, Utterance, Voice
from voxdemo.web.components.assets import ASSETS

FOLDER = ASSETS / "examples"


@dataclass(frozen=True, slots=True)
class ExampleRecording:
    """One to be recognised."""

    name: str
    path: Path
    said: str


@dataclass(frozen=True, slots=True)
class ExampleText:
    """One to be spoken, in a language by its ISO 639-1 code; with `prompt`, in the voice of that recording."""

    name: str
    language: str
    words: str
    prompt: ExampleRecording | None = None

    def suits(self, info: EngineInfo) -> bool:
        """Whether this engine can speak it, in its usual voice."""
        return self.language in info.languages_of(None) and self._can_be_copied(info)

    def is_spoken(self, catalogue: Catalogue) -> bool:
        """Whether one of these engines can speak it, in one of its voices."""
        return any(self.language in each.languages and self._can_be_copied(each) for each in catalogue.engines)

    def _can_be_copied(self, info: EngineInfo) -> bool:
        return self.prompt is None or "prompt_audio" in info.honours

    @property
    def utterance(self) -> Utterance:
        """What pressing it, and then Speak, asks for."""
        if self.prompt is None:
            return Utterance(self.words)
        return Utterance(self.words, prompt_audio=self.prompt.path, prompt_text=self.prompt.said)


RECORDINGS = (
    ExampleRecording(
        "Announcement",
        FOLDER / "announcement.mp3",
        "Good evening from the bridge. We leave in ten minutes. Hot tea is served on the upper deck.",
    ),
    ExampleRecording(
        "Message",
        FOLDER / "message.mp3",
        "This is the harbour office. Your parcel has come. Please fetch it before half past four, and bring the blue "
        "form.",
    ),
    ExampleRecording(
        "Letter",
        FOLDER / "letter.mp3",
        "Dear Anna. The boat is painted at last, and she is blue again. We took her out on Sunday, around the "
        "lighthouse and back, and nobody got wet. Your cousin steered. He says that the engine sings, but I think it "
        "was the wind. Come and hear it for yourself, before the summer is over.",
    ),
)
TEXTS = (
    ExampleText("Short", "en", "The ferry leaves at half past nine. It calls at two islands and is back before dark."),
    ExampleText(
        "Numbers",
        "en",
        "Dr. Okafor paid $1,249.50 on 3 May 2025 for 12 kg of tea. It came at 7:45 am, 20 minutes early, and weighed "
        "0.3 kg more than that.",
    ),
    ExampleText(
        "Dialogue",
        "en",
        "“Has the last train left?”\n\n“It has, a minute ago.”\n\n“Could we ask the driver of that bus?”\n\n“We could! "
        "But he is asleep, and so is the bus.”",
    ),
    ExampleText(
        "Long",
        "en",
        "The lamp went out, and the whole street with it. She counted the steps to the door. There were twelve, as "
        "there had always been. Then someone on the other side counted them back.\n\n“You are early,” said the voice. "
        "It was not a voice she knew; but it was kind, and a little out of breath, as if it had run to be here. “I "
        "only came for the clock,” she said. “It stopped on Tuesday, and the whole house has been late ever since.”"
        "\n\nSomething was put down on the other side of the door, gently, the way one puts down a sleeping cat. Then "
        "the key turned, twice. The hall was dark, and it smelled of oranges. On the third step sat the clock, and it "
        "was going.",
    ),
    ExampleText("中文", "zh", "清晨的雾还没有散。渡船已经响了两声汽笛。"),
    ExampleText(
        "Cloned voice", "en", "The tea is gone, and so is the bridge. But this is still my voice.", RECORDINGS[0]
    ),
)
SAMPLES = {
    "en": "Good morning. The ferry leaves at half past nine, and the sea is calm.",
    "zh": "早上好。渡船九点半出发，海面很平静。",
    "es": "Buenos días. El barco sale a las nueve y media, y el mar está en calma.",
    "fr": "Bonjour. Le bateau part à neuf heures et demie, et la mer est calme.",
    "it": "Buongiorno. Il traghetto parte alle nove e mezza, e il mare è calmo.",
    "pt": "Bom dia. A balsa sai às nove e meia, e o mar está calmo.",
    "ja": "おはようございます。船は九時半に出ます。海は穏やかです。",
}
"""What a voice says of itself, by its language; English for all others."""


def sample_of(catalogue: Catalogue, voice: Voice | None = None, engine: EngineInfo | None = None) -> Utterance:
    """What a voice of an engine says of itself, in its language; without them it is an engine's own."""
    language = voice.language.partition("-")[0] if voice else ""
    return Utterance(
        SAMPLES.get(language, SAMPLES["en"]), voice=catalogue.name_of(voice, engine) if voice and engine else None
    )
