"""Gradio's queue as the line that people see, and all that is changed in Gradio."""
