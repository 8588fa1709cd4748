"""Our own HTTP routes beside Gradio's."""
