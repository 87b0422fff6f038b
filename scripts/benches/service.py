"""CPU time and memory of a service's processes, from /proc."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pids: Iterable[int]) -> float:
    """User and system time that these processes have taken so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def largest_mb(root: int, seconds: float, sample_s: float = 5.0) -> float:
    """The largest sum of PSS over the next seconds."""
    end, most = time.monotonic() + seconds, 0.0
    while (rest_s := end - time.monotonic()) > 0:
        time.sleep(min(sample_s, rest_s))
        most = max(most, sum(memory_mb(root).values()))
    return most


def memory_mb(root: int) -> dict[str, float]:
    """PSS in MB of a process and of all below it, by what each runs."""
    found: dict[str, float] = {}
    process = psutil.Process(root)
    for each in (process, *process.children(recursive=True)):
        try:
            words = each.cmdline()
            rollup = Path(f"/proc/{each.pid}/smaps_rollup").read_text()
        except (psutil.Error, OSError):
            continue  # it has just ended
        pss_kb = next(int(row.split()[1]) for row in rollup.splitlines() if row[:4] == "Pss:")
        name = words[2] if len(words) > 2 else each.name()
        found[name] = found.get(name, 0.0) + pss_kb / 1000
    return found
