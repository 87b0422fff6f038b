"""Notes where a recording is made, now and then. Owned by the supervisor's loop."""

import sys
from typing import TYPE_CHECKING

from recorder.act import Act
from recorder.at_work import at_work
from recorder.clock import NS
from recorder.evidence import lines
from recorder.place.gpsd import Gpsd

if TYPE_CHECKING:
    from recorder.app import App

FRESH_NS = 5 * NS
"""An older fix is where the device was, not where it is."""
SILENT_NS = 60 * NS
"""gpsd greets whoever connects, and one without a receiver is asked anew every 20 s."""


class Places:
    """The receiver, if there is one, and what was noted last."""

    def __init__(self, app: "App") -> None:
        self._app = app
        settings = app.settings.gnss
        self._every_ns = settings.every_s * NS
        self._gpsd: Gpsd | None = None
        if settings.kind == "gpsd":
            with at_work("gnss"):
                self._gpsd = Gpsd(settings.gpsd, app.clock, app.clock.heard)
        self._act: Act | None = None
        self._noted_ns = 0
        self._begun_ns = app.clock.boot_ns()
        self._silent = False

    def status(self, now_ns: int) -> str:
        """Whether there is a fix; never which."""
        if self._gpsd is None:
            return "off"
        if self._silent:
            return "no answer"
        fix = self._gpsd.latest
        return "fix" if fix is not None and now_ns - fix.at_ns <= FRESH_NS else "no fix"

    def tick(self, now_ns: int) -> None:
        """A line with a private part, where a recording is open and there is a fresh fix."""
        if self._gpsd is None:
            return
        self._listen(self._gpsd, now_ns)
        act = self._app.effects.act
        if act is None or act.sealing:
            return
        if act is self._act and now_ns - self._noted_ns < self._every_ns:
            return
        fix = self._gpsd.latest
        if fix is None or now_ns - fix.at_ns > FRESH_NS:
            return
        self._act, self._noted_ns = act, now_ns
        act.journal(lines.Position(at_ns=fix.at_ns), fix.private())

    def _listen(self, gpsd: Gpsd, now_ns: int) -> None:
        """That nothing comes is told once, and once that something does again."""
        heard_ns = self._begun_ns if gpsd.heard_ns is None else gpsd.heard_ns
        silent = now_ns - heard_ns > SILENT_NS
        if silent is self._silent:
            return
        self._silent = silent
        where = self._app.settings.gnss.gpsd
        problem = f"{where}: {gpsd.problem}" if silent else ""
        told = (
            f"gpsd does not answer at {problem}. Start it, or correct key gnss.gpsd"
            if silent else f"gpsd answers at {where}"
        )  # fmt: skip
        print(f"recorder: {told}", file=sys.stderr, flush=True)
        self._app.faults.write("gnss", "silent", problem, over=not silent)

    def close(self) -> None:
        """Stop listening to the receiver."""
        if self._gpsd is not None:
            self._gpsd.close()
