"""The protocol of everything that measures a battery, and how it says that it cannot."""

from typing import Protocol

import msgspec

FAULTS = (OSError, ValueError, ArithmeticError, RuntimeError)
"""What gauges and their libraries raise where hardware is absent or answers nonsense."""


class Reading(msgspec.Struct, frozen=True):
    """One look at a battery.

    ``plugged`` None: the gauge does not see a charger. ``minutes``: what the gauge itself makes of
    the draw just now, else None.
    """

    percent: float
    plugged: bool | None = None
    minutes: float | None = None


class Gauge(Protocol):
    """One battery."""

    def read(self) -> Reading | None:
        """Measure; None where the device has no battery. Raises one of FAULTS without an answer."""
        ...


class NoBattery:
    """Mains power."""

    def read(self) -> Reading | None:
        return None


def checked(reading: Reading) -> Reading:
    """The reading itself. ValueError where no battery can be so (NaN among it)."""
    if not -1 <= reading.percent <= 110:
        raise ValueError(f"the gauge says {reading.percent:.0f} %")
    return msgspec.structs.replace(reading, percent=min(max(reading.percent, 0.0), 100.0))
