"""The device's own log across recordings: what was begun, sealed, refused, found and freed.

One file per start of the daemon, lines numbered on, so a removed recording shows.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import Clock
from recorder.evidence import lines
from recorder.evidence.chain import ZERO, Header, Log, Signer, decode, files, raw_lines

Ledger = Log


class Entry(msgspec.Struct, frozen=True):
    """A ledger line as start-up reads it: unverified, for the device's own bookkeeping."""

    header: Header
    body: Any
    sha256: str


def entries(
    folder: Path, unread: Callable[[bytes, str], None] = lambda raw, why: None
) -> Iterator[Entry]:
    """All whole lines, oldest first; what does not parse is handed to ``unread`` with the reason
    ("" for a torn last line, as a failed sync or a power cut leaves it) and passed over."""
    for path in files(folder, ""):
        try:
            for number, (raw, ended) in enumerate(raw_lines(path), 1):
                if not ended:
                    unread(raw, "")
                    continue
                try:
                    header, body = decode(raw, lines.Ledger, None)
                except ValueError as error:
                    unread(raw, f"{path.name}:{number}: {error}")
                    continue
                yield Entry(header, body, hashlib.sha256(raw).hexdigest())
        except OSError as error:
            unread(b"", f"{path.name}: {error.strerror}")


def open_ledger(folder: Path, last: Entry | None, signer: Signer, clock: Clock) -> Log:
    """A new file that goes on after ``last``; its first sync makes it."""
    folder.mkdir(mode=0o750, exist_ok=True)
    number = max((int(p.stem) for p in files(folder, "") if p.stem.isdecimal()), default=0) + 1
    n, prev = (0, ZERO) if last is None else (last.header.n + 1, last.sha256)
    return Log.create(folder, "", signer, clock, n=n, prev=prev, number=number, plain_first=False)
