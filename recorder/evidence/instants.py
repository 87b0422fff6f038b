"""Where a journal line stands, and the wall time of the instants that it speaks of."""

from collections.abc import Sequence

import msgspec

from recorder.evidence import chain, lines
from recorder.evidence.places import Place
from recorder.evidence.wall_time import Instant, WallTime

_HANDOVER = lines.Handover.__struct_config__.tag


class Where(msgspec.Struct, frozen=True):
    """A line's place (``line`` from 1 in ``file``), when it was signed, and what all lines together
    tell of wall time."""

    file: str
    line: int
    boot_id: str
    boot_ns: int
    wall: WallTime


def wall_time(paths: Sequence[Place]) -> WallTime:
    """What all lines of a log tell of wall time; whether they are genuine is asked elsewhere.

    What a desk adds tells nothing: its lines may claim the device's boot, and move its instants.
    """
    wall = WallTime()
    for header in chain.headers(paths):
        if header.kind == _HANDOVER:
            break
        wall.feed(header)
    return wall


def instant(where: Where, at_ns: int) -> Instant:
    """True time of ``at_ns`` on the boot clock that ``where``'s line had, with its bound."""
    return where.wall.at(where.boot_id, at_ns)


def instant_utc(where: Where, at_ns: int) -> str:
    """The same as text; "" where nothing is known of it."""
    return instant(where, at_ns).utc


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
