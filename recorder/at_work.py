"""Which optional part this process is at, and which ones it does without.

A mark is a byte of a file that is mapped into memory: setting it costs no system call, and the
kernel keeps it when the process is gone, however it died. starts.py reads what was left so.
"""

import contextlib
import mmap
import os
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, get_args

from recorder.errors import RecorderError

Part = Literal[
    "selftest", "storing", "gnss", "vibration", "button2", "battery", "light", "voice", "button"
]
"""Those that a recorder can record without, the ones that matter least first."""
PARTS: tuple[Part, ...] = get_args(Part)

_lock = threading.Lock()
_marks = mmap.mmap(-1, len(PARTS))
_left_out: frozenset[Part] = frozenset()


def keep(path: Path) -> tuple[Part, ...]:
    """Marks are in this file from now on. What the process before was at when it ended; OSError
    where the file cannot be had."""
    global _marks
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.pread(descriptor, len(PARTS), 0)
        os.pwrite(descriptor, bytes(len(PARTS)), 0)  # mapped beyond its end a file kills
        _marks = mmap.mmap(descriptor, len(PARTS))
    finally:
        os.close(descriptor)
    return tuple(part for part, mark in zip(PARTS, before, strict=False) if mark)


def leave_out(parts: Collection[Part]) -> None:
    """From now on these are refused."""
    global _left_out
    _left_out = frozenset(parts)


def is_left_out(part: Part) -> bool:
    """The recorder does without it, because it died of it."""
    return part in _left_out


def left_out_error(
    part: Part, where: str, phrase: str | None, code: str = "left-out"
) -> RecorderError:
    """How a part that is left out is told."""
    return RecorderError(
        f"{part}-{code}", "left out, because the recorder died of it again and again", where=where,
        remedy="The log shows where it died (`journalctl -u recorder`). Mend or unplug the part, "
        "then `systemctl restart recorder`: it is tried again",
        phrase=phrase,
    )  # fmt: skip


@contextlib.contextmanager
def at_work(part: Part) -> Iterator[None]:
    """Within it the part is at work. An error that is no RecorderError leaves the mark: nobody
    expects it, it ends the thread, and with it the daemon."""
    mark(part, 1)
    try:
        yield
    except RecorderError:
        mark(part, -1)
        raise
    mark(part, -1)


def mark(part: Part, by: int = 1) -> None:
    """One more (or less) is at this part."""
    with _lock:
        _marks[PARTS.index(part)] += by
