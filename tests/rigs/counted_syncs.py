"""How often a rig's supervisor syncs to disk, and how long it waits for that."""

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

_FORM = struct.Struct("<QQ")


class Syncs(msgspec.Struct, frozen=True):
    """``waited_ns`` is the world's time, whatever clocks the process lives by."""

    count: int
    waited_ns: int


class CountedSyncs:
    """What a process that was started with ``environment`` has counted so far."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.write_bytes(bytes(_FORM.size))

    def environment(self) -> dict[str, str]:
        """What the process's environment needs, beside ``Daemon.site``."""
        return {"RIG_SYNCS": str(self._file)}

    def so_far(self) -> Syncs:
        """Since the process's start."""
        return Syncs(*_FORM.unpack(self._file.read_bytes()))


def install() -> None:
    """Count this process's calls from now on. One thread syncs at a time, or some go uncounted."""
    with open(os.environ["RIG_SYNCS"], "r+b") as file:  # noqa: PTH123
        counters = mmap.mmap(file.fileno(), _FORM.size)

    def counted(sync: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            began_ns = time.perf_counter_ns()
            sync(descriptor)
            count, waited_ns = _FORM.unpack(counters)
            waited_ns += time.perf_counter_ns() - began_ns
            _FORM.pack_into(counters, 0, count + 1, waited_ns)

        return call

    os.fsync, os.fdatasync = counted(os.fsync), counted(os.fdatasync)  # type: ignore[assignment]
