"""What a button's edges mean."""

import pytest
from hypothesis import given, strategies as st

from recorder.config import Recording
from recorder.session.gestures import Gesture, Recogniser, Seen

MS = 1_000_000
PRESS, SHORT, DOUBLE, LONG = Gesture.PRESS, Gesture.SHORT, Gesture.DOUBLE, Gesture.LONG


def play(*edges_ms: int, until_ms: int = 10_000, bounce_ms: int = 30) -> list[tuple[Gesture, int]]:
    """Edges alternate down, up; a tick every 10 ms. Answers (gesture, ms at which it was told)."""
    button = Recogniser(Recording(), bounce_ms)
    told: list[tuple[Gesture, int]] = []
    edges = {at: i % 2 == 0 for i, at in enumerate(edges_ms)}
    for now in range(until_ms):
        seen: list[Seen] = []
        if now in edges:
            seen += button.edge(edges[now], now * MS)
        if now % 10 == 0:
            seen += button.tick(now * MS)
        told += [(one.gesture, now) for one in seen]
    return told


def test_a_press_is_told_on_the_way_down() -> None:
    assert play(100, 200)[0] == (PRESS, 100)


def test_a_single_press_is_short_once_no_second_can_come() -> None:
    assert play(100, 200) == [(PRESS, 100), (SHORT, 600)]


def test_two_presses_are_one_double() -> None:
    assert [g for g, _ in play(100, 200, 450, 550)] == [PRESS, PRESS, DOUBLE]


def test_two_slow_presses_are_two_short_ones() -> None:
    assert [g for g, _ in play(100, 200, 700, 800)] == [PRESS, SHORT, PRESS, SHORT]


def test_three_presses_are_a_double_and_a_short_one() -> None:
    assert [g for g, _ in play(100, 200, 300, 400, 500, 600)] == [
        PRESS, PRESS, DOUBLE, PRESS, SHORT,
    ]  # fmt: skip


def test_a_long_press_is_told_while_it_is_still_held_and_only_once() -> None:
    assert play(100, 5000) == [(PRESS, 100), (LONG, 2600)]


def test_a_short_press_before_a_long_one_is_not_lost() -> None:
    assert [g for g, _ in play(100, 200, 400, 4000)] == [PRESS, PRESS, SHORT, LONG]


def test_contact_chatter_is_one_press() -> None:
    assert [g for g, _ in play(100, 103, 105, 109, 112, 300, 304, 306, 309, 320)] == [PRESS, SHORT]


def test_a_tap_shorter_than_the_bounce_time_still_counts() -> None:
    assert [g for g, _ in play(100, 110)] == [PRESS, SHORT]


def test_a_gesture_says_when_its_first_press_went_down() -> None:
    button = Recogniser(Recording(), 30)
    seen = [
        one
        for down, at in ((True, 100), (False, 200), (True, 300), (False, 400))
        for one in button.edge(down, at * MS)
    ]
    seen += button.tick(500 * MS)
    assert seen[-1] == Seen(DOUBLE, 100 * MS)


@pytest.mark.parametrize("repeat", [True, False])
def test_an_edge_without_change_means_nothing(repeat: bool) -> None:
    button = Recogniser(Recording(), 30)
    if repeat:
        assert [s.gesture for s in button.edge(True, 100 * MS)] == [PRESS]
        assert button.edge(True, 200 * MS) == []
    else:
        assert button.edge(False, 100 * MS) == []


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20))
def test_every_press_becomes_exactly_one_gesture(gaps: list[int]) -> None:
    edges, at = [], 0
    for gap in gaps:
        at += gap
        edges.append(at)
    told = [g for g, _ in play(*edges, until_ms=at + 4000)]
    presses = told.count(PRESS)
    assert presses == told.count(SHORT) + 2 * told.count(DOUBLE) + told.count(LONG)


@pytest.mark.parametrize("gap_ms", [1, 3, 7, 19])
def test_a_train_of_20_ms_at_both_ends_of_a_press_is_one_press(gap_ms: int) -> None:
    def train(at_ms: int) -> list[int]:
        edges = list(range(at_ms, at_ms + 20, gap_ms))
        return edges if len(edges) % 2 else edges[:-1]  # ends on the level that it began

    assert [g for g, _ in play(*train(100), *train(300))] == [PRESS, SHORT]


def test_chatter_for_longer_than_the_bounce_time_is_still_one_press() -> None:
    """A worn contact: edges every 8 ms for a fifth of a second, then down."""
    assert [g for g, _ in play(*range(100, 316, 8), 700)] == [PRESS, SHORT]


def test_a_contact_that_chatters_while_held_is_one_long_press() -> None:
    assert [g for g, _ in play(100, *range(1500, 1510), 5000)] == [PRESS, LONG]
