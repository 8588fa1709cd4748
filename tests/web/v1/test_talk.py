"""Talking to a language model: what is written is spoken sentence by sentence, and nothing of it is kept."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncGenerator, Callable
from itertools import groupby
from typing import Any

import httpx
import numpy as np
import pytest
from chatting import ANSWER, SECRET, Chat
from programs import WARM_UP, events_of
from serving import Server, eventually
from transcribing import opened, turn_of

from voxdemo.conversation.sentences import GrowingSentences
from voxdemo.web.v1.talk import Answer

SENTENCES = ["Certainly.", "Dr. Smith is in at 5 p.m. today!", "Shall I ask him?"]


def asked(said: str, *before: str, **more: Any) -> dict[str, Any]:
    """A request to answer this, after what both have said `before`, in turn."""
    roles = ["user", "assistant"] * len(before)
    told = [{"role": role, "content": content} for role, content in zip(roles, before, strict=False)]
    return {"messages": [*told, {"role": "user", "content": said}], **more}


def talk(server: Server, said: str, *before: str, **more: Any) -> list[dict[str, Any]]:
    answer = server.http.post("/v1/talk", json=asked(said, *before, **more))
    assert answer.status_code == 200, answer.text
    return events_of(answer)


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["text"] for event in events if event["type"] == "talk.text")


def sounds_of(events: list[dict[str, Any]]) -> dict[str, bytes]:
    """The pcm of each sentence."""
    sounds: dict[str, bytes] = {}
    for event in events:
        if event["type"] == "talk.sentence":
            sounds[event["text"]] = b""
        elif event["type"] == "speech.audio.delta":
            sounds[next(reversed(sounds))] += base64.b64decode(event["audio"])
    return sounds


def test_an_answer_is_written_and_spoken_sentence_by_sentence(talking: Server, chat: Chat) -> None:
    events = talk(talking, "Is he in?", "Hello.", "Hello, how can I help?")
    assert [message["content"] for message in chat.asked[-1]["messages"]] == [
        "Hello.",
        "Hello, how can I help?",
        "Is he in?",
    ]
    assert text_of(events) == ANSWER
    sounds = sounds_of(events)
    assert list(sounds) == SENTENCES
    for sentence, sound in sounds.items():  # the fake voice says a word in a tenth of a second, at a rate of 24 kHz
        samples = np.frombuffer(sound, "<i2")
        assert len(samples) > 0.08 * 24_000 * len(sentence.split()), sentence
        assert np.abs(samples).max() > 3000
    kinds = [kind for kind, _ in groupby(event["type"] for event in events if event["type"] != "talk.text")]
    assert kinds[-1] == "talk.done"
    assert kinds.count("talk.sentence") == 3


@pytest.fixture
def new_sounds(talking: Server) -> Callable[[], set[str]]:
    """What sounds and recordings there are since the test began; from before there may be those of the page."""

    def there() -> set[str]:
        found = (f"{folder}/{name}" for folder, _, names in os.walk(talking.folder) for name in names)
        return {path for path in found if path.endswith(("/speech.wav", "/recording"))}

    before = there()
    return lambda: there() - before


def test_nothing_of_a_conversation_is_kept_and_equal_sentences_are_spoken_again(
    talking: Server, new_sounds: Callable[[], set[str]]
) -> None:
    before = len(talking.http.get("/stage").json()["started"])
    recording = base64.b64encode(WARM_UP.read_bytes()).decode()
    for _ in range(2):
        talk(talking, "say: A secret sentence.", prompt_audio=recording)
    assert len(talking.http.get("/stage").json()["started"]) == before + 2
    eventually(lambda: not new_sounds())
    assert "secret sentence" not in "".join(
        file.read_text(errors="replace") for file in talking.folder.rglob("*") if file.is_file()
    )


def test_what_has_no_words_is_shown_and_not_spoken(talking: Server) -> None:
    events = talk(talking, "say: Well done. \n🎉🎉\n")
    assert text_of(events) == "Well done. \n🎉🎉\n"
    assert list(sounds_of(events)) == ["Well done."]
    assert events[-1]["type"] == "talk.done"


def test_a_sentence_that_the_voice_cannot_say_is_passed_over(talking: Server) -> None:
    events = talk(talking, "say: Hello there. 你好，世界！ And good bye.")
    assert [sentence for sentence, sound in sounds_of(events).items() if sound] == ["Hello there.", "And good bye."]
    (unspoken,) = [event for event in events if event["type"] == "talk.unspoken"]
    assert (unspoken["text"], unspoken["error"]["code"]) == ("你好，世界！", "unsayable")
    assert events[-1]["type"] == "talk.done"


def test_what_was_written_before_the_language_model_broke_off_is_heard(talking: Server) -> None:
    events = talk(talking, "dies")
    sounds = sounds_of(events)
    assert list(sounds) == ["One.", "Two.", "Thr"]
    assert all(sounds.values())
    assert events[-1]["error"]["code"] == "chat_broke_off"


@pytest.mark.parametrize("said", ["401", "500", "html"])
def test_a_language_model_that_fails_is_told_in_our_words(talking: Server, said: str) -> None:
    events = talk(talking, said)
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["code"].startswith("chat_")
    assert SECRET not in json.dumps(events)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": []}, "messages"),
        ({}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Hello."}]}, "role user"),
        (asked("  "), "role user"),
        (asked("Well?", "word " * 20_001), "100000 characters"),
        ({"messages": [{"role": "cat", "content": "Meow."}]}, "'assistant'"),
        (asked("Hello.", voice="nobody-known", prompt_audio=None), "nobody-known"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(
    talking: Server, new_sounds: Callable[[], set[str]], body: dict[str, Any], words: str
) -> None:
    recording = base64.b64encode(WARM_UP.read_bytes()).decode()
    answer = talking.http.post("/v1/talk", json={"prompt_audio": recording, **body})
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]
    assert not new_sounds()


def test_half_a_surrogate_pair_becomes_a_question_mark(talking: Server, chat: Chat) -> None:
    body = b'{"messages": [{"role": "user", "content": "say: Fine. \\ud83d"}]}'
    events = events_of(talking.http.post("/v1/talk", content=body, headers={"Content-Type": "application/json"}))
    assert (text_of(events), events[-1]["type"]) == ("Fine. ?", "talk.done")
    assert chat.asked[-1]["messages"][-1]["content"] == "say: Fine. ?"


async def test_an_answer_that_can_not_be_cut_ends_all_the_same() -> None:
    class Uncut(GrowingSentences):
        def add(self, text: str) -> list[str]:
            raise ValueError(text)

        def rest(self) -> list[str]:
            raise ValueError

    async def written() -> AsyncGenerator[str, None]:
        yield "Hello."

    answer = Answer(written(), Uncut(), lambda _: pytest.fail("there is no sentence"))
    with pytest.raises(ValueError):  # noqa: PT011 - as it was raised
        async for _ in answer:
            pass
    await answer.leave()


def test_who_interrupts_stops_the_language_model_and_the_voice(
    talking: Server, chat: Chat, new_sounds: Callable[[], set[str]]
) -> None:
    hung_up = chat.hung_up
    talking.http.post("/stage/reset")
    with talking.http.stream("POST", "/v1/talk", json=asked("waits")) as answer:
        lines = answer.iter_lines()
        while "talk.sentence" not in next(lines):
            pass
    eventually(lambda: chat.hung_up == hung_up + 1)
    talking.http.post("/stage/open")
    eventually(lambda: talking.in_line() == 0)
    eventually(lambda: not new_sounds())
    assert "ERROR" not in talking.log


def test_ten_turns_leave_nothing_over(talking: Server, new_sounds: Callable[[], set[str]]) -> None:
    def left() -> tuple[int, ...]:
        tasks = talking.http.get("/stage").json()["tasks"]
        sessions = "voxdemo_live_sessions 0.0" not in talking.http.get("/metrics").text
        return tasks, int(sessions), talking.in_line(), len(new_sounds())

    turn(talking)  # what a first one begins stays, such as connections
    eventually(lambda: left()[1:] == (0, 0, 0))
    tasks, *_ = left()
    for number in range(10):
        turn(talking, stops=number % 3 == 0)
    eventually(lambda: left()[0] <= tasks and left()[1:] == (0, 0, 0))
    assert "ERROR" not in talking.log


def turn(server: Server, stops: bool = False) -> None:
    """Say something and hear the answer, or only its beginning."""
    with opened(server.url) as socket:
        question = turn_of(socket, bytes(48_000))
    with server.http.stream("POST", "/v1/talk", json=asked(question)) as answer:
        for line in answer.iter_lines():
            if stops and "talk.sentence" in line:
                break


def test_two_conversations_at_once_are_not_mixed(talking: Server) -> None:
    with httpx.Client(base_url=talking.url, timeout=60) as other:
        first = asked("say: I am the first. I am still the first.")
        second = asked("say: I am the second. I am still the second.")
        with (
            talking.http.stream("POST", "/v1/talk", json=first) as one,
            other.stream("POST", "/v1/talk", json=second) as two,
        ):
            texts = [text_of(events_in(answer)) for answer in (one, two)]
    assert texts == ["I am the first. I am still the first.", "I am the second. I am still the second."]


def events_in(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]


def test_a_server_without_a_language_model_says_so(fake_server: Server) -> None:
    answer = fake_server.http.post("/v1/talk", json=asked("Hello?"))
    assert answer.status_code == 404
    assert "VOXDEMO_CHAT_URL" in answer.json()["error"]["message"]
