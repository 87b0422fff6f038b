"""Inside a rig's process: gpiozero's mock pins, with what a test wires to them.

An input reads the rail that a closed contact connects it to, and its pull where the contact is
open. Any pin can be held by another program, or lose its line. ``install`` puts them into the
daemon, where tests/rigs/pins.py reaches them over a socket.
"""

import errno
import json
import os
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin


class Wired(MockPin):  # type: ignore[misc]
    """A pin of which each number has its wiring, whoever opens it."""

    contacts: ClassVar[dict[int, str]] = {}
    """What a closed contact connects a pin to: ground or 3v3."""
    busy: ClassVar[set[int]] = set()
    gone: ClassVar[set[int]] = set()

    def _set_function(self, value: str) -> None:
        if self._number in self.busy:
            raise RuntimeError("'GPIO busy'")
        super()._set_function(value)

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self.settle()

    def _get_state(self) -> bool:
        self._there()
        return bool(super()._get_state())

    def _set_state(self, value: float) -> None:
        self._there()
        super()._set_state(value)

    def _there(self) -> None:
        if self._number in self.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    def settle(self) -> None:
        """An input takes the level of what it is connected to."""
        rail = self.contacts.get(self._number)
        high = rail == "3v3" if rail else self._pull == "up"
        if high:
            self.drive_high()
        else:
            self.drive_low()


def connect(number: int, rail: str | None) -> None:
    """Close a pin's contact to a rail, or open it (None)."""
    if rail is None:
        Wired.contacts.pop(number, None)
    else:
        Wired.contacts[number] = rail
    pin(number).settle()


def pin(number: int) -> Any:
    """The pin itself."""
    return Device.pin_factory.pin(number)


class _Told(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            answer = _do(**json.loads(line))
            self.wfile.write(json.dumps(answer).encode() + b"\n")


def _do(
    number: int,
    steps: list[tuple[str | None, float]] | None = None,
    gone: bool | None = None,
) -> list[bool]:
    """Carry out, then answer all levels that an output had, the present one last."""
    for rail, seconds in steps or []:
        connect(number, rail)
        time.sleep(seconds)
    if gone is not None:
        (Wired.gone.add if gone else Wired.gone.discard)(number)
    return [bool(was.state) for was in pin(number).states]


def factory() -> MockFactory:
    """Mock pins with a wiring, for gpiozero to use from now on."""
    Device.pin_factory = MockFactory(pin_class=Wired)
    return Device.pin_factory


def install() -> None:
    """From now on this process's pins are these, wired as $RIG_PINS tells."""
    told = json.loads(os.environ["RIG_PINS"])
    Wired.contacts.update({int(number): rail for number, rail in told["contacts"].items()})
    Wired.busy.update(told["busy"])
    factory()
    Path(told["socket"]).unlink(missing_ok=True)  # of the process before
    server = socketserver.ThreadingUnixStreamServer(told["socket"], _Told)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="rig-pins", daemon=True).start()
