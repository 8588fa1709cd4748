"""Chatterbox: copies voices, in many languages, by codes of sound and a flow over them; its packages are an extra."""
