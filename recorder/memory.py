"""Taking little memory; and when the kernel has none left: who goes first, whether somebody did.

It counts the processes that it ended; nobody else tells which. The supervisor is the last to go:
what it holds in memory is footage that exists nowhere else.
"""

import ctypes
import sys
from pathlib import Path

_COUNTERS = Path("/proc/vmstat")
_FILE = "oom-kills"
_SCORE = Path("/proc/self/oom_score_adj")
CAPTURE = 400
"""It is replaced within 2 s."""
HELPER = 900
"""A sentence that is not heard, a count that is made later."""

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
_FRAGMENT_BYTES = 256 * 1024
_PR_SET_THP_DISABLE = 41


def keep_small(*, fragments: bool = False) -> None:
    """One heap for all threads and no huge pages: else each thread has a heap whose holes nobody
    gets back, and a few bytes may take 2 MB. ``fragments``: what is as large as one lies outside
    the heap, for who holds many; frames that come and go would cost an eighth of the CPU there.
    20 MB with a ring of 30 s at 1080p. Called before there are threads."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_ARENA_MAX, 1)
    libc.prctl(_PR_SET_THP_DISABLE, 1, 0, 0, 0)
    if fragments:
        libc.mallopt(_MMAP_THRESHOLD, _FRAGMENT_BYTES)


def give_back() -> None:
    """What the start needed and nothing needs any more, to the kernel: some ms, once."""
    ctypes.CDLL(None).malloc_trim(0)


def give_way(by: int) -> None:
    """The kernel, short of memory, ends this process before the one that started it. Called first
    thing in each of the supervisor's children, which inherit its score; everybody may raise it."""
    try:
        _SCORE.write_text(str(min(1000, int(_SCORE.read_text()) + by)))
    except (OSError, ValueError) as error:
        print(f"recorder: {_SCORE}: {error}", file=sys.stderr, flush=True)


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
