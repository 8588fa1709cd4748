"""The sentences of a text that is still being written, each as soon as it is sure where it ends."""

from voxdemo.text import split

_ENDS = frozenset(".!?…。！？｡।؟۔\n")
"""A text without one of these is still in its first sentence."""


class GrowingSentences:
    """Add what is written; it gives the sentences that are whole. They end by the rules of the `language`."""

    def __init__(self, language: str = split.ENGLISH) -> None:
        self._language = language
        self._open = ""
        """What isn't a whole sentence yet."""

    def add(self, text: str) -> list[str]:
        """The sentences that have become whole: another one begins behind them, or their line ends."""
        self._open += text
        if _ENDS.isdisjoint(self._open):
            return []
        *whole, last = split.sentences(self._open, self._language) or [""]
        if self._open.endswith("\n"):
            whole, last = [*whole, last] if last else whole, ""
        if whole or not last:
            self._open = last + self._open[len(self._open.rstrip()) :]
        return whole

    def rest(self) -> list[str]:
        """What is left when the text has come to its end."""
        found, self._open = split.sentences(self._open, self._language), ""
        return found
