"""VoxCPM as an engine to choose: which weights, on what device, and whether they fit. Loads nothing before it is built.

Everything about the files is settled once for all seats, however many load at the same time.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from voxdemo import hf_space
from voxdemo.engines.base import EngineChoice, Settled, SpeechEngine
from voxdemo.engines.voxcpm import checkpoint as checkpoints
from voxdemo.engines.voxcpm import loading
from voxdemo.engines.voxcpm.checkpoint import NEEDED, SETTING, Checkpoint
from voxdemo.engines.voxcpm.engine import VoxCPMEngine, info_for
from voxdemo.engines.voxcpm.lent import LentVoxCPM
from voxdemo.errors import WeightsError
from voxdemo.model_support import devices, hub
from voxdemo.model_support.devices import Device
from voxdemo.model_support.offers import Download, Weights
from voxdemo.settings import Settings
from voxdemo.speech import Tell

log = logging.getLogger(__name__)

NEWEST = "auto"

PUBLISHED: Mapping[str, Checkpoint] = {
    "openbmb/VoxCPM2": Checkpoint(
        title="VoxCPM2",
        architecture="voxcpm2",
        sample_rate=48_000,
        prompt_rate=16_000,
        patch_s=0.16,
        max_length=8192,
        parameters=2_290_004_544,
        embedding_parameters=150_421_504,
        vae_parameters=94_213_957,
        cached_values=18_432,
    ),
    "openbmb/VoxCPM1.5": Checkpoint(
        title="VoxCPM1.5",
        architecture="voxcpm",
        sample_rate=44_100,
        prompt_rate=44_100,
        patch_s=0.16,
        max_length=4096,
        parameters=801_729_856,
        embedding_parameters=75_210_752,
        vae_parameters=86_483_330,
        cached_values=8192,
    ),
    "openbmb/VoxCPM-0.5B": Checkpoint(
        title="VoxCPM-0.5B",
        architecture="voxcpm",
        sample_rate=16_000,
        prompt_rate=16_000,
        patch_s=0.08,
        max_length=4096,
        parameters=652_287_296,
        embedding_parameters=75_210_752,
        vae_parameters=75_355_202,
        cached_values=7680,
    ),
}
"""The models that OpenBMB has published, by hub id, the newest first: what is known of them before a download.

Enough to choose one that fits and to describe it; once the files are here, they speak for themselves.
"""


def choose(settings: Settings, is_named: bool) -> EngineChoice:
    """VoxCPM as the settings want it; its download, checks and loading begin when it is built.

    Where it `is_named`, raises WeightsError or SettingsError if it can't be had or trusted.
    """
    settled = Settled(partial(_prepared, settings))
    if is_named:
        _check(settings, settled)

    def build(tell: Tell) -> SpeechEngine:
        found, plan = settled(tell)
        return LentVoxCPM(found, plan) if devices.lent(settings.device) else VoxCPMEngine(found, plan)

    if not settled.made:
        return EngineChoice(info_for(_expected(settings), "", ""), build)
    found, plan = settled.made
    return EngineChoice(info_for(found, plan.device.name, plan.precision, plan.kv_cache), build)


def is_here(settings: Settings) -> bool:
    """Whether weights are on this machine already; asks no network."""
    return any(map(_folder, _candidates(settings)))


def model_for(settings: Settings) -> str:
    """The hub id or folder that would be loaded; imports PyTorch to look at the memory. Raises SettingsError."""
    return _model(settings, _device(settings))


def _why(settings: Settings) -> str:
    if settings.device != "cpu" and (devices.accelerator_is_likely() or hf_space.lends_gpu()):
        return "there is a GPU"
    if settings.voxcpm_model != NEWEST:
        return f"{SETTING} names it"
    return "its weights are downloaded" if is_here(settings) else ""


DOWNLOAD = Download(weights=lambda settings: [Weights(model_for(settings), NEEDED, SETTING)], is_here=is_here, why=_why)


def _expected(settings: Settings) -> Checkpoint:
    """The checkpoint that will be loaded, as far as can be told without PyTorch: what is here, else the newest."""
    for model in _candidates(settings):
        if folder := _folder(model):
            with suppress(WeightsError):  # told when it is loaded
                return checkpoints.read(folder)
    return PUBLISHED.get(settings.voxcpm_model, next(iter(PUBLISHED.values())))


def _check(settings: Settings, settled: Settled[tuple[Checkpoint, loading.LoadingPlan]]) -> None:
    """See that the files can be had: those on this machine whole and fitting, others fitting and within reach."""
    device = _device(settings)
    model = _model(settings, device)
    if _folder(model):
        settled(log.info)
    else:
        _check_before_download(model, settings, device)
        hub.check_reachable(model, NEEDED, SETTING)


def _prepared(settings: Settings, tell: Tell) -> tuple[Checkpoint, loading.LoadingPlan]:
    device = _device(settings)
    model = _model(settings, device)
    if not _folder(model):
        _check_before_download(model, settings, device)
    folder = hub.fetch(model, NEEDED, tell, SETTING)
    found = checkpoints.read(folder)
    tell(f"{found.title} is loading.")
    checkpoints.check(found)
    plan = _plan(found, settings, device)
    _check_fits(found, plan, settings.generators)
    return found, plan


def _device(settings: Settings) -> Device:
    return devices.lent(settings.device) or devices.find(settings.device)


def _check_before_download(model: str, settings: Settings, device: Device) -> None:
    if settings.engine == "auto" and settings.voxcpm_model == NEWEST and device.kind == "cpu":
        raise WeightsError(
            "VoxCPM isn't downloaded, as PyTorch finds no GPU here: set VOXDEMO_ENGINE=voxcpm to run it anyway."
        )
    if published := PUBLISHED.get(model):
        _check_fits(published, _plan(published, settings, device), settings.generators)


def _check_fits(found: Checkpoint, plan: loading.LoadingPlan, generators: int) -> None:
    needed = loading.memory_bytes(found, plan.precision, plan.kv_cache)
    devices.check_fits(found.title, needed, plan.precision, generators, plan.device, f"a smaller model in {SETTING}")


def _candidates(settings: Settings) -> list[str]:
    """The models that the setting allows, the newest first."""
    return list(PUBLISHED) if settings.voxcpm_model == NEWEST else [settings.voxcpm_model]


def _model(settings: Settings, device: Device) -> str:
    """The model to take: of those that are here the newest that fits, else of all that fit the newest.

    Where what is here doesn't fit, it is taken all the same, to be refused with the figures rather than passed over.
    """
    if settings.voxcpm_model != NEWEST:
        return settings.voxcpm_model
    here = [model for model in PUBLISHED if _folder(model)]
    candidates = here or list(PUBLISHED)
    fitting = (model for model in candidates if _fits(model, settings, device))
    return next(fitting, candidates[0] if here else candidates[-1])


def _fits(model: str, settings: Settings, device: Device) -> bool:
    try:
        _check_fits(PUBLISHED[model], _plan(PUBLISHED[model], settings, device), settings.generators)
    except WeightsError:
        return False
    return True


def _plan(found: Checkpoint, settings: Settings, device: Device) -> loading.LoadingPlan:
    return loading.plan(found, device, settings.quantize, settings.kv_cache)


def _folder(model: str) -> Path | None:
    return hub.folder_of(model, NEEDED)
