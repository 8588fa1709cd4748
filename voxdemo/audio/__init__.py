"""Sound as arrays: reading recordings, changing rates, writing results. Pure functions; no models, no web."""
