"""The machine's clocks, read so that a claim never belongs to another instant's time."""

import time
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from recorder.clock import (
    NS,
    Quality,
    SystemClock,
    boot_ns,
    error_bound_us,
    iso,
    parse_iso,
    rtc_agrees,
)


def test_a_stamps_two_clocks_were_read_together() -> None:
    clock = SystemClock()
    for _ in range(50):
        before_ns, utc_before_ns = boot_ns(), time.time_ns()
        stamp = clock.stamp()
        after_ns, utc_after_ns = boot_ns(), time.time_ns()
        assert before_ns <= stamp.boot_ns <= after_ns
        assert utc_before_ns - 1_000_000 <= parse_iso(stamp.utc) <= utc_after_ns


def test_a_clock_that_nobody_synchronised_claims_no_bound() -> None:
    state = SystemClock().state()
    assert (state.error_ms is not None) == (state.quality is Quality.SYNCED)
    assert state.quality is not Quality.UNSET or time.time_ns() < 1_800_000_000 * NS


@given(st.integers(-60_000_000_000_000, 253_000_000_000_000))
def test_a_time_is_read_back_as_it_was_written_before_1970_too(utc_ms: int) -> None:
    assert parse_iso(iso(utc_ms * 1_000_000)) == utc_ms * 1_000_000


@pytest.mark.parametrize(
    ("shows", "agrees"),
    [
        (["1800000000"], True),
        (["1799999950"], True),
        (["1799999000"], False),  # the wall clock did not come from there
        (["12"], False),  # a Pi 5 without the clock's battery
        (["1799999000", "1800000001"], True),
        (["no time"], False),
        ([], False),
    ],
)
def test_only_an_rtc_that_kept_the_time_counts_as_one(
    shows: list[str], agrees: bool, tmp_path: Path
) -> None:
    for number, text in enumerate(shows):
        (tmp_path / f"rtc{number}").mkdir()
        (tmp_path / f"rtc{number}" / "since_epoch").write_text(f"{text}\n")
    assert rtc_agrees(1_800_000_000.0, tmp_path) is agrees


@pytest.mark.parametrize(
    ("maxerror_us", "offset", "nano", "timesyncd", "bound_us"),
    [
        (1500, 0, False, False, 1500),  # chrony: its own root distance
        (1500, -300, False, False, 1800),
        (0, -399_000_000, True, True, 10_399_001),  # timesyncd, slewing 0.4 s, claims nothing
        (2000, 0, True, True, 10_002_001),
    ],
)
def test_a_synchronised_clocks_bound_holds_whoever_synchronises_it(
    maxerror_us: int, offset: int, nano: bool, timesyncd: bool, bound_us: int
) -> None:
    assert error_bound_us(maxerror_us, offset, nano, timesyncd) == bound_us
