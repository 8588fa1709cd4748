"""POST /v1/talk: a language model's answer, spoken sentence by sentence while it is written.

voxdemo's own. Nothing of a conversation is kept here: who talks sends all of it each time, and hears what is new.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from pydantic import Field
from starlette.responses import Response

from voxdemo.conversation.language_model import Message
from voxdemo.conversation.sentences import GrowingSentences
from voxdemo.errors import InputError
from voxdemo.files import remove
from voxdemo.intake.detection import detected
from voxdemo.service.request_context import RequestContext
from voxdemo.speech import Utterance
from voxdemo.threads import in_thread
from voxdemo.web.guards.callers import Incoming
from voxdemo.web.guards.refusals import in_words
from voxdemo.web.v1.bodies import OptionsBody, decoded, options_of
from voxdemo.web.v1.entrance import Entrance, Streamed, TheEntrance, ended_in_words, server_event
from voxdemo.web.v1.job_stream import JobStream
from voxdemo.web.v1.speech import pieces_of, sound_events
from voxdemo.web.v1.voices import kept_voice

NO_MODEL = "This server has no language model to talk to: its operator can set VOXDEMO_CHAT_URL."
NOT_ASKED = "The last of messages must be what you say, with the role user."
TOO_LONG = "This conversation is longer than {most} characters: leave out its beginning."
PROOF = "1"
"""What every voice can say."""
MOST_CHARS = 100_000
MOST_MESSAGES = 500
AHEAD = 16
"""How many events are made before the client has read them; the language model and the voice wait beyond."""

router = APIRouter(tags=["talk"])
Say = Callable[[str], AsyncGenerator[bytes, None]]
"""The events of a sentence that is spoken."""


class TalkBody(OptionsBody):
    """A conversation so far, and how the answer is spoken: its sound comes as pcm."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MOST_MESSAGES)]


@router.post("/talk", summary="Talk to the language model", response_class=Response)
async def talk(asked: TalkBody, request: Request, entrance: TheEntrance) -> Response:
    """Answer the last of `messages`, in words and in sound.

    The events are `talk.text`, what is written; `talk.sentence`, the one whose sound follows; `speech.progress` and
    `speech.audio.delta` as of /v1/audio/speech, in pcm; `talk.unspoken`, where the voice can't say a sentence;
    `talk.done`, or `error`.
    """
    if (model := entrance.language_model) is None:
        raise HTTPException(404, NO_MODEL)
    _check(asked.messages)
    entrance.service.line.check_room()
    caller = Incoming(request.scope).caller
    await entrance.counted(caller)
    prompt = await entrance.kept(partial(decoded, asked.prompt_audio)) if asked.prompt_audio else None

    async def forget() -> None:
        if prompt:
            await in_thread(remove, prompt.parent)

    try:
        kept = await kept_voice(asked, request, entrance)
        options = options_of(asked, prompt, entrance.service.catalogue, kept=kept)
        await entrance.service.request(options.saying(PROOF), is_private=True)  # or it's told after the answer
    except BaseException:
        await forget()
        raise
    sentences = GrowingSentences(options.language or detected(asked.messages[-1].content) or "en")
    say = partial(_spoken, entrance, caller, options.saying)
    answer = Answer(model.answer(asked.messages), sentences, say)

    async def leave() -> None:
        await answer.leave()
        await forget()

    return Streamed(ended_in_words(aiter(answer)), leave, "text/event-stream", {})


def _check(messages: Sequence[Message]) -> None:
    if messages[-1].role != "user" or not messages[-1].content.strip():
        raise InputError(NOT_ASKED, code="nothing_asked")
    if sum(len(message.content) for message in messages) > MOST_CHARS:
        raise InputError(TOO_LONG, code="talk_too_long", most=MOST_CHARS)


async def _spoken(
    entrance: Entrance, caller: str, saying: Callable[[str], Utterance], sentence: str
) -> AsyncGenerator[bytes, None]:
    """A sentence as a job like any other, at the end of the line. Raises what the job raises.

    One that the voice can't say is passed over, and the next ones are spoken.
    """
    context = RequestContext("openai", caller, is_private=True)
    try:
        await entrance.admission.admit_later(saying(sentence), context)
        stream = JobStream(entrance.speak(context), entrance.service.live_sounds)
        try:
            async for event in sound_events(pieces_of(aiter(stream), "pcm", entrance)):
                yield event
        finally:
            await stream.leave()
    except InputError as error:
        if error.code != "nothing_to_say":  # as of a smiley
            yield server_event("talk.unspoken", text=sentence, error=in_words(400, error))


class Answer:
    """An answer as its client reads it: iterate it for the events; it raises what ends it too early.

    It is written and spoken beside each other, in tasks of its own; `leave`, which whoever made this has to call, ends
    both. Where no more can be written, what is there is still spoken.
    """

    def __init__(self, written: AsyncGenerator[str, None], sentences: GrowingSentences, say: Say) -> None:
        self._written = written
        self._cut = sentences
        self._say = say
        self._whole: asyncio.Queue[str | None] = asyncio.Queue()  # None is the end
        self._told: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue(AHEAD)
        self._task = asyncio.create_task(self._run())

    async def leave(self) -> None:
        """Returns when the language model and the voice have been left."""
        self._task.cancel()
        await asyncio.wait({self._task})

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while (told := await self._told.get()) is not None:
            if isinstance(told, BaseException):
                raise told
            yield told
        yield server_event("talk.done")

    async def _run(self) -> None:
        writing, speaking = asyncio.create_task(self._write()), asyncio.create_task(self._speak())
        # Not at the end of `_write`: what can't be cut raises there, and `_speak` would wait for ever.
        writing.add_done_callback(lambda _: self._whole.put_nowait(None))
        end: Exception | None = None
        try:
            await speaking
            await writing
        except Exception as error:  # it is raised where the answer is read
            end = error
        finally:
            writing.cancel()
            speaking.cancel()
            await asyncio.gather(writing, speaking, return_exceptions=True)
        await self._told.put(end)

    async def _write(self) -> None:
        try:
            async for text in self._written:
                await self._told.put(server_event("talk.text", text=text))
                for sentence in self._cut.add(text):
                    self._whole.put_nowait(sentence)
        finally:
            await self._written.aclose()
            for sentence in self._cut.rest():
                self._whole.put_nowait(sentence)

    async def _speak(self) -> None:
        while (sentence := await self._whole.get()) is not None:
            await self._told.put(server_event("talk.sentence", text=sentence))
            async with aclosing(self._say(sentence)) as events:
                async for event in events:
                    await self._told.put(event)
