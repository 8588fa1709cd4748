"""English, as the built-in voice reads it: hibari's dictionaries of American and of British English."""

from voxdemo.engines.builtin import hibari_model, pronunciation


class English:
    """Pronounces one of the two. Loads its dictionary in about a second."""

    def __init__(self, british: bool = False) -> None:
        self._g2p = hibari_model.g2p(british)

    def __call__(self, sentence: str) -> str:
        """How a sentence is pronounced, with all the figures and signs in it."""
        pieces = pronunciation.pieces(sentence)
        return " ".join(pronunciation.phonemes(self._g2p, piece) for piece in pieces)
