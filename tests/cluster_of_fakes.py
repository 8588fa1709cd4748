"""`voxdemo cluster` with one server, over voices that are fake; with a port as its word, the process of Ray in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from line_elsewhere import any_models

        from voxdemo.cluster import head

        head.main(int(sys.argv[1]), any_models)
    from voxdemo.cluster import box
    from voxdemo.server.start import begun

    os.environ["PYTHONPATH"] = str(Path(__file__).parent)  # where the processes of Ray find the fakes
    settings = begun(listens=True)
    box.run(settings, box.check(settings), front_ends=1, head=(__file__,))
