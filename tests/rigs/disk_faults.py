"""Disk faults for a daemon that runs: a file system that fails as it is told, and a table of ways.

::

    disk = FaultyDisk(here / "card")          # a mount point; needs root or sudo, python3-pyfuse3
    (here / "spool").symlink_to(disk.path / "spool")    # (disk.path / "spool").mkdir() before
    with FAULTS["journal-sync-eio"](disk) as fault:     # injected
        fault.wait_hit()                      # boot clock, ns: the daemon has just met it
    # lifted; fault.hits() has all that were refused or held up
    disk.close()

``FAULTS`` has every fault by name; each is a context manager that lifts the fault when it is left.
Those of ``ONCE`` fail one single operation and are over by themselves (leave the context after
``wait_hit``). Those of ``ENDING`` end a recording (the card is full); all others leave it open and
it must go on once they are lifted. Faults may overlap.
"""

import errno
import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from tests.rigs.disks import ended, serve, unmount
from tests.rigs.privileged import as_root

SEGMENTS = r"/data/segments/"
JOURNAL = r"/data/journal"
PRIVATE = r"/data/private/"
LEDGER = r"(^|/)ledger/"
ANYTHING = ""
WRITES = ("write", "truncate")
SYNCS = ("sync",)
CHANGES = (
    "write", "truncate", "sync", "sync-folder", "create", "remove", "rename", "open-write",
    "access",
)  # fmt: skip


class Hit(msgspec.Struct, frozen=True):
    """An operation that was refused or held up."""

    rule: str
    operation: str
    path: str
    at_ns: int


class Fault:
    """One fault, injected or lifted already. ``from_ns`` and ``to_ns`` are on the boot clock."""

    def __init__(self, disk: "FaultyDisk", rules: tuple[str, ...]) -> None:
        self._disk = disk
        self._rules = rules
        self.from_ns = boot_ns()
        self.to_ns: int | None = None

    def hits(self) -> list[Hit]:
        """What met it so far."""
        return [
            hit
            for hit in self._disk.hits()
            if hit.rule in self._rules and hit.at_ns >= self.from_ns
        ]

    def wait_hit(self, limit_s: float = 20.0) -> int:
        """When the first operation met it."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if hits := self.hits():
                return hits[0].at_ns
            time.sleep(0.01)
        raise AssertionError(f"nothing met the fault within {limit_s} s")


class FaultyDisk:
    """``path`` is where it is mounted. In memory: as large as what is written to it."""

    def __init__(self, here: Path) -> None:
        here.mkdir(parents=True)
        self._here = here
        self.path = here / "disk"
        self._rules: dict[str, dict[str, Any]] = {}
        self._ids = itertools.count(1)
        self._size_bytes: int | None = None
        self._files: int | None = None
        self._server = serve("faulty_disk", self.path, here)

    def close(self) -> None:
        """Lift everything, unmount and remove."""
        self._rules.clear()
        self._tell()
        unmount(self.path)
        ended(self._server)
        as_root("rm", "-rf", str(self._here))

    @contextmanager
    def failing(
        self,
        operations: tuple[str, ...],
        paths: str = ANYTHING,
        *,
        error: int = errno.EIO,
        times: int | None = None,
        stall: bool = False,
    ) -> Iterator[Fault]:
        """These operations on files whose path the pattern finds fail (``stall``: wait)."""
        name = str(next(self._ids))
        fault = Fault(self, (name,))
        self._rules[name] = {
            "id": name, "operations": operations, "paths": paths, "errno": error,
            "times": times, "stall": stall,
        }  # fmt: skip
        self._tell()
        try:
            yield fault
        finally:
            del self._rules[name]
            self._tell()
            fault.to_ns = boot_ns()

    @contextmanager
    def full(self, room_bytes: int = 0) -> Iterator[Fault]:
        """Only so much room is left, what a removed file gives back included."""
        status = os.statvfs(self.path)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        fault = Fault(self, ("size",))
        self._size_bytes = used + room_bytes
        self._tell()
        try:
            yield fault
        finally:
            self._size_bytes = None
            self._tell()
            fault.to_ns = boot_ns()

    @contextmanager
    def no_inodes(self, files: int = 0) -> Iterator[Fault]:
        """Only so many more files and folders can be made."""
        status = os.statvfs(self.path)
        fault = Fault(self, ("files",))
        self._files = status.f_files - status.f_ffree + files
        self._tell()
        try:
            yield fault
        finally:
            self._files = None
            self._tell()
            fault.to_ns = boot_ns()

    def hits(self) -> list[Hit]:
        """Everything that was refused or held up."""
        decoder = msgspec.json.Decoder(Hit)
        lines = (self._here / "hits.jsonl").read_bytes().split(b"\n")[:-1]
        return [decoder.decode(line) for line in lines]

    def _tell(self) -> None:
        part = self._here / "faults.part"
        part.write_text(
            json.dumps(
                {
                    "size_bytes": self._size_bytes, "files": self._files,
                    "rules": list(self._rules.values()),
                }
            )
        )  # fmt: skip
        part.replace(self._here / "faults.json")


Inject = Callable[[FaultyDisk], AbstractContextManager[Fault]]


def boot_ns() -> int:
    """CLOCK_BOOTTIME."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _table() -> dict[str, Inject]:
    table: dict[str, Inject] = {}
    files = {"segment": SEGMENTS, "journal": JOURNAL, "ledger": LEDGER}
    for (what, paths), (how, operations) in itertools.product(
        files.items(), (("write", WRITES), ("sync", SYNCS))
    ):
        name = f"{what}-{how}-eio"
        table[name] = partial(FaultyDisk.failing, operations=operations, paths=paths)
        table[f"{name}-once"] = partial(
            FaultyDisk.failing, operations=operations, paths=paths, times=1
        )
    table["disk-eio"] = partial(FaultyDisk.failing, operations=CHANGES)
    table["read-only"] = partial(FaultyDisk.failing, operations=CHANGES, error=errno.EROFS)
    table["stall"] = partial(FaultyDisk.failing, operations=(*CHANGES, "statfs"), stall=True)
    table["full"] = FaultyDisk.full
    table["no-inodes"] = FaultyDisk.no_inodes
    return table


FAULTS: dict[str, Inject] = _table()
ONCE = frozenset(name for name in FAULTS if name.endswith("-once"))
ENDING = frozenset({"full", "no-inodes"})
