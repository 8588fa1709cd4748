"""`tests/fake_app.py` with its files on a small disk of its own: a tmpfs that no other process sees.

SMALL_DISK names the folder it is mounted at, SMALL_DISK_SIZE how large it is. Needs no root where people may have
namespaces of their own.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import subprocess
from pathlib import Path

FAKE_APP = Path(__file__).parent.parent / "fake_app.py"
CLONE_NEWNS, CLONE_NEWUSER = 0x0002_0000, 0x1000_0000


def mount(folder: Path, size: str) -> None:
    """Have a disk of this size there, for this process alone."""
    is_root, user, group = os.geteuid() == 0, os.geteuid(), os.getegid()
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS | (0 if is_root else CLONE_NEWUSER)):
        raise OSError(ctypes.get_errno(), "no namespace of one's own")
    if not is_root:
        told = {"setgroups": "deny", "uid_map": f"0 {user} 1", "gid_map": f"0 {group} 1"}
        for name, said in told.items():
            Path("/proc/self", name).write_text(said)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small-disk", folder], check=True)
    (folder / "tmp").mkdir()


if __name__ == "__main__":
    mount(Path(os.environ["SMALL_DISK"]), os.environ["SMALL_DISK_SIZE"])
    runpy.run_path(str(FAKE_APP), run_name="__main__")
