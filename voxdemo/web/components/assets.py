"""The page's own files: its look, its scripts, the HTML of its parts, its words in other languages."""

from __future__ import annotations

from pathlib import Path

ASSETS = Path(__file__).parents[3] / "assets"


def asset(name: str) -> str:
    """The text of one of them, by its file's name."""
    return (ASSETS / name).read_text(encoding="utf-8")
