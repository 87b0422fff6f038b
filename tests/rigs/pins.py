"""Buttons, lights and motors on the GPIO pins of a daemon in a rig (pins_hook.py holds the pins).

pins = Pins(daemon, contacts={17: "ground"})    # before the start: 17 reads pressed from it on
daemon.start()
pins.press(22, 0.1)
pins.levels(27)                                 # all levels that an output had, the last one now
"""

import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.rigs.daemon import Daemon

Steps = Iterable[tuple[str | None, float]]
"""What the contact connects the pin to (None: it is open), and for how many seconds."""


class Pins:
    """Wires the daemon's pins from its next start on."""

    def __init__(
        self, daemon: Daemon, *, contacts: Mapping[int, str] = {}, busy: Iterable[int] = ()
    ) -> None:
        self._socket = Path(daemon.here) / "pins"
        told = {"socket": str(self._socket), "contacts": dict(contacts), "busy": list(busy)}
        daemon.site({"RIG_PINS": json.dumps(told)})

    def play(self, number: int, steps: Steps) -> None:
        """Move a contact; returns when it is done."""
        self._tell({"number": number, "steps": list(steps)})

    def press(self, number: int, seconds: float) -> None:
        """One press of a button to ground, and some time without."""
        self.play(number, [("ground", seconds), (None, 0.1)])

    def levels(self, number: int) -> list[bool]:
        """Every level that the pin had."""
        return self._tell({"number": number})

    def line(self, number: int, *, gone: bool) -> None:
        """Take a pin's line away, or give it back."""
        self._tell({"number": number, "gone": gone})

    def _tell(self, what: dict[str, object]) -> list[bool]:
        with socket.socket(socket.AF_UNIX) as end, end.makefile("rw") as file:
            end.settimeout(30)
            end.connect(str(self._socket))
            file.write(json.dumps(what) + "\n")
            file.flush()
            return list(json.loads(file.readline()))
