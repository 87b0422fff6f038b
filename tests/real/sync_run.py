"""One run of sync as its own process, for tests that kill it: ``sync_run SPOOL STORE SYNC``."""

import sys
from pathlib import Path

import msgspec

from recorder.clock import SystemClock
from recorder.errors import RecorderError
from recorder.sync import worker
from recorder.sync.progress import Lines
from tests.unit.sync.spools import settings


def main() -> int:
    """The exit status is the CLI's: 0 fine, 1 found something, 2 could not run."""
    spool, store, sync = map(Path, sys.argv[1:4])
    clock = SystemClock()
    try:
        summary = worker.run_once(
            settings(spool, store, sync),
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
