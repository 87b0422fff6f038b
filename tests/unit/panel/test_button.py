"""Buttons on gpiozero's mock pins: what their contacts do is what is told, and nothing else."""

import queue
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recorder.clock import SystemClock
from recorder.config import Button as Settings
from recorder.errors import RecorderError
from recorder.panel.button import Edge, GpioButton
from recorder.panel.pins import PinFault
from tests.rigs import pins_hook
from tests.rigs.pins_hook import Wired, connect

LIMIT_S = 10.0
Made = Callable[..., GpioButton]


class Told:
    """What a button emits and tells."""

    def __init__(self) -> None:
        self.items: queue.SimpleQueue[Edge | PinFault] = queue.SimpleQueue()
        self.errors: list[RecorderError] = []

    def edge(self) -> tuple[int, bool]:
        item = self.items.get(timeout=LIMIT_S)
        assert isinstance(item, Edge)
        return item.button, item.down

    def fault(self) -> tuple[str, bool]:
        item = self.items.get(timeout=LIMIT_S)
        assert isinstance(item, PinFault)
        return item.part, item.over


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def wired(told: Told, tmp_path: Path) -> Iterator[Made]:
    factory = pins_hook.factory()
    made: list[GpioButton] = []

    def make(**settings: object) -> GpioButton:
        made.append(
            GpioButton(
                Settings(**settings),  # type: ignore[arg-type]
                SystemClock(), told.items.put, tmp_path, told.errors.append,
            )
        )  # fmt: skip
        return made[-1]

    yield make
    for button in made:
        button.close()
    factory.reset()
    for set_up in (Wired.contacts, Wired.busy, Wired.gone):
        set_up.clear()


@pytest.mark.parametrize("rail", ["ground", "3v3"])
def test_two_buttons_tell_their_own_edges(told: Told, wired: Made, rail: str) -> None:
    wired(pin=17, second_pin=22, wire_to=rail)
    for number, pin in ((1, 17), (2, 22)):
        connect(pin, rail)
        connect(pin, None)
        assert [told.edge(), told.edge()] == [(number, True), (number, False)]


def test_a_button_that_is_down_from_the_start_says_so(told: Told, wired: Made) -> None:
    Wired.contacts[17] = "ground"
    wired(pin=17)
    item = told.items.get(timeout=LIMIT_S)
    assert isinstance(item, Edge)
    assert (item.down, item.at_start) == (True, True)


def test_a_button_wired_to_the_other_rail_reads_nothing_at_all(told: Told, wired: Made) -> None:
    wired(pin=17, wire_to="ground")
    connect(17, "3v3")
    connect(17, None)
    assert told.items.empty()


def test_an_edge_that_was_lost_is_told_all_the_same(told: Told, wired: Made) -> None:
    wired(pin=17)
    pins_hook.pin(17)._state = False  # no interrupt
    assert told.edge() == (1, True)


def test_a_second_button_whose_pin_is_taken_leaves_the_first(told: Told, wired: Made) -> None:
    Wired.busy.add(22)
    wired(pin=17, second_pin=22)
    assert [(e.code, e.where) for e in told.errors] == [("button2-broken", "button.second_pin 22")]
    connect(17, "ground")
    assert told.edge() == (1, True)


def test_a_pin_with_a_pull_of_its_own_cannot_be_pulled_down(told: Told, wired: Made) -> None:
    wired(pin=3, wire_to="3v3")
    assert "GPIO 2 and 3" in str(told.errors[0])


def test_one_pin_for_both_buttons_is_told(told: Told, wired: Made) -> None:
    wired(pin=17, second_pin=17)
    assert "names the pin twice" in str(told.errors[0])


def test_a_line_that_goes_and_comes_back_is_told_once_each(told: Told, wired: Made) -> None:
    wired(pin=17)
    Wired.gone.add(17)
    assert told.fault() == ("button", False)
    Wired.gone.clear()
    assert told.fault() == ("button", True)
    connect(17, "ground")
    assert told.edge() == (1, True)
