"""Reads a log that another process is writing. Judges nothing, and never writes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.evidence import chain


class Durable(msgspec.Struct, frozen=True):
    """A line without its newline; ``end`` is the offset behind it in the file named ``file``."""

    n: int
    raw: bytes
    file: str
    end: int


class Damaged(msgspec.Struct, frozen=True):
    """A line that has no number."""

    path: Path
    line: int


def read(
    paths: Sequence[Path], since: int, start: tuple[str, int] = ("", 0), *, settle: bool = True
) -> Iterator[Durable | Damaged]:
    """The lines from ``since`` on of a log's files. OSError where they cannot be read.

    Only what the card has for certain comes out, so that a power cut cannot make the device
    write another line under a number that the store has already; without ``settle`` that is not
    asked, and the card is left in peace. Where a file goes on before the end of the one before (a
    failed sync), the later file's lines count. ``start``: (file, offset) from which to read there.
    """
    later: list[tuple[Path, int | None]] = []
    following: int | None = None
    for path in reversed(paths):
        later.append((path, following))
        first = _number(next(iter(chain.raw_lines(path)), (b"", False))[0])
        following = following if first is None else first
        if following is not None and following <= since:
            break  # what is in earlier files is settled: they are not even opened
    for path, stop in reversed(later):
        offset = start[1] if path.name == start[0] else 0
        yield from _read(path, since, stop, offset, settle=settle)


def _read(
    path: Path, since: int, stop: int | None, offset: int, *, settle: bool
) -> Iterator[Durable | Damaged]:
    durable = _durable(path) if settle else path.stat().st_size
    for number, (raw, ended) in enumerate(chain.raw_lines(path, offset), 1):
        offset += len(raw) + 1
        if not ended or offset > durable:
            return
        n = _number(raw)
        if n is None:
            yield Damaged(path, number)
        elif stop is not None and n >= stop:
            return
        elif n >= since:
            yield Durable(n, raw, path.name, offset)


def _durable(path: Path) -> int:
    """Length of the file that is on the card for certain."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        os.fdatasync(descriptor)
        return size
    finally:
        os.close(descriptor)


def _number(raw: bytes) -> int | None:
    n = chain.number(raw) if b"\t" in raw else None
    return n if n is not None and 0 <= n < 10**12 else None
