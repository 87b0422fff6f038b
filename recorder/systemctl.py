"""What systemd is asked for, a reboot or the power-off, and that it was heard.

Owned by the supervisor's loop; waits for nothing. systemd ends the daemon like everything else.
"""

import subprocess
import sys
from typing import TYPE_CHECKING, Literal

from recorder.evidence import lines
from recorder.session.phrases import Phrase

if TYPE_CHECKING:
    from recorder.app import App

Verb = Literal["reboot", "poweroff"]
_CODES = {"reboot": "reboot-refused", "poweroff": "power-off-refused"}


class Asked:
    """One verb of systemd's. ``part``: on whose behalf, as a fault names it."""

    def __init__(self, app: "App", verb: Verb, part: str) -> None:
        self._app = app
        self._verb = verb
        self._part = part
        self._process: subprocess.Popen[bytes] | None = None
        self._problem = ""

    def ask(self) -> None:
        """Once at a time; how it ended is seen by ``refused``."""
        try:
            self._process = subprocess.Popen(["systemctl", self._verb])
        except OSError as error:
            self._problem = f"{error.strerror}: systemctl"

    def refused(self) -> bool:
        """Whether it just turned out to be refused; then log and ledger have it."""
        status = None if self._process is None else self._process.poll()
        if status is not None:
            self._process = None
            self._problem = f"status {status}" if status else ""
        problem, self._problem = self._problem, ""
        if not problem:
            return False
        code = _CODES[self._verb]
        print(
            f"recorder: {code} ({problem}): is 50-recorder-reboot.rules installed, and polkit?",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        self._app.archive.note(
            lines.LedgerFault(part=self._part, code=code, detail=problem, over=False)
        )
        return True


class Reboot:
    """The one that an officer takes."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._asked = Asked(app, "reboot", "system")

    def take(self) -> None:
        """Taken only by a long press, and only with nothing open."""
        self._app.archive.note(lines.Shutdown(why="reboot asked for by the officer"))
        self._asked.ask()

    def tick(self) -> None:
        """Say that nothing will come of it: else the officer waits for it."""
        if self._asked.refused():
            self._app.fitness.warn(Phrase.REBOOT_FAILED, again=True, keep=True)
