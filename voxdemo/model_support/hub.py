"""A model's folder, from this machine or from the Hugging Face hub: what is missing is downloaded, with its progress.

Files go to the hub's standard cache, where other programs find them. Knows no model: the caller says which files one
needs.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from voxdemo.model_support.download import Progress, check_space, ensure
from voxdemo.model_support.hub_cache import cached, is_intact, listing_of
from voxdemo.model_support.hub_refusals import Refusals
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

WANTED = ("*.json", "*.safetensors", "*.bin", "*.pth", "*.pt", "*.mvn", "*.model", "*.yaml")
"""Weights, settings and tokenisers; no pictures, examples or pages."""
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


def fetch(model: str, needed: Sequence[str], tell: Tell, setting: str, wanted: Sequence[str] = WANTED) -> Path:
    """The folder of `model`, as `folder_of`, after downloading what is missing of it.

    Goes on where an earlier download stopped. Of the hub's files those are taken that match a pattern in `wanted`, and
    of alternatives in `needed` the first. `tell` is called about once a second, on another thread. `setting` is the
    variable that names the model, for the sentence of the WeightsError that is raised when it can't be had.

    Threading: call it on any thread, in any number of processes at once; a file is downloaded by one of them.
    """
    if folder := folder_of(model, needed):
        return folder
    with Refusals(model, setting):
        listing = listing_of(model, needed, wanted)
        check_space(listing)
        with Progress(listing, tell):
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
        with Refusals(model, setting):
            url = huggingface_hub.hf_hub_url(model, always)
            huggingface_hub.get_hf_file_metadata(url, timeout=QUICK_TIMEOUT_S)
