"""The interval of true time: never wrong where the claims were honest, never wider than they allow,
and nothing at all where they exclude each other."""

from typing import Any

import msgspec
from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from recorder.clock import NS, ClockState, Quality, iso, parse_iso
from recorder.evidence.chain import ZERO, Header
from recorder.evidence.wall_time import Instant, WallTime

BOOT = "00000000-0000-4000-8000-000000000001"
NOW_NS = parse_iso("2026-11-23T01:30:00.000Z")
YEARS_S = 20 * 366 * 86_400
STEP_S = st.one_of(
    st.sampled_from([1.0, -1.0, YEARS_S, -YEARS_S, 3600.0, -0.001]), st.floats(-YEARS_S, YEARS_S)
)


def header(
    boot_ns: int, utc_ns: int, quality: Quality, error_ms: int | None, boot_id: str = BOOT
) -> Header:
    return Header(0, "x", boot_id, boot_ns, iso(utc_ns), ClockState(quality, error_ms), ZERO)


class Honest(RuleBasedStateMachine):
    """A device whose wall clock is stepped by anybody, whose crystal is bad, and which only claims
    a bound while it keeps it."""

    @initialize(unset=st.booleans())
    def boot(self, unset: bool) -> None:
        self.true_ns = NOW_NS
        self.boot_ns = 20 * NS
        self.wall_ns = 0 if unset else NOW_NS
        self.wall = WallTime()
        self.moments: list[tuple[int, int]] = []
        self.widths: dict[int, int] = {}

    @rule(seconds=st.floats(0, 4000), ppm=st.integers(-500, 500))
    def time_passes(self, seconds: float, ppm: int) -> None:
        true_ns = round(seconds * NS)
        boot_ns = true_ns + true_ns * ppm // 1_000_000
        self.true_ns += true_ns
        self.boot_ns += boot_ns
        self.wall_ns += boot_ns

    @rule(seconds=STEP_S)
    def somebody_steps_the_clock(self, seconds: float) -> None:
        self.wall_ns = max(0, self.wall_ns + round(seconds * NS))

    @rule(off_ms=st.integers(-2000, 2000))
    def it_is_synchronised(self, off_ms: int) -> None:
        self.wall_ns = self.true_ns + off_ms * 1_000_000

    @rule(slack_ms=st.integers(1, 50), claims=st.booleans())
    def a_line_is_written(self, slack_ms: int, claims: bool) -> None:
        off_ms = abs(self.wall_ns - self.true_ns) // 1_000_000
        if claims and off_ms < 16_000:
            state = ClockState(Quality.SYNCED, off_ms + slack_ms)
        elif self.wall_ns < 1_700_000_000 * NS:
            state = ClockState(Quality.UNSET, None)
        else:
            state = ClockState(Quality.KEPT, None)
        self.moments.append((self.boot_ns, self.true_ns))
        self.wall.feed(header(self.boot_ns, self.wall_ns, state.quality, state.error_ms))

    @invariant()
    def the_true_time_is_in_the_interval_and_no_line_widens_it(self) -> None:
        if not hasattr(self, "wall"):
            return
        assert not list(self.wall.contradictions())
        for boot_ns, true_ns in self.moments:
            bounds = self.wall.at(BOOT, boot_ns).bounds_ns()
            if bounds is None:
                assert boot_ns not in self.widths
                continue
            assert bounds[0] <= true_ns <= bounds[1]
            width = bounds[1] - bounds[0]
            assert width <= self.widths.get(boot_ns, width) + 2_000_000  # whole milliseconds
            self.widths[boot_ns] = width


TestHonest = Honest.TestCase
TestHonest.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

CLAIMS = st.lists(
    st.tuples(
        st.integers(0, 10**15),
        st.integers(-(10**18), 10**19),
        st.sampled_from(Quality),
        st.none() | st.integers(0, 10**6),
    ),
    min_size=1,
    max_size=40,
)


@given(CLAIMS)
@settings(max_examples=200, deadline=None)
def test_whatever_lines_say_an_interval_lies_within_every_claim_of_its_quality(claims: Any) -> None:
    wall = WallTime()
    kept = []
    for boot_ns, utc_ns, quality, error_ms in claims:
        try:
            line = header(boot_ns, utc_ns, quality, error_ms)
        except (ValueError, OverflowError):
            line = msgspec.structs.replace(
                header(boot_ns, 0, quality, error_ms), utc="the year 31688"
            )
        wall.feed(line)
        kept.append(line)
    contradicted = {each.quality for each in wall.contradictions()}
    for line in kept:
        at = wall.at(BOOT, line.boot_ns)
        bounds = at.bounds_ns()
        if bounds is None:
            continue
        assert at.quality not in contradicted
        if line.clock.quality is at.quality and line.clock.error_ms is not None:
            utc_ns = parse_iso(line.utc)
            assert bounds[0] >= utc_ns - (line.clock.error_ms + 2) * 1_000_000
            assert bounds[1] <= utc_ns + (line.clock.error_ms + 2) * 1_000_000


def told(*rows: tuple[float, float, Quality, int | None]) -> WallTime:
    """Lines at seconds since boot, whose clock is off by seconds."""
    wall = WallTime()
    for at_s, off_s, quality, error_ms in rows:
        utc_ns = NOW_NS + round((at_s + off_s) * NS)
        wall.feed(header(round(at_s * NS), utc_ns, quality, error_ms))
    return wall


def test_a_clock_that_is_set_later_dates_what_came_before() -> None:
    wall = told((10, -9_000_000, Quality.KEPT, None), (70, 0, Quality.SYNCED, 20))
    at = wall.at(BOOT, 10 * NS)
    # A minute on the boot clock at 1000 ppm is 60 ms.
    assert at == Instant(iso(NOW_NS + 10 * NS), Quality.SYNCED, 81)
    assert not at.doubtful


def test_no_clock_at_all_is_no_time() -> None:
    at = told((10, -1e9, Quality.UNSET, None)).at(BOOT, 10 * NS)
    assert at == Instant() and at.doubtful


def test_two_claims_that_exclude_each_other_are_both_not_believed() -> None:
    wall = told((10, 0, Quality.SYNCED, 20), (20, 1, Quality.SYNCED, 20))
    (found,) = wall.contradictions()
    assert 0.9 * NS < found.apart_ns < NS
    at = wall.at(BOOT, 10 * NS)
    assert at.contradicted and at.doubtful and at.bounds_ns() is None
    assert at.utc == iso(NOW_NS + 10 * NS)


def test_a_kept_clock_that_jumps_contradicts_nobody_and_shows_what_it_showed() -> None:
    wall = told((10, 0, Quality.KEPT, None), (20, 3600, Quality.KEPT, None))
    assert not list(wall.contradictions())
    assert wall.at(BOOT, 15 * NS).utc == iso(NOW_NS + 15 * NS)
    assert wall.at(BOOT, 25 * NS).utc == iso(NOW_NS + 3625 * NS)
    assert wall.at(BOOT, 25 * NS).doubtful


def test_another_boot_says_nothing_of_this_one() -> None:
    wall = told((10, 0, Quality.SYNCED, 20))
    assert wall.at("00000000-0000-4000-8000-000000000002", 10 * NS) == Instant()


def test_the_ledger_dates_a_boot_whose_recording_ended_before_the_clock_was_set() -> None:
    journal = told((10, -1e9, Quality.UNSET, None))
    journal.learn(told((40, 0, Quality.SYNCED, 5)))
    at = journal.at(BOOT, 10 * NS)
    assert at.utc == iso(NOW_NS + 10 * NS) and at.error_ms == 36


def test_memory_follows_hours_not_lines() -> None:
    wall = told(*((at / 100, 0, Quality.SYNCED, 20) for at in range(10_000)))
    claims = wall._boots[BOOT][Quality.SYNCED]
    assert len(claims.buckets) <= 11 and len(claims.shown) == 1
