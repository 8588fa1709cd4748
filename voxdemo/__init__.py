"""voxdemo: a self-hosted voice demo that speaks and listens, one job at a time, in one honest line.

The package is built in five floors; each imports only floors below it (see README, "How it works"):
web → service → lane, worker → engines, recognizers → audio, text. `speech`, `errors` and `settings` are the words
everything shares.
"""

import os

# Read by PyTorch's OpenMP when it is imported: threads that wait for work would otherwise spin, and take the processor
# from the recogniser, the page and each other.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

__version__ = "0.1.0"
