"""Gradio's queue as the line that people see, and what is changed in its uploads."""
