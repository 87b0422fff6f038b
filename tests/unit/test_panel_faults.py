"""What is said of buttons, light and motor, and when the second button stands in for the first."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from recorder.config import Button
from recorder.errors import RecorderError
from recorder.panel.pins import Part, PinFault
from recorder.panel_faults import PanelFaults
from recorder.session.contact import Found
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App


class Heard:
    """Panel faults of a recorder, and what the officer hears and the journal gets."""

    def __init__(self, *, second: int | None = 22, broken: tuple[Part, ...] = ()) -> None:
        self.said: list[Phrase] = []
        self.written: list[tuple[str, str, bool]] = []

        def write(part: str, code: str, detail: str, *, over: bool) -> None:
            self.written.append((part, code, over))

        app = SimpleNamespace(
            broken=[RecorderError(f"{part}-broken", "") for part in broken],
            fitness=SimpleNamespace(warn=lambda phrase, **_: self.said.append(phrase)),
            faults=SimpleNamespace(write=write),
            settings=SimpleNamespace(button=Button(second_pin=second)),
        )
        self.panel = PanelFaults(cast("App", app))


def test_a_stuck_button_names_the_second_one_until_it_is_free() -> None:
    heard = Heard()
    heard.panel.found(1, Found.HELD)
    assert heard.panel.stands_in
    heard.panel.found(1, Found.FREE)
    assert not heard.panel.stands_in
    assert heard.said == [Phrase.BUTTON_STUCK, Phrase.USE_BUTTON2, Phrase.BUTTON_BACK]
    assert heard.written == [("button", "held", False), ("button", "held", True)]


def test_without_a_second_button_none_is_named() -> None:
    heard = Heard(second=None)
    heard.panel.found(1, Found.CLOSED)
    assert not heard.panel.stands_in
    assert heard.said == [Phrase.BUTTON_STUCK]


@pytest.mark.parametrize("broken", [("button",), ("button", "light")])
def test_a_button_that_could_not_be_had_is_stood_in_for(broken: tuple[Part, ...]) -> None:
    heard = Heard(broken=broken)
    heard.panel.say_what_helps()
    assert heard.said == [Phrase.USE_BUTTON2]


def test_a_second_button_that_is_out_of_order_too_stands_in_for_nothing() -> None:
    heard = Heard(broken=("button2",))
    heard.panel.told(PinFault("button", "gone", "no such device"))
    assert not heard.panel.stands_in
    assert heard.said == [Phrase.BUTTON_FAULT]


def test_a_button_that_is_gone_and_stuck_is_back_when_both_are_over() -> None:
    heard = Heard()
    heard.panel.found(1, Found.HELD)
    heard.panel.told(PinFault("button", "gone", "no such device"))
    heard.panel.told(PinFault("button", "gone", over=True))
    assert heard.panel.stands_in
    assert Phrase.BUTTON_BACK not in heard.said
    heard.panel.found(1, Found.FREE)
    assert not heard.panel.stands_in
    assert heard.said[-1] is Phrase.BUTTON_BACK


@pytest.mark.parametrize("part", ["button2", "light", "vibration"])
def test_each_part_has_sentences_of_its_own(part: Part) -> None:
    heard = Heard()
    heard.panel.told(PinFault(part, "gone", "no such device"))
    heard.panel.told(PinFault(part, "gone", over=True))
    assert heard.said == [Phrase(f"{part}_fault"), Phrase(f"{part}_back")]
    assert not heard.panel.stands_in
