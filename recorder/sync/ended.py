"""When did a recording end? The interval of true time that its own lines and the ledger leave.

Reads a journal's first line and its tail, so an hour costs what a minute does. Believes what it
reads: verification judges, this counts days.
"""

import bisect
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.clock import Quality, parse_iso
from recorder.evidence import lines
from recorder.evidence.chain import Header, decode, files, raw_lines
from recorder.shapes import UNREADABLE
from recorder.sync.deadlines import Bounds, clock_bounds

_TAIL = 256 * 1024
_END = b'"kind":"end"'
_SEAL = b'"kind":"seal"'


class Ended(msgspec.Struct, frozen=True):
    """``bounds`` None: no clock tells. ``opened``: number of the ledger's line that opened it."""

    recording: str
    bounds: Bounds | None
    opened: int


def ended(folder: Path) -> Ended | None:
    """A recording's end; None where its journal does not (yet) say that it ended."""
    paths = files(folder / "data", "journal")
    if not paths:
        return None
    try:
        first, opened = decode(next(iter(raw_lines(paths[0])))[0], lines.Journal, None)
    except (ValueError, StopIteration):
        return None
    if not isinstance(opened, lines.Open):
        return None
    found: tuple[Header, lines.End] | None = None
    for raw in _backwards(paths):
        if found is None:
            if _END in raw:
                found = _end(raw)
            if found is None:
                continue
        header = found[0] if found[0].boot_id == first.boot_id else _header(raw)
        # A later boot ended it: its instants are on the boot clock of the media.
        if header is not None and header.boot_id == first.boot_id:
            return Ended(folder.name, _bounds(header, found[1].end_ns), _opened(opened))
    return None if found is None else Ended(folder.name, None, _opened(opened))


def _end(raw: bytes) -> tuple[Header, lines.End] | None:
    try:
        header, body = decode(raw, lines.Journal, None)
    except ValueError:
        return None
    return (header, body) if isinstance(body, lines.End) else None


def _bounds(header: Header, at_ns: int) -> Bounds | None:
    try:
        utc_ns = parse_iso(header.utc) - (header.boot_ns - at_ns)
    except (ValueError, OverflowError):
        return None
    return clock_bounds(utc_ns, header.clock)


def _opened(opened: lines.Open) -> int:
    header = _header(opened.ledger.encode())
    return header.n if header else 0


def _header(raw: bytes) -> Header | None:
    try:
        return msgspec.json.decode(raw.partition(b"\t")[0], type=Header)
    except UNREADABLE:
        return None


def _backwards(paths: list[Path]) -> Iterator[bytes]:
    for path in reversed(paths):
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            rows = file.read().split(b"\n")
        yield from reversed(rows if size <= _TAIL else rows[1:])


class Known(msgspec.Struct):
    """What a ledger's lines with a synchronised clock say, by their number, and where it seals."""

    numbers: list[int] = []
    bounds: list[Bounds] = []
    seals: dict[str, int] = {}

    def narrow(self, end: Ended) -> Bounds | None:
        """The end comes after all lines before its opening, and before all after its seal."""
        bounds = end.bounds
        if bounds is not None and bounds.latest_ns is not None:
            return bounds
        before = bisect.bisect_right(self.numbers, end.opened)
        after = bisect.bisect_left(self.numbers, self.seals.get(end.recording, end.opened + 1))
        low = self.bounds[before - 1].earliest_ns if before else None
        high = self.bounds[after].latest_ns if after < len(self.bounds) else None
        earliest = bounds.earliest_ns if bounds is not None else low
        if earliest is None:
            return None
        if high is not None:
            earliest = min(earliest, high)  # the clock ran ahead
        return Bounds(max(earliest, low or earliest), high)


def known(ledger: Sequence[Path]) -> Known:
    """Read a ledger's files once for all recordings. OSError where one cannot be read."""
    found = Known()
    for path in ledger:
        for raw, whole in raw_lines(path):
            header = _header(raw) if whole else None
            if header is None:
                continue
            if _SEAL in raw:
                _, body = _sealed(raw)
                if body is not None:
                    found.seals[body.recording] = header.n
            if header.clock.quality is Quality.SYNCED and header.clock.error_ms is not None:
                bounds = _bounds(header, header.boot_ns)
                if bounds is not None and header.n > (found.numbers or [-1])[-1]:
                    found.numbers.append(header.n)
                    found.bounds.append(bounds)
    return found


def _sealed(raw: bytes) -> tuple[Header | None, lines.Sealed | None]:
    try:
        header, body = decode(raw, lines.Ledger, None)
    except ValueError:
        return None, None
    return header, body if isinstance(body, lines.Sealed) else None
