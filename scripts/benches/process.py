"""What the kernel says of a process that is measured from outside."""

import os
import subprocess
import time
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Process:
    """By its process id; 0 everywhere once it is gone."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._proc = Path(f"/proc/{pid}")

    def _text(self, name: str) -> str:
        try:
            return (self._proc / name).read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def _count(self, name: str) -> int:
        try:
            return len(os.listdir(self._proc / name))
        except (FileNotFoundError, ProcessLookupError):
            return 0

    def _mb(self, name: str, key: str) -> float:
        found = [row.split()[1] for row in self._text(name).splitlines() if row.startswith(key)]
        return int(found[0]) / 1000 if found else 0.0

    def rss_mb(self) -> float:
        """Resident set."""
        return self._mb("smaps_rollup", "Rss:")

    def pss_mb(self) -> float:
        """The same, but of what it shares with others only its part."""
        return self._mb("smaps_rollup", "Pss:")

    def peak_mb(self, child: "subprocess.Popen[bytes]") -> float:
        """Its largest resident set, once it has ended."""
        peak = 0.0
        while child.poll() is None:
            peak = max(peak, self._mb("status", "VmHWM:"))
            time.sleep(0.05)
        return peak

    def descriptors(self) -> int:
        """Open file descriptors."""
        return self._count("fd")

    def threads(self) -> int:
        """Threads."""
        return self._count("task")

    def cpu_s(self) -> float:
        """CPU time of all its threads so far, its children's not counted (to 10 ms)."""
        fields = self._text("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S if fields else 0.0
