"""What the device does when something happens: one table, (state, event) → (state, effects).

Pure data and one function; app.py carries the effects out. A pair that is not in the table is
refused aloud and written down: REFUSE is an effect like any other, so nothing is ever ignored.
"""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """Where the session is."""

    STARTING = "starting"
    READY = "ready"
    UNFIT = "unfit"
    OPENING = "opening"
    RECORDING = "recording"
    INTERRUPTED = "interrupted"
    EXPLAINING = "explaining"
    ENDING = "ending"
    CLOSING = "closing"
    FAILED = "failed"


OPEN = frozenset(
    {State.OPENING, State.RECORDING, State.INTERRUPTED, State.EXPLAINING, State.ENDING}
)
"""States in which a recording takes fragments and may be told to end or was just told to."""


class Event(StrEnum):
    """What can happen. The first block is what people do, the second what the device finds."""

    PRESS = "press"
    SHORT = "short"
    DOUBLE = "double"
    LONG = "long"
    NEXT_ITEM = "next-item"
    NEXT_STAGE = "next-stage"
    START = "start"
    STOP = "stop"
    MARK = "mark"
    NOTICE = "notice"
    STAGE = "stage"
    OBSTRUCTION = "obstruction"
    SENSITIVE = "sensitive"
    ARRIVAL = "arrival"

    FIT = "fit"
    UNFIT = "unfit"
    CONTINUE = "continue"
    OPENED = "opened"
    LOST = "lost"
    BACK = "back"
    EXPLAINED = "explained"
    ENDED = "ended"
    FULL = "full"
    SHUTDOWN = "shutdown"
    EMPTY = "empty"
    SEALED = "sealed"
    BROKEN = "broken"
    STARTED = "started"


class Effect(StrEnum):
    """What app.py then does, in this order."""

    BEGIN = "begin"
    REMEMBER = "remember"
    REFUSE = "refuse"
    REFUSE_UNFIT = "refuse-unfit"
    REPEAT = "repeat"
    SKIP = "skip"
    MARK = "mark"
    MARK_NEXT = "mark-next"
    NOTICE = "notice"
    STAGE = "stage"
    STAGE_NEXT = "stage-next"
    OBSTRUCTION = "obstruction"
    SENSITIVE = "sensitive"
    ARRIVAL = "arrival"
    COUNT = "count"
    INTERRUPT = "interrupt"
    RESUME = "resume"
    RESUME_SILENT = "resume-silent"
    ASK_CAUSE = "ask-cause"
    REASON_LEFT = "reason-left"
    ANNOUNCE_END = "announce-end"
    TAKE_BACK_END = "take-back-end"
    CLOSE = "close"
    CLOSE_FULL = "close-full"
    CLOSE_SHUTDOWN = "close-shutdown"
    CLOSE_EMPTY = "close-empty"
    NEXT = "next"
    ANNOUNCE_FIT = "announce-fit"
    REBOOT = "reboot"
    STOP_SPEAKING = "stop-speaking"


class Session(msgspec.Struct, frozen=True):
    """The state, and where an interruption goes back to (opening or recording)."""

    state: State = State.STARTING
    back: State = State.RECORDING


_S, _E, _F = State, Event, Effect
_BACK = None  # a row's next state "where it was"

_Row = tuple[State | None, tuple[Effect, ...]]


def _rows() -> dict[tuple[State, Event], _Row]:
    table: dict[tuple[State, Event], _Row] = {
        # Starting and closing: a press is kept and acted on first.
        (_S.STARTING, _E.PRESS): (_S.STARTING, (_F.REMEMBER,)),
        (_S.STARTING, _E.START): (_S.STARTING, (_F.REMEMBER,)),
        (_S.STARTING, _E.FIT): (_S.READY, (_F.ANNOUNCE_FIT, _F.NEXT)),
        (_S.STARTING, _E.UNFIT): (_S.UNFIT, (_F.ANNOUNCE_FIT, _F.NEXT)),
        (_S.STARTING, _E.CONTINUE): (_S.INTERRUPTED, ()),
        (_S.STARTING, _E.BROKEN): (_S.FAILED, (_F.ANNOUNCE_FIT,)),
        (_S.CLOSING, _E.PRESS): (_S.CLOSING, (_F.REMEMBER,)),
        (_S.CLOSING, _E.START): (_S.CLOSING, (_F.REMEMBER,)),
        (_S.CLOSING, _E.SEALED): (_S.READY, (_F.NEXT,)),
        (_S.CLOSING, _E.BROKEN): (_S.FAILED, (_F.ANNOUNCE_FIT,)),
        # Ready and unfit: the checks go on all the time.
        (_S.READY, _E.PRESS): (_S.OPENING, (_F.BEGIN,)),
        (_S.READY, _E.START): (_S.OPENING, (_F.BEGIN,)),
        (_S.READY, _E.UNFIT): (_S.UNFIT, (_F.ANNOUNCE_FIT,)),
        (_S.READY, _E.BROKEN): (_S.FAILED, (_F.ANNOUNCE_FIT,)),
        (_S.UNFIT, _E.FIT): (_S.READY, (_F.ANNOUNCE_FIT, _F.NEXT)),
        (_S.UNFIT, _E.PRESS): (_S.UNFIT, (_F.REFUSE_UNFIT,)),
        (_S.UNFIT, _E.START): (_S.UNFIT, (_F.REFUSE_UNFIT,)),
        (_S.UNFIT, _E.LONG): (_S.UNFIT, (_F.REBOOT,)),
        (_S.UNFIT, _E.BROKEN): (_S.FAILED, (_F.ANNOUNCE_FIT,)),
        (_S.FAILED, _E.PRESS): (_S.FAILED, (_F.REFUSE_UNFIT,)),
        (_S.FAILED, _E.START): (_S.FAILED, (_F.REFUSE_UNFIT,)),
        (_S.FAILED, _E.LONG): (_S.FAILED, (_F.REBOOT,)),
        # What failed is tried again and again: the card answers after all.
        (_S.FAILED, _E.STARTED): (_S.STARTING, ()),
        (_S.FAILED, _E.SEALED): (_S.READY, (_F.ANNOUNCE_FIT, _F.NEXT)),
        # The opening (Art. 14).
        (_S.OPENING, _E.SHORT): (_S.OPENING, (_F.SKIP,)),
        (_S.OPENING, _E.OPENED): (_S.RECORDING, ()),
        # Recording.
        (_S.RECORDING, _E.SHORT): (_S.RECORDING, (_F.MARK,)),
        (_S.RECORDING, _E.DOUBLE): (_S.RECORDING, (_F.NOTICE,)),
        (_S.RECORDING, _E.NEXT_ITEM): (_S.RECORDING, (_F.MARK_NEXT,)),
        (_S.RECORDING, _E.NEXT_STAGE): (_S.RECORDING, (_F.STAGE_NEXT,)),
        # Interrupted: the officer hears the state again; nothing else has a use.
        (_S.INTERRUPTED, _E.SHORT): (_S.INTERRUPTED, (_F.REPEAT,)),
        (_S.INTERRUPTED, _E.DOUBLE): (_S.INTERRUPTED, (_F.REPEAT,)),
        (_S.INTERRUPTED, _E.NEXT_ITEM): (_S.INTERRUPTED, (_F.REPEAT,)),
        (_S.INTERRUPTED, _E.NEXT_STAGE): (_S.INTERRUPTED, (_F.REPEAT,)),
        (_S.INTERRUPTED, _E.BACK): (_S.EXPLAINING, (_F.RESUME, _F.ASK_CAUSE)),
        (_S.INTERRUPTED, _E.LOST): (_S.INTERRUPTED, ()),
        # Explaining (Art. 15): presses are the category.
        (_S.EXPLAINING, _E.SHORT): (_S.EXPLAINING, (_F.COUNT,)),
        (_S.EXPLAINING, _E.DOUBLE): (_S.EXPLAINING, (_F.COUNT, _F.COUNT)),
        (_S.EXPLAINING, _E.EXPLAINED): (_BACK, ()),
        # Another gap, over before it was seen.
        (_S.EXPLAINING, _E.BACK): (
            _S.EXPLAINING,
            (_F.REASON_LEFT, _F.STOP_SPEAKING, _F.RESUME, _F.ASK_CAUSE),
        ),
        (_S.EXPLAINING, _E.LOST): (
            _S.INTERRUPTED,
            (_F.REASON_LEFT, _F.STOP_SPEAKING, _F.INTERRUPT),
        ),
        # Ending: any press takes it back; the end itself is never held up by a fault.
        (_S.ENDING, _E.PRESS): (_S.RECORDING, (_F.STOP_SPEAKING, _F.TAKE_BACK_END)),
        (_S.ENDING, _E.LOST): (_S.ENDING, (_F.INTERRUPT,)),
        (_S.ENDING, _E.BACK): (_S.ENDING, (_F.RESUME_SILENT,)),
        (_S.ENDING, _E.ENDED): (_S.CLOSING, (_F.CLOSE,)),
        (_S.CLOSING, _E.LOST): (_S.CLOSING, (_F.INTERRUPT,)),
        (_S.CLOSING, _E.BACK): (_S.CLOSING, (_F.RESUME_SILENT,)),
        # A stop while closing or a shutdown while sealing changes nothing.
        (_S.CLOSING, _E.SHUTDOWN): (_S.CLOSING, ()),
        (_S.CLOSING, _E.FULL): (_S.CLOSING, ()),
        (_S.CLOSING, _E.EMPTY): (_S.CLOSING, ()),
        (_S.CLOSING, _E.STOP): (_S.CLOSING, ()),
        (_S.ENDING, _E.STOP): (_S.ENDING, ()),
    }
    for state in (_S.OPENING, _S.RECORDING):
        table[state, _E.LOST] = (
            _S.INTERRUPTED,
            (_F.STOP_SPEAKING, _F.INTERRUPT),
        )
        # A gap that was over before it was seen.
        table[state, _E.BACK] = (_S.EXPLAINING, (_F.STOP_SPEAKING, _F.RESUME, _F.ASK_CAUSE))
    for state in (_S.OPENING, _S.RECORDING, _S.INTERRUPTED):
        for event in (_E.LONG, _E.STOP):
            table[state, event] = (_S.ENDING, (_F.STOP_SPEAKING, _F.ANNOUNCE_END))
    for event in (_E.LONG, _E.STOP):
        table[_S.EXPLAINING, event] = (
            _S.ENDING,
            (_F.REASON_LEFT, _F.STOP_SPEAKING, _F.ANNOUNCE_END),
        )
    # From the socket and the second button: possible as long as the recording is open.
    for state in OPEN:
        table.setdefault((state, _E.MARK), (state, (_F.MARK,)))
        table.setdefault((state, _E.NOTICE), (state, (_F.NOTICE,)))
        table.setdefault((state, _E.STAGE), (state, (_F.STAGE,)))
        table.setdefault((state, _E.OBSTRUCTION), (state, (_F.OBSTRUCTION,)))
        table.setdefault((state, _E.SENSITIVE), (state, (_F.SENSITIVE,)))
        table.setdefault((state, _E.ARRIVAL), (state, (_F.ARRIVAL,)))
        left = (_F.REASON_LEFT,) if state is _S.EXPLAINING else ()
        table[state, _E.BROKEN] = (_S.FAILED, (_F.STOP_SPEAKING, _F.ANNOUNCE_FIT))
        table[state, _E.FULL] = (_S.CLOSING, (*left, _F.STOP_SPEAKING, _F.CLOSE_FULL))
        table[state, _E.SHUTDOWN] = (_S.CLOSING, (*left, _F.STOP_SPEAKING, _F.CLOSE_SHUTDOWN))
        table[state, _E.EMPTY] = (_S.CLOSING, (*left, _F.STOP_SPEAKING, _F.CLOSE_EMPTY))
    # Press-down starts and takes an end back; else its gesture (short, double, long) counts.
    for state in OPEN:
        table.setdefault((state, _E.PRESS), (state, ()))
    # What the checks find while a recording is open is journalled by app.py, not a transition.
    for state in (*OPEN, _S.CLOSING):
        table[state, _E.FIT] = (state, ())
        table[state, _E.UNFIT] = (state, ())
    for state in (_S.READY, _S.UNFIT, _S.FAILED, _S.STARTING):
        for event in (_E.LOST, _E.BACK, _E.FULL, _E.SHUTDOWN, _E.EMPTY):
            table.setdefault((state, event), (state, ()))
    for state in (_S.READY, _S.UNFIT):
        same = _E.FIT if state is _S.READY else _E.UNFIT
        table[state, same] = (state, ())
    # The gesture that a press-down grows into, where the press-down itself was the whole message.
    for state in (_S.STARTING, _S.CLOSING, _S.READY, _S.UNFIT, _S.FAILED):
        for event in (_E.SHORT, _E.DOUBLE):
            table.setdefault((state, event), (state, ()))
    for state in (_S.STARTING, _S.CLOSING, _S.READY):
        table.setdefault((state, _E.LONG), (state, ()))
    return table


TABLE = _rows()


def step(session: Session, event: Event) -> tuple[Session, tuple[Effect, ...]]:
    """Next session and what to do. Total: a pair without a row stays and is refused."""
    row = TABLE.get((session.state, event))
    if row is None:
        return session, (Effect.REFUSE,)
    state, effects = row
    if state is _BACK:
        return Session(session.back, session.back), effects
    back = session.back
    if state in (State.OPENING, State.RECORDING):
        back = state
    return Session(state, back), effects
