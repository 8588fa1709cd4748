"""What a person reads when a model can't be had from the hub."""

import errno
from types import TracebackType

from voxdemo.errors import WeightsError
from voxdemo.model_support.hub_cache import shown_cache


class Refusals:
    """Turns whatever goes wrong inside into a WeightsError with the sentence that a person needs."""

    def __init__(self, model: str, setting: str) -> None:
        self._model = model
        self._setting = setting

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, WeightsError):
            from huggingface_hub.errors import HFValidationError

            folder = self._model if isinstance(error, HFValidationError) else shown_cache()
            raise WeightsError(self._sentence(error), folder) from error

    def _sentence(self, error: Exception) -> str:
        from huggingface_hub import errors

        other = f"set {self._setting} to a folder that has it"
        absent = f"{self._model} isn't in {shown_cache()}"
        match error:
            case errors.HFValidationError():
                known = "neither a folder on this machine nor a hub id such as openbmb/VoxCPM2"
                return f"{self._setting} is {self._model!r}, which is {known}: correct it."
            case errors.OfflineModeIsEnabled():
                return f"{absent}, and HF_HUB_OFFLINE forbids to download it: unset that, or {other}."
            case errors.GatedRepoError():
                asked = "the hub gives it only to accounts that its makers approved"
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
                full = f"The disk is full: {self._model} doesn't fit into {shown_cache()}"
                return f"{full}: free some space and type ./launch.sh fetch-models to go on, or set HF_HOME elsewhere."
            case OSError(errno=int()) if not isinstance(error, ConnectionError):  # a file here, not the network
                return f"{absent}, which can't be written to: let this user write there, or set HF_HOME elsewhere."
            case _:
                unreached = f"{absent}, and the hub can't be reached"
                return f"{unreached}: connect this machine and type ./launch.sh fetch-models, or {other}."
