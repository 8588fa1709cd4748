"""Whether a server can start with these settings on this machine."""

import errno
import socket
import tempfile

from voxdemo.errors import SettingsError
from voxdemo.settings import Settings


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
