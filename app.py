"""voxdemo's entry: settings → service → page → serve. `./launch.sh` runs it; Spaces and `gradio app.py` take `demo`."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that Ctrl-C during the imports below ends without a traceback

import sys

from voxdemo import logs
from voxdemo import settings as voxdemo_settings
from voxdemo.assemble import local_service
from voxdemo.errors import SettingsError
from voxdemo.logs import sentry
from voxdemo.serve import serve
from voxdemo.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web.site import build


def prepare() -> tuple[Settings, SpeechService]:
    """The settings and the service, or the end of the process with one sentence that says what is wrong."""
    try:
        settings = voxdemo_settings.load()
        logs.set_up(settings.log_level, settings.log_text, settings.log_format)
        sentry.start(settings.sentry_dsn.get_secret_value())
        if __name__ == "__main__":
            voxdemo_settings.check_usable(settings)
        return settings, local_service(settings)
    except SettingsError as error:
        print(f"voxdemo can't start: {error.sentence}", file=sys.stderr)
        sys.exit(2)


settings, service = prepare()
site = build(service, settings)
demo = site.demo

if __name__ == "__main__":
    serve(site, service, settings)
