"""No library reports to its makers from here, whatever the environment says.

Each of these variables is read once: when the library is imported, or when it begins. So the package switches them off
before anything else of it is imported. It knows no library beyond these names.
"""

import os

OFF = {
    # Microsoft's, on by default as of 1.32: an id of the machine below ~/.cache/Microsoft, and uploads from then on.
    # onnxruntime.disable_telemetry_events() comes too late: importing it has made the id by then.
    "ORT_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",  # of gradio_client, too
    "DO_NOT_TRACK": "1",  # for what a later release may bring: https://donottrack.sh
}


def switch_off() -> None:
    """Set the variables, for this process and for those that it starts."""
    os.environ.update(OFF)
