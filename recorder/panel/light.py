"""The light: what each state looks like is a table, what shows it is one of three parts."""

import sys
from enum import StrEnum
from typing import Any, Protocol

from recorder.config import Light as Settings
from recorder.panel.pins import wired


class LightState(StrEnum):
    """What the officer is to see."""

    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    WARNING = "warning"
    UNFIT = "unfit"
    RECORDING = "recording"
    INTERRUPTED = "interrupted"
    ENDING = "ending"
    CLOSING = "closing"
    FAILED = "failed"


GRAMMAR: dict[LightState, tuple[float, float]] = {
    LightState.OFF: (0.0, 1.0),
    LightState.STARTING: (0.2, 0.2),
    LightState.READY: (0.1, 2.9),
    LightState.WARNING: (0.1, 0.9),
    LightState.UNFIT: (0.5, 0.5),
    LightState.RECORDING: (1.0, 0.0),
    LightState.INTERRUPTED: (0.1, 0.1),
    LightState.ENDING: (0.8, 0.2),
    LightState.CLOSING: (0.3, 0.3),
    LightState.FAILED: (0.1, 0.4),
}
"""One plain LED: seconds on and off. Steady means recording, and nothing else is steady."""


class Light(Protocol):
    """Returns at once; RECORDING is lit on return."""

    def show(self, state: LightState) -> None:
        """Show a state."""
        ...

    def vibrate(self, seconds: float) -> None:
        """Let the officer feel something, where a motor is fitted."""
        ...

    def close(self) -> None:
        """Dark."""
        ...


class NoLight:
    """No light."""

    def show(self, state: LightState) -> None:
        """Nothing."""

    def vibrate(self, seconds: float) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class TerminalLight:
    """Prints the state, for a desk without pins."""

    def __init__(self) -> None:
        self._last: LightState | None = None

    def show(self, state: LightState) -> None:
        """One line a change."""
        if state is not self._last:
            self._last = state
            print(f"light: {state}", file=sys.stderr, flush=True)

    def vibrate(self, seconds: float) -> None:
        """One line."""
        print(f"vibration: {seconds:.1f} s", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Dark."""
        self.show(LightState.OFF)


class GpioLight:
    """An LED and, where fitted, a vibration motor on GPIO pins, through gpiozero."""

    def __init__(self, settings: Settings) -> None:
        from gpiozero import LED

        self._led: Any = LED(settings.pin)
        self._motor: Any = (
            LED(settings.vibration_pin) if settings.vibration_pin is not None else None
        )

    def show(self, state: LightState) -> None:
        """Steady states at once, blinking in gpiozero's own thread."""
        on_s, off_s = GRAMMAR[state]
        if not off_s:
            self._led.on()
        elif not on_s:
            self._led.off()
        else:
            self._led.blink(on_s, off_s)

    def vibrate(self, seconds: float) -> None:
        """Once, in the background."""
        if self._motor is not None:
            self._motor.blink(seconds, 0.01, n=1)

    def close(self) -> None:
        """Dark, pins released."""
        self._led.close()
        if self._motor is not None:
            self._motor.close()


def make(settings: Settings) -> Light:
    """The configured light. RecorderError where its pins cannot be had."""
    match settings.kind:
        case "gpio":
            return wired("light", settings.pin, lambda: GpioLight(settings))
        case "terminal":
            return TerminalLight()
        case _:
            return NoLight()
