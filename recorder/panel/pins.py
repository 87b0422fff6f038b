"""Opens what is wired to GPIO pins, or says why not. Only button and light import from here."""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from recorder.errors import RecorderError

Device = TypeVar("Device")
Part = Literal["button", "button2", "light", "vibration"]

_DEVICES = Path("/dev")


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
    here = os.getcwd()
    os.chdir(run)  # lgpio leaves a pipe in its working directory
    with warnings.catch_warnings(record=True) as fallen_back:
        warnings.simplefilter("always")
        try:
            import gpiozero

            made = make(gpiozero)
        except Exception as error:  # gpiozero raises whatever its pin factories do
            why = "; ".join([f"{type(error).__name__}: {error}", *map(_text, fallen_back[:1])])
            raise RecorderError(
                f"{part}-broken", why, where=key, phrase=f"{part}_fault", remedy=remedy(why),
            ) from error  # fmt: skip
        finally:
            os.chdir(here)
    for warning in fallen_back:
        print(f"recorder: {key}: {_text(warning)}", file=sys.stderr, flush=True)
    return made


def reach(key: str, call: Callable[[], Device]) -> Device:
    """``call()`` on an open pin. RecorderError where its line is gone."""
    try:
        return call()
    except Exception as error:  # gpiozero raises whatever its pin factories do
        why = f"{type(error).__name__}: {error}"
        raise RecorderError("pin-gone", why, where=key, remedy=remedy(why)) from error


def release(key: str, device: Any) -> None:
    """Close a device; a line that is gone was told when it went."""
    try:
        reach(key, device.close)
    except RecorderError as error:
        print(f"recorder: not released: {error}", file=sys.stderr, flush=True)


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
