"""Notes where a recording is made, now and then. Owned by the supervisor's loop."""

from typing import TYPE_CHECKING

from recorder.act import Act
from recorder.clock import NS
from recorder.evidence import lines
from recorder.place.gpsd import Gpsd

if TYPE_CHECKING:
    from recorder.app import App

FRESH_NS = 5 * NS
"""An older fix is where the device was, not where it is."""


class Places:
    """The receiver, if there is one, and what was noted last."""

    def __init__(self, app: "App") -> None:
        self._app = app
        settings = app.settings.gnss
        self._every_ns = settings.every_s * NS
        self._gpsd = (
            Gpsd(settings.gpsd, app.clock, app.clock.heard) if settings.kind == "gpsd" else None
        )
        self._act: Act | None = None
        self._noted_ns = 0

    def status(self, now_ns: int) -> str:
        """Whether there is a fix; never which."""
        if self._gpsd is None:
            return "off"
        fix = self._gpsd.latest
        return "fix" if fix is not None and now_ns - fix.at_ns <= FRESH_NS else "no fix"

    def tick(self, now_ns: int) -> None:
        """A line with a private part, where a recording is open and there is a fresh fix."""
        act = self._app.effects.act
        if act is None or act.sealing or self._gpsd is None:
            return
        if act is self._act and now_ns - self._noted_ns < self._every_ns:
            return
        fix = self._gpsd.latest
        if fix is None or now_ns - fix.at_ns > FRESH_NS:
            return
        self._act, self._noted_ns = act, now_ns
        act.journal(lines.Position(at_ns=fix.at_ns), fix.private())

    def close(self) -> None:
        """Stop listening to the receiver."""
        if self._gpsd is not None:
            self._gpsd.close()
