"""Where a journal line stands, and the wall time of the instants that it speaks of."""

import msgspec

from recorder.clock import iso, parse_iso
from recorder.evidence import lines


class Where(msgspec.Struct, frozen=True):
    """A line's place (``line`` from 1 in ``file``) and its header's clocks."""

    file: str
    line: int
    boot_id: str
    boot_ns: int
    utc: str


def instant_utc(where: Where, at_ns: int) -> str:
    """Wall time of ``at_ns`` by the clock that ``where``'s line had; "" where that is no time."""
    try:
        return iso(parse_iso(where.utc) - (where.boot_ns - at_ns))
    except (ValueError, OverflowError, OSError):
        return ""


class Boot:
    """Whose boot clock a line's instants are on. A recording's media all come from one boot; what a
    later start says of its interruption and end is on that boot's clock too."""

    def __init__(self) -> None:
        self._last: Where | None = None
        self._boot_id = ""

    def feed(self, where: Where, body: lines.Journal) -> None:
        """Take every line in order."""
        if isinstance(body, lines.Open | lines.Start):
            self._boot_id = where.boot_id
        if where.boot_id == self._boot_id:
            self._last = where

    def own(self, where: Where) -> bool:
        """The line was written in the boot of the media."""
        return where.boot_id == self._boot_id or not self._boot_id

    def of(self, where: Where, body: lines.Journal) -> Where:
        """The line whose two clocks turn an instant of ``body`` into wall time."""
        told_later = isinstance(body, lines.Interruption | lines.End | lines.Close)
        if self._last is None or self.own(where) or not told_later:
            return where
        return self._last
