"""After an interruption: presses, speech and silence become a reason, or a statement falls due."""

import pytest
from hypothesis import given, strategies as st

from recorder.clock import NS
from recorder.session.interruption import Explaining


def at(seconds: float) -> int:
    return 100 * NS + round(seconds * NS)


def resumed(cause: str = "capture_died", asked_s: float | None = 10) -> Explaining:
    explaining = Explaining(cause, at(0))
    if asked_s is not None:
        explaining.asked(at(asked_s))
    return explaining


def first_over(explaining: Explaining) -> float:
    return next(s / 10 for s in range(400) if explaining.over(at(s / 10)))


@pytest.mark.parametrize(
    ("presses", "category"),
    [(0, "other"), (1, "fault"), (2, "weather"), (3, "obstruction"), (4, "fault")],
)
def test_presses_choose_the_category(presses: int, category: str) -> None:
    explaining = resumed()
    for n in range(presses):
        explaining.press(at(11 + n / 2))
    answer = explaining.answer()
    assert (answer.category, answer.heard) == (category, False)


def test_it_is_over_four_seconds_after_the_last_press() -> None:
    explaining = resumed()
    explaining.press(at(11))
    explaining.press(at(12))
    assert first_over(explaining) == 16


def test_it_is_over_four_seconds_after_the_last_word() -> None:
    explaining = resumed()
    explaining.press(at(11))
    explaining.speech(at(12), at(15))
    assert first_over(explaining) == 19
    answer = explaining.answer()
    assert (answer.heard, answer.from_ns, answer.to_ns) == (True, at(12), at(15))


def test_silence_is_waited_for_thirty_seconds() -> None:
    explaining = resumed()
    assert first_over(explaining) == 30
    assert not explaining.answer().heard


def test_endless_speech_and_presses_are_over_after_thirty_seconds() -> None:
    explaining = resumed()
    for s in range(10, 40):
        explaining.speech(at(10), at(s + 1))
        explaining.press(at(s))
    assert first_over(explaining) == 30


def test_a_voice_that_never_asks_holds_nothing_up() -> None:
    assert first_over(resumed(asked_s=None)) == 30


def test_a_press_during_the_question_counts_and_does_not_cut_the_answer_short() -> None:
    explaining = resumed(asked_s=None)
    explaining.press(at(2))
    assert not explaining.over(at(9))
    explaining.asked(at(10))
    assert first_over(explaining) == 14
    assert explaining.answer().category == "fault"


def test_speech_before_the_question_is_no_answer() -> None:
    explaining = resumed()
    explaining.speech(at(3), at(9))
    assert not explaining.answer().heard


def test_short_noises_do_not_add_up_to_an_answer() -> None:
    explaining = resumed()
    explaining.speech(at(11), at(11.1))
    explaining.speech(at(14), at(14.1))
    answer = explaining.answer()
    assert (answer.heard, answer.from_ns) == (False, None)


@pytest.mark.parametrize("cause", ["battery_empty", "storage_full", "wrong_press"])
def test_what_could_be_prevented_is_not_objective_whatever_is_pressed(cause: str) -> None:
    explaining = resumed(cause)
    explaining.press(at(11))
    answer = explaining.answer()
    assert (answer.category, answer.presses) == ("not_objective", 1)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["press", "speech", "asked"]), st.floats(0, 40), st.floats(-1, 5)
        ),
        max_size=30,
    )
)
def test_nothing_outlives_thirty_seconds(events: list[tuple[str, float, float]]) -> None:
    explaining = resumed(asked_s=None)
    for kind, when_s, length_s in sorted(events, key=lambda event: event[1]):
        if kind == "press":
            explaining.press(at(when_s))
        elif kind == "speech":
            explaining.speech(at(when_s), at(when_s + length_s))
        else:
            explaining.asked(at(when_s))
    assert explaining.over(at(30))
    answer = explaining.answer()
    assert answer.heard == (answer.from_ns is not None)
