"""Clocks that run some times as fast as the world's, for a rig's daemon and all its processes.

Everything that reads a clock or waits there lives by it, so hours pass in minutes; what really
takes time (a sync to disk, the CPU, the start of a process) takes that many times longer for it.
"""

import struct
from pathlib import Path

from recorder.clock import boot_ns

_FORM = struct.Struct("<Q")


class Pace:
    """``times`` as fast from ``begin`` on; until then the world's."""

    def __init__(self, file: Path, times: int) -> None:
        self._file = file
        self._since_ns = 0
        self.times = times
        file.write_bytes(_FORM.pack(0))

    def environment(self) -> dict[str, str]:
        """What a process's environment needs to live by it, beside ``Daemon.site``."""
        return {"RIG_PACE": f"{self.times} {self._file}"}

    def begin(self) -> None:
        """Faster from now on, in all its processes."""
        self._since_ns = boot_ns()
        with self._file.open("r+b") as file:
            file.write(_FORM.pack(self._since_ns))

    def boot_ns(self) -> int:
        """What the boot clock of such a process shows now."""
        return shown_ns(boot_ns(), self._since_ns, self.times)


def shown_ns(now_ns: int, since_ns: int, times: int) -> int:
    """The faster clock, where the world's shows ``now_ns``; ``since_ns`` 0: it did not begin."""
    return now_ns + (now_ns - since_ns) * (times - 1) if 0 < since_ns < now_ns else now_ns
