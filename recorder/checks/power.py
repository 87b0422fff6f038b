"""Battery and temperature (Art. 13)."""

import msgspec

from recorder.checks.result import Level, Result
from recorder.config import Limits
from recorder.session.phrases import Phrase


class Power(msgspec.Struct, frozen=True):
    """What a battery says. ``minutes``: None where nobody knows (charging, or no forecast)."""

    percent: float
    minutes: int | None
    plugged: bool


def battery(power: Power | None, limits: Limits) -> Result:
    """Minutes left; officers do not see a percentage as a warning."""
    limit = f"{limits.battery_warn_min} min, {limits.battery_warn_percent:.0f} %"
    if power is None:
        return Result("battery", Level.OK, "no battery", limit)
    value = f"{power.percent:.0f} %"
    if power.plugged:
        return Result("battery", Level.OK, f"{value}, plugged in", limit)
    if power.minutes is None:
        low = power.percent < limits.battery_warn_percent
    else:
        value += f", {power.minutes} min"
        low = power.minutes < limits.battery_warn_min
    if not low:
        return Result("battery", Level.OK, value, limit)
    minutes = power.minutes if power.minutes is not None else round(power.percent)
    return Result("battery", Level.WARN, value, limit, Phrase.BATTERY_LOW, minutes)


def temperature(celsius: float | None, limits: Limits) -> Result:
    """The processor's temperature."""
    limit = f"{limits.temperature_warn_c:.0f} C"
    if celsius is None:
        return Result("temperature", Level.OK, "no sensor", limit)
    hot = celsius > limits.temperature_warn_c
    return Result(
        "temperature", Level.WARN if hot else Level.OK, f"{celsius:.0f} C", limit,
        Phrase.HOT if hot else None,
    )  # fmt: skip
