"""A lock for what belongs to the whole process: standard streams, warning filters, modules on their way in.

Models load on threads of their own, and libraries print and warn meanwhile. Where two threads put such a thing away and
back at once, one would put back what the other had put there. Large libraries import each other's parts in circles and
fail, with a KeyError of Python's own, where two threads import them for the first time at once.
"""

import threading

CHANGES = threading.RLock()
"""Held by whoever has replaced a standard stream or a warning filter, or imports a model's library."""
