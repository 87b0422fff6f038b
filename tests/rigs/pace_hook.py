"""Inside a rig's processes: clocks that run faster, and waits that end sooner, by the same factor.

Wall clock and boot clock go together, and the kernel calls the wall clock synchronised. Timeouts of
subprocesses and sockets and the times of files stay the world's own.
"""

import mmap
import os
import queue
import struct
import threading
import time
from _queue import SimpleQueue
from typing import Any, SupportsFloat, SupportsIndex

from recorder import clock
from tests.rigs.pace import shown_ns

_text, _, _file = os.environ["RIG_PACE"].partition(" ")
_TIMES = int(_text)
_FORM = struct.Struct("<Q")
_ERROR_US = 20_000
_clock_ns, _time_ns, _sleep, _wait = (
    time.clock_gettime_ns, time.time_ns, time.sleep, threading.Condition.wait,
)  # fmt: skip

with open(_file, "rb") as _open:  # noqa: PTH123
    _since = mmap.mmap(_open.fileno(), _FORM.size, prot=mmap.PROT_READ)


def _since_ns() -> int:
    (value,) = _FORM.unpack(_since)
    return int(value)


def _boot_ns() -> int:
    return shown_ns(_clock_ns(time.CLOCK_BOOTTIME), _since_ns(), _TIMES)


def _shown_ns(which: int) -> int:
    return _boot_ns() if which == time.CLOCK_BOOTTIME else _clock_ns(which)


def _wall_ns() -> int:
    return _time_ns() + _boot_ns() - _clock_ns(time.CLOCK_BOOTTIME)


def _real_s(seconds: SupportsFloat | SupportsIndex) -> float:
    """So long by the world's clock."""
    return float(seconds) / (_TIMES if _since_ns() else 1)


class _Queue(SimpleQueue[Any]):
    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next item."""
        return super().get(block, None if timeout is None else _real_s(timeout))


def _waited(self: threading.Condition, timeout: float | None = None) -> bool:
    return _wait(self, None if timeout is None else _real_s(timeout))


def install() -> None:
    """From now on this process lives by the faster clock."""
    time.clock_gettime_ns, time.time_ns = _shown_ns, _wall_ns
    time.time = lambda: _wall_ns() / 1_000_000_000
    time.sleep = lambda seconds: _sleep(_real_s(seconds))
    vars(threading)["_time"] = vars(queue)["time"] = lambda: _boot_ns() / 1_000_000_000
    threading.Condition.wait = _waited  # type: ignore[method-assign]
    queue.SimpleQueue = _Queue  # type: ignore[misc]
    clock._kernel = lambda: clock._Kernel(_wall_ns(), True, _ERROR_US)
