"""Puts the floors together for one process: which models, how many copies, one line, one service."""

from collections.abc import Callable, Sequence
from typing import Any

from voxdemo.engines.base import EngineChoice
from voxdemo.engines.registry import ENGINES
from voxdemo.estimates.paces import Pace, Paces
from voxdemo.lanes.local.lane import Lane
from voxdemo.lanes.local.model_thread import Measured
from voxdemo.lanes.local.seat import Role, Seat
from voxdemo.lanes.local.worker import ModelWorker
from voxdemo.recognizers.base import RecognizerChoice
from voxdemo.recognizers.registry import RECOGNIZERS
from voxdemo.server import warm_up
from voxdemo.service.service import Folders, SpeechService
from voxdemo.settings import Settings
from voxdemo.stores.opening import Stores


def local_service(
    settings: Settings,
    speakers: Sequence[EngineChoice] | None = None,
    listeners: Sequence[RecognizerChoice] | None = None,
) -> SpeechService:
    """The service whose models run in this process, not started yet.

    `speakers` and `listeners` stand in for those the settings name: the one seam at which tests put fakes. Raises
    SettingsError where a model that was named can't be had.
    """
    speakers = speakers or ENGINES.choose(settings)
    listeners = listeners or RECOGNIZERS.choose(settings)
    folders = Folders(
        files=settings.files_dir,
        workshop=settings.cache_dir / "workshop",
        paces=settings.cache_dir / "paces.json",
    )
    paces = Paces.load(folders.paces)
    seats = [_seat(speakers, listeners, paces) for _ in range(settings.generators)]
    lane = Lane(seats, settings.queue_size, settings.job_timeout_s)
    return SpeechService(lane, folders, Stores(settings), paces)


def _seat(speakers: Sequence[EngineChoice], listeners: Sequence[RecognizerChoice], paces: Paces) -> Seat:
    return Seat(
        Role(*(_worker(choice, warm_up.speak, paces.speech) for choice in speakers)),
        Role(*(_worker(choice, warm_up.hear, paces.listening) for choice in listeners)),
    )


def _worker(
    choice: EngineChoice | RecognizerChoice, check: Callable[[Any], Measured], pace: Callable[[str], Pace]
) -> ModelWorker[Any]:
    def checked(measured: Measured) -> None:
        learned = pace(worker.info.key)
        for index, (units, seconds) in enumerate(measured):
            (learned.learn if index else learned.learn_warm_up)(units, seconds)

    worker: ModelWorker[Any] = ModelWorker(choice.info, choice.build, check, checked)
    return worker
