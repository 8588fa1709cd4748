"""What a server and a command begin with: settings, log, service; every mistake ends it with one sentence."""

from __future__ import annotations

import errno
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from voxdemo import logs, terminal
from voxdemo import settings as voxdemo_settings
from voxdemo.errors import SettingsError
from voxdemo.logs import sentry
from voxdemo.settings import Settings

if TYPE_CHECKING:
    from voxdemo.service.service import SpeechService


def prepare(listens: bool) -> tuple[Settings, SpeechService]:
    """The settings and the service, or the end of the process with exit code 2.

    A server `listens`: the port and the folder are tried first, and its line may be elsewhere.
    """
    with mistakes_told():
        settings = begun(listens)
        # imported here: doctor works where a package of these is broken
        if listens and settings.line_url:
            from voxdemo.server.elsewhere import service_elsewhere

            service = service_elsewhere(settings)
        else:
            from voxdemo.server.assemble import local_service

            service = local_service(settings)
        if listens:
            service.stores.check()
        return settings, service


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Ends the process with one sentence and exit code 2 where it can't start with its settings."""
    try:
        yield
    except SettingsError as error:
        print(f"voxdemo can't start: {error.sentence}", file=sys.stderr)
        sys.exit(2)


def begun(listens: bool) -> Settings:
    """The settings, after the log has begun; with `listens` the port and the folder are tried. Raises SettingsError."""
    terminal.show_everything()
    settings = voxdemo_settings.load()
    logs.set_up(settings.log_level, settings.log_text, settings.log_format)
    sentry.start(settings.sentry_dsn.get_secret_value())
    if listens:
        check_usable(settings)
    return settings


def check_usable(settings: Settings) -> None:
    """See that the port is free and the cache folder can be written to. Raises SettingsError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as error:
        raise SettingsError(_why_not(settings, error)) from error
    try:
        settings.cache_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.cache_dir).close()
    except OSError as error:
        raise SettingsError(
            f"VOXDEMO_CACHE_DIR is {str(settings.cache_dir)!r}, but it must be a folder that can be written to."
        ) from error


def _why_not(settings: Settings, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            where = f"Port {settings.port} on {settings.host}"
            return f"{where} is taken: stop the program that has it, or choose another --port."
        case errno.EACCES:
            return f"VOXDEMO_PORT is '{settings.port}', but only root may use that: choose one from 1024 on."
        case _:
            what = f"VOXDEMO_HOST is {settings.host!r}, but this machine has no such address"
            return f"{what}: use 127.0.0.1 for itself only, 0.0.0.0 for all its addresses."
