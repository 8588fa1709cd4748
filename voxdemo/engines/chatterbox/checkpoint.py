"""Whether a folder holds Chatterbox, and its parts in memory, once that is sure.

The package loads its vocoder with whatever tensors there are, and would leave the others random. So everything is
compared before anything is loaded. How large its parts are is written in the package, not in the folder. Knows files
and the package's classes; nothing of text, speech or threads.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from voxdemo.model_support.process_wide import quiet
from voxdemo.model_support.torchaudio_stand_in import ensure_torchaudio
from voxdemo.model_support.weight_folder import ModuleFiles, WeightFolder

SETTING = "VOXDEMO_CHATTERBOX_MODEL"

WEIGHTS = {"t3": "t3_mtl23ls_v2.safetensors", "s3gen": "s3gen.safetensors", "ve": "ve.safetensors"}
"""The file of each part: the language model of codes, what makes sound of them, and what hears whose voice it is."""
TOKENIZER, OWN_VOICE = "grapheme_mtl_merged_expanded_v1.json", "conds.pt"
NEEDED = (*WEIGHTS.values(), TOKENIZER, OWN_VOICE)

CODES = 6561
"""Codes that stand for sound."""
SPEAKS_BEGINS, SPEAKS_ENDS = 6561, 6562
"""Codes before and behind them."""
TEXT_BEGINS, TEXT_ENDS = 255, 0
"""Tokens around a text."""
_WORKED_OUT = ("tokenizer._mel_filters", "tokenizer.window", ".num_batches_tracked")
"""How the names end of what a file may lack: tables that are the same everywhere, and counters of training."""
_HEARD = ("speaker_emb", "cond_prompt_speech_tokens", "emotion_adv")
_SOUND = ("prompt_token", "prompt_token_len", "prompt_feat", "embedding")
"""What a voice is for the language model, and for what makes sound."""
_CLASSES = {
    "t3": "chatterbox.models.t3.T3",
    "s3gen": "chatterbox.models.s3gen.S3Gen",
    "ve": "chatterbox.models.voice_encoder.VoiceEncoder",
}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the files say of the model; without paths where they are still to be downloaded."""

    folder: WeightFolder
    parameters: int
    """Numbers in its weights."""

    @property
    def files(self) -> list[Path]:
        """All that decides how it speaks."""
        return [self.folder.path / name for name in NEEDED]


PUBLISHED = Checkpoint(WeightFolder(Path(), SETTING), 802_000_000)
"""About; known before a download."""


def read(folder: Path) -> Checkpoint:
    """The checkpoint in a folder, by the outsides of its files; takes no time.

    Raises WeightsError, which names the folder, for one that isn't whole.
    """
    within = WeightFolder(folder, SETTING)
    within.check_is_folder()
    for name in NEEDED:
        within.check_own(within.one_of([name]))
    return Checkpoint(within, sum(within.count(folder / name) for name in WEIGHTS.values()))


def check(checkpoint: Checkpoint) -> None:
    """See that the files hold all parts, whole: every tensor in its shape, and a tokenizer that works.

    Takes seconds, most of them for imports. Raises WeightsError.
    """
    for part in WEIGHTS:
        checkpoint.folder.check_module(_empty(part), _files(checkpoint.folder, part))
    tokenizer(checkpoint)
    own_voice(checkpoint, "cpu")


def model(checkpoint: Checkpoint, device: str) -> Any:
    """The package's ChatterboxMultilingualTTS without a tokenizer, ready to be asked. Raises WeightsError."""
    parts = {part: _loaded(checkpoint.folder, part).to(device) for part in WEIGHTS}
    conditionals = own_voice(checkpoint, device)
    return import_module("chatterbox.mtl_tts").ChatterboxMultilingualTTS(
        **parts, tokenizer=None, device=device, conds=conditionals
    )


def tokenizer(checkpoint: Checkpoint) -> Any:
    """What makes tokens of a text, a tokenizers.Tokenizer. Raises WeightsError."""
    known = import_module("chatterbox.models.t3.modules.t3_config").T3Config.multilingual().text_tokens_dict_size

    def suits(made: Any, _: Sequence[int]) -> bool:
        marks = [made.token_to_id(mark) for mark in ("[START]", "[STOP]")]
        return None not in marks and made.get_vocab_size() <= known

    return checkpoint.folder.tokenizer(TOKENIZER, "[en]a[SPACE]b.", suits)


def own_voice(checkpoint: Checkpoint, device: str) -> Any:
    """The voice that it speaks in without a recording, the package's Conditionals. Raises WeightsError."""
    folder = checkpoint.folder
    content = folder.pickled(folder.path / OWN_VOICE)
    if not _is_voice(content):
        raise folder.mistrust(f"has a {OWN_VOICE} that doesn't hold a voice of Chatterbox")
    tts = import_module("chatterbox.mtl_tts")
    heard = {name: content["t3"][name] for name in _HEARD}
    sound = {name: content["gen"][name] for name in _SOUND} | {"prompt_feat_len": None}
    return tts.Conditionals(tts.T3Cond(**heard), sound).to(device)


def _is_voice(content: Any) -> bool:
    """Whether a voice has all that both parts look at, as the encoders of the package make it."""
    try:
        heard, sound = [content["t3"][name] for name in _HEARD], [content["gen"][name] for name in _SOUND]
        speaker, spoken, emotion = (tuple(each.shape) for each in heard)
        token, length, frames, speaker_again = (tuple(each.shape) for each in sound)
        wanted = ((1, 256), (1, 1, 1), (1,), (1, 192), (1, spoken[1]), (1, token[1]), (1, frames[1], 80))
        is_right = (speaker, emotion, length, speaker_again, spoken, token, frames) == wanted
        is_right = is_right and int(sound[1]) == token[1] and abs(frames[1] - 2 * token[1]) <= 1
        return is_right and all(_are_codes(each) for each in (heard[1], sound[0]))
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RuntimeError):
        return False


def _are_codes(tensor: Any) -> bool:
    return not tensor.is_floating_point() and int(tensor.min()) >= 0 and int(tensor.max()) < CODES


def _empty(part: str) -> Any:
    """A part without weights: its tensors are on the "meta" device."""
    with _importable(), import_module("torch").device("meta"):
        return _new(part)


def _loaded(folder: WeightFolder, part: str) -> Any:
    """A part with its weights, on the processor."""
    if part == "t3":  # nearly all there is, so that it isn't made twice
        made = _empty(part)
        made.tfmr.rotary_emb = type(made.tfmr.rotary_emb)(config=made.cfg)  # tables, which no file has
    else:
        with _importable():
            made = _new(part)
    return folder.fill(made, _files(folder, part), "cpu")


def _files(folder: WeightFolder, part: str) -> ModuleFiles:
    name = WEIGHTS[part]
    return ModuleFiles([folder.path / name], _WORKED_OUT, f"Chatterbox, in {name},")


def _new(part: str) -> Any:
    module, _, name = _CLASSES[part].rpartition(".")
    made = getattr(import_module(module), name)
    if part == "t3":
        return made(import_module("chatterbox.models.t3.modules.t3_config").T3Config.multilingual())
    return made()


@contextmanager
def _importable() -> Iterator[None]:
    """The package prints what it is at, and one of its tables can be made on a processor only."""
    ensure_torchaudio()
    with quiet():
        module = vars(import_module("chatterbox.models.s3tokenizer.s3tokenizer"))
        if not isinstance(module["_fb"], partial):
            module["_fb"] = partial(_on_processor, module["_fb"])
        yield


def _on_processor(function: Callable[..., Any], **options: Any) -> Any:
    with import_module("torch").device("cpu"):
        return function(**options)
