"""Registers of a gauge on the I2C bus: only ever read, never written."""

from typing import Protocol


class Registers(Protocol):
    """Sixteen bits at a time, the high byte first, as both chip families send them."""

    def word(self, register: int) -> int:
        """The register's value, 0 to 65535. OSError where the chip does not answer."""
        ...


class Bus:
    """One chip at ``/dev/i2c-<bus>``, opened at the first reading and again after a fault."""

    def __init__(self, bus: int, address: int) -> None:
        self._bus = bus
        self._address = address

    def word(self, register: int) -> int:
        from smbus2 import SMBus

        with SMBus(self._bus) as bus:
            high, low = bus.read_i2c_block_data(self._address, register, 2)
        return high << 8 | low


def signed(word: int) -> int:
    """Two's complement."""
    return word - 0x10000 if word & 0x8000 else word
