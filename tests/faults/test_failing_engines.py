"""Engines that raise, panic, hang, die and break: one sentence for who asked, and the next one is served."""

from __future__ import annotations

from itertools import product

import pytest
from callers import Callers, all_within, callers
from rings import AT_NIGHT, first_of
from witness import StartWitness, Witness, eventually, new_text, tells_too_much

ROUNDS = 30 if AT_NIGHT else 1
MAY_BE_SERVED = ("fail-once", "die-once", "die-in-turn", "retake", "ran-on")


@pytest.fixture(scope="module")
def _hasty(start_witness: StartWitness) -> Witness:
    return start_witness(VOXDEMO_JOB_TIMEOUT_S=1)


@pytest.fixture
def hasty(_hasty: Witness) -> Witness:
    """A server that gives a part of a text one second."""
    _hasty.stage("reset")
    return _hasty


FAULTS = first_of(["raise"], ["panic", "die", "refuse"], ["fail-once", "die-once", "die-in-turn", "retake", "ran-on"])


@pytest.mark.parametrize("words", FAULTS, ids=" ".join)
async def test_who_asked_is_told_in_a_sentence_and_the_next_is_served(fake: Witness, words: list[str]) -> None:
    fake.stage("open")
    async with callers(fake.url) as people:
        for word, text in product(words, ROUNDS * ("{}", "well well. {} then. on and on.")):
            texts = (new_text("before"), new_text(text.format(word)), new_text("after"))
            calls = await all_within(60, *map(people.call, texts))
            assert calls[0].is_served
            assert is_in_words(calls[1].sentence, word), calls[1]
            assert calls[2].is_served


def is_in_words(sentence: str, word: str) -> bool:
    return (not sentence and word in MAY_BE_SERVED) or (sentence.endswith(".") and not tells_too_much(sentence))


async def test_a_line_full_of_faults_keeps_its_order(fake: Witness) -> None:
    words = ["raise", "fine", "panic", "good"]
    async with callers(fake.url) as people:
        calls = [await people.join(f"{word} {number}") for number, word in enumerate(words)]
        fake.stage("open")
        await all_within(60, *(people.listen(call) for call in calls))
    assert [call.is_served for call in calls] == [False, True, False, True]
    turns = [int(text.split()[1]) for text in fake.ask("GET", "/stage").json()["started"]]
    assert turns == sorted(turns)


@pytest.mark.long
async def test_an_engine_that_hangs_is_left_behind_and_another_one_takes_its_place(hasty: Witness) -> None:
    async with callers(hasty.url) as people:
        hanging = await people.join("hanging")
        next_one = await people.join("next")
        assert "longer than 1 s" in (await people.listen(hanging)).sentence
        eventually(lambda: is_turned_to(hasty, "next"), "another engine takes the next job")
        hasty.stage("open")
        assert (await people.listen(next_one)).is_served
    hasty.prove()


def is_turned_to(witness: Witness, text: str) -> bool:
    return text in witness.ask("GET", "/stage").json()["started"]


@pytest.mark.long
async def test_an_engine_that_stays_broken_is_said_to_be_and_the_server_stays_up(hasty: Witness) -> None:
    hasty.stage("open")
    async with callers(hasty.url) as people:
        assert is_in_words((await people.call("break")).sentence, "break")
        state = eventually(lambda: broken(hasty), "the server says that it isn't ready")
        assert state
        assert state["reason"].endswith(".")
        assert not tells_too_much(str(state))
        assert is_in_words(await refused(people), "anything")
    assert hasty.ask("GET", "/").status_code == 200
    eventually(lambda: hasty.in_line() == 0)
    eventually(lambda: not hasty.leftovers(), hasty.leftovers)


async def refused(people: Callers) -> str:
    return (await people.call("anything")).sentence


def broken(witness: Witness) -> dict[str, str] | None:
    answer = witness.ask("GET", "/ready")
    return answer.json() if answer.status_code == 503 else None
