import logging
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sensevoice_checkpoint
import soundfile
import torch
import yaml
from sensevoice_checkpoint import sensevoice
from serving import ROOT
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from voxdemo.audio import voice_activity
from voxdemo.errors import InputError, ModelDiedError, WeightsError
from voxdemo.recognizers import sensevoice_text, sensevoice_weights
from voxdemo.recognizers.sensevoice import SenseVoiceRecognizer, info_for

pytestmark = [
    pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning"),  # pydub, which funasr imports
    pytest.mark.filterwarnings("ignore:invalid escape sequence:DeprecationWarning"),  # packages when first compiled
    pytest.mark.filterwarnings("ignore:invalid escape sequence:SyntaxWarning"),
]

RATE = 16_000
KOREAN = "<|ko|><|HAPPY|><|Speech|><|withitn|>안녕 하세요."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sensevoice(tmp_path_factory.mktemp("sensevoice"))


@pytest.fixture(scope="module")
def recognizer(folder):
    recognizer = SenseVoiceRecognizer(folder, "cpu")
    yield recognizer
    recognizer.close()


@pytest.fixture(scope="module")
def korean(tmp_path_factory):
    recognizer = SenseVoiceRecognizer(sensevoice(tmp_path_factory.mktemp("korean"), hears=KOREAN), "cpu")
    yield recognizer
    recognizer.close()


@pytest.fixture(scope="module")
def speech():
    samples, rate = soundfile.read(ROOT / "assets" / "warm-up.flac", dtype="float32")
    assert rate == RATE
    return samples


@pytest.fixture(scope="module")
def long_speech(speech):
    return repeated(speech, seconds=65)


def repeated(speech, seconds, pause_s=0.5):
    once = np.concatenate([speech, np.zeros(int(pause_s * RATE), np.float32)])
    return np.tile(once, int(seconds * RATE / len(once)) + 1)


def last(transcripts):
    return list(transcripts)[-1]


# -- listening


def test_a_recording_becomes_clean_text(recognizer, speech):
    transcript = last(recognizer.transcribe(speech, RATE))
    assert any(character.isalnum() for character in transcript.text)
    assert not set(transcript.text) & set("<|>⁇")
    assert transcript.language in (*sensevoice_text.LANGUAGES, None)
    assert transcript.emotion in (*sensevoice_text.EMOTIONS, None)
    assert transcript.duration_s == len(speech) / RATE


@pytest.mark.long
def test_it_hears_what_funasr_hears(folder, recognizer, speech, monkeypatch):
    from funasr import AutoModel

    monkeypatch.setattr(logging, "warning", lambda *_: None)  # it warns of nothing
    upstream = AutoModel(
        model=str(folder),
        device="cpu",
        disable_update=True,
        disable_pbar=True,
        frontend_conf={"dither": 0.0},
        ncpu=torch.get_num_threads(),
    )
    (span,) = voice_activity.parts(speech)
    (result,) = upstream.generate(input=speech[span.start : span.end].copy(), language="auto", use_itn=True)
    assert last(recognizer.transcribe(speech, RATE)).text == sensevoice_text.read(result["text"]).text


def test_the_same_recording_reads_the_same_again(recognizer, speech):
    assert last(recognizer.transcribe(speech, RATE)) == last(recognizer.transcribe(speech, RATE))


def test_language_and_mood_are_told_apart_from_the_text(korean, speech):
    transcript = last(korean.transcribe(speech, RATE))
    assert (transcript.text, transcript.language, transcript.emotion) == ("안녕 하세요.", "ko", "happy")
    assert [segment.emotion for segment in transcript.segments] == ["happy"]


def test_a_segment_lasts_from_the_first_word_to_the_last(korean, speech):
    silence = np.zeros(3 * RATE, np.float32)
    (segment,) = last(korean.transcribe(np.concatenate([silence, speech, silence]), RATE)).segments
    assert 2.5 < segment.start_s < 3.5
    assert segment.end_s == pytest.approx(3 + len(speech) / RATE, abs=0.5)


def test_a_long_recording_grows_in_parts_that_follow_each_other(korean, long_speech):
    grown = list(korean.transcribe(long_speech, RATE))
    assert [len(transcript.segments) for transcript in grown] == list(range(1, len(grown) + 1))
    assert len(grown) >= 4
    times = [time for segment in grown[-1].segments for time in (segment.start_s, segment.end_s)]
    assert times == sorted(times)
    assert 0 <= times[0] < times[-1] <= grown[-1].duration_s == len(long_speech) / RATE
    assert all(segment.end_s - segment.start_s <= voice_activity.PART_S for segment in grown[-1].segments)
    assert grown[-1].text == " ".join(["안녕 하세요."] * len(grown))


def test_whoever_leaves_after_the_first_part_stops_the_work(korean, long_speech):
    listened = []
    with hooked(register_module_forward_hook, lambda *_: listened.append(1)):
        transcripts = korean.transcribe(long_speech, RATE)
        next(transcripts)
        transcripts.close()
    assert len(listened) == 1


@contextmanager
def hooked(register, hook):
    """Calls `hook` whenever an encoder of SenseVoice is used."""
    handle = register(lambda module, *_: hook() if type(module).__name__ == "SenseVoiceEncoderSmall" else None)
    yield
    handle.remove()


@pytest.mark.parametrize("loudness", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("seconds", [10, 40])
def test_silence_and_noise_are_no_words_in_no_language(korean, loudness, seconds):
    noise = np.random.default_rng(0).uniform(-1, 1, seconds * RATE).astype(np.float32) * np.float32(loudness)
    (transcript,) = korean.transcribe(noise, RATE)
    assert (transcript.text, transcript.language, transcript.emotion, transcript.segments) == ("", None, None, ())
    assert transcript.duration_s == seconds


def test_speech_that_it_calls_none_is_no_words_in_no_language(tmp_path, speech):
    hears = "<|nospeech|><|EMO_UNKNOWN|><|BGM|><|withitn|>The."
    recognizer = SenseVoiceRecognizer(sensevoice(tmp_path / "none", hears=hears), "cpu")
    (transcript,) = recognizer.transcribe(speech, RATE)
    assert (transcript.text, transcript.language, transcript.segments) == ("", None, ())


@pytest.mark.parametrize("language", sensevoice_text.LANGUAGES)
def test_a_named_language_is_taken(recognizer, speech, language):
    assert last(recognizer.transcribe(speech, RATE, language)).language == language


def test_the_model_is_told_the_named_language(recognizer, speech):
    heard = {language: last(recognizer.transcribe(speech, RATE, language)).text for language in ("zh", "ko")}
    assert heard["zh"] != heard["ko"]


def test_an_unknown_language_is_refused(recognizer):
    with pytest.raises(InputError, match="language"):
        recognizer.transcribe(np.zeros(RATE, np.float32), RATE, "fr")


def test_samples_of_another_kind_are_a_programming_error(recognizer, odd_samples):
    with pytest.raises(ValueError, match=r"samples|float32"):
        recognizer.transcribe(odd_samples, RATE)


def test_another_rate_is_a_programming_error(recognizer):
    with pytest.raises(ValueError, match="16000 Hz"):
        recognizer.transcribe(np.zeros(RATE, np.float32), 24_000)


@pytest.mark.parametrize("length", [400, 401, 511, 512, 513])
def test_the_shortest_recordings_do_no_harm(korean, speech, length):
    assert last(korean.transcribe(speech[RATE : RATE + length], RATE)).duration_s == length / RATE


def test_a_recording_that_may_not_be_written_to_is_read(korean, speech):
    kept = speech.copy()
    kept.flags.writeable = False
    assert last(korean.transcribe(kept, RATE)).text


def test_running_out_of_memory_ends_the_model_with_a_sentence(korean, speech):
    def take_too_much(*_):
        torch.empty(2**60, dtype=torch.uint8)

    with (
        hooked(register_module_forward_pre_hook, take_too_much),
        pytest.raises(ModelDiedError, match="ran out of memory and is reloading") as caught,
    ):
        last(korean.transcribe(speech, RATE))
    assert caught.value.what == "ran out of memory"


def test_what_it_is_can_be_said_before_it_is_loaded(recognizer):
    info = info_for("cpu")
    assert replace(recognizer.info, weights="") == info
    assert len(recognizer.info.weights) == 64
    assert (info.name, info.title, info.device, info.precision) == ("sensevoice", "SenseVoice", "cpu", "float32")
    assert info.languages == ("zh", "en", "yue", "ja", "ko")
    assert info.sample_rate == RATE


# -- cutting


def test_half_a_minute_is_heard_as_a_whole(speech):
    assert len(voice_activity.parts(repeated(speech, 20)[: 30 * RATE])) == 1


def test_speech_without_a_pause_is_cut_all_the_same(speech):
    breathless = np.tile(speech[int(0.5 * RATE) : int(1.5 * RATE)], 70)
    spans = voice_activity.parts(breathless)
    assert max(span.end - span.start for span in spans) <= voice_activity.PART_S * RATE
    assert sum(span.end - span.start for span in spans) > 0.8 * len(breathless)


def test_a_long_pause_is_left_out(speech):
    first, second = voice_activity.parts(np.concatenate([speech, np.zeros(5 * RATE, np.float32), speech]))
    assert second.start - first.end > 4 * RATE


# -- reading what it writes


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("<|zh|><|NEUTRAL|><|Speech|><|withitn|>欢迎大家来体验。", ("欢迎大家来体验。", "zh", "neutral")),
        ("<|en|><|HAPPY|><|Laughter|><|withitn|>It's 20 °C, really.", ("It's 20 °C, really.", "en", "happy")),
        ("<|yue|><|EMO_UNKNOWN|><|Speech|><|woitn|>呢 几 个 字", ("呢几个字", "yue", None)),
        (
            "<|ja|><|SURPRISED|><|BGM|><|withitn|>うちの 中学は 弁当制で。",
            ("うちの中学は弁当制で。", "ja", "surprised"),
        ),
        ("<|ko|><|SAD|><|Speech|><|withitn|>조 금만 생각을.", ("조 금만 생각을.", "ko", "sad")),
        (
            "<|zh|><|ANGRY|><|Speech|><|withitn|>我用 iPhone 拍照 。 你 呢？",
            ("我用 iPhone 拍照。你呢？", "zh", "angry"),
        ),
        ("<|en|><|FEARFUL|><|Speech|><|withitn|>One.<|BGM|> <|/BGM|>Two.", ("One. Two.", "en", "fearful")),
        ("<|en|><|DISGUSTED|><|Speech|><|withitn|>Ugh ⁇ no.", ("Ugh no.", "en", "disgusted")),
        ("<|fr|><|NEUTRAL|><|Speech|><|withitn|>Bonjour.", ("Bonjour.", None, "neutral")),
        ("<|nospeech|><|EMO_UNKNOWN|><|Event_UNK|><|withitn|>", ("", None, None)),
        ("<|nospeech|><|NEUTRAL|><|BGM|><|withitn|>yeah", ("", None, None)),
        ("<|en|><|EMO_UNKNOWN|><|Speech|><|withitn|>The.", ("", None, None)),
        ("<|zh|><|NEUTRAL|><|Speech|><|withitn|>。", ("", None, None)),
        ("", ("", None, None)),
    ],
)
def test_tags_become_values_and_leave_clean_text(written, heard):
    read = sensevoice_text.read(written)
    assert (read.text, read.language, read.emotion) == heard


def test_parts_are_joined_as_their_script_is_written():
    assert sensevoice_text.tidy("你好。 世界。 Hello. World. 안녕. 네.") == "你好。世界。Hello. World. 안녕. 네."


# -- trusting a folder


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def assert_refused(folder, because):
    with pytest.raises(WeightsError, match=because) as caught:
        SenseVoiceRecognizer(folder, "cpu")
    assert "./launch.sh fetch-models" in caught.value.sentence
    assert "VOXDEMO_SENSEVOICE_MODEL" in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert str(folder) not in caught.value.public


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    assert_refused(tmp_path / "nowhere", "isn't a folder")


def test_the_files_it_wants_are_those_of_the_published_model():
    assert set(sensevoice_weights.FILES) == set(sensevoice_checkpoint.FILES)


@pytest.mark.parametrize("name", sensevoice_checkpoint.FILES)
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    assert_refused(copy, f"lacks {name}")


@pytest.mark.parametrize("name", sensevoice_checkpoint.FILES)
def test_an_empty_file_is_named(copy, name):
    (copy / name).write_bytes(b"")
    assert_refused(copy, f"{name} that (is cut short or damaged|can't be read)")


@pytest.mark.parametrize("name", sensevoice_checkpoint.FILES)
def test_a_git_lfs_pointer_is_named(copy, name):
    (copy / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert_refused(copy, f"{name} that only points to the file")


def test_weights_that_are_cut_off_are_refused_before_anything_is_imported(copy):
    content = (copy / "model.pt").read_bytes()
    (copy / "model.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"model\.pt that is cut short or damaged"):
        sensevoice_weights.read(copy)


def test_weights_that_are_something_else_are_refused(copy):
    (copy / "model.pt").write_text("<html>Not found</html>")
    assert_refused(copy, r"model\.pt that is cut short or damaged")


def test_weights_that_hold_something_else_are_refused(copy):
    torch.save(["a", "list"], copy / "model.pt")
    assert_refused(copy, r"model\.pt that is cut short or damaged")


def change_weights(folder, change):
    tensors = torch.load(folder / "model.pt", weights_only=True)
    change(tensors)
    torch.save(tensors, folder / "model.pt")


def test_a_missing_tensor_is_named(copy):
    change_weights(copy, lambda tensors: tensors.pop("ctc.ctc_lo.weight"))
    assert_refused(copy, r"lacks ctc\.ctc_lo\.weight among its weights")


def test_a_tensor_of_another_shape_is_named(copy):
    change_weights(copy, lambda tensors: tensors.update({"embed.weight": torch.zeros(3, 3)}))
    assert_refused(copy, r"has embed\.weight in shape 3 x 3, but config\.yaml makes it")


def test_a_configuration_for_another_size_is_refused(copy):
    sensevoice(copy.parent / "other", output_size=16)
    shutil.copy(copy.parent / "other" / "config.yaml", copy)
    assert_refused(copy, "but config.yaml makes it")


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"model": "Paraformer"}, "another model"),
        ({"encoder": "NoSuchEncoder"}, "config.yaml that SenseVoice can't be made from"),
        ({"encoder_conf": {"output_size": "wide"}}, "config.yaml that SenseVoice can't be made from"),
        ({"frontend_conf": None}, "config.yaml in which frontend_conf is missing"),
        ({"model_conf": 1}, "config.yaml in which model_conf is '1'"),
    ],
)
def test_a_configuration_of_something_else_is_refused(copy, change, because):
    config = yaml.safe_load((copy / "config.yaml").read_text())
    (copy / "config.yaml").write_text(yaml.safe_dump({**config, **change}))
    assert_refused(copy, because)


@pytest.mark.parametrize("content", ["{", "just words", "\x00"])
def test_a_configuration_that_is_none_is_refused(copy, content):
    (copy / "config.yaml").write_text(content)
    assert_refused(copy, "config.yaml")


@pytest.mark.parametrize("name", ["am.mvn", sensevoice_checkpoint.TOKENIZER])
def test_a_damaged_small_file_is_named(copy, name):
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    assert_refused(copy, f"{name} that is cut short or damaged")


def test_weights_that_a_trainer_wrapped_are_found(copy, recognizer, speech):
    change_weights(
        copy,
        lambda tensors: [tensors.__setitem__(f"module.{name}", tensors.pop(name)) for name in list(tensors)],
    )
    torch.save({"state_dict": torch.load(copy / "model.pt", weights_only=True)}, copy / "model.pt")
    wrapped = SenseVoiceRecognizer(copy, "cpu")
    assert last(wrapped.transcribe(speech, RATE)) == last(recognizer.transcribe(speech, RATE))


def test_tensors_can_be_checked_without_loading_them(copy):
    sensevoice_weights.check(sensevoice_weights.read(copy))
    change_weights(copy, lambda tensors: tensors.pop("embed.weight"))
    with pytest.raises(WeightsError, match=r"lacks embed\.weight among its weights"):
        sensevoice_weights.check(sensevoice_weights.read(copy))


def test_loading_leaves_seeds_and_threads_alone(folder):
    torch.manual_seed(7)
    expected = torch.rand(3)
    threads = torch.get_num_threads()
    torch.manual_seed(7)
    SenseVoiceRecognizer(folder, "cpu").close()
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


# -- in a process of its own

LISTEN = """
import sys, socket
sys.path.insert(0, sys.argv[2])  # where torchaudio is one that can't be loaded
def refuse(*_, **__): raise AssertionError("went to the network")
socket.socket.connect = socket.getaddrinfo = refuse
from pathlib import Path
import soundfile
from voxdemo.recognizers.sensevoice import SenseVoiceRecognizer
assert "torch" not in sys.modules and "funasr" not in sys.modules, "imported too early"
samples, rate = soundfile.read("assets/warm-up.flac", dtype="float32")
sys.modules["rapidfuzz"] = None  # as if it weren't installed
try:
    SenseVoiceRecognizer(Path(sys.argv[1]), "cpu")
except Exception as error:
    sys.stderr.write(f"{type(error).__name__}: {error}\\n")
del sys.modules["rapidfuzz"]
recognizer = SenseVoiceRecognizer(Path(sys.argv[1]), "cpu")
sys.stderr.write("heard: " + list(recognizer.transcribe(samples, rate))[-1].text)
"""


@pytest.mark.long
def test_a_missing_package_is_named_and_without_torchaudio_or_network_it_listens_with_clean_standard_output(
    folder, tmp_path, recognizer, speech
):
    (tmp_path / "torchaudio").mkdir()
    (tmp_path / "torchaudio" / "__init__.py").write_text("raise OSError('undefined symbol')")
    ended = subprocess.run(
        [sys.executable, "-c", LISTEN, folder, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "WeightsError: SenseVoice can't run because a package it needs isn't installed" in ended.stderr
    assert "rapidfuzz" in ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.endswith("heard: " + last(recognizer.transcribe(speech, RATE)).text)
