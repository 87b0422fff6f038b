"""Keeps a capture process alive: sees that it has died or stands still, and starts the next one.

The ladder: as configured → software encoder → sound only, one rung down for every second death
within a minute, back to the top after a quiet one. It says what happened by return values; what
that means for a recording is not its business.
"""

from recorder.capture.messages import Fragment, Overlay
from recorder.clock import NS, Clock
from recorder.link import CaptureLink, Gone, Received

SILENT_NS = 2 * NS
"""A capture process that says nothing for so long stands still (vitals come every second)."""
STARVED_NS = 4 * NS
"""So long without a fragment, and there is no footage whatever the vitals say."""
STARTUP_NS = 6 * NS
CALM_NS = 60 * NS
MAX_CLIMBS = 5
FORGET_NS = 3600 * NS
"""Each climb that did not last makes the next one wait twice as long, for an hour."""
RUNGS = 3
_DELAYS_NS = (0, 0, NS // 2, NS, 2 * NS, 5 * NS)


class Ladder:
    """Owned by the supervisor's loop."""

    def __init__(self, link: CaptureLink, clock: Clock, overlay: Overlay) -> None:
        self._link = link
        self._clock = clock
        self.overlay = overlay
        self.rung = 0
        self.deaths: list[int] = []
        self.live = False
        self._tick_ns = clock.boot_ns()
        self._message_ns = 0
        self._fragment_ns = 0
        self._start_at_ns: int | None = clock.boot_ns()
        self._suspicion = ""
        self._climbs = 0
        self._climbed_ns = 0

    def tick(self, now_ns: int) -> None:
        """Start what is due, kill what stands still.

        Where it was the supervisor that stood still, the capture process gets its time anew.
        """
        if now_ns - self._tick_ns > SILENT_NS // 2:
            self._message_ns = max(self._message_ns, now_ns)
            self._fragment_ns = max(self._fragment_ns, now_ns)
        self._tick_ns = now_ns
        if self._start_at_ns is not None:
            if now_ns >= self._start_at_ns:
                self._start_at_ns = None
                self._suspicion = ""
                self._message_ns = self._fragment_ns = now_ns + STARTUP_NS
                self._link.start(self.rung, self.overlay)
            return
        if self._suspicion:
            return
        if now_ns - self._message_ns > SILENT_NS:
            self._suspicion = "capture_stalled"
        elif now_ns - self._fragment_ns > STARVED_NS:
            self._suspicion = "no_fragments"
        if self._suspicion:
            self.live = False
            self._link.kill()

    def heard(self, received: Received, now_ns: int) -> bool:
        """Take note of a message. False: it comes from a process that was already replaced."""
        if received.generation != self._link.generation or self._start_at_ns is not None:
            return False
        self._message_ns = now_ns
        if isinstance(received.message, Fragment):
            self._fragment_ns = now_ns
            self.live = True
        return True

    def gone(self, gone: Gone, now_ns: int) -> tuple[str, str] | None:
        """The pipe ended: (cause, detail), and the next start is planned. None: old news."""
        if gone.generation != self._link.generation or self._start_at_ns is not None:
            return None
        self.live = False
        if now_ns - self._climbed_ns > FORGET_NS:
            self._climbs = 0
        self.deaths = [at for at in self.deaths if now_ns - at < CALM_NS] + [now_ns]
        self.rung = min(len(self.deaths) // 2, RUNGS - 1)
        delay_ns = _DELAYS_NS[min(len(self.deaths) - 1, len(_DELAYS_NS) - 1)]
        self._start_at_ns = now_ns + delay_ns
        return self._suspicion or gone.code, gone.detail

    def calm(self, now_ns: int) -> bool:
        """A minute without a death and not on the top rung: try the configured camera again."""
        calm_ns = CALM_NS << self._climbs
        return self.rung > 0 and bool(self.deaths) and now_ns - self.deaths[-1] > calm_ns

    def climb(self) -> None:
        """Go back to the top rung; the running process is replaced."""
        self.deaths.clear()
        self.rung = 0
        self._climbs = min(self._climbs + 1, MAX_CLIMBS)
        self._climbed_ns = self._tick_ns
        self._link.kill()

    def show(self, overlay: Overlay) -> None:
        """Change what is burned into the picture."""
        if overlay != self.overlay:
            self.overlay = overlay
            self._link.send(overlay)
