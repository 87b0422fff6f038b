"""Whether a button can be believed."""

import pytest

from recorder.clock import NS
from recorder.session.contact import Contact, Found

HELD, CLOSED, FREE = Found.HELD, Found.CLOSED, Found.FREE


def play(
    *edges: tuple[bool, float], at_start: bool = False, until_s: float = 60.0
) -> tuple[list[bool], list[tuple[Found, float]]]:
    """(down, seconds) edges, a tick every 0.1 s. Which edges counted, and what was told when."""
    contact = Contact()
    counted: list[bool] = []
    told: list[tuple[Found, float]] = []
    waiting = list(edges)
    if at_start:
        counted.append(contact.edge(True, 0, at_start=True))
    for tenth in range(1, round(until_s * 10)):
        while waiting and waiting[0][1] <= tenth / 10:
            down, at_s = waiting.pop(0)
            counted.append(contact.edge(down, round(at_s * NS)))
        found = contact.tick(tenth * NS // 10)
        if found is not None:
            told.append((found, tenth / 10))
    return counted, told


def test_ordinary_presses_count_and_nothing_is_told() -> None:
    presses = [(True, 1.0), (False, 1.2), (True, 1.4), (False, 1.6), (True, 20.0), (False, 25.0)]
    assert play(*presses) == ([True] * 6, [])


def test_a_button_that_is_held_is_told_once() -> None:
    assert play((True, 1.0), until_s=300) == ([True], [(HELD, 11.0)])


def test_a_button_that_is_down_from_the_start_is_no_press_and_told_as_what_it_is() -> None:
    assert play(at_start=True, until_s=300) == ([False], [(CLOSED, 10.0)])


def test_a_finger_that_was_there_at_the_start_costs_no_later_press() -> None:
    assert play((False, 3.0), (True, 4.5), at_start=True) == ([False, True, True], [(HELD, 14.5)])


def test_the_chatter_of_its_release_is_no_press() -> None:
    counted, told = play((False, 3.0), (True, 3.01), (False, 3.02), at_start=True)
    assert (counted, told) == ([False, True, False, True], [])


@pytest.mark.parametrize("at_start", [True, False])
def test_a_stuck_button_that_comes_free_counts_again_after_a_while(at_start: bool) -> None:
    began = [] if at_start else [(True, 0.0)]
    counted, told = play(*began, (False, 20.0), (True, 26.0), (False, 26.2), at_start=at_start)
    assert counted[-2:] == [True, True]
    assert [found for found, _ in told] == [CLOSED if at_start else HELD, FREE]
    assert told[-1] == (FREE, 25.0)


def test_a_normally_closed_button_is_never_a_press_however_it_is_used() -> None:
    """Under a finger it opens; letting go looks like going down."""
    fingers = [(20.0, 20.2), (21.0, 21.2), (21.5, 21.7), (25.0, 28.5), (40.0, 44.0)]
    edges = [edge for push, off in fingers for edge in ((False, push), (True, off))]
    counted, told = play(*edges, at_start=True)
    assert not any(counts for counts, (down, _) in zip(counted[1:], edges, strict=True) if down)
    assert told == [(CLOSED, 10.0)]
