"""A language model's server: every way in which one answers, against a real one on this machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

import pytest
from chatting import ANSWER, KEY, SECRET, Chat, chatting
from fakes import until
from serving import free_port

from voxdemo.conversation.language_model import MOST_CHARS, LanguageModel, Message
from voxdemo.errors import ChatError, NotReadyError, VoxdemoError

Make = Callable[..., LanguageModel]


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Chat, str]]:
    with chatting() as started:
        yield started


@pytest.fixture
async def model(running: tuple[Chat, str]) -> AsyncGenerator[Make, None]:
    made: list[LanguageModel] = []

    def make(url: str = running[1], **options: object) -> LanguageModel:
        made.append(LanguageModel(url, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def answered(model: LanguageModel, said: str) -> str:
    async with aclosing(model.answer([Message("system", "Be brief."), Message("user", said)])) as pieces:
        return "".join([piece async for piece in pieces])


@pytest.mark.parametrize("said", ["Is Dr. Smith in?", "thinks", "without the end", "without a mark"])
async def test_an_answer_comes_as_it_is_written_without_what_was_thought(model: Make, said: str) -> None:
    assert await answered(model(), said) == ANSWER


async def test_it_is_asked_as_the_settings_say(model: Make, running: tuple[Chat, str]) -> None:
    chat, _ = running
    await answered(model(key=KEY), "Who?")
    assert chat.asked[-1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?"},
    ]
    assert (chat.asked[-1]["model"], chat.asked[-1]["stream"], chat.keys[-1]) == ("parrot", True, f"Bearer {KEY}")
    await answered(model(model="owl"), "Who?")
    assert (chat.asked[-1]["model"], chat.keys[-1]) == ("owl", None)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("401", "chat_refused"),
        ("404", "chat_refused"),
        ("429", "not_ready"),
        ("500", "chat_failed"),
        ("fault", "chat_failed"),
        ("html", "chat_broke_off"),
        ("nothing", "chat_broke_off"),
        ("says nothing", "chat_said_nothing"),
        ("json", "chat_odd_answer"),
        ("list", "chat_odd_answer"),
        ("no-json", "chat_odd_answer"),
        ("dies", "chat_broke_off"),
        ("stalls", "chat_silent"),
    ],
)
async def test_what_goes_wrong_is_told_in_our_words(model: Make, said: str, code: str) -> None:
    with pytest.raises((ChatError, NotReadyError)) as failed:
        await answered(model(quiet_s=0.3 if said == "stalls" else 20), said)
    assert failed.value.code == code
    assert not any(word in str(failed.value) for word in (SECRET, "/its/path", "127.0.0.1"))


async def test_a_server_that_is_away_and_one_that_never_ends(model: Make) -> None:
    with pytest.raises(VoxdemoError) as failed:
        await answered(model(f"http://127.0.0.1:{free_port()}/v1"), "Anybody?")
    assert failed.value.code == "chat_unreachable"
    assert await answered(model(), f"say: {'word ' * MOST_CHARS}") == ("word " * MOST_CHARS)[:MOST_CHARS]


async def test_who_stops_listening_hangs_up(model: Make, running: tuple[Chat, str]) -> None:
    chat, _ = running
    before = chat.hung_up
    async with aclosing(model().answer([Message("user", "waits")])) as pieces:
        assert await anext(pieces)
    await until(lambda: chat.hung_up == before + 1)
