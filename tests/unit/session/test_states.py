"""The table of states: total, never stuck, and the promises about presses and interruptions."""

import pytest
from hypothesis import given, strategies as st

from recorder.session.states import OPEN, TABLE, Effect, Event, Session, State, step

FIVE = sorted(OPEN)


def after(*events: Event) -> Session:
    session = Session()
    for event in events:
        session, _ = step(session, event)
    return session


@given(st.lists(st.sampled_from(list(Event)), max_size=60))
def test_every_pair_has_an_answer_and_a_pair_without_a_row_is_refused_and_stays(
    events: list[Event],
) -> None:
    session = Session()
    for event in events:
        before = session
        session, effects = step(session, event)
        if (before.state, event) not in TABLE:
            assert session == before
            assert effects == (Effect.REFUSE,)
        assert session.back in (State.OPENING, State.RECORDING)


@pytest.mark.parametrize("state", list(State))
def test_every_state_can_be_reached(state: State) -> None:
    seen, todo = {Session()}, [Session()]
    while todo:
        for event in Event:
            session, _ = step(todo[-1], event)
            if session not in seen:
                seen.add(session)
                todo.insert(0, session)
        todo.pop()
    assert state in {session.state for session in seen}


@pytest.mark.parametrize("event", [Event.PRESS, Event.START])
def test_a_press_in_ready_begins_at_once(event: Event) -> None:
    session, effects = step(after(Event.FIT), event)
    assert session.state is State.OPENING
    assert effects == (Effect.BEGIN,)


@pytest.mark.parametrize("state", [State.STARTING, State.CLOSING])
def test_a_press_that_comes_too_early_is_remembered(state: State) -> None:
    assert step(Session(state), Event.PRESS)[1] == (Effect.REMEMBER,)


@pytest.mark.parametrize(
    "state", [State.OPENING, State.RECORDING, State.INTERRUPTED, State.EXPLAINING]
)
@pytest.mark.parametrize("event", [Event.LONG, Event.STOP])
def test_a_long_press_ends_in_all_four_open_states(state: State, event: Event) -> None:
    session, effects = step(Session(state), event)
    assert session.state is State.ENDING
    assert Effect.ANNOUNCE_END in effects


def test_any_press_takes_an_end_back() -> None:
    session, effects = step(Session(State.ENDING), Event.PRESS)
    assert session.state is State.RECORDING
    assert Effect.TAKE_BACK_END in effects


@pytest.mark.parametrize("state", [State.OPENING, State.RECORDING])
def test_after_an_interruption_is_explained_it_goes_on_where_it_was(state: State) -> None:
    session = Session(state, state)
    for event in (Event.LOST, Event.BACK, Event.EXPLAINED):
        session, _ = step(session, event)
    assert session.state is state


def test_an_interruption_while_explaining_keeps_the_reason_so_far() -> None:
    session, effects = step(Session(State.EXPLAINING), Event.LOST)
    assert session.state is State.INTERRUPTED
    assert effects.index(Effect.REASON_LEFT) < effects.index(Effect.INTERRUPT)


def test_media_that_come_back_resume_by_themselves() -> None:
    session, effects = step(Session(State.INTERRUPTED), Event.BACK)
    assert session.state is State.EXPLAINING
    assert effects == (Effect.RESUME, Effect.ASK_CAUSE)


def test_in_interrupted_other_presses_repeat_the_state_aloud() -> None:
    for event in (Event.SHORT, Event.DOUBLE, Event.NEXT_ITEM, Event.NEXT_STAGE):
        assert step(Session(State.INTERRUPTED), event)[1] == (Effect.REPEAT,)


@pytest.mark.parametrize("state", FIVE)
@pytest.mark.parametrize("event", [Event.FULL, Event.SHUTDOWN, Event.EMPTY])
def test_a_full_card_a_shutdown_or_an_empty_battery_closes_from_every_open_state(
    state: State, event: Event
) -> None:
    assert step(Session(state), event)[0].state is State.CLOSING


@pytest.mark.parametrize("state", FIVE)
def test_marks_from_the_socket_count_as_long_as_the_recording_is_open(state: State) -> None:
    assert step(Session(state), Event.MARK)[1] == (Effect.MARK,)


@pytest.mark.parametrize("state", [s for s in State if s not in (State.UNFIT, State.FAILED)])
def test_a_reboot_is_never_taken_while_it_works(state: State) -> None:
    for event in Event:
        assert Effect.REBOOT not in step(Session(state), event)[1]


def test_there_is_no_way_to_pause_or_mute() -> None:
    assert not {"pause", "mute", "delete"} & ({*Event} | {*Effect})


@pytest.mark.parametrize("state", FIVE)
def test_what_the_checks_find_never_stops_an_open_recording(state: State) -> None:
    for event in (Event.FIT, Event.UNFIT):
        session, effects = step(Session(state), event)
        assert session.state is state
        assert effects == ()


@pytest.mark.parametrize("state", [*FIVE, State.CLOSING])
@pytest.mark.parametrize(
    "event",
    [
        Event.FIT,
        Event.UNFIT,
        Event.LOST,
        Event.BACK,
        Event.FULL,
        Event.SHUTDOWN,
        Event.EMPTY,
        Event.BROKEN,
    ],
)
def test_nothing_that_happens_to_the_device_is_refused_aloud_to_the_officer(
    state: State, event: Event
) -> None:
    _, effects = step(Session(state, State.RECORDING), event)
    assert Effect.REFUSE not in effects


def test_a_second_gap_while_the_first_is_explained_goes_on_record() -> None:
    session, effects = step(Session(State.EXPLAINING, State.RECORDING), Event.BACK)
    assert session.state is State.EXPLAINING
    assert effects.index(Effect.REASON_LEFT) < effects.index(Effect.RESUME)


@pytest.mark.parametrize("state", FIVE)
def test_a_recording_that_cannot_be_opened_on_the_card_fails_aloud(state: State) -> None:
    session, effects = step(Session(state, State.RECORDING), Event.BROKEN)
    assert session.state is State.FAILED
    assert Effect.ANNOUNCE_FIT in effects
