"""The language model that answers in a conversation: a server with OpenAI's chat completions, asked over HTTP.

Nothing of what it sends but the text of its answer goes any further: neither the words of its errors nor its address.
It remembers nothing: who asks sends the whole conversation each time.
"""

import json
import logging
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from voxdemo.errors import ChatError, NotReadyError, VoxdemoError
from voxdemo.text.leftovers import encodable

log = logging.getLogger(__name__)

CONNECT_S, QUIET_S = 10.0, 60.0
"""How long it may take to be reached, and how long it may send nothing: large models think before they write."""
MOST_CHARS = 8_000
"""Of an answer, which would be spoken for nine minutes; the rest isn't waited for."""
_THINKS, _HAS_THOUGHT = "<think>", "</think>"
"""What some models write around their thoughts, in front of the answer."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation, as the API has it."""

    role: Literal["system", "user", "assistant"]
    content: str


class LanguageModel:
    """The server at `url`, to which /chat/completions is added; `model` "" is the first that it lists.

    For the event loop's thread; any number of answers at a time. `quiet_s` is as QUIET_S.
    """

    def __init__(self, url: str, key: str = "", model: str = "", quiet_s: float = QUIET_S) -> None:
        self._model = model
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(quiet_s, connect=min(CONNECT_S, quiet_s)),
            limits=httpx.Limits(max_connections=None),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def answer(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        """Its answer to these as it writes it, in pieces that aren't empty; what it thinks before is left out.

        Closing it closes the request. Raises ChatError, or NotReadyError where it has too much to do.
        """
        left = MOST_CHARS
        with _faults_told():
            self._model = self._model or await self._first_model()
            async with aclosing(_without_thoughts(self._written(messages))) as written:
                async for text in written:
                    yield text[:left]
                    left -= len(text)
                    if left <= 0:
                        return
            if left == MOST_CHARS:
                raise ChatError.of("chat_said_nothing")

    async def _written(self, messages: Sequence[Message]) -> AsyncGenerator[str, None]:
        told = [{"role": each.role, "content": encodable(each.content)} for each in messages]
        body = {"model": self._model, "messages": told, "stream": True}
        async with self._client.stream("POST", "chat/completions", json=body) as answer:
            _check(answer)
            has_ended = False
            async for line in answer.aiter_lines():
                field, _, sent = line.partition(":")
                if field != "data" or not sent.strip():
                    continue
                if sent.strip() == "[DONE]":
                    return
                text, is_last = _piece(json.loads(sent))
                has_ended = has_ended or is_last
                if text:
                    yield text
            if not has_ended:
                raise ChatError.of("chat_broke_off")

    async def _first_model(self) -> str:
        answer = await self._client.get("models")
        _check(answer)
        return str(answer.json()["data"][0]["id"])


def _piece(sent: Any) -> tuple[str, bool]:
    """The text of an event, and whether it is the last one. Raises ValueError and others for what is no event."""
    if "error" in sent:
        raise ChatError.of("chat_failed")
    if not sent["choices"]:  # the last one may count tokens only
        return "", False
    choice = sent["choices"][0]
    return encodable(choice["delta"].get("content") or ""), choice.get("finish_reason") is not None


async def _without_thoughts(written: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """What is written, without the white space and the thoughts that it may begin with."""
    begun, is_answer = "", False
    async with aclosing(written):
        async for text in written:
            if is_answer:
                yield text
                continue
            begun = (begun + text).lstrip()
            if begun.startswith(_THINKS):
                _, ended, begun_after = begun.partition(_HAS_THOUGHT)
                begun, is_answer = (begun_after.lstrip(), bool(begun_after.strip())) if ended else (begun, False)
                if ended and not is_answer:
                    begun = ""
            else:
                is_answer = bool(begun) and not _THINKS.startswith(begun)
            if is_answer:
                yield begun
    if not is_answer and begun and not begun.startswith(_THINKS):
        yield begun


def _check(answer: httpx.Response) -> None:
    """Raise what a status means that isn't success; the rest of such an answer isn't read."""
    if answer.is_success:
        return
    log.warning("the language model's server answered %d", answer.status_code)
    if answer.status_code == 429:
        raise NotReadyError("The language model is busy: try again in a minute.", reason="chat_busy")
    raise ChatError.of("chat_failed" if answer.status_code >= 500 else "chat_refused")


@contextmanager
def _faults_told() -> Generator[None, None, None]:
    try:
        yield
    except VoxdemoError as error:
        log.warning("%s", error)
        raise
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        raise _logged("chat_unreachable", error) from error
    except httpx.TimeoutException as error:
        raise _logged("chat_silent", error) from error
    except httpx.HTTPError as error:
        raise _logged("chat_broke_off", error) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # it isn't what the API says
        raise _logged("chat_odd_answer", error) from error


def _logged(code: str, error: Exception) -> ChatError:
    log.warning("the language model's server: %s (%s)", code, type(error).__name__)
    return ChatError.of(code)
