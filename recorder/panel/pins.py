"""Opens what is wired to GPIO pins, or says why not. Only button and light import from here."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from recorder.at_work import at_work, is_left_out, left_out_error
from recorder.errors import RecorderError

Device = TypeVar("Device")
Part = Literal["button", "button2", "light", "vibration"]

_DEVICES = Path("/dev")
_BACK_AFTER = 5
"""Uses in a row that a line which was gone must answer."""


class PinFault(msgspec.Struct, frozen=True):
    """A part on GPIO pins failed while the recorder ran, or works again (``over``)."""

    part: Part
    code: str
    detail: str = ""
    over: bool = False


Tell = Callable[[RecorderError], None]
Emit = Callable[[PinFault], None]


def wired(part: Part, key: str, run: Path, make: Callable[[Any], Device]) -> Device:
    """``make(gpiozero)``. RecorderError, with what the voice says, where its pins cannot be had."""
    if is_left_out(part):
        raise left_out_error(part, key, f"{part}_fault", "broken")
    here = os.getcwd()
    os.chdir(run)  # lgpio leaves a pipe in its working directory
    with warnings.catch_warnings(record=True) as fallen_back:
        warnings.simplefilter("always")
        try:
            with at_work(part):
                try:
                    import gpiozero

                    made = make(gpiozero)
                except Exception as error:  # gpiozero raises whatever its pin factories do
                    first = [f"{type(error).__name__}: {error}"]
                    why = "; ".join([*first, *map(_text, fallen_back[:1])])
                    raise RecorderError(
                        f"{part}-broken", why, where=key, phrase=f"{part}_fault",
                        remedy=remedy(why),
                    ) from error  # fmt: skip
        finally:
            os.chdir(here)
    for warning in fallen_back:
        print(f"recorder: {key}: {_text(warning)}", file=sys.stderr, flush=True)
    return made


class Line:
    """An open pin. One that stops answering is told, and once more when it has answered again for a
    while: a loose contact is not talked of all the time."""

    def __init__(self, part: Part, key: str, emit: Emit) -> None:
        self._part, self._key, self._emit = part, key, emit
        self._gone = False
        self._answers = 0

    def use(self, call: Callable[[], Device]) -> Device | None:
        """``call()``, or None where the line does not answer."""
        try:
            with at_work(self._part):
                answer = _reach(self._key, call)
        except RecorderError as error:
            self._answers = 0
            if not self._gone:
                self._gone = True
                self._emit(PinFault(self._part, "gone", str(error)))
            return None
        self._answers += 1
        if self._gone and self._answers >= _BACK_AFTER:
            self._gone = False
            self._emit(PinFault(self._part, "gone", over=True))
        return answer

    def release(self, device: Any) -> None:
        """Close the device; a line that is gone was told when it went."""
        try:
            _reach(self._key, device.close)
        except RecorderError as error:
            print(f"recorder: not released: {error}", file=sys.stderr, flush=True)


def _reach(key: str, call: Callable[[], Device]) -> Device:
    try:
        return call()
    except Exception as error:  # gpiozero raises whatever its pin factories do
        why = f"{type(error).__name__}: {error}"
        raise RecorderError("pin-gone", why, where=key, remedy=remedy(why)) from error


def _text(warning: warnings.WarningMessage) -> str:
    return str(warning.message).strip()


def remedy(why: str, devices: Path = _DEVICES) -> str:
    """What a technician does about it. Libraries word it in their own ways; the device files tell
    the rest."""
    known = {
        "busy": "Another program or a device-tree overlay holds the pin (gpioinfo names it): stop "
        "it or choose another pin",
        "PinInUse": "recorder.toml names the pin twice: give each part its own",
        "FixedPull": 'GPIO 2 and 3 always pull up: choose another pin or wire_to = "ground"',
        "PinMissing": "An RGB light needs light.green_pin and light.blue_pin, a plain one neither",
    }
    for word, text in known.items():
        if word in why:
            return text
    chips = sorted(devices.glob("gpiochip*"))
    if not chips:
        return f"There is no {devices}/gpiochip*: choose another kind, or boot a kernel with GPIO"
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        return (
            f"The recorder's user may not open {devices}/gpiochip*: add it to the group gpio, and "
            "keep DeviceAllow=char-gpiochip in its unit"
        )
    return "Choose a pin of the table in docs/on-a-pi.md"
