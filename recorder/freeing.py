"""Gives a recording's room on the card back, when that is safe twice. On the disk thread only.

The one place that removes a recording: sealed, read back twice (judged here anew from signed
receipts), its hold over. First the ledger's line is durable, then the folder gets a name that no
recording has, then its files go: cut anywhere, it is whole under its own name or is none.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.chain import sync_folder
from recorder.evidence.seal import SIGNATURE
from recorder.open_spool import OpenSpool
from recorder.spool import FREED, is_folder
from recorder.sync import readers, safe

_FILES_A_STEP = 16
"""So many are removed in one go: a press waits for no more."""


def free(taken: OpenSpool, name: str) -> bool:
    """Note it and move it out of the way; ``sweep`` removes it. Durable on return.

    False: it must stay. Where the ledger has its line already, an earlier life was cut short: the
    hold was over then. OSError: the card refuses it, and the recording is as it was.
    """
    assert taken.spool is not None and taken.ledger is not None
    spool, settings = taken.spool.path, taken.settings
    bag = spool / name
    if not is_folder(bag) or not os.path.lexists(bag / SIGNATURE):
        return False
    hold_days = settings.freeing.hold_days
    try:
        home = Path(settings.paths.sync)
        known = readers.of_device(Path(settings.paths.keys), home)
        found = safe.judge_on_disk(bag, home / "receipts", known, hold_days)
    except (RecorderError, OSError):
        return False  # a key, register or receipt that nobody can believe: status says so
    if found is None or not (
        name in taken.freed or safe.is_over(found.from_ns, taken.clock, hold_days)
    ):
        return False
    if name in taken.freed:
        taken.ledger.sync()
    else:
        taken.freed.add(name)
        taken.note(lines.Freed(recording=name, receipt_sha256=found.receipt_sha256))
    os.rename(bag, spool / f"{FREED}{name}")
    sync_folder(spool)
    return True


def sweep(spool: Path) -> bool:
    """Remove some of what was moved out of the way. True: nothing of it is left."""
    left = _FILES_A_STEP
    for name in os.listdir(spool):
        if not name.startswith(FREED):
            continue
        for path in _inside_out(spool / name):
            if left == 0:
                return False
            left -= 1
            path.rmdir() if is_folder(path) else path.unlink()
    return True


def _inside_out(folder: Path) -> Iterator[Path]:
    """Everything in it, then itself; no link is followed."""
    if is_folder(folder):
        for name in sorted(os.listdir(folder)):
            yield from _inside_out(folder / name)
    yield folder
