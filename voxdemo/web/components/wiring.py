"""How events of the page are wired that no job stands behind: beside the line, and in no list of endpoints."""

from typing import Any

AT_ONCE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Arguments of an event that the server answers without a model."""
IN_BROWSER: dict[str, Any] = {"fn": None, "api_visibility": "private"}
"""Arguments of an event that only the browser has to do with."""
