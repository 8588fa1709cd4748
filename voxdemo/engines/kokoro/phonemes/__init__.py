"""How each language is pronounced, in the phonemes that Kokoro knows."""
