"""What the dock shows and says: filling, done, needs a person. Never over the light of a recording.

Sync tells it by its contacts (sync/contact.py). What it says of sync is forgotten when sync falls
silent: "done" for ever would be a lie after the next recording. It ends when one begins.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from recorder.clock import NS
from recorder.control import Answer
from recorder.panel.light import LightState
from recorder.session.away import CONTACT_NS
from recorder.session.phrases import Phrase
from recorder.session.states import State

if TYPE_CHECKING:
    from recorder.app import App

SILENT_NS = 90 * NS
"""A store may keep sync waiting for a minute, and so may the pause before the next try."""
SPOKEN_AFTER_NS = 2 * NS
"""So that a sentence of sync's own, which says what is wrong, makes the general one needless."""
_ENDINGS = {
    "done": (LightState.DONE, Phrase.DOCK_DONE),
    "person": (LightState.PERSON, Phrase.DOCK_PERSON),
}
_SHOWN_IN = {
    State.READY: frozenset({LightState.FILLING, LightState.DONE, LightState.PERSON}),
    State.UNFIT: frozenset({LightState.FILLING}),  # else its own light says that it cannot record
}
_SPEAKS_IN = frozenset({State.READY, State.UNFIT, State.FAILED})


class Docked:
    """Owned by the supervisor's loop."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._shown: LightState | None = None
        self._until_ns = 0
        self._said: Phrase | None = None
        self._owed: tuple[Phrase, int] | None = None

    def told(self, contact: str, by: str, reply: Callable[[Answer], None]) -> Answer | None:
        """Sync tells of its store; see Storing.dock, which knows what a contact is."""
        answer = self._app.storing.dock(contact, by, reply)
        now_ns = self._app.clock.boot_ns()
        match contact:
            case "filling":
                self._owed = None
                self._show(LightState.FILLING, now_ns + SILENT_NS)
            case "done" | "person":
                self._end(*_ENDINGS[contact], now_ns)
            case "gone" | "left":
                self._owed = None
                if contact == "left" or self._said is Phrase.DOCK_DONE:
                    self._said = None
                self._show(None, 0)
            case _ if self._shown is LightState.FILLING:  # reached, alive, later
                self._until_ns = now_ns + SILENT_NS
            case _ if self._shown is LightState.PERSON:
                self._until_ns = now_ns + CONTACT_NS
        return answer

    def _end(self, shown: LightState, phrase: Phrase, now_ns: int) -> None:
        """Said once, until the device leaves the dock; "done" only where something was stored, or
        where somebody has just plugged the device in."""
        if phrase is Phrase.DOCK_DONE and self._app.effects.act is not None:
            self._owed = None
            self._show(None, 0)  # what is being recorded is not stored
            return
        docked = self._app.settings.sync.only_docked
        news = phrase is Phrase.DOCK_PERSON or self._shown is LightState.FILLING or docked
        if news and phrase is not self._said:
            self._said, self._owed = phrase, (phrase, now_ns + SPOKEN_AFTER_NS)
        self._show(shown, now_ns + CONTACT_NS)

    def explained(self) -> None:
        """Sync has said what is wrong, in its own words."""
        self._said, self._owed = Phrase.DOCK_PERSON, None

    def tick(self, now_ns: int) -> None:
        """Forget what is old, and "done" when an act begins; say what is owed."""
        begun = self._shown is LightState.DONE and self._app.effects.act is not None
        if begun or (self._shown is not None and now_ns >= self._until_ns):
            self._show(None, 0)
        if self._owed is not None and now_ns >= self._owed[1]:
            phrase, self._owed = self._owed[0], None
            if self._app.session.state in _SPEAKS_IN:
                self._app.fitness.warn(phrase, again=True)

    def light(self, state: State) -> LightState | None:
        """What the light shows instead of the state's own; None: that."""
        return self._shown if self._shown in _SHOWN_IN.get(state, ()) else None

    def _show(self, shown: LightState | None, until_ns: int) -> None:
        changed = shown is not self._shown
        self._shown, self._until_ns = shown, until_ns
        if changed and self._app.session.state in _SHOWN_IN:
            self._app.light.show(self._app.sign)

    def status(self) -> dict[str, Any]:
        """For `recorder status`."""
        giving_way = self._shown is LightState.FILLING and self._app.effects.act is not None
        return {
            "shows": "giving way" if giving_way else str(self._shown or "nothing"),
            "limit_kbps": self._app.settings.sync.limit_kbps,
        }
