"""Downloading the files of a model into the hub's cache, and saying how far it is.

As of 2.4 huggingface_hub throws away what it has of a file when a download stops, and a model is one file of gigabytes.
So a file is received here, by huggingface_hub's own `http_get`, under the name that it gave it when it still went on
with it.
"""

import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from voxdemo.errors import WeightsError
from voxdemo.model_support.hub_cache import File, Listing, cache_folder, is_intact, no_bar, shown_cache, size_of
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

TELL_EVERY_S = 1.0
LOG_EVERY_S = 10.0
SPEED_WINDOW_S = 60.0
"""Over how long the speed of a download is measured to say how long the rest takes."""
RETRIES = 5
RETRY_PAUSE_S = 1.0


def check_space(listing: Listing) -> None:
    folder = next(parent for parent in (cache_folder(), *cache_folder().parents) if parent.exists())
    lacking, free = listing.size_bytes - listing.received_bytes, shutil.disk_usage(folder).free
    if lacking > free:
        sizes = f"{_amount(lacking)} more in {shown_cache()}, but {_amount(free)} are free there"
        way_out = "free some space, or set HF_HOME to a larger disk"
        raise WeightsError(f"{_title(listing.model)} needs {sizes}: {way_out}.", shown_cache())


def ensure(file: File) -> None:
    """Have `file` in the cache, whole. huggingface_hub takes the same lock, so nobody else downloads it meanwhile."""
    from huggingface_hub.utils import WeakFileLock

    for path in (file.blob, file.lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(file.lock):
        if not file.blob.exists():
            _receive(file)
            if not is_intact(file.part, file.digest):
                file.part.unlink()
                again = "type ./launch.sh fetch-models to try again"
                raise WeightsError(f"{file.name} arrived damaged and was deleted: {again}.")
            file.part.replace(file.blob)


def _receive(file: File) -> None:
    """Receive what is missing of `file`, trying again until RETRIES in a row have brought nothing."""
    file.part.touch()
    fruitless = 0
    while (before := size_of(file.part)) < file.size_bytes:
        try:
            _receive_rest(file)
        except Exception as error:
            fruitless = 0 if size_of(file.part) > before else fruitless + 1
            if fruitless > RETRIES or not _may_pass(error):
                raise
            log.info("the download of %s broke off (%s) and goes on", file.name, error)
            time.sleep(RETRY_PAUSE_S)


def _receive_rest(file: File) -> None:
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    with file.part.open("r+b") as sink:
        had = sink.seek(0, os.SEEK_END)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}  # a range of compressed bytes would be no part
        http_get(file.url, sink, resume_size=had, headers=headers, expected_size=file.size_bytes, tqdm_class=no_bar())


def _may_pass(error: Exception) -> bool:
    """Whether what failed may go well a moment later: the network, or a hub that is busy."""
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in (500, 502, 503, 504)  # after 408 and 429 `http_get` has waited already
    return not isinstance(error, OSError) or isinstance(error, ConnectionError) or error.errno is None


@contextmanager
def progress(listing: Listing, tell: Tell) -> Iterator[None]:
    """Say, while it is entered, how much of a model is here and how long the rest takes; seldomer, to the log too.

    It looks at the disk, so it's right whoever downloads: this process, another one, or one before it. Threading: its
    own thread, a daemon, ends with the `with` block.
    """
    done = threading.Event()
    thread = threading.Thread(target=_keep_telling, args=[listing, tell, done], name="download progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _keep_telling(listing: Listing, tell: Tell, done: threading.Event) -> None:
    seen: deque[tuple[float, int]] = deque(maxlen=round(SPEED_WINDOW_S / TELL_EVERY_S))
    logged = float("-inf")
    while not done.is_set():
        seen.append((time.monotonic(), listing.received_bytes))
        sentence = _sentence(listing, seen)
        tell(sentence)
        if seen[-1][0] - logged >= LOG_EVERY_S:
            log.info("%s", sentence)
            logged = seen[-1][0]
        done.wait(TELL_EVERY_S)


def _sentence(listing: Listing, seen: Sequence[tuple[float, int]]) -> str:
    total, (first_s, first), (last_s, last) = listing.size_bytes, seen[0], seen[-1]
    left = f", about {_duration((total - last) * (last_s - first_s) / (last - first))} left" if last > first else ""
    return f"{_title(listing.model)} is being downloaded: {_number(last, total)} of {_amount(total)}{left}."


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
