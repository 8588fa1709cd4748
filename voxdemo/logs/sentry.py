"""Errors of the log, sent to Sentry if the operator wants that: what failed and where, and nobody's words.

Only what the log contains is sent, so that no request's headers, cookies, address or body can be in it. The package
`sentry-sdk` isn't a requirement: only this module imports it, and only if it is wanted.
"""

import importlib.util
import logging
from typing import Any

from voxdemo import __version__
from voxdemo.logs import privacy
from voxdemo.logs.request import request_id

log = logging.getLogger(__name__)


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


def _told(event: Any, hint: Any) -> Any:
    """What is sent of an event: called where it was logged, so that its request is known."""
    event.pop("server_name", None)
    record = hint.get("log_record")
    if record:
        message = privacy.message_of(record)
        event["logentry"] = {"message": message, "formatted": message}
    if not (record and privacy.is_ours(record)):
        event.pop("extra", None)
    for exception in event.get("exception", {}).get("values", ()):
        exception["value"] = privacy.LEFT_OUT
    return event | {"tags": {"request_id": request_id()}} if request_id() else event
