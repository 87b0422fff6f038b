"""Can sync reach its store and write to it? `python -m recorder.selftest.store`, as sync's user.

Proven in a folder: it is the marked store, and a new file is created in it, under a name that
only unfinished files have, and removed. A bucket that locks would keep any object for years, so
there no more is proven than that it answers, lets this user in, and locks; nothing is put.
"""

import os
import sys
from pathlib import Path

import msgspec

from recorder.clock import SystemClock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.sync.configured import open_configured
from recorder.sync.home import Home
from recorder.sync.stores import StoreError

_WAIT_S = 3.0
_LEAST_BYTES = 64 * 1024 * 1024


class Reached(msgspec.Struct, frozen=True):
    """``code``: ok, unwritten (reached, writing not tried), full, working (another sync is), sync
    (its own folder is the trouble), or the store's refusal."""

    code: str
    name: str = ""
    problem: str = ""
    remedy: str = ""


def reach(settings: Settings) -> Reached:
    """Open it, write where that leaves nothing, let go."""
    home = Home(Path(settings.paths.sync))
    try:
        home.signer()
        with home.locked(_WAIT_S):
            store = open_configured(settings, home.owner, clock=SystemClock())
            try:
                if settings.bucket:
                    return Reached("unwritten", store.name)
                store.time_ns()  # creates a file and removes it
                status = os.statvfs(settings.sync.store)
                room = status.f_bavail * status.f_frsize
                return Reached("ok" if room >= _LEAST_BYTES else "full", store.name)
            finally:
                store.close()
    except StoreError as error:
        code = (error.phrase or "store_gone").removeprefix("store_")
        return Reached(code, "", str(error), error.remedy)
    except RecorderError as error:
        code = "working" if error.code == "sync-busy" else "sync"
        return Reached(code, "", str(error), error.remedy)


def main() -> int:
    """The settings by standard input, the answer by standard output."""
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    sys.stdout.buffer.write(msgspec.json.encode(reach(settings)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
