"""How many voices Ray Serve keeps: as many as the line wants.

Lives in Serve's controller, which may not wait for anything: a thread asks the line.
"""

import logging
import threading
import time
from typing import Any

import httpx

from voxdemo import settings as voxdemo_settings
from voxdemo.lanes import wire
from voxdemo.lanes.elsewhere.asgi import credentials

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
ANSWER_S = 5.0
"""Within which the line answers, or is down."""


class ByWaiting:
    """An autoscaling policy of Serve's for the voices of the line at VOXDEMO_LINE_URL."""

    def __init__(self) -> None:
        self._wanted: int | None = None
        threading.Thread(target=self._keep_asking, daemon=True, name="voices wanted").start()

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """How many there are to be: as many as there are, where the line can't be reached or has just begun."""
        wanted = self._wanted
        return context.target_num_replicas if wanted is None else wanted, {}

    def _keep_asking(self) -> None:
        """Whatever happens: without this thread, no voice would be started or stopped any more."""
        while True:
            try:
                self._ask()
            except (httpx.HTTPError, ValueError) as error:
                log.debug("the line doesn't answer: %s", type(error).__name__)
            except Exception:
                log.exception("how many voices are wanted isn't known: there will be as many as there are")
            self._wanted = None
            time.sleep(LOOK_EVERY_S)

    def _ask(self) -> None:
        """Again and again, until the line doesn't answer. Raises HTTPError, ValueError, and SettingsError."""
        settings = voxdemo_settings.load()
        headers = credentials(settings.line_secret.get_secret_value())
        with httpx.Client(base_url=settings.line_url, headers=headers, timeout=ANSWER_S, trust_env=False) as line:
            while True:
                self._wanted = wire.from_bytes(line.get("/line/voices/wanted").raise_for_status().content)
                time.sleep(LOOK_EVERY_S)
