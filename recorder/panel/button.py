"""The button: raw edges with their boot-clock time. What they mean is session/gestures.py."""

import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import msgspec

from recorder.clock import Clock
from recorder.config import Button as Settings
from recorder.errors import RecorderError
from recorder.panel import pins


class Edge(msgspec.Struct, frozen=True):
    """Button 1 or 2 went down or up."""

    button: int
    down: bool
    at_ns: int
    at_start: bool = False
    """No edge: it was down when the pin was opened."""


Emit = Callable[[Edge | pins.PinFault], None]
_LOOK_S = 0.25


class Button(Protocol):
    """Emits edges from a thread of its own until closed."""

    def close(self) -> None:
        """Release the pins or the terminal."""
        ...


class NoButton:
    """No button: the control socket only."""

    def close(self) -> None:
        """Nothing."""


class GpioButton:
    """One or two buttons, with the pins' own pulls, through gpiozero. A button whose pin cannot be
    had is told and leaves the other alone.

    Bounce is not filtered here: gpiozero's filter depends on the pin factory.
    """

    def __init__(
        self, settings: Settings, clock: Clock, emit: Emit, run: Path, tell: pins.Tell
    ) -> None:
        self._contacts: list[_Contact] = []
        for number, key in ((1, "pin"), (2, "second_pin")):
            pin: int | None = getattr(settings, key)
            if pin is None:
                continue
            try:
                self._contacts.append(
                    _Contact(number, f"button.{key} {pin}", pin, settings, clock, emit, run)
                )
            except RecorderError as error:
                tell(error)
        self._stop = threading.Event()
        self._looker = threading.Thread(target=self._look, name="button", daemon=True)
        self._looker.start()

    def close(self) -> None:
        """Release the pins, unless one of them hangs."""
        self._stop.set()
        self._looker.join(1.0)
        if self._looker.is_alive():
            return
        for contact in self._contacts:
            contact.close()

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_S):
            for contact in self._contacts:
                contact.look()


class _Contact:
    """One button's pin. Edges come from gpiozero; the level is looked at, too: an edge may be lost,
    and a line that is gone tells nothing by itself."""

    def __init__(
        self, number: int, key: str, pin: int, settings: Settings, clock: Clock, emit: Emit,
        run: Path,
    ) -> None:  # fmt: skip
        self._number, self._clock, self._emit = number, clock, emit
        self._seen = self._told = False
        part: pins.Part = "button" if number == 1 else "button2"
        pull_up = settings.wire_to == "ground"
        self._device: Any = pins.wired(
            part, key, run, lambda gpio: gpio.DigitalInputDevice(pin, pull_up=pull_up)
        )
        self._line = pins.Line(part, key, emit)
        if self._device.is_active:
            self._told = True
            emit(Edge(number, True, clock.boot_ns(), at_start=True))
        self._device.when_activated = lambda: self._edge(True)
        self._device.when_deactivated = lambda: self._edge(False)

    def _edge(self, down: bool) -> None:
        self._told = down
        self._emit(Edge(self._number, down, self._clock.boot_ns()))

    def look(self) -> None:
        """Tell a level that was seen twice and not told yet, and a line that is gone or back."""
        down = self._line.use(lambda: bool(self._device.is_active))
        if down is None:
            return
        if down is self._seen and down is not self._told:
            self._edge(down)
        self._seen = down

    def close(self) -> None:
        """Release the pin."""
        self._line.release(self._device)


class KeyboardButton:
    """Keys of the daemon's terminal. A terminal knows no key-up, so a key is a whole gesture:
    space a short press, d a double, l a long one; 1, 2, 3 the same of the second button."""

    KEYS: ClassVar[dict[str, tuple[int, str]]] = {
        " ": (1, "s"),
        "d": (1, "d"),
        "l": (1, "l"),
        "1": (2, "s"),
        "2": (2, "d"),
        "3": (2, "l"),
    }

    def __init__(self, clock: Clock, emit: Emit, long_ms: int) -> None:
        self._clock = clock
        self._emit = emit
        self._long_s = long_ms / 1000 + 0.1
        self._stop = threading.Event()
        self._saved: list[Any] | None = None
        if sys.stdin.isatty():
            self._saved = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        threading.Thread(target=self._read, name="keyboard", daemon=True).start()

    def close(self) -> None:
        """Give the terminal back."""
        self._stop.set()
        if self._saved is not None:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)

    def _read(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([sys.stdin], [], [], 0.2)
            if not ready:
                continue
            key = os.read(sys.stdin.fileno(), 1).decode(errors="replace")
            if not key:
                return
            number, gesture = self.KEYS.get(key, (0, ""))
            if number:
                self._press(number, gesture)

    def _press(self, number: int, gesture: str) -> None:
        for _ in range(2 if gesture == "d" else 1):
            self._emit(Edge(number, True, self._clock.boot_ns()))
            self._stop.wait(self._long_s if gesture == "l" else 0.05)
            self._emit(Edge(number, False, self._clock.boot_ns()))
            self._stop.wait(0.05)


def make(
    settings: Settings, clock: Clock, emit: Emit, run: Path, long_ms: int, tell: pins.Tell
) -> Button:
    """The configured button; ``tell`` hears of pins that cannot be had."""
    match settings.kind:
        case "gpio":
            return GpioButton(settings, clock, emit, run, tell)
        case "keyboard":
            return KeyboardButton(clock, emit, long_ms)
        case _:
            return NoButton()
