"""An engine whose packages and weights are there only where a setting names it: whether they are, and whether it fits.

Loads nothing before it is built; everything about the files is settled once for all seats, however many load at the
same time. Knows neither of these engines.
"""

import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from voxdemo.engines.base import EngineChoice, Settled, SpeechEngine
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
        settled = Settled(partial(self._prepared, settings))
        if is_named:
            self._check(settings, settled)

        def build(tell: Tell) -> SpeechEngine:
            found, device = settled(tell)
            return self.engine(found, device, self.precisions[device.kind])

        return EngineChoice(self.info(self.published, "", ""), build)

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

    def _check(self, settings: Settings, settled: Settled[tuple[Checkpoint, Device]]) -> None:
        """See that the packages are installed, and that the files can be had, as VoxCPM's are."""
        self.check_installed()
        absent = list(self.absent(settings))
        if absent:
            self.check_fits(self.published, devices.find(settings.device), settings.generators)
        else:
            settled(log.info)
        for weights in absent:
            hub.check_reachable(weights.model, weights.needed, weights.setting)

    def _prepared(self, settings: Settings, tell: Tell) -> tuple[Checkpoint, Device]:
        self.check_installed()
        device = devices.find(settings.device)
        if list(self.absent(settings)):
            self.check_fits(self.published, device, settings.generators)
        folders = [
            hub.fetch(each.model, each.needed, tell, each.setting, each.is_all) for each in self.weights(settings)
        ]
        tell(f"{self.title} is loading.")
        found = self.read(*folders)
        self.check(found)
        self.check_fits(found, device, settings.generators)
        return found, device
