"""An engine whose packages and weights are there only where a setting names it: whether they are, and whether it fits.

Loads nothing before it is built; everything about the files is settled once for all seats, however many load at the
same time. Knows neither of these engines.
"""

import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from voxdemo.engines.base import EngineChoice, SpeechEngine
from voxdemo.errors import WeightsError
from voxdemo.model_support import devices, hub
from voxdemo.model_support.devices import Device
from voxdemo.model_support.offers import Download, Weights
from voxdemo.settings import Settings
from voxdemo.speech import EngineInfo, Tell

log = logging.getLogger(__name__)

Checkpoint = TypeVar("Checkpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra(Generic[Checkpoint]):
    """Such an engine, by what is known of it and what reads its files."""

    name: str
    """As settings and its requirements file name it."""
    title: str
    packages: Mapping[str, str]
    """What it needs, by what is imported of each."""
    weights: Callable[[Settings], Sequence[Weights]]
    published: Checkpoint
    """What its weights are, before they are here."""
    read: Callable[..., Checkpoint]
    """Takes the folder of each of the `weights`. Raises WeightsError."""
    check: Callable[[Checkpoint], None]
    """Sees that the files hold it, whole. Raises WeightsError."""
    precisions: Mapping[str, str]
    """By the kind of device."""
    memory_bytes: Callable[[Checkpoint, str], int]
    """The most that it takes in a precision."""
    info: Callable[[Checkpoint, str, str], EngineInfo]
    """For a device and a precision, both of which may be ""."""
    engine: Callable[[Checkpoint, Device, str], SpeechEngine]

    def choose(self, settings: Settings, is_named: bool) -> EngineChoice:
        """The engine as the settings want it; its download, checks and loading begin when it is built.

        Where it `is_named`, raises WeightsError or SettingsError if it can't be had or trusted.
        """
        source = _Source(self, settings)
        if is_named:
            source.check()
        return EngineChoice(self.info(self.published, "", ""), source.build)

    @property
    def download(self) -> Download:
        return Download(
            weights=self.weights, is_here=lambda settings: not list(self.absent(settings)), why=lambda _: ""
        )

    def absent(self, settings: Settings) -> Iterator[Weights]:
        """What isn't on this machine."""
        return (each for each in self.weights(settings) if not hub.folder_of(each.model, each.needed))

    def check_installed(self) -> None:
        """Raises WeightsError, which says what installs the packages."""
        if missing := [package for name, package in self.packages.items() if importlib.util.find_spec(name) is None]:
            some = f"the package {missing[0]}, which isn't" if len(missing) == 1 else f"{' and '.join(missing)}, not"
            run = f"run ./launch.sh --engine {self.name}, or .venv/bin/pip install -r requirements-{self.name}.txt"
            raise WeightsError(f"{self.title} needs {some} installed: {run}.")

    def check_fits(self, found: Checkpoint, device: Device, copies: int) -> None:
        """Raises WeightsError where the device hasn't the memory for so many."""
        precision = self.precisions[device.kind]
        needed = self.memory_bytes(found, precision)
        devices.check_fits(self.title, needed, precision, copies, device, "another VOXDEMO_ENGINE")


class _Source(Generic[Checkpoint]):
    """Where the seats get their model from. Threading: any thread; what is settled is settled by one of them."""

    def __init__(self, extra: Extra[Checkpoint], settings: Settings) -> None:
        self._extra = extra
        self._settings = settings
        self._lock = threading.Lock()
        self._prepared: tuple[Checkpoint, Device] | None = None

    def check(self) -> None:
        """See that the packages are installed, and that the files can be had, as VoxCPM's are."""
        self._extra.check_installed()
        absent = list(self._extra.absent(self._settings))
        if not absent:
            self._settled(log.info)
        else:
            self._check_published_fits(devices.find(self._settings.device))
        for weights in absent:
            hub.check_reachable(weights.model, weights.needed, weights.setting)

    def build(self, tell: Tell) -> SpeechEngine:
        """By each seat's worker."""
        found, device = self._settled(tell)
        return self._extra.engine(found, device, self._extra.precisions[device.kind])

    def _settled(self, tell: Tell) -> tuple[Checkpoint, Device]:
        with self._lock:
            if self._prepared is None:
                self._prepared = self._prepare(tell)
            return self._prepared

    def _prepare(self, tell: Tell) -> tuple[Checkpoint, Device]:
        extra = self._extra
        extra.check_installed()
        device = devices.find(self._settings.device)
        if list(extra.absent(self._settings)):
            self._check_published_fits(device)
        weights = extra.weights(self._settings)
        folders = [hub.fetch(each.model, each.needed, tell, each.setting, each.is_all) for each in weights]
        tell(f"{extra.title} is loading.")
        found = extra.read(*folders)
        extra.check(found)
        extra.check_fits(found, device, self._settings.generators)
        return found, device

    def _check_published_fits(self, device: Device) -> None:
        self._extra.check_fits(self._extra.published, device, self._settings.generators)
