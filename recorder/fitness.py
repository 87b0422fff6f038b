"""Fit or unfit (Art. 13): judges what was measured last, and says aloud what is wrong.

Warnings are never spoken into the officers' words, and not more often than every two minutes.
"""

from typing import TYPE_CHECKING

from recorder.capture.messages import Overlay
from recorder.checks import probe
from recorder.checks.result import Level, Result
from recorder.clock import NS, Quality
from recorder.session.phrases import Phrase
from recorder.session.states import Event, State

if TYPE_CHECKING:
    from recorder.app import App

FIT_AFTER_NS = 15 * NS
"""So long a camera may take to come up before a start counts as unfit."""
FLOW_GRACE_NS = 6 * NS
HUNG_NS = 15 * NS
"""A probe that says nothing for so long waits for a card that does not answer."""
REPEAT_NS = 120 * NS
FAULTS = frozenset({Phrase.CAMERA_FAULT, Phrase.LENS_COVERED, Phrase.MICROPHONE_LOST})
"""In a recording said once, when the fault is told (faults.py)."""
SILENT = frozenset(
    {
        State.STARTING,
        State.OPENING,
        State.INTERRUPTED,
        State.EXPLAINING,
        State.ENDING,
        State.CLOSING,
    }
)


class Fitness:
    """Owned by the supervisor's loop."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self.measured_last: probe.Slow | None = None
        self._flowing_ns = 0
        self._said: dict[Phrase, int] = {}
        self._owed: dict[Phrase, None] = {}
        self.results: tuple[Result, ...] = ()

    def measured(self, slow: probe.Slow) -> None:
        """The probe's thread measured battery, temperature and room."""
        self.measured_last = slow
        self.judge()

    def judge(self) -> None:
        """All checks, from what was measured last; fit or unfit follows."""
        app = self._app
        if self.measured_last is None:
            return  # the archive is not ready yet
        hung = app.event_ns - self.measured_last.at_ns > HUNG_NS
        measured = probe.Measured(
            app.event_ns, app.vitals, self.measured_last.power, self.measured_last.celsius,
            None if hung else self.measured_last.free_bytes, app.clock.state(), app.key_kind,
            app.custodians, app.unvouched,
        )  # fmt: skip
        self.results = probe.evaluate(measured, app.settings)
        fit = probe.fit(self.results)
        state = app.session.state
        blocking = {r.name for r in self.results if r.level is Level.BLOCK}
        if "capture" not in blocking:
            self._flowing_ns = app.event_ns
        elif state is State.READY and blocking == {"capture"}:
            # A capture process that is replaced is back in 2 s; a press then is recorded, too.
            fit = app.event_ns - self._flowing_ns < FLOW_GRACE_NS
        if state is State.STARTING:
            waited_ns = app.event_ns - app.state_since_ns
            if blocking == {"capture"} and waited_ns < FIT_AFTER_NS:
                return  # the camera is still coming up
            app.fire(Event.FIT if fit else Event.UNFIT)
            app.up()
        elif state in (State.READY, State.UNFIT):
            app.fire(Event.FIT if fit else Event.UNFIT)
            if app.ladder.calm(app.event_ns):
                app.ladder.climb()
        if app.session.state is State.READY:
            app.light.show(app.sign)
        app.ladder.show(self.overlay())
        app.faults.speak()
        owed, self._owed = self._owed, {}
        for phrase in owed:
            self.warn(phrase, keep=True)
        for result in self.results:
            if result.level is not Level.WARN or result.phrase is None:
                continue
            if app.effects.act is None or result.phrase not in FAULTS:
                self.warn(result.phrase, result.minutes)

    def warn(
        self, phrase: Phrase, minutes: int | None = None, *, again: bool = False, keep: bool = False
    ) -> bool:
        """Say a warning, unless it was said lately (``again``: even then); False where officers
        are to be heard now. ``keep``: then it is said as soon as they have been."""
        app = self._app
        said_ns = self._said.get(phrase)
        if said_ns is not None and app.event_ns - said_ns < REPEAT_NS and not again:
            return True
        if app.session.state in SILENT:
            if keep:
                self._owed[phrase] = None
            return False
        self._said[phrase] = app.event_ns
        if minutes is None:
            app.effects.say(phrase)
        else:
            app.effects.say(phrase, minutes=app.speaker.number(minutes))
        return True

    def overlay(self) -> Overlay:
        """What is burned into the picture now."""
        settings, device = self._app.settings, self._app.settings.device
        trusted = self._app.clock.state().quality in (Quality.SYNCED, Quality.RTC)
        return Overlay(
            device.name, device.officer, trusted, device.utc_offset_min, settings.organisation.name
        )
