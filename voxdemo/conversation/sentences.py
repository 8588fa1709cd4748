"""The sentences of a text that is still being written, each as soon as it is sure where it ends."""

from voxdemo.text import split

_ENDS = frozenset(".!?…。！？｡।؟۔\n")
"""A text without one of these is still in its first sentence."""
LONGEST = 300
"""Letters of an open sentence, beyond which its beginning is given, to be spoken while the rest is written."""
_PAUSES = ", ", "，", "、", " "
"""Behind which a sentence that is too long is cut, best first."""


class GrowingSentences:
    """Add what is written; it gives the sentences that are whole. They end by the rules of the `language`."""

    def __init__(self, language: str = split.ENGLISH) -> None:
        self._language = language
        self._open = ""
        """What isn't a whole sentence yet."""

    def add(self, text: str) -> list[str]:
        """The sentences that have become whole: another begins behind them, their line ends, or they are too long."""
        self._open += text
        whole = [] if _ENDS.isdisjoint(self._open) else self._whole()
        while len(self._open) > LONGEST:
            beginning = self._open[:LONGEST]
            ends = [beginning.rfind(sign) + len(sign) for sign in _PAUSES if beginning.rfind(sign) > LONGEST // 3]
            end = next(iter(ends), LONGEST)
            whole.append(beginning[:end].strip())
            self._open = self._open[end:]
        return whole

    def _whole(self) -> list[str]:
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
