"""What fingers do, as events of the state table; `recorder button` counts as a finger.

Decides which presses mean nothing: the one that began a recording, and those that nervous fingers
add to it.
"""

from typing import TYPE_CHECKING

from recorder.panel.button import Edge
from recorder.session.contact import Contact
from recorder.session.gestures import Gesture, Recogniser, Seen
from recorder.session.states import Event

if TYPE_CHECKING:
    from recorder.app import App

_GESTURES = {
    1: {
        Gesture.PRESS: Event.PRESS,
        Gesture.SHORT: Event.SHORT,
        Gesture.DOUBLE: Event.DOUBLE,
        Gesture.LONG: Event.LONG,
    },
    2: {
        Gesture.SHORT: Event.NEXT_ITEM,
        Gesture.DOUBLE: Event.NEXT_STAGE,
        Gesture.LONG: Event.OBSTRUCTION,
    },
}


class Presses:
    """Owned by the supervisor's loop."""

    def __init__(self, app: "App") -> None:
        self._app = app
        settings = app.settings
        bounce_ms = settings.button.bounce_ms
        self._gestures = {number: Recogniser(settings.recording, bounce_ms) for number in (1, 2)}
        self._contacts = {number: Contact() for number in self._gestures}
        self._panic_ns = settings.recording.panic_ms * 1_000_000
        self._mute_ns = -1

    def edge(self, edge: Edge) -> None:
        """A button went down or up."""
        contact = self._contacts[edge.button]
        if not contact.edge(edge.down, edge.at_ns, at_start=edge.at_start):
            return
        for seen in self._gestures[edge.button].edge(edge.down, edge.at_ns):
            self._gesture(edge.button, seen)

    def tick(self, now_ns: int) -> None:
        """What a press has grown into by now."""
        for number, recogniser in self._gestures.items():
            for seen in recogniser.tick(now_ns):
                self._gesture(number, seen)
            found = self._contacts[number].tick(now_ns)
            if found is not None:
                self._app.panel.found(number, found)

    def began(self, at_ns: int) -> None:
        """A recording was begun: until ``panic_ms`` after that presses mean nothing else."""
        self._mute_ns = at_ns + self._panic_ns

    def taken(self, at_ns: int) -> None:
        """What was pressed until now has had its effect."""
        self._mute_ns = at_ns

    def _gesture(self, number: int, seen: Seen) -> None:
        """A press that began a recording, or fell shortly after that, means nothing else."""
        if self._app.panel.stands_in:
            number = 1
        event = _GESTURES[number].get(seen.gesture)
        if event is None or seen.down_ns <= self._mute_ns:
            return
        if event is Event.PRESS and self._app.selftest.takes_press():
            self.taken(seen.down_ns)
            return
        self._app.fire(event)

    def asked(self, event: Event, by: str) -> None:
        """`recorder button`: the press-down, then what it grows into, as from a finger."""
        now_ns = self._app.clock.boot_ns()
        muted = now_ns <= self._mute_ns
        self._app.fire(Event.PRESS, source="control", by=by)
        if not muted and now_ns > self._mute_ns:
            self._app.fire(event, source="control", by=by)
