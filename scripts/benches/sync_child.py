"""``sync_child SETTINGS [unread]``: one run of sync; prints what it took.

``unread`` leaves out the read-back, which the product never does: for comparing with programs that
have none.
"""

import resource
import sys
import time
from pathlib import Path

import msgspec
import psutil

from recorder.config import Settings
from recorder.sync import transfer, worker
from recorder.sync.progress import Quiet
from tests.real.sync_run import Synced


class Run(msgspec.Struct, frozen=True):
    """What a run took; ``first_s`` from the process's beginning until the first byte left."""

    seconds: float
    cpu_s: float
    peak_mb: float
    first_s: float | None
    files: int
    bytes: int
    stored_before: int


class _First(Quiet):
    def __init__(self) -> None:
        self.at: float | None = None

    def moved(self, size_bytes: int) -> None:
        if self.at is None:
            self.at = time.time()


def _peak_kb() -> int:
    """Not of getrusage, where whoever started this counts as well."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1])
    raise RuntimeError("no VmHWM")


def main() -> None:
    """Everything must go through, or this ends with an error."""
    settings = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings)
    if sys.argv[2:] == ["unread"]:
        transfer.compare = lambda *_, **__: None
    began, first = time.perf_counter(), _First()
    summary = worker.run_once(settings, first, clock=Synced())
    ended = time.perf_counter()
    if summary.exit_code:
        raise SystemExit(f"sync found: {summary.findings}")
    used = resource.getrusage(resource.RUSAGE_SELF)
    run = Run(
        seconds=ended - began,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mb=_peak_kb() / 1000,
        first_s=first.at and first.at - psutil.Process().create_time(),
        files=summary.sent_files,
        bytes=summary.sent_bytes,
        stored_before=summary.stored_before,
    )
    print(msgspec.json.encode(run).decode())


if __name__ == "__main__":
    main()
