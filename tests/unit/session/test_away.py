"""Leaving and coming back: which contact of the store is a return."""

from hypothesis import given, strategies as st

from recorder.clock import NS
from recorder.session.away import CONTACT_NS, Away

MIN_NS = 60 * NS


def test_the_first_contact_after_being_out_of_reach_is_an_undeclared_return() -> None:
    state = Away()
    state.begin(7, 0)
    assert state.reached(5 * MIN_NS)


def test_who_declares_it_at_the_dock_has_not_returned_with_the_next_look_at_the_store() -> None:
    state = Away()
    state.reached(0)
    state.begin(7, MIN_NS)
    assert not state.reached(5 * MIN_NS)
    assert not state.reached(10 * MIN_NS)
    state.gone()
    assert state.reached(15 * MIN_NS)


def test_a_dock_that_syncs_once_a_visit_is_recognised_by_the_silence_between() -> None:
    state = Away()
    state.reached(0)
    state.begin(7, MIN_NS)
    assert state.reached(CONTACT_NS + MIN_NS)


def test_a_device_that_was_off_returns_with_its_first_contact() -> None:
    assert Away(line=7).reached(0)


def test_who_is_not_away_does_not_return() -> None:
    state = Away()
    assert not state.reached(0)
    state.begin(7, 0)
    state.end()
    state.gone()
    assert not state.reached(CONTACT_NS * 2)


@given(st.lists(st.sampled_from(["begin", "end", "gone", "reached", "wait"]), max_size=30))
def test_a_return_is_only_ever_found_while_away(events: list[str]) -> None:
    state, now_ns = Away(), 0
    for event in events:
        now_ns += NS
        match event:
            case "begin":
                state.begin(1, now_ns)
            case "end":
                state.end()
            case "gone":
                state.gone()
            case "reached":
                away = state.line is not None
                assert not state.reached(now_ns) or away
            case _:
                now_ns += CONTACT_NS
