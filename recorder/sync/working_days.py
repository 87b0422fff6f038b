"""Working days of China, with make-up days, announced changes and a township's own rules.

Pure but for ``china``, the only place that loads the ``holidays`` package (80 ms, 15 MB): sync,
desk and a short-lived child need it, the supervisor never. What the township writes into its config
counts before what the package knows. A year's notice comes out late in the year before; until the
package or the config has it, days that it may move are not certain.
"""

from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from recorder.config import CalendarSettings

ONE_DAY = timedelta(days=1)
_NEXT_NOTICE_FROM = (12, 24)
"""From this day of December on the next year's notice may move days (as in 2018, 2011, 2006)."""


class Year(msgspec.Struct, frozen=True):
    """What a calendar knows of one year: days off on weekdays, working days on weekends, and
    whether the State Council's notice for that year is in it."""

    off: frozenset[date]
    on: frozenset[date]
    announced: bool


class Calendar:
    """``nation`` tells a year; it is asked once for each."""

    def __init__(
        self, settings: CalendarSettings, nation: Callable[[int], Year] | None = None
    ) -> None:
        self._nation = nation or china
        self._off = frozenset(settings.extra_holidays)
        self._on = frozenset(settings.extra_working_days)
        self._announced = frozenset(settings.announced)
        self._years: dict[int, Year] = {}

    def _year(self, year: int) -> Year:
        if year not in self._years:
            self._years[year] = self._nation(year)
        return self._years[year]

    def works(self, day: date) -> bool:
        """Whether ``day`` counts as a working day, as far as is known."""
        if day in self._on:
            return True
        if day in self._off:
            return False
        known = self._year(day.year)
        if day.weekday() >= 5:
            return day in known.on
        return day not in known.off

    def certain(self, day: date) -> bool:
        """No notice that is still to come can change what ``works`` says of ``day``."""
        if day in self._on or day in self._off:
            return True
        next_too = (day.month, day.day) >= _NEXT_NOTICE_FROM
        return self._is_out(day.year) and (not next_too or self._is_out(day.year + 1))

    def _is_out(self, year: int) -> bool:
        return year in self._announced or self._year(year).announced

    def after(self, day: date, count: int) -> tuple[date, bool]:
        """(the ``count``-th working day after ``day``, which itself is not counted; whether every
        day on the way is certain)."""
        certain = True
        while count > 0:
            day += ONE_DAY
            certain = certain and self.certain(day)
            count -= self.works(day)
        return day, certain


def china(year: int) -> Year:
    """The national calendar as the installed ``holidays`` package has it.

    It knows a notice if it has make-up days of that year: every notice since 2001 has some.
    """
    from holidays import country_holidays

    known = country_holidays("CN", years=[year])
    on = frozenset(day for day in known.weekend_workdays if day.year == year)
    off = frozenset(day for day in known if day.year == year and day.weekday() < 5)
    return Year(off, on, bool(on))
