"""A server that speaks, asked over HTTP: what it is sent, what its answers mean, and what is said of its faults.

Nothing that it answers but sound and the names of voices goes any further: neither its words nor its address.
"""

import base64
import json
import logging
import re
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple

import httpx
import numpy as np

from voxdemo.audio.reading.prompt import PromptAudio
from voxdemo.audio.wav import header, pcm
from voxdemo.engines.address.config import USUAL_RATE, Address, info_for
from voxdemo.engines.address.sound import RATES, IncomingSound, UnreadableError
from voxdemo.engines.base import RanOn, SpeechPart
from voxdemo.errors import AddressError, InputError, NotReadyError, VoxdemoError
from voxdemo.speech import EngineInfo, Samples, Utterance, Voice
from voxdemo.text.length import S_PER_UNIT, spoken_length
from voxdemo.threads import READING, in_thread

log = logging.getLogger(__name__)

CONNECT_S = 10.0
QUIET_S = 60.0
"""How long a server may send nothing, before its first byte or between two: one that answers in one go has made all of
a part (20 s of speech) by then, unless it is slower than a third of real time."""
IDLE_S = 2.0
"""How long a connection is kept open for the next request: uvicorn closes idle ones after 5 s."""


class Way(NamedTuple):
    """How a server is asked for sound."""

    format: str
    streams: bool
    """Whether a stream is asked for outright, which some servers need, and others refuse or misread."""


WAYS = (Way("wav", True), Way("wav", False), Way("pcm", False), Way("mp3", False))
"""In this order until one is understood. A wav says its rate, and most send it as it is made."""
ODD_CODES = ("engine_failed", "engine_odd_answer", "engine_broke_off")
"""What may come of asking for a stream, and of nothing else."""
MAX_VOICES_BYTES = 2_000_000
MOST_VOICES = 1000
MAX_NAME_CHARS = 100
SOUND = ("audio/", "application/octet-stream", "binary/octet-stream")
"""How the kinds of what may be sound begin."""
MOST_TIMES = 4.0
"""How many times as long as expected speech may get before it has lost its way, beside MOST_BESIDE_S."""
MOST_BESIDE_S = 10.0
PROOF = "1, 2, 3."
"""Said to see whether it works, where it may not speak English."""
_USUAL_VOICE = "alloy"
"""OpenAI's API asks for one; servers without names of their own know this one."""


class AddressEngine:
    """The server at one address.

    All of it is for the event loop's thread; up to `address.at_once` calls at a time. `quiet_s` is as QUIET_S.
    """

    def __init__(self, address: Address, quiet_s: float = QUIET_S) -> None:
        self.address = address
        self.info: EngineInfo = address.info
        """What it is: after `check`, what it says itself."""
        self._way = WAYS[1]
        self._own_rate = USUAL_RATE
        key = address.key.get_secret_value()
        self._made: Callable[[], httpx.AsyncClient] = partial(
            httpx.AsyncClient,
            headers={"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})},
            timeout=httpx.Timeout(quiet_s, connect=min(CONNECT_S, quiet_s)),
            limits=httpx.Limits(keepalive_expiry=IDLE_S),
            verify=httpx.create_ssl_context(),
        )
        self._idle: list[httpx.AsyncClient] = []
        """Each has one connection: a pool of many looks at all of them for every request."""

    async def close(self) -> None:
        for client in self._idle:
            await client.aclose()

    async def check(self, words: str) -> None:
        """Ask for its voices, where they aren't given, and have it say `words`. Raises what `speak` raises.

        What it answers settles `info` and the way in which it is asked.
        """
        voices = self.info.voices
        if not self.address.voices and self.address.kind == "openai":
            voices = await self._voices()
        self.info = info_for(self.address, voices, self.info.sample_rate)
        said = words if "en" in self.info.languages else PROOF
        self._way = await self._understood(said)  # jobs that run meanwhile keep the one that worked
        rate = self.address.sample_rate or min(max(self._own_rate, 8_000), 48_000)
        self.info = info_for(self.address, voices, rate)

    async def _understood(self, words: str) -> Way:
        """The first of WAYS in which it says them. Raises what `speak` raises."""
        for way in WAYS if self.address.kind == "openai" else WAYS[-1:]:
            try:
                await self._prove(words, way)
                break
            except (InputError, AddressError) as error:
                is_refused = isinstance(error, InputError) or (way.streams and error.code in ODD_CODES)
                if way == WAYS[-1] or not is_refused:
                    raise
        return way

    async def speak(self, part: SpeechPart, rate: int, way: Way | None = None) -> AsyncGenerator[Samples | RanOn, None]:
        """The sound of `part.text` at `rate` Hz, as it comes; RanOn last where it was cut off.

        `way` is one of WAYS; None: the one that worked. Closing it closes the request. Raises AddressError for what
        is the server's fault, InputError for what it can't say, NotReadyError where it has too much to do.
        """
        longest_s = MOST_BESIDE_S + MOST_TIMES * spoken_length(part.text) * S_PER_UNIT / min(1, part.utterance.speed)
        left = round(longest_s * rate)
        async with aclosing(self._heard(part, rate, longest_s + 1, way or self._way)) as heard:
            async for samples in heard:
                if len(samples):
                    yield samples[:left]
                left -= len(samples)
                if left < 0:
                    yield RanOn()
                    return
        if left == round(longest_s * rate):
            raise self._error("engine_silent")

    async def _prove(self, words: str, way: Way) -> None:
        loudest = 0.0
        part = SpeechPart(Utterance(words, voice=next(iter(self.info.voice_names), None)), words)
        async with aclosing(self.speak(part, self.info.sample_rate, way)) as heard:
            async for samples in heard:
                if isinstance(samples, np.ndarray):
                    loudest = max(loudest, float(np.abs(samples).max()))
        if not loudest:
            raise self._error("engine_silent")

    async def _heard(self, part: SpeechPart, rate: int, longest_s: float, way: Way) -> AsyncGenerator[Samples, None]:
        path, body = self._request(part, way)
        async with self._answer("POST", path, json=body) as answer:
            sound = IncomingSound(rate, self._bare_rate(answer, way.format), longest_s)
            async for data in answer.aiter_raw():
                yield sound.add(data)
            yield await in_thread(sound.finish, pool=READING) if sound.is_whole else sound.finish()
            self._own_rate = sound.own_rate

    async def _voices(self) -> tuple[Voice, ...]:
        """Those that it names; none where it doesn't know the question."""
        read = bytearray()
        try:
            async with self._answer("GET", "/v1/audio/voices", takes=("application/json",)) as answer:
                async for data in answer.aiter_raw():
                    read += data
                    if len(read) > MAX_VOICES_BYTES:
                        raise UnreadableError("too many voices")
            return voices_in(json.loads(read))
        except (AddressError, InputError, ValueError) as error:
            if isinstance(error, AddressError) and error.again:
                raise
            log.info("%s doesn't say which voices it has", self.info.title)
            return ()

    def _request(self, part: SpeechPart, way: Way) -> tuple[str, dict[str, Any]]:
        """Where a part is said, and what is sent there."""
        utterance, recording = part.utterance, part.prompt and _wav(part.prompt)
        if self.address.kind == "nanovllm":
            body: dict[str, Any] = {"target_text": part.text, "cfg_value": utterance.cfg_value, "seed": utterance.seed}
            if recording and utterance.prompt_text:
                body |= {"prompt_wav_base64": recording, "prompt_text": utterance.prompt_text}
                body["prompt_wav_format"] = "wav"
            elif recording:
                body |= {"ref_audio_wav_base64": recording, "ref_audio_wav_format": "wav"}
            return "/generate", {name: value for name, value in body.items() if value is not None}
        body = {"model": self.address.model, "input": part.text, "response_format": way.format}
        if way.streams:
            body["stream"] = True  # without which fastkokoro sends all at once
        body["voice"] = utterance.voice or next(iter(self.info.voice_names), _USUAL_VOICE)
        if utterance.speed == 1:
            body["stream_format"] = "audio"  # what vllm-omni streams by, which then takes no speed
        else:
            body["speed"] = utterance.speed
        if recording and self.address.takes_as:
            body[self.address.takes_as] = f"data:audio/wav;base64,{recording}"
            body[self.address.takes_as.replace("audio", "text")] = utterance.prompt_text
        return "/v1/audio/speech", body

    def _bare_rate(self, answer: httpx.Response, format: str) -> int | None:
        """Hz of samples without a header, where such come."""
        kind = answer.headers.get("content-type", "").lower()
        if format != "pcm" and not re.match(r"audio/(pcm|l16|raw|x-raw)", kind):
            return None
        told = re.search(r"rate=(\d{4,6})\b", kind) or re.fullmatch(
            r"(\d{4,6})", answer.headers.get("x-audio-sample-rate") or answer.headers.get("x-sample-rate", "")
        )
        rate = int(told[1]) if told else self.address.sample_rate or USUAL_RATE
        return rate if RATES[0] <= rate <= RATES[1] else USUAL_RATE

    @asynccontextmanager
    async def _answer(
        self, method: str, path: str, takes: Sequence[str] = SOUND, **sent: Any
    ) -> AsyncGenerator[httpx.Response, None]:
        """Its answer, which has begun. Raises what `speak` raises, also for what comes later."""
        client = self._idle.pop() if self._idle else self._made()
        try:
            with self._faults_told():
                async with client.stream(method, self.address.url + path, **sent) as answer:
                    if not answer.is_success:
                        raise self._refusal(answer.status_code)
                    kind, coding = (answer.headers.get(name, "") for name in ("content-type", "content-encoding"))
                    if not kind.lower().startswith(tuple(takes)) or coding.lower() not in ("", "identity"):
                        raise self._error("engine_odd_answer")
                    yield answer
        finally:
            self._idle.append(client)

    @contextmanager
    def _faults_told(self) -> Generator[None, None, None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise self._error("engine_unreachable") from error
        except httpx.TimeoutException as error:
            raise self._error("engine_silent") from error
        except httpx.HTTPError as error:
            raise self._error("engine_broke_off") from error
        except UnreadableError as error:
            raise self._error("engine_odd_answer") from error

    def _refusal(self, status: int) -> VoxdemoError:
        """What this status means; the rest of such an answer isn't read."""
        title = self.info.title
        log.warning("%s answered %d", title, status)
        if status in (400, 413, 422):
            sentence = "{title} can't say this: change the text, or choose another voice or speed."
            return InputError(sentence, code="engine_refused_text", title=title)
        if status == 429:
            return NotReadyError("{title} is busy: try again in a minute.", reason="engine_busy", title=title)
        return self._error("engine_failed" if status >= 500 else "engine_refused")

    def _error(self, code: str) -> AddressError:
        return AddressError.of(code, self.info.title)


_SEXES: dict[str, Literal["female", "male"]] = {"female": "female", "f": "female", "male": "male", "m": "male"}


def voices_in(told: Any) -> tuple[Voice, ...]:
    """The voices in what a server answers: a list, or one below "voices" or "data", of names or of objects.

    Raises ValueError where there is none.
    """
    listed = (told.get("voices") or told.get("data") or []) if isinstance(told, dict) else told
    if not isinstance(listed, list):
        raise ValueError("this isn't a list of voices")
    found: dict[str, Voice] = {}
    for each in listed[:MOST_VOICES]:
        said = {"name": each} if isinstance(each, str) else each if isinstance(each, dict) else {}
        name = said.get("name") if "model" in said else said.get("id") or said.get("voice_id") or said.get("name")
        if isinstance(name, str) and 0 < len(name.strip()) <= MAX_NAME_CHARS and name.isprintable():
            tag = re.fullmatch(r"[A-Za-z]{2}(-[A-Za-z0-9]{2,8})*", str(said.get("language")))
            sex: Literal["", "female", "male"] = _SEXES.get(str(said.get("gender")).lower(), "")
            found.setdefault(name.strip(), Voice(name.strip(), tag[0] if tag else "", sex))
    return tuple(found.values())


def _wav(prompt: PromptAudio) -> str:
    """A recording as a wav in base64."""
    return base64.b64encode(header(prompt.sample_rate, len(prompt.samples)) + pcm(prompt.samples)).decode()
