"""The machine's clocks, read so that a claim never belongs to another instant's time."""

import time

from hypothesis import given, strategies as st

from recorder.clock import NS, Quality, SystemClock, boot_ns, iso, parse_iso


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
