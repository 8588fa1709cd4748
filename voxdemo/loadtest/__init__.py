"""Drives a running server from outside, as many people would, and reports how it did and how many it could serve.

It knows the server by its doors alone: Gradio's queue, /v1/audio/speech, /metrics and /ready.
"""
