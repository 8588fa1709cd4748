"""What a server and a command begin with: settings, log, service; every mistake ends it with one sentence."""

import sys

from voxdemo import logs, terminal
from voxdemo import settings as voxdemo_settings
from voxdemo.errors import SettingsError
from voxdemo.logs import sentry
from voxdemo.server.assemble import local_service
from voxdemo.server.checks import check_usable
from voxdemo.service.service import SpeechService
from voxdemo.settings import Settings


def prepare(listens: bool) -> tuple[Settings, SpeechService]:
    """The settings and the service, or the end of the process with exit code 2.

    With `listens` the port and the folder are tried first.
    """
    terminal.show_everything()
    try:
        settings = voxdemo_settings.load()
        logs.set_up(settings.log_level, settings.log_text, settings.log_format)
        sentry.start(settings.sentry_dsn.get_secret_value())
        if listens:
            check_usable(settings)
        return settings, local_service(settings)
    except SettingsError as error:
        print(f"voxdemo can't start: {error.sentence}", file=sys.stderr)
        sys.exit(2)
