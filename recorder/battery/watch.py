"""Reads the battery on a thread of its own: a gauge that hangs holds up nothing else."""

import threading

import msgspec

from recorder.at_work import at_work
from recorder.battery.forecast import Forecast, Power
from recorder.battery.gauge import FAULTS, Gauge
from recorder.clock import NS, Clock

_EVERY_S = 2.0
_HUNG_NS = 15 * NS
_PATIENCE = 3


class NoAnswer(msgspec.Struct, frozen=True):
    """There should be a battery, but nothing tells how full it is."""

    why: str


Found = Power | NoAnswer | None
"""None: no battery, or none was read yet."""


class Watch:
    """``latest`` may be asked from any thread."""

    def __init__(self, gauge: Gauge, clock: Clock) -> None:
        self._gauge = gauge
        self._clock = clock
        self._forecast = Forecast()
        self._missed = 0
        self._found: Found = None
        self._asked_ns: int | None = None
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="battery", daemon=True).start()

    def latest(self) -> Found:
        """What is known of the battery now."""
        asked_ns = self._asked_ns
        if asked_ns is not None and self._clock.boot_ns() - asked_ns > _HUNG_NS:
            return NoAnswer("the gauge hangs")
        return self._found

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()

    def _run(self) -> None:
        while True:
            self._asked_ns = self._clock.boot_ns()
            with at_work("battery"):
                self._look()
            self._asked_ns = None
            if self._stop.wait(_EVERY_S):
                return

    def _look(self) -> None:
        try:
            reading = self._gauge.read()
        except FAULTS as error:
            self._missed += 1
            if self._missed >= _PATIENCE or not isinstance(self._found, Power):
                self._forecast = Forecast()
                self._found = NoAnswer(f"{type(error).__name__}: {error}"[:100])
            return
        self._missed = 0
        if reading is None:
            self._found = None
        else:
            self._found = self._forecast.add(reading, self._clock.boot_ns())
