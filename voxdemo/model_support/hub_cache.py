"""The hub's cache on this machine, and which files of a model belong there. Downloads nothing."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from voxdemo.errors import WeightsError
from voxdemo.model_support.process_wide import CHANGES

WANTED = ("*.json", "*.safetensors", "*.bin", "*.pth", "*.pt", "*.mvn", "*.model", "*.yaml")
"""Weights, settings and tokenisers; no pictures, examples or pages."""
TRAINING = ("optimizer*", "scheduler*", "trainer_state*", "training_args*", "rng_state*", "*_fsdp*")
"""What WANTED would take and only those need who go on training: many times the weights, where makers left it."""
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a model on the hub. `blob` is where the cache has it: named by `digest`, its content's."""

    name: str
    size_bytes: int
    digest: str
    url: str
    blob: Path
    lock: Path

    @property
    def part(self) -> Path:
        """What there is of it while it's being received."""
        return self.blob.with_name(f"{self.digest}.incomplete")

    @property
    def received_bytes(self) -> int:
        """How much of it is on this machine, whoever downloaded it."""
        return max(size_of(self.part), size_of(self.blob))  # in this order: the part becomes the blob


@dataclass(frozen=True, slots=True)
class Listing:
    """The wanted files of a model; `link` makes of those that are there the folder that people see."""

    model: str
    files: tuple[File, ...]
    link: Callable[[], Path]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def received_bytes(self) -> int:
        return sum(file.received_bytes for file in self.files)


def listing_of(model: str, needed: Sequence[str], is_all: bool = False) -> Listing:
    """What of a model is to be there: all that looks like a part of one, or where that `is_all`, what is `needed`."""
    with CHANGES:
        from huggingface_hub import HfApi, constants, hf_hub_url, snapshot_download
        from huggingface_hub.file_download import repo_folder_name
        from huggingface_hub.hf_api import RepoFile
        from huggingface_hub.utils import filter_repo_objects

    # By default it would wait for a silent hub for ever.
    commit = HfApi().model_info(model, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT).sha
    tree = HfApi().list_repo_tree(model, recursive=True, revision=commit)
    entries = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    spare = [*TRAINING, *_spare(model, needed, entries)]
    wanted = [name for entry in needed for name in entry.split("|")] if is_all else list(WANTED)
    folder = repo_folder_name(repo_id=model, repo_type="model")
    files = []
    for name in filter_repo_objects(entries, allow_patterns=wanted, ignore_patterns=spare):
        entry = entries[name]
        digest, size = (entry.lfs.sha256, entry.lfs.size) if entry.lfs else (entry.blob_id, entry.size)
        blob, lock = cache_folder() / folder / "blobs" / digest, cache_folder() / ".locks" / folder / f"{digest}.lock"
        files.append(File(name, size, digest, hf_hub_url(model, name, revision=commit), blob, lock))
    link = partial(snapshot_download, model, allow_patterns=wanted, ignore_patterns=spare, tqdm_class=no_bar())
    return Listing(model, tuple(files), lambda: Path(link()))


def _spare(model: str, needed: Sequence[str], names: Collection[str]) -> list[str]:
    """What `needed` makes superfluous: the second of two alternatives. Raises WeightsError when something lacks."""
    spare: list[str] = []
    for entry in needed:
        alternatives = [name for name in entry.split("|") if name in names]
        if not alternatives:
            lacking = " or ".join(entry.split("|"))
            raise WeightsError(f"{model} on the hub has no {lacking}, so it isn't a model of this kind: name another.")
        spare += alternatives[1:]
    return spare


def cached(model: str, name: str) -> Path | None:
    with CHANGES:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(model, name)
    except (HFValidationError, OSError):  # no hub id, or a cache that can't be read
        return None
    return Path(path) if isinstance(path, str) else None


def cache_folder() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def shown_cache() -> str:
    """The hub's cache as its owner writes it."""
    cache = cache_folder()
    try:
        return str(Path("~") / cache.relative_to(Path.home()))
    except (ValueError, RuntimeError):  # elsewhere, or there is no home
        return str(cache)


def is_intact(path: Path, digest: str) -> bool:
    """Whether a file has the content that the cache names it by: for a large one its SHA-256, else its name in Git."""
    content = hashlib.sha256() if len(digest) == 64 else hashlib.sha1(b"blob %d\0" % size_of(path))
    with path.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            content.update(block)
    return content.hexdigest() == digest


def no_bar() -> Any:
    from huggingface_hub.utils import tqdm

    return partial(tqdm, disable=True)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
