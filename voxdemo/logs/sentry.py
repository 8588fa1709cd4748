"""Errors of the log, sent to Sentry where who runs the server says so: what failed and where, and nobody's words.

Only what the log tells is sent, so that no request's headers, cookies, address or body can be in it. The package
`sentry-sdk` is no requirement: it is imported here alone, and only where it is wanted.
"""

from __future__ import annotations

import importlib.util
import logging
from typing import Any

from voxdemo import __version__
from voxdemo.logs.privacy import left_out_of
from voxdemo.logs.request import request_id

log = logging.getLogger(__name__)

QUOTING = ("logentry", "exception", "extra")
"""The parts of an event that may quote people; the rest is Sentry's own."""


def start(dsn: str) -> None:
    """Send errors to this DSN from here on; "" sends nothing. SENTRY_ENVIRONMENT says which of your servers it is."""
    if not dsn:
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        log.warning("Sentry is told nothing, for its package is missing: run .venv/bin/pip install sentry-sdk.")
        return
    import sentry_sdk
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=f"voxdemo@{__version__}",
        # None of those that look into requests; breadcrumbs would be lines of other people's.
        default_integrations=False,
        integrations=[LoggingIntegration(level=None), DedupeIntegration(), ExcepthookIntegration()],
        max_breadcrumbs=0,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=_told,
    )


def _told(event: Any, _: Any) -> Any:
    """What is sent of an event: called where it was logged, so that its request and their words are known."""
    event.pop("server_name", None)
    event |= {part: left_out_of(event[part]) for part in QUOTING if part in event}
    return event | {"tags": {"request_id": request_id()}} if request_id() else event
