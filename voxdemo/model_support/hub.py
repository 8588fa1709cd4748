"""A model's folder, from this machine or from the Hugging Face hub: what is missing is downloaded, and told about.

Files go to the hub's standard cache, where other programs find them. huggingface_hub lists them and links what is
there; but as of 2.4 it throws away what it has of a file when a download stops, and a model is one file of gigabytes.
So their bytes are received here, under the name that it gave them when it still went on with them. This module knows
no model: which files one needs is told by the caller.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

from voxdemo.errors import WeightsError
from voxdemo.model_support.process_wide import CHANGES
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

WANTED = ("*.json", "*.safetensors", "*.bin", "*.pth", "*.pt", "*.mvn", "*.model", "*.yaml")
"""Weights, settings and tokenisers; no pictures, examples or pages."""

TELL_EVERY_S = 1.0
LOG_EVERY_S = 10.0
SPEED_WINDOW_S = 60.0
"""Over how long the speed of a download is measured to tell how long the rest takes."""
QUICK_TIMEOUT_S = 4.0
"""How long `check_reachable` waits for the hub."""
RETRIES = 5
RETRY_PAUSE_S = 1.0
_BLOCK_BYTES = 1 << 20
"""What is written or read at once; the most that a broken connection loses."""


def folder_of(model: str, needed: Sequence[str]) -> Path | None:
    """Where `model` lies on this machine; None if it isn't all there. Never asks the network.

    `model` is a folder, which is taken as it is, or a hub id. Of a hub id every file in `needed` must be in the hub's
    cache ("model.safetensors|pytorch_model.bin" is satisfied by either); a file is linked there only when it is whole.
    """
    folder = Path(os.path.expanduser(model))  # noqa: PTH111  # the other one raises where there is no home
    if model and folder.is_dir():
        return folder
    found = [next(filter(None, (_cached(model, name) for name in entry.split("|"))), None) for entry in needed]
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
    with _Refusals(model, setting):
        listing = _list(model, needed, wanted)
        _check_space(listing)
        with _Progress(listing, tell):
            for file in listing.files:
                _ensure(file)
            return listing.link()


def drop_damaged(model: str, needed: Sequence[str]) -> None:
    """Delete from the hub's cache what `model` needs and isn't as it was on the hub, so that `fetch` gets it anew.

    Reads all of it: 3 to 10 s for VoxCPM2. A folder of the user's own is left alone.
    """
    for name in "|".join(needed).split("|"):
        if (path := _cached(model, name)) and path.is_symlink():
            blob = path.resolve()
            if len(blob.name) in (40, 64) and not _is_intact(blob, blob.name):
                log.warning("%s was damaged and is deleted", name)
                blob.unlink()


def check_reachable(model: str, needed: Sequence[str], setting: str) -> None:
    """See within a few seconds that `fetch` can begin. Raises WeightsError, as it does."""
    if not folder_of(model, needed):
        import huggingface_hub

        always = next(entry for entry in needed if "|" not in entry)
        with _Refusals(model, setting):
            url = huggingface_hub.hf_hub_url(model, always)
            huggingface_hub.get_hf_file_metadata(url, timeout=QUICK_TIMEOUT_S)


def _cached(model: str, name: str) -> Path | None:
    with CHANGES:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(model, name)
    except (HFValidationError, OSError):  # no hub id, or a cache that can't be read
        return None
    return Path(path) if isinstance(path, str) else None


# --- what is to be downloaded ---


@dataclass(frozen=True, slots=True)
class _File:
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
        return max(_size(self.part), _size(self.blob))  # in this order: the part becomes the blob


@dataclass(frozen=True, slots=True)
class _Listing:
    """The wanted files of a model; `link` makes of those that are there the folder that people see."""

    model: str
    files: tuple[_File, ...]
    link: Callable[[], Path]

    @property
    def size_bytes(self) -> int:
        return sum(file.size_bytes for file in self.files)

    @property
    def received_bytes(self) -> int:
        return sum(file.received_bytes for file in self.files)


def _list(model: str, needed: Sequence[str], wanted: Sequence[str]) -> _Listing:
    with CHANGES:
        from huggingface_hub import HfApi, constants, hf_hub_url, snapshot_download
        from huggingface_hub.file_download import repo_folder_name
        from huggingface_hub.hf_api import RepoFile
        from huggingface_hub.utils import filter_repo_objects

    # By default it would wait for a silent hub for ever.
    commit = HfApi().model_info(model, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT).sha
    tree = HfApi().list_repo_tree(model, recursive=True, revision=commit)
    entries = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    spare = _spare(model, needed, entries)
    folder = repo_folder_name(repo_id=model, repo_type="model")
    files = []
    for name in filter_repo_objects(entries, allow_patterns=list(wanted), ignore_patterns=spare):
        entry = entries[name]
        digest, size = (entry.lfs.sha256, entry.lfs.size) if entry.lfs else (entry.blob_id, entry.size)
        blob, lock = _cache() / folder / "blobs" / digest, _cache() / ".locks" / folder / f"{digest}.lock"
        files.append(_File(name, size, digest, hf_hub_url(model, name, revision=commit), blob, lock))
    link = partial(snapshot_download, model, allow_patterns=list(wanted), ignore_patterns=spare, tqdm_class=_no_bar())
    return _Listing(model, tuple(files), lambda: Path(link()))


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


def _check_space(listing: _Listing) -> None:
    folder = next(parent for parent in (_cache(), *_cache().parents) if parent.exists())
    lacking, free = listing.size_bytes - listing.received_bytes, shutil.disk_usage(folder).free
    if lacking > free:
        sizes = f"{_amount(lacking)} more in {_shown_cache()}, but {_amount(free)} are free there"
        way_out = "free some space, or set HF_HOME to a larger disk"
        raise WeightsError(f"{_title(listing.model)} needs {sizes}: {way_out}.", _shown_cache())


def _cache() -> Path:
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE).expanduser()


def _shown_cache() -> str:
    """The hub's cache as its owner writes it."""
    cache = _cache()
    try:
        return str(Path("~") / cache.relative_to(Path.home()))
    except (ValueError, RuntimeError):  # elsewhere, or there is no home
        return str(cache)


# --- downloading ---


def _ensure(file: _File) -> None:
    """Have `file` in the cache, whole. huggingface_hub takes the same lock, so nobody else downloads it meanwhile."""
    from huggingface_hub.utils import WeakFileLock

    for path in (file.blob, file.lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(file.lock):
        if not file.blob.exists():
            _receive(file)
            _check_content(file)
            file.part.replace(file.blob)


def _receive(file: _File) -> None:
    """Receive what is missing of `file`, trying again until RETRIES in a row have brought nothing."""
    file.part.touch()
    fruitless = 0
    while (before := _size(file.part)) < file.size_bytes:
        try:
            _receive_rest(file)
        except Exception as error:
            fruitless = 0 if _size(file.part) > before else fruitless + 1
            if fruitless > RETRIES or not _may_pass(error):
                raise
            log.info("the download of %s broke off (%s) and goes on", file.name, error)
            time.sleep(RETRY_PAUSE_S)


def _receive_rest(file: _File) -> None:
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    with file.part.open("r+b") as sink:
        had = sink.seek(0, os.SEEK_END)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}  # a range of compressed bytes would be no part
        if had:
            headers["Range"] = f"bytes={had}-"
        timeout_s = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", file.url, headers=headers, timeout=timeout_s) as response:
            hf_raise_for_status(response)
            if response.status_code != HTTPStatus.PARTIAL_CONTENT:  # the whole, asked for or not
                sink.truncate(0)
                sink.seek(0)
            for block in response.iter_bytes(_BLOCK_BYTES):
                sink.write(block)
    if _size(file.part) == had:
        raise ConnectionError("nothing came")


def _may_pass(error: Exception) -> bool:
    """Whether what failed may go well a moment later: the network, or a hub that is busy."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (408, 429, 500, 502, 503, 504)
    return not isinstance(error, OSError) or isinstance(error, ConnectionError)


def _check_content(file: _File) -> None:
    if not _is_intact(file.part, file.digest):
        file.part.unlink()
        raise WeightsError(f"{file.name} arrived damaged and was deleted: type ./launch.sh fetch-models to try again.")


def _is_intact(path: Path, digest: str) -> bool:
    """Whether a file has the content that the cache names it by: for a large one its SHA-256, else its name in Git."""
    content = hashlib.sha256() if len(digest) == 64 else hashlib.sha1(b"blob %d\0" % _size(path))
    with path.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            content.update(block)
    return content.hexdigest() == digest


def _no_bar() -> Any:
    from huggingface_hub.utils import tqdm

    return partial(tqdm, disable=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


# --- telling ---


class _Progress:
    """Tells, while it is entered, how much of a model is here and how long the rest takes; seldomer, the log too.

    It looks at the disk, so it's right whoever downloads: this process, another one, or one before it. Threading: its
    own thread, a daemon, ends with the `with` block.
    """

    def __init__(self, listing: _Listing, tell: Tell) -> None:
        self._listing = listing
        self._tell = tell
        self._seen: deque[tuple[float, int]] = deque(maxlen=round(SPEED_WINDOW_S / TELL_EVERY_S))
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="download progress", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        logged = float("-inf")
        while not self._done.is_set():
            now, sentence = time.monotonic(), self._sentence()
            self._tell(sentence)
            if now - logged >= LOG_EVERY_S:
                log.info("%s", sentence)
                logged = now
            self._done.wait(TELL_EVERY_S)

    def _sentence(self) -> str:
        total, received = self._listing.size_bytes, self._listing.received_bytes
        self._seen.append((time.monotonic(), received))
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        left = f", about {_duration((total - last) * (last_s - first_s) / (last - first))} left" if last > first else ""
        amounts = f"{_number(received, total)} of {_amount(total)}"
        return f"{_title(self._listing.model)} is being downloaded: {amounts}{left}."


def _title(model: str) -> str:
    return model.rpartition("/")[2]


def _amount(size_bytes: int) -> str:
    return f"{_number(size_bytes, size_bytes)} {'GB' if size_bytes >= 10**9 else 'MB'}"


def _number(size_bytes: int, beside_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f}" if beside_bytes >= 10**9 else f"{size_bytes / 1e6:.0f}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


# --- refusing ---


class _Refusals:
    """Turns whatever goes wrong inside into a WeightsError with the sentence that a person needs."""

    def __init__(self, model: str, setting: str) -> None:
        self._model = model
        self._setting = setting

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, WeightsError):
            from huggingface_hub.errors import HFValidationError

            folder = self._model if isinstance(error, HFValidationError) else _shown_cache()
            raise WeightsError(self._sentence(error), folder) from error

    def _sentence(self, error: Exception) -> str:
        from huggingface_hub import errors

        other = f"set {self._setting} to a folder that has it"
        absent = f"{self._model} isn't in {_shown_cache()}"
        match error:
            case errors.HFValidationError():
                known = "neither a folder on this machine nor a hub id such as openbmb/VoxCPM2"
                return f"{self._setting} is {self._model!r}, which is {known}: correct it."
            case errors.OfflineModeIsEnabled():
                return f"{absent}, and HF_HUB_OFFLINE forbids to download it: unset that, or {other}."
            case errors.GatedRepoError():
                asked = "the hub gives it only to whom its makers allowed it"
                return f"{absent}, and {asked}: ask on its page there and set HF_TOKEN, or {other}."
            case errors.RepositoryNotFoundError():
                return f"{absent}, and the hub has no such model or hides it: correct {self._setting}, or set HF_TOKEN."
            case errors.RemoteEntryNotFoundError():
                return f"{self._model} on the hub lacks files, so it isn't a model of this kind: name another."
            case errors.HfHubHTTPError() if error.response.status_code in (401, 403):
                return f"{absent}, and the hub refuses to give it: see that HF_TOKEN is right or unset it, or {other}."
            case errors.HfHubHTTPError():
                busy = f"the hub can't give it just now (its answer was {error.response.status_code})"
                return f"{absent}, and {busy}: type ./launch.sh fetch-models in a few minutes, or {other}."
            case OSError(errno=errno.ENOSPC | errno.EDQUOT):
                full = f"The disk is full: {self._model} doesn't fit into {_shown_cache()}"
                return f"{full}: free some space and type ./launch.sh fetch-models to go on, or set HF_HOME elsewhere."
            case OSError(errno=int()) if not isinstance(error, ConnectionError):  # a file here, not the network
                return f"{absent}, which can't be written to: let this user write there, or set HF_HOME elsewhere."
            case _:
                unreached = f"{absent}, and the hub can't be reached"
                return f"{unreached}: connect this machine and type ./launch.sh fetch-models, or {other}."
