"""A lithium cell's charge from its voltage, for gauges that measure nothing better."""

from bisect import bisect_right

_CURVE = (
    (3.27, 0.0), (3.61, 5.0), (3.69, 10.0), (3.71, 15.0), (3.73, 20.0), (3.75, 25.0),
    (3.77, 30.0), (3.79, 35.0), (3.80, 40.0), (3.82, 45.0), (3.84, 50.0), (3.85, 55.0),
    (3.87, 60.0), (3.91, 65.0), (3.95, 70.0), (3.98, 75.0), (4.02, 80.0), (4.08, 85.0),
    (4.11, 90.0), (4.15, 95.0), (4.20, 100.0),
)  # fmt: skip
"""Volts of a resting cell. Under load the voltage is lower, so it errs on the side of too little;
between 3.7 and 3.85 V a hundredth of a volt is worth two percent."""
_RISE = 5.0


def percent(volts: float) -> float:
    """Charge of one cell, by straight lines between the curve's points."""
    index = bisect_right(_CURVE, (volts, 200.0))
    if index == 0:
        return 0.0
    if index == len(_CURVE):
        return 100.0
    (low_v, low), (high_v, high) = _CURVE[index - 1], _CURVE[index]
    return low + (high - low) * (volts - low_v) / (high_v - low_v)


class Cell:
    """Charge with hysteresis: a voltage that recovers when the load falls is no charge."""

    def __init__(self) -> None:
        self._percent: float | None = None

    def percent(self, volts: float, charging: bool) -> float:
        """Falls at once; rises while charging, or by more than 5 % (a battery was swapped)."""
        now = percent(volts)
        if self._percent is None or charging or not 0 <= now - self._percent <= _RISE:
            self._percent = now
        return self._percent
