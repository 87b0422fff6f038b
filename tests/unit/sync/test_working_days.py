"""The national calendar against another package, day by day, and what a township adds to it."""

import subprocess
import sys
from datetime import date, timedelta
from functools import cache

import chinese_calendar
import pytest
from hypothesis import given, strategies as st

from recorder.config import CalendarSettings
from recorder.sync.working_days import Calendar, Year, china

DAYS = [date(2018, 1, 1) + timedelta(days=n) for n in range(9 * 366 - 6)]
DAYS = [day for day in DAYS if day.year <= 2026]
CHINA = cache(china)


def calendar(**more: tuple[date, ...] | tuple[int, ...]) -> Calendar:
    return Calendar(CalendarSettings(**more), CHINA)  # type: ignore[arg-type]


def test_every_day_of_2018_to_2026_is_what_another_calendar_says() -> None:
    ours = calendar()
    assert DAYS[-1] == date(2026, 12, 31)
    wrong = [day for day in DAYS if ours.works(day) != chinese_calendar.is_workday(day)]
    assert not wrong


@pytest.mark.parametrize(
    ("made", "due"),
    [
        pytest.param("2026-11-23", "2026-11-25", id="Monday to Wednesday"),
        pytest.param("2026-11-28", "2026-12-01", id="Saturday to Tuesday"),
        pytest.param("2026-11-27", "2026-12-01", id="Friday to Tuesday"),
        pytest.param("2026-09-18", "2026-09-21", id="a make-up Sunday counts"),
        pytest.param("2026-09-30", "2026-10-09", id="over the National Day"),
        pytest.param("2025-12-31", "2026-01-05", id="New Year, a make-up Sunday"),
        pytest.param("2018-12-28", "2019-01-02", id="New Year, a make-up Saturday in December"),
        pytest.param("2023-12-29", "2024-01-03", id="New Year on a Monday"),
        pytest.param(
            "2026-02-13", "2026-02-24", id="a make-up Saturday before the Spring Festival"
        ),
        pytest.param("2020-01-23", "2020-02-04", id="the Spring Festival that was lengthened"),
    ],
)
def test_deadlines_that_were_counted_by_hand(made: str, due: str) -> None:
    found, certain = calendar().after(date.fromisoformat(made), 2)
    assert (found.isoformat(), certain) == (due, True)


@given(st.sampled_from(DAYS[:-14]), st.integers(1, 5))
def test_the_nth_working_day_is_one_and_exactly_n_lie_on_the_way(day: date, count: int) -> None:
    ours = calendar()
    due, _ = ours.after(day, count)
    way = [day + timedelta(days=n) for n in range(1, (due - day).days + 1)]
    assert ours.works(due)
    assert sum(ours.works(each) for each in way) == count
    assert due >= day + timedelta(days=count)


@given(st.sampled_from(DAYS[:-15]))
def test_who_records_later_is_never_due_earlier(day: date) -> None:
    ours = calendar()
    assert ours.after(day, 2)[0] <= ours.after(day + timedelta(days=1), 2)[0]


def test_a_year_that_is_not_announced_is_provisional_and_so_is_the_turn_before_it() -> None:
    known = max(year for year in range(2024, 2036) if china(year).announced)
    ours = calendar()
    assert ours.after(date(known, 11, 2), 2)[1]
    assert not ours.after(date(known, 12, 29), 2)[1]
    assert not ours.after(date(known + 1, 3, 1), 2)[1]


def test_an_announced_change_counts_at_once_and_makes_the_year_certain() -> None:
    ours = calendar(
        announced=(2027,),
        extra_holidays=(date(2027, 1, 4),),
        extra_working_days=(date(2027, 1, 2),),
    )
    due, certain = ours.after(date(2026, 12, 30), 2)
    assert (due.isoformat(), certain) == ("2027-01-02", True)
    assert ours.after(date(2027, 1, 3), 1)[0].isoformat() == "2027-01-05"


def test_the_townships_own_days_count_before_the_nations() -> None:
    ours = calendar(extra_holidays=(date(2026, 11, 24),), extra_working_days=(date(2026, 10, 1),))
    assert ours.after(date(2026, 11, 23), 2)[0] == date(2026, 11, 26)
    assert ours.works(date(2026, 10, 1))


def test_a_calendar_without_any_notice_still_counts_weekends() -> None:
    bare = Calendar(CalendarSettings(), lambda _: Year(frozenset(), frozenset(), announced=False))
    assert bare.after(date(2031, 1, 3), 2) == (date(2031, 1, 7), False)


def test_neither_help_nor_the_supervisor_loads_the_calendar() -> None:
    code = (
        "import sys, recorder.app, recorder.requests, recorder.cli, recorder.verbs\n"
        "recorder.cli._parser().format_help()\n"
        "sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
