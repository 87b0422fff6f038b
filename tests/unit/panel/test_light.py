"""The light's grammar, and a plain LED, an RGB LED and a motor on gpiozero's mock pins."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from recorder.config import Light as Settings
from recorder.errors import RecorderError
from recorder.panel.light import GRAMMAR, GpioLight, LightState, Sign
from recorder.panel.pins import PinFault
from tests.rigs import pins_hook
from tests.rigs.pins_hook import Wired

SHOWN = [state for state in LightState if state is not LightState.OFF]


@pytest.fixture(autouse=True)
def pins() -> Iterator[None]:
    made = pins_hook.factory()
    yield
    made.reset()
    for told in (Wired.contacts, Wired.busy, Wired.gone):
        told.clear()


def until(true: Callable[[], bool], limit_s: float = 10.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def level(number: int) -> bool:
    return bool(pins_hook.pin(number).states[-1].state)


def pulses(number: int) -> int:
    states = [was.state for was in pins_hook.pin(number).states]
    return sum(now and not was for was, now in pairwise(states))


def looks(sign: Sign) -> tuple[int, bool, int, int]:
    """What an eye tells apart without counting time: how many flashes stand together, whether the
    first is longer than a blink, whether it is rather dark, even or rather lit, and how many
    flashes there are in ten seconds, roughly (the octave)."""
    flashes, whole_s = len(sign.rhythm) // 2, sum(sign.rhythm)
    share = round(2 * sum(sign.rhythm[::2]) / whole_s)
    return flashes, sign.rhythm[0] >= 0.4, share, round(flashes * 10 / whole_s).bit_length()


def test_steady_means_recording_and_nothing_else_is_steady() -> None:
    steady = [state for state in SHOWN if len(GRAMMAR[state].rhythm) == 1]
    assert steady == [LightState.RECORDING]


def test_a_plain_led_tells_all_states_apart_by_their_rhythm() -> None:
    seen = {state: looks(GRAMMAR[state]) for state in SHOWN}
    assert len(set(seen.values())) == len(SHOWN), seen


def test_what_stops_a_recording_is_felt_unlike_its_beginning_and_its_end() -> None:
    felt = {state: GRAMMAR[state].felt for state in SHOWN if GRAMMAR[state].felt}
    begins, ends = felt[LightState.RECORDING], felt[LightState.ENDING]
    assert len(begins) == len(ends) == 1
    assert ends[0] > 3 * begins[0]
    for state in (LightState.INTERRUPTED, LightState.UNFIT, LightState.FAILED):
        assert len(felt[state]) >= 3


def made(settings: Settings, run: Path) -> tuple[GpioLight, list[RecorderError], list[PinFault]]:
    told: list[RecorderError] = []
    faults: list[PinFault] = []
    return GpioLight(settings, run, told.append, faults.append), told, faults


@pytest.mark.parametrize("lit_by", ["high", "low"])
def test_a_plain_led_is_lit_while_recording_and_dark_when_closed(
    tmp_path: Path, lit_by: str
) -> None:
    light, _, _ = made(Settings(pin=27, lit_by=lit_by), tmp_path)  # type: ignore[arg-type]
    lit = lit_by == "high"
    light.show(LightState.READY)
    light.show(LightState.RECORDING)
    until(lambda: level(27) is lit)
    light.show(LightState.OFF)
    until(lambda: level(27) is not lit)
    light.close()


def test_an_rgb_led_shows_its_colour(tmp_path: Path) -> None:
    light, _, _ = made(Settings(pin=27, green_pin=24, blue_pin=25, lit_by="low"), tmp_path)
    for state, dark in (
        (LightState.RECORDING, (False, True, True)),
        (LightState.READY, (True, False, True)),
        (LightState.STARTING, (True, True, False)),
        (LightState.WARNING, (False, False, True)),
    ):
        light.show(state)
        until(lambda want=dark: (level(27), level(24), level(25)) == want)  # type: ignore[misc]
    light.close()


def test_half_of_an_rgb_led_names_the_keys_that_lack(tmp_path: Path) -> None:
    light, told, _ = made(Settings(green_pin=24), tmp_path)
    assert "light.blue_pin" in str(told[0])
    light.close()


def test_a_motor_tells_once_that_a_state_begins(tmp_path: Path) -> None:
    light, _, _ = made(Settings(vibration_pin=23), tmp_path)
    light.show(LightState.RECORDING)
    until(lambda: pulses(23) == 1 and not level(23))
    light.show(LightState.RECORDING)
    light.show(LightState.INTERRUPTED)
    until(lambda: pulses(23) == 4 and not level(23))
    light.close()


def test_a_motor_whose_pin_is_taken_leaves_the_light(tmp_path: Path) -> None:
    Wired.busy.add(23)
    light, told, _ = made(Settings(vibration_pin=23), tmp_path)
    light.show(LightState.RECORDING)
    until(lambda: level(27))
    assert [(e.code, e.where) for e in told] == [("vibration-broken", "light.vibration_pin 23")]
    assert "gpioinfo" in told[0].remedy
    light.close()


def test_a_light_whose_pin_is_taken_leaves_the_motor(tmp_path: Path) -> None:
    Wired.busy.add(27)
    light, told, _ = made(Settings(vibration_pin=23), tmp_path)
    light.show(LightState.RECORDING)
    until(lambda: pulses(23) == 1)
    assert [(e.code, e.where) for e in told] == [("light-broken", "light.pin 27")]
    light.close()


def test_a_line_that_goes_and_comes_back_is_told_and_lit_again(tmp_path: Path) -> None:
    light, _, faults = made(Settings(), tmp_path)
    Wired.gone.add(27)
    light.show(LightState.RECORDING)
    until(lambda: len(faults) == 1)
    Wired.gone.clear()
    until(lambda: len(faults) == 2 and level(27))
    assert [(f.part, f.code, f.over) for f in faults] == [
        ("light", "gone", False), ("light", "gone", True),
    ]  # fmt: skip
    light.close()
