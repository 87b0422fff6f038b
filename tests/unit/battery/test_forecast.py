"""Minutes left: from the draw or from the loss, and never from one odd reading."""

import threading

import msgspec
import pytest
from hypothesis import given, strategies as st

from recorder.battery.forecast import Forecast, Power
from recorder.battery.gauge import Reading
from recorder.battery.watch import NoAnswer, Watch
from recorder.checks.power import empty
from recorder.clock import NS, ManualClock
from recorder.config import Battery, Limits

STEP = 2 * NS


def fed(readings: list[Reading], step_ns: int = STEP) -> Power:
    forecast, now_ns = Forecast(), 0
    power = Power(0, None, True)
    for reading in readings:
        now_ns += step_ns
        power = forecast.add(reading, now_ns)
    return power


def test_minutes_are_the_median_of_what_the_draw_told() -> None:
    calm = [Reading(50.0, False, 90.0)] * 30
    burst = [Reading(50.0, False, 4.0)] * 10
    assert fed(calm + burst) == Power(50.0, 90, False)


def test_one_odd_reading_changes_nothing() -> None:
    calm = [Reading(60.0, False, 120.0)] * 20
    assert fed([*calm, Reading(0.0, False, 0.0)]) == Power(60.0, 120, False)
    assert fed([*calm, Reading(0.0, False, 0.0), Reading(1.0, False, 0.0)]).percent == 60.0


def test_without_a_draw_the_loss_of_the_last_minutes_is_carried_on() -> None:
    # A percent in 2 minutes, 20 percent left.
    falling = [Reading(30 - at / 60, False) for at in range(600)]
    power = fed(falling)
    assert power.minutes is not None
    assert power.minutes == pytest.approx(40, abs=1)


def test_too_early_to_tell_is_no_forecast() -> None:
    assert fed([Reading(50.0 - at * 0.1, False) for at in range(100)]).minutes is None


def test_a_charge_that_rises_is_a_charger_where_the_gauge_sees_none() -> None:
    assert fed([Reading(50 + at / 60) for at in range(600)]).plugged
    assert not fed([Reading(50 - at / 60) for at in range(600)]).plugged


def emptied(readings: list[float]) -> list[int]:
    """At which of the readings, two seconds apart, the last minutes are there. MAX17040: it sees no
    charger and tells no minutes."""
    forecast = Forecast()
    powers = [
        forecast.add(Reading(percent), number * STEP) for number, percent in enumerate(readings)
    ]
    return [n for n, power in enumerate(powers) if empty(power, Battery(), Limits())]


def test_a_gauge_that_sees_no_charger_ends_nothing_before_the_charge_was_seen_to_fall() -> None:
    on_a_charger = [2.0 + number / 100 for number in range(600)]
    assert not emptied(on_a_charger)
    full_stop = [2.0] * 600
    assert not emptied(full_stop)
    falling = [6.0 - number / 40 for number in range(230)]
    assert emptied(falling)[0] * STEP >= 300 * NS


def test_a_charger_is_seen_within_a_minute_by_the_rise_alone() -> None:
    falling = [6.0 - number / 40 for number in range(230)]
    charged = [falling[-1] + number / 60 for number in range(100)]
    ended = emptied(falling + charged)
    assert ended
    assert max(ended) < len(falling) + 30


def test_a_charger_under_which_the_charge_falls_is_none() -> None:
    # Weaker than the load, or a current that is taken for its opposite (battery.draw).
    power = fed([Reading(30 - at / 60, True) for at in range(600)])
    assert not power.plugged
    assert power.minutes == pytest.approx(40, abs=1)


def test_what_was_drawn_before_the_charger_came_is_forgotten() -> None:
    before = [Reading(50.0, False, 10.0)] * 30
    charged = [Reading(50.0, True)] * 30
    assert fed(before + charged) == Power(50.0, None, True)
    assert fed(before + charged + [Reading(50.0, False, 99.0)]).minutes == 99


@given(
    st.lists(
        st.builds(
            Reading, st.floats(0, 100), st.sampled_from([None, True, False]),
            st.none() | st.floats(0, 1e9),
        ),
        min_size=1,
    ),
    st.integers(0, 600 * NS),
)  # fmt: skip
def test_whatever_a_gauge_says_the_forecast_is_sober(readings: list[Reading], step_ns: int) -> None:
    power = fed(readings, step_ns)
    assert 0 <= power.percent <= 100
    assert power.minutes is None or 0 <= power.minutes <= 24 * 60
    assert not (power.plugged and power.minutes is not None)


@pytest.mark.parametrize(
    ("power", "is_empty"),
    [
        (Power(10, 2, False), True),
        (Power(10, 3, False), False),
        (Power(10, 2, True), False),
        (Power(80, 0, False), False),  # a forecast that the charge contradicts
        (Power(2.9, None, False), True),
        (Power(3, None, False), False),
        (NoAnswer("gone"), False),
        (None, False),
    ],
)
def test_the_last_minutes_begin_only_where_charge_and_forecast_say_so(
    power: Power | NoAnswer | None, is_empty: bool
) -> None:
    assert empty(power, Battery(), Limits()) is is_empty


def test_limits_of_zero_never_end_a_recording() -> None:
    off = msgspec.structs.replace(Battery(), end_min=0, end_percent=0)
    assert not empty(Power(0, 0, False), off, Limits())
    assert not empty(Power(0, None, False), off, Limits())


class Hangs:
    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go = threading.Event()

    def read(self) -> Reading | None:
        self.asked.set()
        assert self.go.wait(20)
        raise OSError("no such chip")


def test_a_gauge_that_hangs_or_fails_is_a_warning_and_holds_up_nothing() -> None:
    clock, gauge = ManualClock(), Hangs()
    watch = Watch(gauge, clock)
    assert gauge.asked.wait(5)
    assert watch.latest() is None
    clock.advance(16)
    assert watch.latest() == NoAnswer("the gauge hangs")
    gauge.asked.clear()
    gauge.go.set()
    assert gauge.asked.wait(10)  # the next reading: the first one is judged
    watch.close()
    assert watch.latest() == NoAnswer("OSError: no such chip")
