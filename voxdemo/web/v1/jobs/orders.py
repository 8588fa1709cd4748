"""What programs send to leave texts to be spoken, and the order that it amounts to. Knows no store and no answers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import HTTPException
from pydantic import Field

from voxdemo.audio import formats
from voxdemo.audio.reading import prompt
from voxdemo.errors import InputError
from voxdemo.estimates.paces import speech_units
from voxdemo.intake.catalogue import Catalogue
from voxdemo.intake.request import passages
from voxdemo.intake.validate import checked, within_bounds
from voxdemo.speech import EngineInfo, SpeakOptions, TaggedVoice, Utterance
from voxdemo.stores import batch_values
from voxdemo.stores.batch_values import Order
from voxdemo.stores.voices import UNKNOWN, KeptVoice
from voxdemo.text.leftovers import encodable
from voxdemo.web.v1.bodies import OptionsBody, decoded, options_of

UNEVEN = "{parameter} must have one for each of inputs: {count} for {texts} texts don't fit."
UNORDERED = "starts must be seconds from 0 to 6 hours, none before the one in front of it."
MOST_NAMED = 5
"""Of the texts that can't be spoken, so many are named by number."""
LAST_START_S = 6 * 3600.0


class JobBody(OptionsBody):
    """One text, or up to a thousand, and how to say them."""

    input: str | None = Field(default=None, description="The text, up to 50,000 characters; or `inputs`.")
    inputs: list[str] | None = Field(
        default=None, min_length=1, max_length=batch_values.MOST_TEXTS, description="Several texts, in their order."
    )
    starts: list[float] | None = Field(
        default=None, description="The second at which each begins in the joined sound; else one comes after the other."
    )
    names: list[str] | None = Field(
        default=None, description="What the files in the zip are called, without their ending; else by number."
    )
    skip_unspeakable: bool = Field(
        default=False,
        description="Whether texts that can't be spoken become items that failed, instead of refusing the request.",
    )

    @property
    def texts(self) -> Sequence[str]:
        """All of them. Raises InputError where it isn't clear which."""
        if (self.input is None) == (self.inputs is None):
            raise InputError("Send either input, a text, or inputs, a list of texts.", code="input_or_inputs")
        return self.inputs if self.inputs is not None else [str(self.input)]

    def check_beside(self) -> None:
        """Raises InputError where what stands beside the texts doesn't fit them."""
        for field, beside in (("starts", self.starts), ("names", self.names)):
            if beside is not None and len(beside) != len(self.texts):
                values: dict[str, Any] = {"parameter": field, "count": len(beside), "texts": len(self.texts)}
                raise InputError(UNEVEN, code="uneven", **values)
        starts = self.starts or []
        if not all(0 <= start <= LAST_START_S for start in starts) or starts != sorted(starts):
            raise InputError(UNORDERED, code="starts_unordered")


def order_of(
    asked: JobBody,
    catalogue: Catalogue,
    kept: tuple[KeptVoice, Path] | None,
    *,
    own: tuple[TaggedVoice, ...],
    caller: str,
    reader: str | None,
    idempotency_key: str | None,
    digest: str,
) -> Order:
    """All that is accepted, with what will be left out or ignored of it. Takes up to some seconds.

    It has copies of the recordings, and is spoken though those voices are deleted meanwhile. Raises InputError, which
    names the texts that can't be said, or says what is wrong with the recording, and HTTPException (404) where a kept
    voice was deleted meanwhile.
    """
    recording = decoded(asked.prompt_audio) if asked.prompt_audio else kept and _bytes_of(kept[1])
    prompt = None if recording is None else Path()  # where it will be isn't known yet
    texts = asked.texts
    asked.check_beside()
    options = options_of(asked, prompt, catalogue, formats.MIME_TYPES, kept and (kept[0], Path()), own)
    options = _in_one_voice(options, texts, catalogue)
    resolved, info = catalogue.resolved(options.saying(""))
    if recording is not None:
        _check_readable(recording, info)
    ignored, options = checked(resolved, info), within_bounds(options, info)
    units, left_out, refused = _looked_at([options.saying(text) for text in texts], catalogue)
    notes = [_of_text(number, len(texts), note) for number, notes in left_out.items() for note in notes]
    if refused and not (asked.skip_unspeakable and len(refused) < len(texts)):
        raise _refusal(refused, len(texts))
    return Order(
        caller=caller,
        options=replace(options, format=asked.response_format),
        texts=[encodable(text) for text in texts],  # no database takes half a surrogate pair
        units=units,
        digest=digest,
        idempotency_key=idempotency_key,
        prompt=recording,
        own=[_bytes_of(each.recording) for each in own],
        starts=asked.starts,
        refused=refused,
        names=None if asked.names is None else batch_values.file_names(asked.names),
        reader=reader,
        warnings=[*ignored, *notes],
        left_out=left_out,
    )


def _bytes_of(recording: Path) -> bytes:
    """The bytes of a kept voice's recording. Raises HTTPException (404) if it was deleted since it was looked up."""
    try:
        return recording.read_bytes()
    except FileNotFoundError:
        raise HTTPException(404, UNKNOWN) from None


def _in_one_voice(options: SpeakOptions, texts: Sequence[str], catalogue: Catalogue) -> SpeakOptions:
    """With the voice that speaks all of them, where none was named and they are of one language."""
    if options.voice or options.prompt_audio:
        return options
    resolved = (catalogue.resolved(options.saying(text)) for text in texts)
    voice, *others = {f"{info.name}/{said.voice}" for said, info in resolved}
    found = catalogue.named(voice)
    return replace(options, voice=catalogue.name_of(*found)) if found and not others else options


def digest_of(asked: JobBody) -> str:
    """The same for the same request, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(asked.model_dump(), sort_keys=True).encode()).hexdigest()


def _check_readable(recording: bytes, info: EngineInfo) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(recording)
        prompt.read(path, info.prompt_rate)


def _looked_at(
    utterances: Sequence[Utterance], catalogue: Catalogue
) -> tuple[list[float], dict[int, Sequence[str]], dict[int, InputError]]:
    """How much each of them is, what of them will be left out, and which by their number can't be spoken, and why."""
    units, left_out = list[float](), dict[int, Sequence[str]]()
    refused: dict[int, InputError] = {}
    for number, (utterance, info) in enumerate(map(catalogue.resolved, utterances), 1):
        try:
            read = passages(utterance, info, catalogue.guests(info), catalogue.named_in(utterance, info))
        except InputError as error:
            refused[number] = error
            units.append(0.0)
            continue
        units.append(speech_units(utterance, info))
        left_out[number] = read.warnings
    return units, left_out, refused


def _of_text(number: int, count: int, sentence: str) -> str:
    return f"Text {number} of {count}: {sentence}" if count > 1 else sentence


def _refusal(refused: Mapping[int, InputError], count: int) -> InputError:
    """Which of so many texts can't be spoken, and why the first of them can't."""
    first, why = next(iter(refused.items()))
    if count == 1:
        return why
    values: dict[str, Any] = {"texts": list(refused), "count": count, "first": first, "why": why}
    if len(refused) == 1:
        return InputError("Text {first} of {count}: {why}", code="text_unspeakable", **values)
    named = ", ".join(map(str, list(refused)[:MOST_NAMED]))
    rest = f" and {len(refused) - MOST_NAMED} more" if len(refused) > MOST_NAMED else ""
    sentence = "Texts {named} of {count} can't be spoken. Text {first}: {why}"
    return InputError(sentence, code="texts_unspeakable", named=f"{named}{rest}", **values)
