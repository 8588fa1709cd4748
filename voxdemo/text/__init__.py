"""Text before it is spoken: where to cut it and what a voice can say of it. Pure functions; no models, no web."""
