"""Puts the parts together for one process, starts them, cleans up and stops."""
