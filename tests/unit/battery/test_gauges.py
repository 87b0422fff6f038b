"""What each gauge makes of what its hardware sends, register bytes of the data sheets among it."""

import os
from pathlib import Path
from typing import Any

import pytest
import smbus2.smbus2 as smbus

from recorder.battery import choose
from recorder.battery.choose import AutoGauge
from recorder.battery.gauge import FAULTS, Reading
from recorder.battery.i2c import Bus
from recorder.battery.ina219 import Ina219Gauge
from recorder.battery.kernel import KernelGauge
from recorder.battery.lipo import Cell, percent
from recorder.battery.max17040 import Max17040Gauge
from recorder.battery.pisugar import PiSugarGauge
from recorder.config import Battery
from tests.rigs.pisugar import PiSugar

SHUNT, BUS, VCELL, SOC = 1, 2, 2, 4


class Chip:
    def __init__(self, **words: int) -> None:
        self.words = {globals()[name]: word for name, word in words.items()}

    def word(self, register: int) -> int:
        return self.words[register]


def test_an_ina219_is_read_as_in_its_data_sheet() -> None:
    # SBOS448, table 8: 11.98 V on the bus, 20 mV across a shunt of 2 mOhm, so 10 A.
    settings = Battery(shunt_mohm=2, cells=3, draw="positive")
    volts, draw_ma = Ina219Gauge(Chip(BUS=0x5D98, SHUNT=0x07D0), settings).measured()
    assert volts == pytest.approx(11.98 / 3)
    assert draw_ma == pytest.approx(10_000)


@pytest.mark.parametrize(
    ("word", "mv"), [(0x7D00, 320), (0x8300, -320), (0xC180, -160), (0xFFFF, -0.01), (0x0001, 0.01)]
)
def test_an_ina219s_shunt_is_signed_as_in_its_data_sheet(word: int, mv: float) -> None:
    settings = Battery(shunt_mohm=1000, draw="positive")
    assert Ina219Gauge(Chip(BUS=0x1F40, SHUNT=word), settings).measured()[1] == pytest.approx(mv)


def test_an_ina219_tells_minutes_from_draw_and_capacity() -> None:
    # 3.84 V is half of 3000 mAh; -50 mV across 100 mOhm are 500 mA of draw: 3 hours.
    half = Ina219Gauge(Chip(BUS=960 << 3, SHUNT=0x10000 - 5000), Battery()).read()
    assert half.percent == pytest.approx(50.0)
    assert half.minutes == pytest.approx(180.0)
    assert half.plugged is False
    charging = Ina219Gauge(Chip(BUS=960 << 3, SHUNT=5000), Battery()).read()
    assert (charging.plugged, charging.minutes) == (True, None)


@pytest.mark.parametrize("bus", [0x0000, 960 << 3 | 1], ids=["no cell", "overflow"])
def test_an_ina219_that_measures_nonsense_is_no_battery_at_zero(bus: int) -> None:
    with pytest.raises(ValueError, match="gauge"):
        Ina219Gauge(Chip(BUS=bus, SHUNT=0), Battery()).read()


@pytest.mark.parametrize(
    ("soc", "is_percent"), [(0x6400, 100.0), (0x3280, 50.5), (0x0001, 1 / 256), (0x6580, 100.0)]
)
def test_a_max17040_tells_percent_and_256ths(soc: int, is_percent: float) -> None:
    assert Max17040Gauge(Chip(VCELL=0xC000, SOC=soc)).read() == Reading(is_percent)


@pytest.mark.parametrize(("vcell", "soc"), [(0xFFFF, 0xFFFF), (0, 0), (0xC000, 0xFF00)])
def test_a_max17040_without_a_cell_does_not_answer(vcell: int, soc: int) -> None:
    with pytest.raises(ValueError, match="gauge"):
        Max17040Gauge(Chip(VCELL=vcell, SOC=soc)).read()


def test_a_cells_charge_follows_its_voltage() -> None:
    assert [percent(v) for v in (2.5, 3.27, 3.84, 4.2, 4.35)] == [0, 0, pytest.approx(50), 100, 100]
    assert percent(3.825) == pytest.approx(46.25)


def test_a_voltage_that_recovers_is_no_charge() -> None:
    cell = Cell()
    down = cell.percent(3.70, charging=False)
    assert cell.percent(3.71, charging=False) == down
    assert cell.percent(3.69, charging=False) < down
    assert cell.percent(3.71, charging=True) > down
    assert cell.percent(4.10, charging=False) > 80  # another cell was put in


def test_the_real_library_asks_the_kernel_for_two_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel here has no I2C: its ioctl is played, smbus2 itself is real."""
    asked = []
    open_ = os.open

    def ioctl(_fd: int, number: int, data: Any) -> int:
        if number == smbus.I2C_FUNCS:
            data.value = 0xFFFFFFFF
        elif number == smbus.I2C_SLAVE:
            asked.append(("address", data))
        else:
            asked.append(("register", data.command))
            assert data.data.contents.block[0] == 2
            data.data.contents.block[1:3] = [0x5D, 0x98]
        return 0

    monkeypatch.setattr(smbus, "ioctl", ioctl)
    monkeypatch.setattr(
        os, "open", lambda path, flags: open_("/dev/null" if "i2c-7" in str(path) else path, flags)
    )
    assert Bus(7, 0x42).word(BUS) == 0x5D98
    assert asked == [("address", 0x42), ("register", BUS)]


def test_a_bus_that_is_not_there_is_told() -> None:
    with pytest.raises(FileNotFoundError):
        Bus(250, 0x36).word(SOC)


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_a_pisugar_is_asked_in_its_own_protocol(unix: bool, tmp_path: Path) -> None:
    with PiSugar(tmp_path / "pisugar.sock" if unix else None) as rig:
        gauge = PiSugarGauge(rig.where)
        assert gauge.read() == Reading(80.0, False)
        rig.charge(12.345, plugged=True)
        rig.taps = True
        assert gauge.read() == Reading(12.345, True)


@pytest.mark.parametrize(
    "values",
    [{}, {"battery": "I2C not connected"}, {"battery": "nan", "battery_power_plugged": "false"}],
)
def test_a_pisugar_that_knows_nothing_is_told(values: dict[str, str]) -> None:
    with PiSugar() as rig:
        rig.values = values
        with pytest.raises(ValueError):
            PiSugarGauge(rig.where).read()


def test_a_pisugar_that_hangs_or_is_gone_is_told() -> None:
    with PiSugar() as rig:
        rig.mute = True
        with pytest.raises(TimeoutError):
            PiSugarGauge(rig.where).read()
    with pytest.raises(OSError):
        PiSugarGauge(rig.where).read()


@pytest.mark.parametrize(
    ("files", "reading"),
    [
        ({"type": "Mains", "online": "1"}, None),
        (
            {
                "type": "Battery", "status": "Discharging", "energy_now": "5000000",
                "energy_full": "10000000", "power_now": "5000000", "capacity": "50",
            },
            Reading(50.0, False, 60.0),
        ),
        ({"type": "Battery", "status": "Charging", "capacity": "50"}, Reading(50.0, True)),
    ],
)  # fmt: skip
def test_the_kernels_battery_is_read_through_psutil(
    files: dict[str, str], reading: Reading | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    folder = tmp_path / ("BAT0" if files["type"] == "Battery" else "AC")
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    monkeypatch.setattr(psutil._pslinux, "POWER_SUPPLY_PATH", str(tmp_path))
    assert KernelGauge().read() == reading


class Scripted:
    def __init__(self, *answers: Reading | Exception | None) -> None:
        self.answers = list(answers)

    def read(self) -> Reading | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_auto_keeps_the_first_that_answers_and_then_believes_its_silence() -> None:
    hat = Scripted(OSError("absent"), Reading(40.0), OSError("gone"))
    auto = AutoGauge((Scripted(None, None), hat))
    assert auto.read() is None  # not up yet: it is looked for again
    assert auto.read() == Reading(40.0)
    with pytest.raises(FAULTS):
        auto.read()


@pytest.mark.parametrize(
    ("kind", "gauge"),
    [("ina219", Ina219Gauge), ("max17040", Max17040Gauge), ("pisugar", PiSugarGauge),
     ("psutil", KernelGauge), ("auto", AutoGauge)],
)  # fmt: skip
def test_the_config_names_the_gauge(kind: Any, gauge: type) -> None:
    assert isinstance(choose.make(Battery(kind=kind)), gauge)
    assert choose.make(Battery(kind="none")).read() is None
