"""voxdemo's entry: settings → service → page → serve. `./launch.sh` runs it; Spaces and `gradio app.py` take `demo`."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # so that Ctrl-C during the imports below ends without a traceback

from voxdemo.server.serve import serve
from voxdemo.server.site import build
from voxdemo.server.start import prepare

settings, service = prepare(listens=__name__ == "__main__")
site = build(service, settings)
demo = site.demo

if __name__ == "__main__":
    serve(site, service, settings)
