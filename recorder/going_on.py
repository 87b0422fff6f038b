"""A recording of this boot that was open when the supervisor went: it goes on (Art. 15).

The archive has it open again (startup.py); here the loop knows again what the journal says of it,
and journals the interruption. Runs on the supervisor's loop, once.
"""

from typing import TYPE_CHECKING

from recorder.act import Act
from recorder.archive import Resumed
from recorder.evidence import lines
from recorder.session.states import Event, Session, State

if TYPE_CHECKING:
    from recorder.app import App


def go_on(app: "App", resumed: Resumed, kernel_ended: int) -> None:
    """``kernel_ended``: so many processes the kernel ended meanwhile, for lack of memory."""
    act = Act(app.archive, resumed.press_ns, resumed.opened.act)
    act.name = resumed.recording
    act.restore(resumed.journal)
    app.effects.act = act
    card = app.effects.case
    if card is not None and act.act is not None and card.card.id == act.act.card:
        app.effects.open_case = card
    opened = any(
        isinstance(line, lines.State) and line.now == State.RECORDING.value
        for line in resumed.journal
    )
    back = State.RECORDING if opened else State.OPENING
    app.session = Session(State.STARTING, back)
    detail = "the recorder itself was restarted"
    if kernel_ended:
        detail += f"; meanwhile the kernel ended {kernel_ended} for lack of memory"
    act.interrupt("supervisor_died", detail)
    app.fire(Event.CONTINUE)
