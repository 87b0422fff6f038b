"""Which gauge the config names; ``auto`` looks for one that answers."""

from recorder.battery.gauge import FAULTS, Gauge, NoBattery, Reading
from recorder.battery.i2c import Bus
from recorder.battery.ina219 import ADDRESS as INA219, Ina219Gauge
from recorder.battery.kernel import KernelGauge
from recorder.battery.max17040 import ADDRESS as MAX17040, Max17040Gauge
from recorder.battery.pisugar import PiSugarGauge
from recorder.config import Battery


class AutoGauge:
    """The first that answers is kept; until one does, the device counts as mains powered.

    An INA219 is not looked for: other chips sit at its address, and its shunt must be known.
    """

    def __init__(self, candidates: tuple[Gauge, ...]) -> None:
        self._candidates = candidates
        self._found: Gauge | None = None

    def read(self) -> Reading | None:
        if self._found is not None:
            return self._found.read()
        for gauge in self._candidates:
            try:
                reading = gauge.read()
            except FAULTS:
                continue  # not fitted
            if reading is not None:
                self._found = gauge
                return reading
        return None


def make(settings: Battery) -> Gauge:
    """The gauge of the config; none of them touches its hardware before it is read."""
    match settings.kind:
        case "none":
            return NoBattery()
        case "psutil":
            return KernelGauge()
        case "pisugar":
            return PiSugarGauge(settings.pisugar)
        case "ina219":
            return Ina219Gauge(Bus(settings.bus, settings.address or INA219), settings)
        case "max17040":
            return _max17040(settings)
        case "auto":
            return AutoGauge((KernelGauge(), PiSugarGauge(settings.pisugar), _max17040(settings)))


def _max17040(settings: Battery) -> Gauge:
    return Max17040Gauge(Bus(settings.bus, settings.address or MAX17040))
