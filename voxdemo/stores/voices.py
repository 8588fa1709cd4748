"""Voices that people keep on the server, each account its own: a recording, what is said in it, and a name.

A voice is a folder, below one for its account; all names of folders and files are made here, none from what people
write. It is made beside its place and renamed into it, and renamed away before it is deleted, so nobody ever meets half
a voice. Nothing deletes one but its owner. Knows no web and no model; voices are found on any thread, but keep and
delete them on one (`threads.KEEPING`), or two requests at once may keep one more than fits.
"""

import hashlib
import json
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from voxdemo.audio import voice_activity, wav
from voxdemo.audio.reading import decode
from voxdemo.audio.reading.prompt import MAX_PROMPT_S, MIN_PROMPT_S
from voxdemo.audio.resample import resample
from voxdemo.errors import InputError, StorageError, UnavailableError
from voxdemo.files import HIDDEN, beside, replacing, sweep
from voxdemo.speech import TaggedVoice
from voxdemo.stores.objects import Objects

MOST = 50
"""Voices of one account."""
MOST_UNOWNED = 200
"""Voices of NOBODY, who is everybody: of the longest they are 580 MB."""
NOBODY = ""
"""The account of all clients without one, where the server asks for none: a voice's id is all that it takes."""
UNKNOWN = "There is no such voice: it may have been deleted."
MAX_NAME_CHARS = 60
MAX_TEXT_CHARS = 2000
"""Of what is said in a recording: several times what fits into MAX_PROMPT_S."""
RATE = 48_000
"""Hz that recordings are kept at, as 16-bit mono; so MOST of the longest are 144 MB."""
ROUNDED_S = 0.05
"""By how much a recording may miss the bounds: formats add and leave out a little."""

_FACTS, _RECORDING = "voice.json", "recording.wav"
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class KeptVoice:
    """A voice that somebody keeps."""

    id: str
    name: str
    text: str
    """What is said in the recording; "" where that isn't known."""
    seconds: float
    consented: str
    """When its owner said that they may use it, as they tell it (ISO 8601)."""


def consented_now() -> str:
    """The moment of a consent, as it is kept: ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class VoiceStore:
    """The voices of all accounts, below the folder `root`, and of servers that share `objects`.

    While those can't be reached, the voices that are here can be used; for others, and to keep or delete one,
    UnavailableError is raised.
    """

    def __init__(self, root: Path, objects: Objects | None = None) -> None:
        self._root = root
        self._objects = objects or Objects()

    def voices(self, account: str) -> list[KeptVoice]:
        """Those of this account, by name."""
        with suppress(UnavailableError):
            self._objects.match(self._home(account))
        return sorted(self._found(account), key=_by_name)

    def recording(self, account: str, voice_id: str) -> Path | None:
        """The recording of a voice, as a wav file; None where this account has no such voice."""
        with suppress(UnavailableError):
            self._objects.match(self._home(account))
        return self._recording(account, voice_id)

    def _recording(self, account: str, voice_id: str) -> Path | None:
        folder = self._folder(account, voice_id)
        return folder / _RECORDING if folder and (folder / _RECORDING).is_file() else None

    def find(self, account: str, asked: str) -> tuple[KeptVoice, Path] | None:
        """A voice of this account by its id or, in any case, its name, and its recording; None where there is none."""
        try:
            self._objects.match(self._home(account))
        except UnavailableError:
            if found := self._here(account, asked):
                return found
            raise
        return self._here(account, asked)

    def called(self, account: str, names: Iterable[str], most: int) -> tuple[TaggedVoice, ...]:
        """The first `most` of the voices that have these names, in lower case, as `find` finds those that are here."""
        names = [name for name in names if account != NOBODY or _ID.fullmatch(name)]  # it may have very many
        if not names:
            return ()
        with suppress(UnavailableError):
            self._objects.match(self._home(account))
        found = self._called(account, names).items()
        return tuple(TaggedVoice(name, recording, voice.text) for name, (voice, recording) in found)[:most]

    def _here(self, account: str, asked: str) -> tuple[KeptVoice, Path] | None:
        name = asked.strip().casefold()
        return self._called(account, [name]).get(name)

    def _called(self, account: str, names: Iterable[str]) -> dict[str, tuple[KeptVoice, Path]]:
        mine = sorted(self._found(account), key=_by_name, reverse=True)
        by_name = {voice.name.casefold(): voice for voice in mine if account != NOBODY}
        known = by_name | {voice.id: voice for voice in mine}
        found = ((name, known[name]) for name in names if name in known)
        return {name: (voice, path) for name, voice in found if (path := self._recording(account, voice.id))}

    def keep(self, account: str, name: str, text: str, recording: bytes, consented: str) -> KeptVoice:
        """Keep one more. Raises InputError, whose sentence says what to change, and StorageError."""
        name, text = _line(name), text.strip()
        _check(name, text, consented)
        self._check_room(account, name)
        try:
            return self._write(account, name, text, recording, consented)
        except OSError as error:
            raise StorageError from error

    def delete(self, account: str, voice_id: str) -> bool:
        """Delete a voice for good; False where there was none. Raises StorageError."""
        sweep(self._home(account))
        self._objects.match(self._home(account))
        folder = self._folder(account, voice_id)
        if folder is None or not (folder / _FACTS).is_file():
            return False
        self._objects.drop(folder)
        gone = beside(folder)
        try:
            folder.rename(gone)
            shutil.rmtree(gone)
        except FileNotFoundError:  # deleted at another server meanwhile
            return False
        except OSError as error:
            raise StorageError from error
        return True

    def _check_room(self, account: str, name: str) -> None:
        mine, most = self.voices(account), MOST_UNOWNED if account == NOBODY else MOST
        if len(mine) >= most:
            raise InputError(
                "{most} voices are kept here already: delete one first.", code="too_many_voices", most=most
            )
        if account != NOBODY and name.casefold() in (voice.name.casefold() for voice in mine):
            sentence = "A voice of that name is kept already: choose another name."
            raise InputError(sentence, code="voice_name_taken")

    def _write(self, account: str, name: str, text: str, recording: bytes, consented: str) -> KeptVoice:
        sweep(self._home(account))
        folder = self._home(account) / secrets.token_hex(8)
        with replacing(folder) as making:
            making.mkdir(parents=True)
            seconds = _write_recording(making, recording)
            voice = KeptVoice(folder.name, name, text, round(seconds, 2), consented)
            (making / _FACTS).write_text(json.dumps(asdict(voice), ensure_ascii=False), encoding="utf-8")
            self._objects.push(making / _RECORDING, making / _FACTS, to=folder)
        return voice

    def _found(self, account: str) -> Iterator[KeptVoice]:
        for facts in self._home(account).glob(f"*/{_FACTS}"):
            if not facts.parent.name.startswith(HIDDEN):
                with suppress(OSError, ValueError, TypeError):  # it isn't a voice, or has just gone
                    yield KeptVoice(**json.loads(facts.read_text(encoding="utf-8")))

    def _folder(self, account: str, voice_id: str) -> Path | None:
        return self._home(account) / voice_id if _ID.fullmatch(voice_id) else None

    def _home(self, account: str) -> Path:
        return self._root / hashlib.sha256(account.encode()).hexdigest()[:32]


def _by_name(voice: KeptVoice) -> tuple[str, str]:
    return voice.name.casefold(), voice.id


def _write_recording(folder: Path, recording: bytes) -> float:
    """Write it as it is kept, which leaves nothing of the file but its sound; its seconds. Raises InputError."""
    sent = folder / "sent"
    sent.write_bytes(recording)
    read = decode.read(sent, MAX_PROMPT_S + 1, rate=RATE)
    sent.unlink()
    seconds = len(read.samples) / RATE
    if read.truncated or not MIN_PROMPT_S - ROUNDED_S <= seconds <= MAX_PROMPT_S + ROUNDED_S:
        sentence = "A recording of {shortest:g} to {longest:g} s is needed: send another one."
        raise InputError(sentence, code="voice_recording_length", shortest=MIN_PROMPT_S, longest=MAX_PROMPT_S)
    if not voice_activity.stretches(resample(read.samples, RATE, voice_activity.DETECTOR_RATE)):
        sentence = "Nobody is heard speaking in this recording: send another one."
        raise InputError(sentence, code="voice_without_speech")
    wav.write_wav(folder / _RECORDING, read.samples, RATE)
    return seconds


def _line(name: str) -> str:
    """A name as one line without anything that can't be seen."""
    return " ".join("".join(each if each.isprintable() else " " for each in unicodedata.normalize("NFC", name)).split())


def _check(name: str, text: str, consented: str) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        sentence = "A name of 1 to {most} characters is needed: write another one."
        raise InputError(sentence, code="voice_name_length", most=MAX_NAME_CHARS)
    if len(text) > MAX_TEXT_CHARS:
        sentence = "The transcript can have {most:,} characters at most. Shorten it."
        raise InputError(sentence, code="voice_text_too_long", most=MAX_TEXT_CHARS)
    if not 1 <= len(consented) <= MAX_NAME_CHARS:
        sentence = "A voice needs its owner's consent: confirm that it's yours or that you have permission."
        raise InputError(sentence, code="no_consent")
