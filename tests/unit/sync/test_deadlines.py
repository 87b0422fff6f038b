"""Deadlines as intervals: what is certain, what is only possible, and times away."""

from datetime import date
from functools import cache

import pytest
from hypothesis import given, strategies as st

from recorder.clock import NS, ClockState, Quality, iso, parse_iso
from recorder.config import CalendarSettings
from recorder.sync.deadlines import (
    Away,
    Bounds,
    Lateness,
    clock_bounds,
    due,
    due_away,
    judge,
    local_day,
    midnight_ns,
    parse_local,
)
from recorder.sync.working_days import Calendar, china

CALENDAR = Calendar(CalendarSettings(), cache(china))
CHINA_MIN = 480
DAY_NS = 86400 * NS


def at(local: str, error_s: float = 0) -> Bounds:
    """A local time, known to within ``error_s``."""
    utc_ns = parse_local(local, CHINA_MIN)
    return Bounds(utc_ns - round(error_s * NS), utc_ns + round(error_s * NS))


def away(start: str, back: str | None, declared: str = "") -> Away:
    return Away(
        line=1, ground="remote", declared=at(declared or start), since=at(start),
        back=at(back) if back else None,
    )  # fmt: skip


def test_a_mondays_recording_may_be_stored_until_wednesday_24_00_local() -> None:
    found = due(at("2026-11-23T09:30"), CALENDAR, CHINA_MIN)
    assert found.day == date(2026, 11, 25)
    assert iso(found.until_ns) == "2026-11-25T16:00:00.000Z"
    assert judge(found, at("2026-11-25T23:59:59")) is Lateness.IN_TIME
    assert judge(found, at("2026-11-26T00:00")) is Lateness.OVERDUE


def test_the_day_is_the_devices_local_one() -> None:
    """23:30 in China is still Monday, though an hour later it is Tuesday and in UTC Monday."""
    assert due(at("2026-11-23T23:30"), CALENDAR, CHINA_MIN).day == date(2026, 11, 25)
    assert due(at("2026-11-24T00:30"), CALENDAR, CHINA_MIN).day == date(2026, 11, 26)


def test_it_is_due_so_many_hours_before() -> None:
    found = due(at("2026-11-23T09:30"), CALENDAR, CHINA_MIN)
    assert judge(found, at("2026-11-24T23:00"), remind_h=24) is Lateness.IN_TIME
    assert judge(found, at("2026-11-25T00:30"), remind_h=24) is Lateness.DUE


def test_a_doubtful_end_is_due_by_the_earliest_and_overdue_only_by_the_latest() -> None:
    found = due(at("2026-11-24T00:00", error_s=7200), CALENDAR, CHINA_MIN)
    assert found.day == date(2026, 11, 25)
    assert judge(found, at("2026-11-26T00:00")) is Lateness.POSSIBLY
    assert judge(found, at("2026-11-26T23:59")) is Lateness.POSSIBLY
    assert judge(found, at("2026-11-27T00:00")) is Lateness.OVERDUE


def test_a_doubtful_clock_now_calls_nothing_overdue_for_certain() -> None:
    found = due(at("2026-11-23T09:30"), CALENDAR, CHINA_MIN)
    assert judge(found, at("2026-11-26T00:30", error_s=3600)) is Lateness.POSSIBLY
    assert judge(found, at("2026-11-26T02:00", error_s=3600)) is Lateness.OVERDUE


def test_an_end_without_a_bound_is_possibly_overdue_for_ever() -> None:
    known = Bounds(at("2026-11-23T09:30").earliest_ns, None)
    found = due(known, CALENDAR, CHINA_MIN)
    assert judge(found, at("2030-01-01T00:00")) is Lateness.POSSIBLY


@pytest.mark.parametrize(
    ("state", "bounds"),
    [
        (ClockState(Quality.UNSET, None), None),
        (ClockState(Quality.KEPT, None), Bounds(5 * NS, None)),
        (ClockState(Quality.RTC, None), Bounds(5 * NS, None)),
        (ClockState(Quality.SYNCED, 1000), Bounds(4 * NS, 6 * NS)),
        (ClockState(Quality.SYNCED, 2**62), None),
        (ClockState(Quality.SYNCED, -1000), None),
    ],
)
def test_a_clock_is_believed_as_far_as_it_says(state: ClockState, bounds: Bounds | None) -> None:
    assert clock_bounds(5 * NS, state) == bounds


def test_away_the_two_days_run_from_the_return() -> None:
    ended = at("2026-11-23T09:30")
    assert due_away(ended, (away("2026-11-23T08:00", None),), CALENDAR, CHINA_MIN) is None
    found = due_away(ended, (away("2026-11-23T08:00", "2026-11-27T18:00"),), CALENDAR, CHINA_MIN)
    assert found is not None
    assert (found.day, found.returned) == (date(2026, 12, 1), True)


def test_one_time_away_after_the_other_counts_from_the_last_return() -> None:
    found = due_away(
        at("2026-11-23T09:30"),
        (
            away("2026-11-23T08:00", "2026-11-27T18:00"),
            away("2026-11-30T07:00", "2026-12-04T19:00"),
        ),
        CALENDAR, CHINA_MIN,
    )  # fmt: skip
    assert found is not None and found.day == date(2026, 12, 8)


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(away("2026-11-02T08:00", "2026-11-06T18:00"), id="over before it was made"),
        pytest.param(away("2026-11-26T08:00", None), id="begun after the deadline"),
        pytest.param(
            away("2026-11-23T08:00", None, declared="2026-11-26T08:00"),
            id="declared after the deadline",
        ),
    ],
)
def test_a_time_away_that_prevented_nothing_moves_nothing(times: Away) -> None:
    found = due_away(at("2026-11-23T09:30"), (times,), CALENDAR, CHINA_MIN)
    assert found is not None
    assert (found.day, found.returned) == (date(2026, 11, 25), False)


def test_declared_afterwards_is_told_apart() -> None:
    assert away("2026-11-23T08:00", None, declared="2026-11-24T08:00").afterwards
    assert not away("2026-11-23T08:00", None).afterwards


INSTANTS = st.integers(parse_iso("2018-01-01T00:00:00Z"), parse_iso("2026-12-15T00:00:00Z"))
OFFSETS = st.integers(-720, 840)


@given(INSTANTS, st.integers(0, 40 * DAY_NS), OFFSETS)
def test_later_ends_are_never_due_earlier(end_ns: int, more_ns: int, offset_min: int) -> None:
    first = due(Bounds(end_ns, end_ns), CALENDAR, offset_min)
    second = due(Bounds(end_ns + more_ns, end_ns + more_ns), CALENDAR, offset_min)
    assert first.until_ns <= second.until_ns


@given(INSTANTS, st.integers(0, 40 * DAY_NS), OFFSETS)
def test_a_deadline_is_a_midnight_behind_a_working_day_two_days_on(
    end_ns: int, error_ns: int, offset_min: int
) -> None:
    found = due(Bounds(end_ns, end_ns + error_ns), CALENDAR, offset_min)
    assert CALENDAR.works(found.day)
    assert (found.day - local_day(end_ns, offset_min)).days >= 2
    assert found.until_ns - end_ns > 2 * DAY_NS
    assert local_day(found.until_ns - 1, offset_min) == found.day
    assert midnight_ns(found.day, offset_min) == found.until_ns - DAY_NS
    assert found.latest_until_ns is not None and found.latest_until_ns >= found.until_ns


ORDER = (Lateness.IN_TIME, Lateness.DUE, Lateness.POSSIBLY, Lateness.OVERDUE)


@given(INSTANTS, st.integers(0, 3 * DAY_NS), st.integers(0, 9 * DAY_NS), st.integers(0, 9 * DAY_NS))
def test_as_time_passes_it_only_gets_worse(end_ns: int, error_ns: int, a: int, b: int) -> None:
    found = due(Bounds(end_ns, end_ns + error_ns), CALENDAR, CHINA_MIN)
    early, late = sorted((end_ns + a, end_ns + b))
    first = judge(found, Bounds(early, early), remind_h=24)
    second = judge(found, Bounds(late, late), remind_h=24)
    assert ORDER.index(first) <= ORDER.index(second)


@given(INSTANTS, INSTANTS, INSTANTS)
def test_a_time_away_never_makes_a_deadline_earlier(end_ns: int, a: int, b: int) -> None:
    begun, back = sorted((a, b))
    times = Away(
        line=0, ground="remote", declared=Bounds(begun, begun), since=Bounds(begun, begun),
        back=Bounds(back, back),
    )  # fmt: skip
    ended = Bounds(end_ns, end_ns)
    found = due_away(ended, (times,), CALENDAR, CHINA_MIN)
    assert found is not None
    assert found.until_ns >= due(ended, CALENDAR, CHINA_MIN).until_ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T09:30+08:00", "2026-13-01T00:00"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_local(text, CHINA_MIN)
