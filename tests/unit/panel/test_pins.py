"""What a technician is told to do about a pin that cannot be had."""

import subprocess
import sys
from pathlib import Path

import pytest

from recorder import at_work
from recorder.errors import RecorderError
from recorder.panel.pins import Line, PinFault, remedy, wired


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("error: 'GPIO busy'", "gpioinfo"),
        ("GPIOPinInUse: pin GPIO17 is already in use by <LED>", "names the pin twice"),
        ("PinFixedPull: GPIO2 has a fixed pull-up", "GPIO 2 and 3"),
        ("GPIOPinMissing: red, green, and blue pins must be provided", "light.blue_pin"),
        ("OSError: [Errno 19] No such device", "docs/on-a-pi.md"),
    ],
)
def test_the_remedy_fits_what_gpiozero_says(tmp_path: Path, why: str, says: str) -> None:
    (tmp_path / "gpiochip0").touch()
    assert says in remedy(why, tmp_path)


def test_without_a_chip_there_is_no_gpio(tmp_path: Path) -> None:
    assert "There is no" in remedy("BadPinFactory: Unable to load any", tmp_path)


def test_a_chip_that_may_not_be_opened_names_the_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gpiochip0").touch()
    monkeypatch.setattr("recorder.panel.pins.os.access", lambda *_: False)  # root may open all
    assert "group gpio" in remedy("BadPinFactory: Unable to load any", tmp_path)


def test_a_recorder_without_gpio_does_not_load_gpiozero() -> None:
    code = "import sys, recorder.app, recorder.parts; sys.exit('gpiozero' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_line_that_comes_and_goes_is_told_once_until_it_has_answered_for_a_while() -> None:
    told: list[PinFault] = []
    line = Line("light", "light.pin 27", told.append)

    def use(*answers: bool) -> None:
        for there in answers:
            assert line.use(lambda value=there: 1 // value) == (1 if there else None)  # type: ignore[misc]

    use(True, False, True, True, False, True, True, True, True)
    assert [fault.over for fault in told] == [False]
    assert "light.pin 27: ZeroDivisionError" in told[0].detail
    use(True, True, False)
    assert [fault.over for fault in told] == [False, True, False]


def test_a_pin_that_cannot_be_had_is_no_part_that_the_recorder_dies_at(tmp_path: Path) -> None:
    def broken(gpiozero: object) -> None:
        raise OSError("no such device")

    at_work.keep(tmp_path / "marks")
    with pytest.raises(RecorderError, match="no such device"):
        wired("button", "button.pin", tmp_path, broken)
    assert at_work.keep(tmp_path / "marks") == ()
