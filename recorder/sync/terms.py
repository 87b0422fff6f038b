"""A recording's deadline (Art. 17) from what lies on the device: its journal, ledger and config.

What ``recorder status`` shows and a receipt notes is counted here and nowhere else. Reads only.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from recorder.config import CalendarSettings
from recorder.sync import away, deadlines
from recorder.sync.deadlines import Bounds, Deadline, Lateness
from recorder.sync.ended import Known, ended, known
from recorder.sync.receipts import Term
from recorder.sync.working_days import Calendar


class Terms:
    """Reads the ledger's files once, for all recordings. OSError where one cannot be read."""

    def __init__(self, ledger: Sequence[Path], settings: CalendarSettings, offset_min: int) -> None:
        self._ledger = ledger
        self._settings = settings
        self._offset_min = offset_min
        self._calendar = Calendar(settings)
        self._aways = away.read(self._ledger).all
        self._known: Known | None = None

    def end(self, folder: Path) -> Bounds | None:
        """When a recording ended; None where its journal or no clock tells."""
        end = ended(folder)
        if end is None or (end.bounds is not None and end.bounds.latest_ns is not None):
            return end.bounds if end else None
        if self._known is None:
            self._known = known(self._ledger)
        return self._known.narrow(end)

    def due(self, end: Bounds) -> Deadline | None:
        """Its deadline; None while officer and device are away."""
        return deadlines.due_away(
            end, self._aways, self._calendar, self._offset_min, days=self._settings.storing_days
        )

    def now(self, end: Bounds, now: Bounds | None) -> tuple[Deadline | None, Lateness]:
        """How a recording that is not stored yet stands; ``now`` None: the clock is not set."""
        found = self.due(end)
        if found is None:
            return None, Lateness.AWAY
        if now is None:
            return found, Lateness.UNKNOWN
        return found, deadlines.judge(found, now, remind_h=self._settings.remind_h)

    def kept(self, folder: Path, stored_ns: int) -> Term:
        """How a recording stood when its store confirmed it, by the store's clock."""
        end = self.end(folder)
        if end is None:
            return Term(None, Lateness.UNKNOWN, provisional=False, returned=False)
        found = self.due(end)
        if found is None:  # no recorder told of the return: this contact is it
            return Term(None, Lateness.IN_TIME, provisional=False, returned=True)
        lateness = deadlines.judge(found, Bounds(stored_ns, stored_ns))
        return Term(found.day, lateness, found.provisional, found.returned)


def statement(from_day: date, calendar: Calendar, settings: CalendarSettings) -> tuple[date, bool]:
    """(last day for the written explanation that Art. 15 asks for, whether that is certain).

    ``from_day``: the local day on which it fell due, not counted itself.
    """
    return calendar.after(from_day, settings.statement_days)
