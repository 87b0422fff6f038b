"""One run of sync as its own process, for tests that kill it.

``sync_run SPOOL STORE SYNC``, or ``sync_run SETTINGS`` with a file of JSON.
"""

import sys
from pathlib import Path

import msgspec

from recorder.clock import ClockState, Quality, SystemClock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.sync import worker
from recorder.sync.progress import Lines
from tests.unit.sync.spools import settings


class Synced(SystemClock):
    """The machine's clock, said to be synchronised, or whatever a test wants it to be."""

    def __init__(self, off_s: float = 0, quality: Quality = Quality.SYNCED) -> None:
        super().__init__()
        self.off_ns = round(off_s * 1e9)
        self.quality = quality

    def utc_ns(self) -> int:
        return super().utc_ns() + self.off_ns

    def state(self) -> ClockState:
        return ClockState(self.quality, 20)


def main() -> int:
    """The exit status is the CLI's: 0 fine, 1 found something, 2 could not run."""
    if len(sys.argv) == 2:
        found = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Settings)
    else:
        spool, store, sync = map(Path, sys.argv[1:4])
        found = settings(spool, store, sync)
    clock = Synced()
    try:
        summary = worker.run_once(
            found,
            Lines(sys.stdout, clock),
            say=lambda phrase: print(f'{{"event":"say","phrase":"{phrase}"}}', flush=True),
            clock=clock,
        )
    except RecorderError as error:
        print(msgspec.json.encode({"event": "error", "code": error.code}).decode())
        print(error, file=sys.stderr)
        return 2
    return summary.exit_code


if __name__ == "__main__":
    sys.exit(main())
