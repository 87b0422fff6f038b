"""Memory of a service: of all its processes together."""

import time

import psutil

from scripts.benches.process import Process


def memory_mb(root: int) -> dict[str, float]:
    """PSS in MB of a process and of all below it, by what each runs."""
    found: dict[str, float] = {}
    process = psutil.Process(root)
    for each in (process, *process.children(recursive=True)):
        try:
            words = each.cmdline()
        except psutil.Error:
            continue  # it has just ended
        name = words[2] if len(words) > 2 else each.name()
        found[name] = found.get(name, 0.0) + Process(each.pid).pss_mb()
    return found


def largest_mb(root: int, seconds: float, sample_s: float = 5.0) -> float:
    """The largest sum of PSS over the next seconds."""
    end, most = time.monotonic() + seconds, 0.0
    while (rest_s := end - time.monotonic()) > 0:
        time.sleep(min(sample_s, rest_s))
        most = max(most, sum(memory_mb(root).values()))
    return most
