"""voxdemo: a self-hosted voice demo that speaks and listens, one job at a time, in one line whose places it shows.

docs/architecture.md has the map: which package is for what, and which may import which.
"""

from voxdemo import hf_space, telemetry

__version__ = "0.2.0"

telemetry.switch_off()
hf_space.keep_weights()
