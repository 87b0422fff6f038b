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
from recorder.panel.pins import wired


class Edge(msgspec.Struct, frozen=True):
    """Button 1 or 2 went down or up."""

    button: int
    down: bool
    at_ns: int


Emit = Callable[[Edge], None]


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
    """One or two buttons to ground, with the pins' own pull-ups, through gpiozero.

    Bounce is not filtered here: gpiozero's filter depends on the pin factory.
    """

    def __init__(self, settings: Settings, clock: Clock, emit: Emit, run: Path) -> None:
        here = os.getcwd()
        os.chdir(run)  # lgpio leaves a pipe in its working directory
        try:
            from gpiozero import Button as Pin
        finally:
            os.chdir(here)
        self._pins: list[Any] = []
        for number, pin in ((1, settings.pin), (2, settings.second_pin)):
            if pin is None:
                continue
            button: Any = Pin(pin, pull_up=True, bounce_time=None)
            button.when_pressed = _edge(number, True, clock, emit)
            button.when_released = _edge(number, False, clock, emit)
            self._pins.append(button)

    def close(self) -> None:
        """Release the pins."""
        for pin in self._pins:
            pin.close()


def _edge(number: int, down: bool, clock: Clock, emit: Emit) -> Callable[[], None]:
    return lambda: emit(Edge(number, down, clock.boot_ns()))


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


def make(settings: Settings, clock: Clock, emit: Emit, run: Path, long_ms: int) -> Button:
    """The configured button. RecorderError where its pins cannot be had."""
    match settings.kind:
        case "gpio":
            return wired("button", settings.pin, lambda: GpioButton(settings, clock, emit, run))
        case "keyboard":
            return KeyboardButton(clock, emit, long_ms)
        case _:
            return NoButton()
