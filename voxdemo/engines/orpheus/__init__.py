"""Orpheus-3B, a language model that continues a text in codes of the audio codec SNAC; its packages are an extra."""
