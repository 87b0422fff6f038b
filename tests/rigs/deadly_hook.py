"""Inside a rig's daemon: parts that take the process with them, as a native library may.

$RIG_DEADLY names them and how, as JSON: {"battery": "segv", "light": "hang"}. Those on pins need
the rig's pins (pins_hook.py).
"""

import ctypes
import json
import os
from collections.abc import Callable
from typing import Any

from recorder import starts
from recorder.battery.kernel import KernelGauge
from recorder.panel.voice import SpokenVoice
from recorder.place.gpsd import Gpsd
from recorder.selftest.attendant import Attendant
from recorder.storing import Storing
from tests.rigs import pins_hook

_PINS = {17: "button", 22: "button2", 23: "vibration", 27: "light"}
_SITES: dict[str, tuple[type, str]] = {
    "voice": (SpokenVoice, "_warm"),
    "battery": (KernelGauge, "read"),
    "gnss": (Gpsd, "__init__"),
    "storing": (Storing, "tick"),
    "selftest": (Attendant, "tick"),
}


def _raise() -> None:
    raise ValueError("nobody expects this")


WAYS: dict[str, Callable[[], Any]] = {
    "segv": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "raise": _raise,
    "hang": ctypes.PyDLL(None).pause,  # with the interpreter's lock held
}


def install() -> None:
    """From now on."""
    ways = json.loads(os.environ["RIG_DEADLY"])
    starts.HANGS_S = 2.0
    for part, (owner, name) in _SITES.items():
        if part in ways:
            setattr(owner, name, lambda *_, way=ways[part]: WAYS[way]())
    own = pins_hook.Wired._set_function

    def set_function(pin: Any, value: str) -> None:
        way = ways.get(_PINS.get(pin._number, ""))
        if way:
            WAYS[way]()
        own(pin, value)

    setattr(pins_hook.Wired, "_set_function", set_function)  # noqa: B010
