"""voxdemo's entry: settings → service → page. `./launch.sh` runs it; Spaces and `gradio app.py` find `demo` here."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that Ctrl-C during the imports below ends without a traceback

import logging
import os
import sys
import threading

from voxdemo import settings as voxdemo_settings
from voxdemo.assemble import local_service
from voxdemo.errors import SettingsError
from voxdemo.service import SpeechService
from voxdemo.settings import Settings
from voxdemo.web import page, routes


def prepare() -> tuple[Settings, SpeechService]:
    """The settings and the service, or the end of the process with one sentence that says what is wrong."""
    try:
        settings = voxdemo_settings.load()
        logging.getLogger("voxdemo").setLevel(settings.log_level.upper())
        if __name__ == "__main__":
            voxdemo_settings.check_usable(settings)
        return settings, local_service(settings)
    except SettingsError as error:
        print(f"voxdemo can't start: {error.sentence}", file=sys.stderr)
        sys.exit(2)


logging.basicConfig(level="WARNING", format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
settings, service = prepare()
demo = page.build_page(service, settings)

if __name__ == "__main__":
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    demo.launch(
        server_name=settings.host,
        server_port=settings.port,
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs=routes.app_options(service),
        **page.launch_options(),
    )
    print(f"voxdemo is at {demo.local_url} and loads its models. Ctrl-C stops it.", flush=True)
    stop.wait()
    demo.server.config.timeout_graceful_shutdown = 2  # seconds for open streams, which would otherwise hold it for ever
    demo.close(verbose=False)
    os._exit(0)  # a model that is still loading can't be stopped, and PyTorch aborts where its thread outlives the rest
