"""The ledger's lines, each a file of its own in the store: whole, durable, once. Judges nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import chain, ledger_private, lines
from recorder.sync import transfer
from recorder.sync.home import Home
from recorder.sync.stores import Keep, Sort, SourceError, Store, StoreError

_BATCH = 500
_PRIVATE = b'"private":{'


class Damaged(msgspec.Struct, frozen=True):
    """A line that has no number: it cannot be stored under one."""

    path: Path
    line: int


def send(
    folder: Path, device: str, store: Store, home: Home, keep: Keep
) -> tuple[int, list[RecorderError]]:
    """Copy the lines that the store lacks; (lines sent, what is wrong). Durable on return.

    A run looks only at lines behind those that an earlier one settled. StoreError as ``run_once``.
    """
    settled = following = home.sent(store.id)
    sent = 0
    wrong: list[RecorderError] = []
    try:
        for entry in read(folder, settled):
            if isinstance(entry, Damaged):
                wrong.append(_damaged(entry))
                continue
            n, raw = entry
            try:
                wrong += _private(folder, raw, device, store, keep)
                key = f"{device}/ledger/{n:012d}"
                sent += transfer.settle_bytes(store, key, raw + b"\n", keep).sent
            except StoreError as error:
                if error.sort is not Sort.NEVER:
                    raise
                wrong.append(error)
            if not wrong:
                following = n + 1
            if following - settled >= _BATCH:
                settled = _settle(store, home, following)
    except OSError as error:
        raise RecorderError(
            "spool-unreadable", f"cannot read the ledger: {error.strerror}", where=str(folder),
            remedy="Check paths.spool, and put sync's user into the spool's group",
        ) from error  # fmt: skip
    if following > settled:
        _settle(store, home, following)
    return sent, wrong


def _private(
    folder: Path, raw: bytes, device: str, store: Store, keep: Keep
) -> list[RecorderError]:
    """A line's personal part goes before it, into the ledger's ``private`` folder; what is wrong
    with it holds no line back."""
    if _PRIVATE not in raw:
        return []
    try:
        _, body = chain.decode(raw, lines.Ledger, None)
    except ValueError:
        return []  # verify judges the line
    private = body.private if isinstance(body, lines.Away) else None
    if private is None:
        return []
    try:
        data = ledger_private.read(folder, private)
    except (OSError, ValueError) as error:
        return [
            SourceError(
                "ledger-damaged", f"the reason of a line is not as it was: {error}",
                where=str(folder / private.file),
                remedy="Run `recorder verify` on the spool; the line itself is copied",
            )
        ]  # fmt: skip
    transfer.settle_bytes(store, f"{device}/ledger/{private.file}", data, keep)
    return []


def _settle(store: Store, home: Home, following: int) -> int:
    store.flush()
    home.set_sent(store.id, following)
    return following


def _damaged(entry: Damaged) -> RecorderError:
    return SourceError(
        "ledger-damaged", f"line {entry.line} has no number", where=str(entry.path),
        remedy="Run `recorder verify` on the spool; the lines that have one are copied",
    )  # fmt: skip


def read(folder: Path, since: int) -> Iterator[tuple[int, bytes] | Damaged]:
    """(number, line without newline) from ``since`` on. OSError where the ledger cannot be read.

    Only what the card has for certain comes out, so that a power cut cannot make the device
    write another line under a number that the store has already. Where a file goes on before
    the end of the one before (a failed sync), the later file's lines count.
    """
    paths = chain.files(folder, "")
    later: list[tuple[Path, int | None]] = []
    following: int | None = None
    for path in reversed(paths):
        later.append((path, following))
        start = _number(next(iter(chain.raw_lines(path)), (b"", False))[0])
        following = following if start is None else start
        if following is not None and following <= since:
            break  # what is in earlier files is settled: they are not even opened
    for path, stop in reversed(later):
        yield from _read(path, since, stop)


def _read(path: Path, since: int, stop: int | None) -> Iterator[tuple[int, bytes] | Damaged]:
    durable = _durable(path)
    offset = 0
    for number, (raw, ended) in enumerate(chain.raw_lines(path), 1):
        offset += len(raw) + 1
        if not ended or offset > durable:
            return
        n = _number(raw)
        if n is None:
            yield Damaged(path, number)
        elif stop is not None and n >= stop:
            return
        elif n >= since:
            yield n, raw


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
