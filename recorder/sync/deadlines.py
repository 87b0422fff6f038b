"""By when a recording is to be stored (Art. 17), and whether it was. Pure.

The clock starts when the recording ends; that day is not counted; the last working day runs to
24:00 local. What is known of wall time is an interval, so a deadline is one, too: it is shown by
the earliest possible end, and missed for certain only when even the latest one has passed.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

import msgspec

from recorder.clock import NS, ClockState, Quality, parse_iso
from recorder.sync.working_days import ONE_DAY, Calendar

_YEAR_9000_NS = (date(9000, 1, 1) - date(1970, 1, 1)).days * 86_400 * NS
_MIN_NS = 60 * NS
_HOUR_NS = 3600 * NS
_EPOCH = date(1970, 1, 1)


class Bounds(msgspec.Struct, frozen=True):
    """True time lies between, ends included: ns since 1970. ``latest_ns`` None: nobody knows."""

    earliest_ns: int
    latest_ns: int | None


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """``day``: the last local day, ``until_ns``: its 24:00, both from the earliest possible start
    of the clock; ``latest_until_ns`` from the latest (None: nobody knows). ``provisional``: a
    notice that is still to come may move it. ``returned``: it counts from a return (``Away``)."""

    day: date
    until_ns: int
    latest_until_ns: int | None
    provisional: bool
    returned: bool = False


class Away(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which timely transfer was impossible. ``back`` None: not back yet.

    ``since`` is what was declared of its beginning, ``declared`` when; ``line`` the ledger's.
    """

    line: int
    ground: str
    declared: Bounds
    since: Bounds
    back: Bounds | None
    back_declared: bool = True

    @property
    def afterwards(self) -> bool:
        """It was declared after it had begun: a finding."""
        return self.since.earliest_ns < self.declared.earliest_ns


class Lateness(StrEnum):
    """How a recording stands to its deadline."""

    IN_TIME = "in time"
    DUE = "due"
    POSSIBLY = "possibly overdue"
    OVERDUE = "overdue"
    AWAY = "away"
    UNKNOWN = "unknown"


def clock_bounds(utc_ns: int, clock: ClockState) -> Bounds | None:
    """What a reading of a clock says of true time; None where it says nothing.

    A clock that was kept or comes from an RTC without a known error is taken as the earliest. What
    no calendar has a day for says nothing: one damaged line must not end a whole store's judging.
    """
    error_ns = (clock.error_ms or 0) * 1_000_000
    earliest_ns, latest_ns = utc_ns - error_ns, utc_ns + error_ns
    if clock.quality is Quality.UNSET or not 0 <= earliest_ns <= latest_ns < _YEAR_9000_NS:
        return None
    return Bounds(earliest_ns, None if clock.error_ms is None else latest_ns)


def local_day(utc_ns: int, offset_min: int) -> date:
    """The local day of an instant. OverflowError beyond the calendar."""
    return _EPOCH + timedelta(days=(utc_ns + offset_min * _MIN_NS) // (24 * _HOUR_NS))


def midnight_ns(day: date, offset_min: int) -> int:
    """Where a local day begins."""
    return (day - _EPOCH).days * 24 * _HOUR_NS - offset_min * _MIN_NS


def parse_local(text: str, offset_min: int) -> int:
    """ns since 1970 of ``2026-11-20T08:00`` on the device's local clock, or of UTC text with a Z.

    ValueError on anything else.
    """
    if text.endswith("Z"):
        return parse_iso(text)
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError(f"neither local nor UTC: {text!r}")
    return int(at.replace(tzinfo=UTC).timestamp()) * NS - offset_min * _MIN_NS


def due(start: Bounds, calendar: Calendar, offset_min: int, *, days: int = 2) -> Deadline:
    """The deadline where the clock started at ``start`` (a recording's end, or a return)."""
    day, certain = calendar.after(local_day(start.earliest_ns, offset_min), days)
    latest = None
    if start.latest_ns is not None:
        last, also = calendar.after(local_day(start.latest_ns, offset_min), days)
        latest, certain = midnight_ns(last + ONE_DAY, offset_min), certain and also
    return Deadline(
        day=day, until_ns=midnight_ns(day + ONE_DAY, offset_min), latest_until_ns=latest,
        provisional=not certain,
    )  # fmt: skip


def due_away(
    ended: Bounds, aways: Iterable[Away], calendar: Calendar, offset_min: int, *, days: int = 2
) -> Deadline | None:
    """The same for a recording that may have been made or kept away from the township, oldest
    ``aways`` first. None: officer and device are still away, nothing runs.

    What was declared only after a deadline had passed moves nothing.
    """
    found = due(ended, calendar, offset_min, days=days)
    for away in aways:
        last_ns = max(found.until_ns, found.latest_until_ns or 0)
        if away.declared.earliest_ns >= last_ns or away.since.earliest_ns >= last_ns:
            continue
        if away.back is None:
            return None
        if away.back.latest_ns is not None and away.back.latest_ns < ended.earliest_ns:
            continue
        found = _later(found, due(away.back, calendar, offset_min, days=days))
    return found


def _later(ordinary: Deadline, back: Deadline) -> Deadline:
    known = ordinary.latest_until_ns is not None and back.latest_until_ns is not None
    latest = max(ordinary.latest_until_ns or 0, back.latest_until_ns or 0)
    later = back if back.until_ns >= ordinary.until_ns else ordinary
    return Deadline(
        day=later.day, until_ns=later.until_ns, latest_until_ns=latest if known else None,
        provisional=ordinary.provisional or back.provisional, returned=True,
    )  # fmt: skip


def judge(deadline: Deadline, at: Bounds, *, remind_h: int = 0) -> Lateness:
    """How a recording that is stored at ``at`` (or not yet, where that is now) stands.

    ``remind_h``: so long before its deadline it is ``due``.
    """
    latest_ns = at.earliest_ns if at.latest_ns is None else at.latest_ns
    if deadline.latest_until_ns is not None and at.earliest_ns >= deadline.latest_until_ns:
        return Lateness.OVERDUE
    if latest_ns >= deadline.until_ns:
        return Lateness.POSSIBLY
    if deadline.until_ns - latest_ns <= remind_h * _HOUR_NS:
        return Lateness.DUE
    return Lateness.IN_TIME
