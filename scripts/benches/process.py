"""What the kernel says of a process that is measured from outside."""

import os
import subprocess
import time
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Process:
    """By its process id, while it lives."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def rss_mb(self) -> float:
        """Resident set."""
        return self._memory_mb("Rss:")

    def pss_mb(self) -> float:
        """The same, but of what it shares with others only its part."""
        return self._memory_mb("Pss:")

    def _memory_mb(self, key: str) -> float:
        rows = (self._proc / "smaps_rollup").read_text().splitlines()
        return next(int(row.split()[1]) for row in rows if row.startswith(key)) / 1000

    def peak_mb(self, child: "subprocess.Popen[bytes]") -> float:
        """Its largest resident set, once it has ended."""
        peak = 0.0
        while child.poll() is None:
            rows = (self._proc / "status").read_text().splitlines()
            found = [int(row.split()[1]) / 1000 for row in rows if row.startswith("VmHWM")]
            peak = max(peak, *found, 0.0)
            time.sleep(0.05)
        return peak

    def descriptors(self) -> int:
        """Open file descriptors."""
        return len(os.listdir(self._proc / "fd"))

    def threads(self) -> int:
        """Threads."""
        return len(os.listdir(self._proc / "task"))

    def cpu_s(self) -> float:
        """CPU time of all its threads so far, its children's not counted (to 10 ms)."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S
