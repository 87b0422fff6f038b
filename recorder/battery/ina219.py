"""UPS HATs with an INA219 (TI SBOS448): voltage at the load, and current through a shunt.

The chip measures from power-on; nothing has to be written to it, and nothing is.
"""

from recorder.battery.gauge import Reading, checked
from recorder.battery.i2c import Registers, signed
from recorder.battery.lipo import Cell
from recorder.config import Battery

ADDRESS = 0x40
_SHUNT = 0x01
_BUS = 0x02
_SHUNT_UV = 10
_BUS_MV = 4
_OVERFLOW = 0x0001
_LEAST_V = 2.0
_IDLE_MA = 20.0
"""Less flows neither in nor out: a full cell on its charger, or noise."""


class Ina219Gauge:
    """Charge from the cell's voltage, minutes from the current and the configured capacity."""

    def __init__(self, registers: Registers, settings: Battery) -> None:
        self._registers = registers
        self._settings = settings
        self._cell = Cell()

    def read(self) -> Reading:
        settings = self._settings
        volts, draw_ma = self.measured()
        if volts < _LEAST_V:
            raise ValueError(f"the gauge says {volts:.2f} V a cell")
        plugged = draw_ma < _IDLE_MA
        percent = self._cell.percent(volts, plugged)
        minutes = None if plugged else percent / 100 * settings.capacity_mah / draw_ma * 60
        return checked(Reading(percent, plugged, minutes))

    def measured(self) -> tuple[float, float]:
        """Volts a cell, and the draw in mA (negative while charging)."""
        settings = self._settings
        bus = self._registers.word(_BUS)
        if bus & _OVERFLOW:
            raise ValueError("the gauge's current overflows; see battery.shunt_mohm")
        current_ma = signed(self._registers.word(_SHUNT)) * _SHUNT_UV / settings.shunt_mohm
        draw_ma = current_ma if settings.draw == "positive" else -current_ma
        return (bus >> 3) * _BUS_MV / 1000 / settings.cells, draw_ma
