"""The doors: the page, the Gradio endpoints and our own HTTP routes. They know the service and no model."""

import os

# Read by Gradio and huggingface_hub when they are imported: nothing is told to anybody.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
