"""How long a battery will last, from its last readings. Pure: no clock, no gauge.

One odd reading changes nothing: the charge is the median of five, the draw that of three minutes.
"""

from collections import deque
from statistics import median

import msgspec

from recorder.battery.gauge import Reading
from recorder.clock import NS

_MEDIAN_OF = 5
_DRAW_NS = 180 * NS
_TREND_NS = 900 * NS
_TREND_EVERY_NS = 15 * NS
_TREND_LEAST_NS = 300 * NS
_TREND_LEAST = 1.0
"""Percent; less within the time may be the gauge's own last digit."""
_RISE_NS = 120 * NS
_RISE = 0.3
"""Percent above the lowest of that time: a charger, where the gauge sees none."""
_LONGEST_MIN = 24 * 60


class Power(msgspec.Struct, frozen=True):
    """What a battery says. ``minutes``: None where nobody knows (charging, or no forecast).
    ``sure``: that no charger is there was seen; a gauge that sees none needs some minutes."""

    percent: float
    minutes: int | None
    plugged: bool
    sure: bool = True


class Forecast:
    """One battery's; forgets its draw when a charger comes or goes."""

    def __init__(self) -> None:
        self._percents: deque[float] = deque(maxlen=_MEDIAN_OF)
        self._told: deque[tuple[int, float]] = deque()
        self._trend: deque[tuple[int, float]] = deque()
        self._plugged: bool | None = None

    def add(self, reading: Reading, now_ns: int) -> Power:
        """What is known with this reading."""
        if reading.plugged != self._plugged:
            self._plugged = reading.plugged
            self._told.clear()
            self._trend.clear()
        self._percents.append(reading.percent)
        percent = median(self._percents)
        if reading.minutes is not None:
            self._told.append((now_ns, reading.minutes))
        _forget(self._told, now_ns - _DRAW_NS)
        if not self._trend or now_ns - self._trend[-1][0] >= _TREND_EVERY_NS:
            self._trend.append((now_ns, percent))
        _forget(self._trend, now_ns - _TREND_NS)
        per_min = self._percent_per_min(percent, now_ns)
        if reading.plugged is None:
            recent = [then for at_ns, then in self._trend if at_ns >= now_ns - _RISE_NS]
            plugged = per_min < 0 or percent - min(recent, default=percent) >= _RISE
        else:
            plugged = reading.plugged and per_min <= 0  # one weaker than the load ends nothing
        if plugged:
            return Power(percent, None, True)
        minutes: float | None = None
        if self._told:
            minutes = median(told for _, told in self._told)
        elif per_min > 0:
            minutes = percent / per_min
        if minutes is not None:
            minutes = min(minutes, _LONGEST_MIN)
        sure = reading.plugged is not None or minutes is not None
        return Power(percent, None if minutes is None else int(minutes), False, sure)

    def _percent_per_min(self, percent: float, now_ns: int) -> float:
        """Loss a minute, negative while it rises; 0 where it is too early to tell."""
        since_ns, then = self._trend[0]
        lost = then - percent
        if now_ns - since_ns < _TREND_LEAST_NS or abs(lost) < _TREND_LEAST:
            return 0.0
        return lost / ((now_ns - since_ns) / (60 * NS))


def _forget(kept: deque[tuple[int, float]], before_ns: int) -> None:
    while kept and kept[0][0] < before_ns:
        kept.popleft()
