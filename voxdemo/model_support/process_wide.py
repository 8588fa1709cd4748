"""A lock for what belongs to the whole process and is changed for a moment: standard streams, warning filters.

Models load on threads of their own, and libraries print and warn meanwhile. Where two threads put such a thing away and
back at once, one would put back what the other had put there.
"""

from __future__ import annotations

import threading

CHANGES = threading.RLock()
"""Held by whoever has replaced a standard stream or a warning filter."""
