"""A process that keeps small has one heap, not one for each thread."""

import subprocess
import sys

import pytest

PROGRAM = """
import threading
from pathlib import Path
from recorder import memory

def size_mb(what):
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith(what)) // 1000

if {small}:
    memory.keep_small()
before = size_mb("VmSize:")
kept, done = [], threading.Barrier(9)

def work():
    kept.append([bytes(10_000) for _ in range(10)])
    done.wait()
    done.wait()

threads = [threading.Thread(target=work, daemon=True) for _ in range(8)]
for thread in threads:
    thread.start()
done.wait()
stacks = 8 * (threading.stack_size() or 8 << 20) // 1_000_000
print(size_mb("VmSize:") - before - stacks)
"""


@pytest.mark.parametrize(("small", "least", "most"), [(True, 0, 30), (False, 400, 2000)])
def test_threads_share_one_heap(small: bool, least: int, most: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(small=small)], capture_output=True, text=True
    )
    assert least <= int(done.stdout) <= most, done.stderr
