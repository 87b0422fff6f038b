"""Battery and temperature (Art. 13)."""

from recorder.battery.forecast import Power
from recorder.battery.watch import Found, NoAnswer
from recorder.checks.result import Level, Result
from recorder.config import Battery, Limits
from recorder.session.phrases import Phrase


def battery(power: Found, limits: Limits) -> Result:
    """Minutes left; officers do not see a percentage as a warning. Never blocks: evidence first."""
    limit = f"{limits.battery_warn_min} min, {limits.battery_warn_percent:.0f} %"
    if power is None:
        return Result("battery", Level.OK, "no battery", limit)
    if isinstance(power, NoAnswer):
        return Result("battery", Level.WARN, "no answer", limit, Phrase.BATTERY_FAULT)
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
    if power.minutes is None:
        return Result("battery", Level.WARN, value, limit, Phrase.BATTERY_CHARGE)
    return Result("battery", Level.WARN, value, limit, Phrase.BATTERY_LOW, power.minutes)


def empty(power: Found, settings: Battery, limits: Limits, times: int = 1) -> bool:
    """The last minutes have begun: less is left than ``times`` the end's limit. Never while the
    gauge tells more charge than the warning's limit: a forecast alone ends no recording. Nor while
    a charger may be there that the gauge does not see."""
    if not isinstance(power, Power) or power.plugged or not power.sure:
        return False
    if power.percent >= max(limits.battery_warn_percent, settings.end_percent):
        return False
    if power.minutes is not None:
        return power.minutes < settings.end_min * times
    return power.percent < settings.end_percent * times


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
