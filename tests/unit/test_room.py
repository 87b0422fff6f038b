"""Whether a press that waits for room is promised some."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from recorder import config
from recorder.clock import NS
from recorder.room import PAUSE_NS, Room
from recorder.session.states import Effect, State

if TYPE_CHECKING:
    from recorder.app import App


def test_while_a_card_that_refused_is_left_alone_no_press_is_promised_room() -> None:
    asked: list[str] = []
    ran: list[Effect] = []

    def free(name: str, then: Any) -> None:
        asked.append(name)
        then(OSError(5, "Input/output error"))

    app = SimpleNamespace(
        settings=config.Settings(
            device=config.Device(name="d", officer="o"),
            organisation=config.Organisation(name="t", rule="r", rule_version="1"),
        ),
        event_ns=0, leaving=False,
        session=SimpleNamespace(state=State.UNFIT),
        archive=SimpleNamespace(
            free=free, unfreed=lambda then: then([]), sweep=lambda then: then(True)
        ),
        storing=SimpleNamespace(look=lambda: None),
        fitness=SimpleNamespace(warn=lambda *_, **__: True),
        effects=SimpleNamespace(run=ran.append),
    )  # fmt: skip
    room = Room(cast("App", app))
    room.begin()
    room.may_go(("a", "b", "c"))
    room.measured(0)
    assert asked == ["a"]
    app.event_ns = PAUSE_NS // 2
    room.measured(0)
    assert not room.making
    assert ran == [Effect.NEXT]
    app.event_ns = PAUSE_NS + NS
    assert room.making
    room.measured(0)
    assert asked == ["a", "b"]
