"""voxdemo: a self-hosted voice demo that speaks and listens, one job at a time, in one honest line.

The package is built in five floors; each imports only floors below it (see docs/architecture.md):
web → service → lane, worker → engines, recognizers → audio, text. `speech`, `errors` and `settings` are the words
everything shares.
"""

from voxdemo import hf_space, telemetry

__version__ = "0.1.0"

telemetry.switch_off()
hf_space.keep_weights()
