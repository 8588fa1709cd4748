"""The doors: the page, the Gradio endpoints and our own HTTP routes. They know the service and no model."""
