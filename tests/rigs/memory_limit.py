"""Lets the kernel run out of memory for one process: a memory cgroup that leaves it nothing."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
LIMIT_BYTES = 64 * 1024


@contextlib.contextmanager
def starved(pid: int) -> Iterator[None]:
    """The process may take next to nothing more; when it does, it is killed by the kernel.

    Needs root, or sudo's. The cgroup is removed when the process is gone.
    """
    version1 = (_V1 / "cgroup.procs").exists()
    folder = (_V1 if version1 else _V2) / f"rig-{os.getpid()}-{pid}"
    if not version1:
        (_V2 / "cgroup.subtree_control").write_text("+memory")
    folder.mkdir()
    try:
        limit = folder / ("memory.limit_in_bytes" if version1 else "memory.max")
        limit.write_text(str(LIMIT_BYTES))
        (folder / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for left in (folder / "cgroup.procs").read_text().split():
            (folder.parent / "cgroup.procs").write_text(left)
        folder.rmdir()
