from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from fakes import LISTENER
from openai.types.audio import SpeechModel
from openai.types.audio_model import AudioModel

from voxdemo.engines.builtin.engine import BuiltinEngine
from voxdemo.engines.kokoro.engine import KokoroEngine
from voxdemo.errors import InputError
from voxdemo.intake.catalogue import Catalogue
from voxdemo.speech import ELSEWHERE
from voxdemo.web.v1.bodies import SpeechBody, options_of
from voxdemo.web.v1.catalogue import check_recognizer, engine_called, voice_of
from voxdemo.web.v1.jobs.orders import JobBody, order_of

BOTH = Catalogue((BuiltinEngine.INFO, KokoroEngine.INFO))
KOKORO = Catalogue((KokoroEngine.INFO,))
BUILTIN = Catalogue((BuiltinEngine.INFO,))
ELSEWHERE = replace(KokoroEngine.INFO, name="koko", title="koko", device=ELSEWHERE)
NAMED_ALIKE = Catalogue((KokoroEngine.INFO, ELSEWHERE))


@pytest.mark.parametrize(
    ("asked", "model", "offered", "meant"),
    [
        ("alloy", "tts-1", BOTH, "heart"),
        ("alloy", "kokoro", BOTH, "af_alloy"),
        ("nova", "tts-1", BOTH, "af_nova"),
        ("nova", "builtin", BOTH, "heart"),
        ("Fable", "tts-1-hd", KOKORO, "bm_fable"),
        ("marin", "tts-1", KOKORO, "af_sarah"),
        ("nova", "tts-1", BUILTIN, None),
        ("EF_Dora", "tts-1", BOTH, "ef_dora"),
        ("nobody", "tts-1", BOTH, "nobody"),
        ("af_heart", "koko", NAMED_ALIKE, "koko/af_heart"),
        ("AF_Heart", "koko", NAMED_ALIKE, "koko/af_heart"),
        ("Dora", "koko", NAMED_ALIKE, "koko/ef_dora"),
        ("koko/ef_dora", "koko", NAMED_ALIKE, "koko/ef_dora"),
        ("nova", "koko", NAMED_ALIKE, "koko/af_nova"),
        ("af_heart", "kokoro", NAMED_ALIKE, "af_heart"),
        ("af_heart", "tts-1", NAMED_ALIKE, "af_heart"),
        ("koko/af_heart", "tts-1", NAMED_ALIKE, "koko/af_heart"),
        ("heart", "kokoro", BOTH, "heart"),
    ],
)
def test_a_name_means_the_voice_of_the_model_that_is_asked_for_and_one_of_openai_s_a_fixed_one(
    asked: str, model: str, offered: Catalogue, meant: str | None
) -> None:
    assert voice_of(asked, engine_called(model, offered), offered) == meant


@pytest.mark.parametrize(
    ("asked", "meant", "engine"),
    [
        (
            {"inputs": ["El tren sale a las ocho de la mañana.", "La puerta está abierta esta noche."]},
            "ef_dora",
            "kokoro",
        ),
        ({"input": "こんにちは、世界。"}, "jf_alpha", "kokoro"),
        ({"inputs": ["El tren sale a las ocho.", "The train leaves at eight."]}, None, "builtin"),
        ({"input": "The train leaves at eight."}, None, "builtin"),
        ({"input": "El tren sale a las ocho de la mañana.", "voice": "heart"}, "heart", "builtin"),
        ({"input": "The train leaves at eight.", "voice": "kokoro/af_heart"}, "af_heart", "kokoro"),
    ],
)
def test_a_job_is_reckoned_by_the_engine_of_the_voice_that_speaks_its_texts(
    asked: dict[str, Any], meant: str | None, engine: str
) -> None:
    order = order_of(JobBody(**asked), BOTH, None, own=(), caller="", reader=None, idempotency_key=None, digest="")
    assert (order.options.voice, BOTH.engine_of(order.options).name) == (meant, engine)
    spoken = [BOTH.resolved(order.options.saying(text)) for text in order.texts]
    assert meant is None or {info.name for _, info in spoken} == {engine}


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("heart", "builtin/heart"),
        ("HEART", "builtin/heart"),
        ("af_heart", "kokoro/af_heart"),
        ("Kokoro/EF_Dora", "kokoro/ef_dora"),
        ("dora", "kokoro/ef_dora"),
    ],
)
def test_a_voice_is_found_by_its_name_its_id_and_its_title(name: str, id: str) -> None:
    found = BOTH.named(name)
    assert found
    assert f"{found[1].name}/{found[0].name}" == id


@pytest.mark.parametrize(("told", "meant"), [({}, "koko/af_heart"), ({"language": "es"}, "koko/ef_dora")])
def test_a_model_without_a_voice_means_one_of_its_own(told: dict[str, str], meant: str) -> None:
    asked = SpeechBody.model_validate({"input": "Hi.", "model": "koko", **told})
    assert options_of(asked, None, NAMED_ALIKE).voice == meant


NEWER = ("tts-2", "tts-2-hd-0131", "gpt-5-tts", "GPT-5.5-mini-tts-2027-01-31", "gpt-tts")
HEARD = (
    "gpt-live-transcribe",
    "gpt-realtime-whisper",
    "gpt-realtime-mini-whisper-2027-01-31",
    "whisper-2",
    "gpt-5-transcribe",
    "gpt-5.5-mini-transcribe-2027-01-31",
    "gpt-6-transcribe-diarize",
)


@pytest.mark.parametrize("asked", [*get_args(SpeechModel), *NEWER])
def test_every_name_of_openai_s_for_a_voice_s_model_leaves_the_model_to_the_voice(asked: str) -> None:
    assert engine_called(asked, BOTH) is None


@pytest.mark.parametrize("asked", [*get_args(AudioModel), *HEARD])
def test_every_name_of_openai_s_for_a_recogniser_means_the_one_that_is_here(asked: str) -> None:
    check_recognizer(asked, LISTENER)


@pytest.mark.parametrize("asked", ["gpt-realtime", "gpt-whisper-like", "whisper", "tts-1", "whisper-1; drop"])
def test_another_name_of_a_recogniser_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match="choose fake-recogniser"):
        check_recognizer(asked, LISTENER)


@pytest.mark.parametrize(
    "asked", ["", "gpt-5", "tts", "tts-one", "my-tts-1", "whisper-1", "gpt-realtime", "tts-1; drop"]
)
def test_another_name_is_refused(asked: str) -> None:
    with pytest.raises(InputError, match="choose built-in-voice or kokoro-82m"):
        engine_called(asked, BOTH)
