"""A model's folder, from this machine or from the Hugging Face hub: what is missing is downloaded, with its progress.

Files go to the hub's standard cache, where other programs find them. Knows no model: the caller says which files one
needs.
"""

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voxdemo.errors import WeightsError
from voxdemo.model_support.download import check_space, ensure, progress
from voxdemo.model_support.hub_cache import cached, is_intact, listing_of, shown_cache
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

QUICK_TIMEOUT_S = 4.0
"""How long `check_reachable` waits for the hub."""


def folder_of(model: str, needed: Sequence[str]) -> Path | None:
    """Where `model` lies on this machine; None if it isn't all there. Never asks the network.

    `model` is a folder, which is taken as it is, or a hub id. Of a hub id every file in `needed` must be in the hub's
    cache ("model.safetensors|pytorch_model.bin" is satisfied by either); a file is linked there only when it is whole.
    """
    folder = Path(os.path.expanduser(model))  # noqa: PTH111  # the other one raises where there is no home
    if model and folder.is_dir():
        return folder
    found = [next(filter(None, (cached(model, name) for name in entry.split("|"))), None) for entry in needed]
    folders = {path.parent for path in found if path}
    return folders.pop() if all(found) and len(folders) == 1 else None


def fetch(model: str, needed: Sequence[str], tell: Tell, setting: str, is_all: bool = False) -> Path:
    """The folder of `model`, as `folder_of`, after downloading what is missing of it.

    Goes on where an earlier download stopped. Of alternatives in `needed` the first is taken; where that `is_all`,
    nothing else is downloaded. `tell` is called about once a second, on another thread. `setting` is the variable that
    names the model, for the sentence of the WeightsError that is raised when it can't be had.

    Threading: call it on any thread, in any number of processes at once; a file is downloaded by one of them.
    """
    if folder := folder_of(model, needed):
        return folder
    with _refusals(model, setting):
        listing = listing_of(model, needed, is_all)
        check_space(listing)
        with progress(listing, tell):
            for file in listing.files:
                ensure(file)
            return listing.link()


def drop_damaged(model: str, needed: Sequence[str]) -> None:
    """Delete from the hub's cache what `model` needs and isn't as it was on the hub, so that `fetch` downloads it.

    Reads all of it: 3 to 10 s for VoxCPM2. A folder of the user's own is left alone.
    """
    for name in "|".join(needed).split("|"):
        if (path := cached(model, name)) and path.is_symlink():
            blob = path.resolve()
            if len(blob.name) in (40, 64) and not is_intact(blob, blob.name):
                log.warning("%s was damaged and is deleted", name)
                blob.unlink()


def check_reachable(model: str, needed: Sequence[str], setting: str) -> None:
    """See within a few seconds that `fetch` can begin. Raises WeightsError, as it does."""
    if not folder_of(model, needed):
        import huggingface_hub

        always = next(entry for entry in needed if "|" not in entry)
        with _refusals(model, setting):
            url = huggingface_hub.hf_hub_url(model, always)
            huggingface_hub.get_hf_file_metadata(url, timeout=QUICK_TIMEOUT_S)


@contextmanager
def _refusals(model: str, setting: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a WeightsError with the sentence that a person needs."""
    try:
        yield
    except WeightsError:
        raise
    except Exception as error:
        from huggingface_hub.errors import HFValidationError

        folder = model if isinstance(error, HFValidationError) else shown_cache()
        raise WeightsError(_sentence(error, model, setting), folder) from error


def _sentence(error: Exception, model: str, setting: str) -> str:
    from huggingface_hub import errors

    other = f"set {setting} to a folder that has it"
    absent = f"{model} isn't in {shown_cache()}"
    match error:
        case errors.HFValidationError():
            known = "neither a folder on this machine nor a hub id such as openbmb/VoxCPM2"
            return f"{setting} is {model!r}, which is {known}: correct it."
        case errors.OfflineModeIsEnabled():
            return f"{absent}, and HF_HUB_OFFLINE forbids to download it: unset that, or {other}."
        case errors.GatedRepoError():
            asked = "the hub gives it only to accounts that its makers approved"
            return f"{absent}, and {asked}: ask on its page there and set HF_TOKEN, or {other}."
        case errors.RepositoryNotFoundError():
            return f"{absent}, and the hub has no such model or hides it: correct {setting}, or set HF_TOKEN."
        case errors.RemoteEntryNotFoundError():
            return f"{model} on the hub lacks files, so it isn't a model of this kind: name another."
        case errors.HfHubHTTPError() if error.response.status_code in (401, 403):
            return f"{absent}, and the hub refuses to give it: see that HF_TOKEN is right or unset it, or {other}."
        case errors.HfHubHTTPError():
            busy = f"the hub can't give it just now (its answer was {error.response.status_code})"
            return f"{absent}, and {busy}: type ./launch.sh fetch-models in a few minutes, or {other}."
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            full = f"The disk is full: {model} doesn't fit into {shown_cache()}"
            return f"{full}: free some space and type ./launch.sh fetch-models to go on, or set HF_HOME elsewhere."
        case OSError(errno=int()) if not isinstance(error, ConnectionError):  # a file here, not the network
            return f"{absent}, which can't be written to: let this user write there, or set HF_HOME elsewhere."
        case _:
            unreached = f"{absent}, and the hub can't be reached"
            return f"{unreached}: connect this machine and type ./launch.sh fetch-models, or {other}."
