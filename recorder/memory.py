"""Did the kernel end a process for lack of memory? It counts them; nobody else tells which."""

import sys
from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_FILE = "oom-kills"


def kills() -> int:
    """Processes that the kernel ended for lack of memory since boot; 0 where it does not say."""
    try:
        rows = _COUNTERS.read_text().splitlines()
        return next((int(row.split()[1]) for row in rows if row.startswith("oom_kill ")), 0)
    except (OSError, ValueError, IndexError):
        return 0


class Since:
    """How many since the recorder's last start in this boot: a reboot empties ``run``."""

    def __init__(self, run: Path) -> None:
        self._file = run / _FILE
        try:
            self.before = max(0, kills() - int(self._file.read_text()))
        except (OSError, ValueError):
            self.before = 0
        self.note()

    def note(self) -> None:
        """From here on anew; best effort: it only adds a word to a cause."""
        try:
            self._file.write_text(f"{kills()}\n")
        except OSError as error:
            print(f"recorder: {self._file}: {error.strerror}", file=sys.stderr, flush=True)
