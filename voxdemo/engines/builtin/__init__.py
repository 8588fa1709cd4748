"""The built-in voice: hibari-tts, and how English is written for it."""
