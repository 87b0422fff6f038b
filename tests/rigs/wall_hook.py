"""Inside a rig's processes: a wall clock that a test moves.

What reads CLOCK_REALTIME or asks the kernel how good it is gets the file's answer instead; the
boot clock, timers and file times stay the machine's own. The file is tests/rigs/wall_clock.py's.
"""

import json
import os
import time
from typing import Any

from recorder import clock

_real_ns = time.time_ns
_file = os.environ["RIG_WALL_CLOCK"]


def _now() -> dict[str, Any]:
    """What the file says; a file that is being replaced leaves what was known."""
    with open(_file, encoding="utf-8") as file:  # noqa: PTH123
        return dict(json.load(file))


def _wall_ns() -> int:
    told = _now()
    since_ns = clock.boot_ns() - int(told["since_ns"])
    return max(
        0, int(_real_ns()) + int(told["offset_ns"]) + since_ns * int(told["ppm"]) // 1_000_000
    )


def _kernel() -> clock._Kernel:
    told = _now()
    synced = told["quality"] == "synced"
    return clock._Kernel(_wall_ns(), synced, int(told["error_ms"]) * 1000)


def install() -> None:
    """From now on this process lives by the file's clock."""
    time.time_ns = _wall_ns
    time.time = lambda: _wall_ns() / 1_000_000_000
    clock._kernel = _kernel
