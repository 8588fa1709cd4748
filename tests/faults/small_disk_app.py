"""`tests/fake_app.py` with its files on a small disk of its own: a tmpfs that no other process sees.

SMALL_DISK names the folder it is mounted at, SMALL_DISK_SIZE how large it is. Needs no root where people may have
namespaces of their own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

FAKE_APP = Path(__file__).parent.parent / "fake_app.py"
MOUNT = 'mount -t tmpfs -o "size=$SMALL_DISK_SIZE" small-disk "$SMALL_DISK" && mkdir "$SMALL_DISK/tmp"'

if __name__ == "__main__":
    own_namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    os.execvp("unshare", [*own_namespace, "sh", "-c", f'{MOUNT} && exec "$@"', "sh", sys.executable, str(FAKE_APP)])
