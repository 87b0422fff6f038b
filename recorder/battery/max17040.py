"""HATs with a gauge of the MAX17040 family (17040, 17041, 17043, 17044, 17048, 17049).

These chips keep the state of charge themselves, in percent and 256ths. They do not see a charger:
forecast.py tells charging from a charge that rises.
"""

from recorder.battery.gauge import Reading, checked
from recorder.battery.i2c import Registers

ADDRESS = 0x36
_VCELL = 0x02
_SOC = 0x04


class Max17040Gauge:
    """The chip's own state of charge."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers

    def read(self) -> Reading:
        if self._registers.word(_VCELL) in (0x0000, 0xFFFF):
            raise ValueError("the gauge sees no cell")
        return checked(Reading(self._registers.word(_SOC) / 256))
