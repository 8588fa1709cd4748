"""Drives a running server from outside, as many people would, and reports how it did and how many people it can serve.

It knows the server only by its APIs: Gradio's queue, /v1/audio/speech, /metrics and /ready.
"""
