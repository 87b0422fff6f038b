"""The light, and the motor beside it: what each state looks and feels like is a table, what shows
it is one of three parts. Neither holds up the recorder, nor does their failing."""

import sys
from enum import StrEnum
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Protocol

import msgspec

from recorder.config import Light as Settings
from recorder.errors import RecorderError
from recorder.panel.pins import Emit, Line, Part, Tell, wired
from recorder.panel.rhythm import Player, Step


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
    FILLING = "filling"
    DONE = "done"
    PERSON = "person"


Colour = tuple[int, int, int]
_DARK, _RED, _GREEN, _BLUE, _YELLOW = (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0)
_AGAIN_S = 1.0
"""So often a steady light is written again: a lost line is seen, and lit when it is back."""


class Sign(msgspec.Struct, frozen=True):
    """Seconds lit, dark, lit, …, without end: a plain LED says all by its rhythm, an RGB one by a
    colour, too. ``felt``: seconds on, off, on, … of the motor, once as the state begins."""

    colour: Colour
    rhythm: tuple[float, ...]
    felt: tuple[float, ...] = ()

    def lights(self, *, plain: bool) -> list[Step[Colour | bool]]:
        """One round of the light."""
        lit, dark = (self.colour, _DARK) if not plain else (any(self.colour), False)
        return [(dark if number % 2 else lit, s) for number, s in enumerate(self.rhythm)]

    def pulses(self) -> list[Step[bool]]:
        """The motor, which rests in the end."""
        on = [(number % 2 == 0, seconds) for number, seconds in enumerate(self.felt)]
        return [*on, (False, 0.0)] if on else []


GRAMMAR: dict[LightState, Sign] = {
    LightState.OFF: Sign(_DARK, (_AGAIN_S,)),
    LightState.STARTING: Sign(_BLUE, (0.5, 0.5)),
    LightState.READY: Sign(_GREEN, (0.1, 2.9)),
    LightState.WARNING: Sign(_YELLOW, (0.1, 0.3, 0.1, 2.5)),
    LightState.UNFIT: Sign(_RED, (0.1, 0.3, 0.1, 0.3, 0.1, 2.1), (0.3, 0.3, 0.3)),
    LightState.RECORDING: Sign(_RED, (_AGAIN_S,), (0.15,)),
    LightState.INTERRUPTED: Sign(_RED, (0.1, 0.1), (0.4, 0.2, 0.4, 0.2, 0.4)),
    LightState.ENDING: Sign(_RED, (0.8, 0.2), (0.8,)),
    LightState.CLOSING: Sign(_BLUE, (0.2, 0.8)),
    LightState.FAILED: Sign(_RED, (1.0, 0.3, 0.1, 0.3, 0.1, 1.2), (0.3, 0.3, 0.3)),
    LightState.FILLING: Sign(_BLUE, (1.5, 1.5)),
    LightState.DONE: Sign(_GREEN, (0.6, 2.4)),
    LightState.PERSON: Sign(_YELLOW, (0.6, 0.3, 0.6, 1.5)),
}
"""Steady means recording, and nothing else is steady."""


class Light(Protocol):
    """Returns at once; the light follows within milliseconds."""

    def show(self, state: LightState) -> None:
        """Show a state, and let the officer feel that it begins."""
        ...

    def close(self) -> None:
        """Dark."""
        ...


class NoLight:
    """No light."""

    def show(self, state: LightState) -> None:
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

    def close(self) -> None:
        """Dark."""
        self.show(LightState.OFF)


class GpioLight:
    """A plain or an RGB LED and, where fitted, a vibration motor on GPIO pins, through gpiozero.
    What of them cannot be had is told and leaves the other alone."""

    def __init__(self, settings: Settings, run: Path, tell: Tell, emit: Emit) -> None:
        self._state: LightState | None = None
        self._plain = settings.green_pin is None and settings.blue_pin is None
        self._led: _Output | None = None
        self._motor: _Output | None = None
        led = partial(_plain if self._plain else _rgb, settings)
        try:
            self._led = _Output("light", f"light.pin {settings.pin}", run, emit, led)
        except RecorderError as error:
            tell(error)
        pin = settings.vibration_pin
        if pin is None:
            return
        try:
            self._motor = _Output(
                "vibration", f"light.vibration_pin {pin}", run, emit,
                lambda gpio: gpio.DigitalOutputDevice(pin),
            )  # fmt: skip
        except RecorderError as error:
            tell(error)

    def show(self, state: LightState) -> None:
        """Its rhythm from the beginning, unless it is shown already."""
        if state is self._state:
            return
        self._state = state
        sign = GRAMMAR[state]
        if self._led is not None:
            self._led.player.play(cycle(sign.lights(plain=self._plain)))
        if self._motor is not None and sign.felt:
            self._motor.player.play(sign.pulses())

    def close(self) -> None:
        """Dark, pins released."""
        for output in (self._led, self._motor):
            if output is not None:
                output.close()


class _Output:
    """A device of gpiozero's and what plays on it. Closed, it is off."""

    def __init__(self, part: Part, key: str, run: Path, emit: Emit, make: Any) -> None:
        device: Any = wired(part, key, run, make)
        self._line = Line(part, key, emit)

        def write(value: Colour | bool) -> None:
            self._line.use(lambda: setattr(device, "value", value))

        self._device = device
        self.player = Player[Any](part, write)

    def close(self) -> None:
        """Off; a line that hangs or is gone keeps what it shows."""
        if self.player.close():
            self._line.release(self._device)


def _plain(settings: Settings, gpio: Any) -> Any:
    return gpio.DigitalOutputDevice(settings.pin, active_high=settings.lit_by == "high")


def _rgb(settings: Settings, gpio: Any) -> Any:
    return gpio.RGBLED(
        settings.pin, settings.green_pin, settings.blue_pin,
        active_high=settings.lit_by == "high", pwm=False,
    )  # fmt: skip


def make(settings: Settings, run: Path, tell: Tell, emit: Emit) -> Light:
    """The configured light; ``tell`` hears of pins that cannot be had, ``emit`` of what fails or
    comes back later."""
    match settings.kind:
        case "gpio":
            return GpioLight(settings, run, tell, emit)
        case "terminal":
            return TerminalLight()
        case _:
            return NoLight()
