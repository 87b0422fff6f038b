"""Sends what is being recorded while sync waits for a seal. Says nothing aloud, and tells no dock.

A store that cannot be reached is the rule in the field: then it is behind, and tries again later.
"""

import threading
from typing import Protocol

from recorder.clock import NS, Clock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.sync.configured import open_configured
from recorder.sync.home import Home
from recorder.sync.live import Live
from recorder.sync.pace import Manner, Pace, PacedStore
from recorder.sync.progress import Progress
from recorder.sync.stores import StoreError
from recorder.sync.summary import Finding


class Pauses(Protocol):
    """How long to wait after a store that refused."""

    def over(self) -> None:
        """A turn went through."""
        ...

    def pause_s(self, error: StoreError, rescan_s: float) -> float:
        """Until the next try, ``rescan_s`` where a person must come first."""
        ...


class LiveWatch:
    """``turn`` as often as wanted: it looks every two seconds. One thread."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        progress: Progress,
        clock: Clock,
        stop: threading.Event,
        pauses: Pauses,
        rescan_s: float,
    ) -> None:
        self.live = Live(settings, home, stop)
        self._pace = Pace(settings.sync.limit_kbps, lambda: False, clock, stop, progress.note)
        self._settings = settings
        self._home = home
        self._progress = progress
        self._clock = clock
        self._pauses = pauses
        self._rescan_s = rescan_s
        self._told: set[Finding] = set()
        self._last = ""

    def turn(self) -> None:
        """Send what waits, if anything does and the store was not silent just now.

        RecorderError where trying again cannot help: sync's folder, the spool, the config.
        """
        if not self.live.due(self._clock.boot_ns()):
            return
        try:
            self._send()
        except StoreError as error:
            pause_s = self._pauses.pause_s(error, self._rescan_s)
            self.live.wait(self._clock.boot_ns() + round(pause_s * NS))
            if error.code != self._last:
                self._progress.note(f"live custody is behind: {error}")
            self._last = error.code
        except RecorderError as error:
            if error.code != "sync-busy":  # else the other sync sends it, too
                raise
        else:
            self._last = ""
            self._pauses.over()

    def _send(self) -> None:
        with self._home.locked(0.0):
            store = open_configured(self._settings, self._home.owner, clock=self._clock)
            try:
                sent = self.live.send(PacedStore(store, self._pace, Manner.FINISH))
            finally:
                store.close()
        for recording, error in sent.wrong:
            finding = Finding.of(recording, error)
            if finding not in self._told:
                self._told.add(finding)
                self._progress.found(finding)
