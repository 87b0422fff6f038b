"""The battery's last minutes: said aloud, what is open ended and sealed, then the power goes off.

Owned by the supervisor's loop. No press is refused for want of power: what begins now is recorded,
is given its own time, and puts the switching off off (evidence first).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from recorder.act import Act
from recorder.battery.forecast import Power
from recorder.battery.watch import Found
from recorder.checks.power import empty
from recorder.clock import NS
from recorder.evidence import lines
from recorder.session.phrases import Phrase
from recorder.session.states import OPEN, Event, State
from recorder.systemctl import Asked

if TYPE_CHECKING:
    from recorder.app import App

_CUT_SHORT = OPEN - {State.ENDING}
"""An end that the officer asked for is left to itself."""
_IDLE = frozenset({State.READY, State.UNFIT})
_AGAIN_NS = 60 * NS


class LastMinutes:
    """``measured`` with every look at the battery, ``tick`` all the time."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._settings = app.settings.battery
        self._since_ns: int | None = None
        self._warned: Act | None = None
        self._leaving = False
        self._power_off = Asked(app, "poweroff", "battery")
        self._not_before_ns = 0

    def measured(self, found: Found) -> None:
        """They begin, or a charger or another battery ends them. Silence of the gauge does not."""
        limits = self._app.settings.checks
        if self._since_ns is None:
            if empty(found, self._settings, limits):
                self._since_ns = self._app.event_ns
        elif isinstance(found, Power) and not empty(found, self._settings, limits, times=2):
            self._since_ns = self._warned = None
            self._leaving = False

    def tick(self, now_ns: int) -> None:
        """Warn whoever records; end it when its time is over; with nothing open, switch off."""
        if self._since_ns is None:
            return
        app, act = self._app, self._app.effects.act
        over_ns = self._since_ns + self._settings.end_after_s * NS
        state = app.session.state
        if act is not None:
            self._warn(act)
            over_ns = max(over_ns, act.press_ns + self._settings.end_after_s * NS)
            if now_ns >= over_ns and state in _CUT_SHORT:
                app.fire(Event.EMPTY)
        elif now_ns >= over_ns and state in _IDLE and self._settings.poweroff:
            self._look(now_ns)
            if now_ns >= self._not_before_ns:
                self._switch_off()

    def _look(self, now_ns: int) -> None:
        """A power-off that systemd refused is on record, and is asked for again a minute later."""
        if self._power_off.refused():
            self._leaving = False
            self._not_before_ns = now_ns + _AGAIN_NS

    def _warn(self, act: Act) -> None:
        if act is not self._warned:
            self._warned = act
            seconds = self._app.speaker.number(self._settings.end_after_s)
            self._app.effects.say(Phrase.BATTERY_END, patient=False, seconds=seconds)

    def _switch_off(self) -> None:
        """Say it, write it down, do it; a press or a charger meanwhile stops it."""
        if self._leaving:
            return
        self._leaving = True

        def note() -> None:
            line = lines.Shutdown(why="the battery is nearly empty")
            self._app.archive.note(line, lambda: self._if_still(self._power_off.ask))

        self._app.effects.say(
            Phrase.BATTERY_OFF, patient=False, done=lambda _: self._if_still(note)
        )

    def _if_still(self, then: Callable[[], None]) -> None:
        if self._leaving and self._app.effects.act is None:
            then()
        else:
            self._leaving = False
