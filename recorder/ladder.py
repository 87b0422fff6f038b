"""Keeps a capture process alive: sees that it has died or stands still, and starts the next one.

Down: as configured → software encoder → sound only → picture only, one rung for every second death
within a minute; where the microphone was to blame, picture only at once. Sideways: where the only
part of a rung gives nothing, the other one has its turn at once, whatever it was left out for. Up:
where a part is left out, a trial opens that part alone in a process of its own, and only when it is
well the running process takes it up, so nothing is lost by trying (trial.py); after a calm minute,
while nothing is recorded, the top rung is tried again. It says what happened by return values; what
that means for a recording is not its business.
"""

from recorder.capture.messages import (
    PICTURE_ONLY,
    SOUND_ONLY,
    Configure,
    Fault,
    Fragment,
    Overlay,
)
from recorder.clock import NS, Clock
from recorder.link import CaptureLink, Gone, Received
from recorder.trial import Trial, Tried

SILENT_NS = 3 * NS // 2
"""A capture process that says nothing for so long stands still (vitals come twice a second)."""
STARVED_NS = 4 * NS
"""So long without a fragment, and there is no footage whatever the vitals say."""
STARTUP_NS = 6 * NS
UNDYING_NS = NS // 5
"""A killed process is gone after 10 ms; one that is not waits in the kernel, perhaps for ever."""
MOST_UNDYING = 3
"""With so many left behind no more is started until one of them dies: each keeps its memory."""
CALM_NS = 60 * NS
MAX_CLIMBS = 5
FORGET_NS = 3600 * NS
"""Each climb that did not last makes the next one wait twice as long, for an hour."""
TRIAL_NS = 5 * NS
MAX_VAIN = 3
"""Trials in vain: 5 s, 10 s, 20 s, then 40 s apart. They cost the recording nothing."""
MAX_RELAPSES = 6
"""Parts that were taken up and did not last a minute: 10 s, ... 320 s. These cost interruptions."""
RUNGS = ("as configured", "software encoder", "sound only", "picture only")
_DELAYS_NS = (0, 0, NS // 2, NS, 3 * NS // 2)
_TAKEN_UP = 1
_ALONE: dict[int, tuple[frozenset[str], int]] = {
    SOUND_ONLY: (frozenset({"microphone"}), PICTURE_ONLY),
    PICTURE_ONLY: (frozenset({"camera", "encoder"}), SOUND_ONLY),
}
"""Whose faults leave a rung with nothing to record, and the rung that is tried then."""
_NOTHING = frozenset({"lost", "stalled"})
_LAST_WORDS = frozenset({"hung", "crashed"})
TURN_NS = 5 * NS
"""Where both parts give nothing, so much time lies between two turns without a delay."""


class Ladder:
    """Owned by the supervisor's loop."""

    def __init__(self, link: CaptureLink, clock: Clock, overlay: Overlay, trial: Trial) -> None:
        self._link = link
        self._clock = clock
        self._trial = trial
        self.overlay = overlay
        self.rung = 0
        self.deaths: list[int] = []
        self._blamed: list[int] = []
        self.live = False
        self._tick_ns = clock.boot_ns()
        self._message_ns = 0
        self._fragment_ns = 0
        self._start_at_ns: int | None = clock.boot_ns()
        self._suspicion = ""
        self._killed_ns: int | None = None
        self._abandoned = False
        self._last_words: Fault | None = None
        self._turn: Fault | None = None
        self._turned_ns = -TURN_NS
        self._climbs = 0
        self._climbed_ns = 0
        self._vain = self._relapses = 0
        self._trial_ns = 0
        self._taken_up_ns: int | None = None
        settings = trial.settings
        self._rungs = [0]
        if settings.camera.kind != "none":
            self._rungs.append(1)
            if settings.microphone.kind != "none":
                self._rungs += [SOUND_ONLY, PICTURE_ONLY]

    def tick(self, now_ns: int) -> None:
        """Start what is due, kill what stands still, leave behind what does not die.

        Where it was the supervisor that stood still, the capture process gets its time anew.
        """
        if now_ns - self._tick_ns > SILENT_NS // 2:
            self._message_ns = max(self._message_ns, now_ns)
            self._fragment_ns = max(self._fragment_ns, now_ns)
        self._tick_ns = now_ns
        self._trial.tick(now_ns)
        if self._start_at_ns is not None:
            if now_ns >= self._start_at_ns and self._link.undying < MOST_UNDYING:
                self._start(now_ns)
            return
        if self._killed_ns is not None:
            if now_ns - self._killed_ns > UNDYING_NS and not self._abandoned:
                self._abandoned = True
                self._link.abandon("killed, and does not die")
            return
        if now_ns - self._message_ns > SILENT_NS:
            self._suspicion = "capture_stalled"
        elif now_ns - self._fragment_ns > STARVED_NS:
            self._suspicion = "no_fragments"
        if self._suspicion or self._turn is not None:
            self._kill(now_ns)
            return
        if self.live and self.rung >= SOUND_ONLY and now_ns >= self._trial_ns:
            self._trial_ns = now_ns + self._wait_ns()
            if self._link.undying + self._trial.undying < MOST_UNDYING - 1:
                self._trial.start(self.rung, self.overlay)

    def _start(self, now_ns: int) -> None:
        self._start_at_ns = self._killed_ns = None
        self._abandoned = False
        self._suspicion = ""
        self._last_words = self._turn = None
        self._message_ns = self._fragment_ns = now_ns + STARTUP_NS
        self._link.start(self.rung, self.overlay)

    def _kill(self, now_ns: int) -> None:
        self.live = False
        self._killed_ns = now_ns
        self._link.kill()

    def _wait_ns(self) -> int:
        return TRIAL_NS << max(min(self._vain, MAX_VAIN), min(self._relapses, MAX_RELAPSES))

    def heard(self, received: Received, now_ns: int) -> bool:
        """Take note of a message. False: it comes from a process that was already replaced."""
        if received.generation != self._link.generation or self._start_at_ns is not None:
            return False
        self._message_ns = now_ns
        if isinstance(received.message, Fragment):
            self._fragment_ns = now_ns
            self.live = self._killed_ns is None
        elif isinstance(received.message, Fault):
            self._told(received.message)
        return True

    def _told(self, fault: Fault) -> None:
        if fault.code in _LAST_WORDS:
            self._last_words = fault
        elif fault.code in _NOTHING and not fault.over and self.rung in _ALONE:
            parts, other = _ALONE[self.rung]
            hangs = other == PICTURE_ONLY and self._link.undying > 1
            if fault.part in parts and not hangs:
                self._turn = fault

    def gone(self, gone: Gone, now_ns: int) -> tuple[str, str] | None:
        """The pipe ended: (cause, detail), and the next start is planned. None: old news."""
        if gone.generation != self._link.generation or self._start_at_ns is not None:
            return None
        self.live = False
        self._trial.stop()
        if now_ns - self._climbed_ns > FORGET_NS:
            self._climbs = 0
        cause, detail = self._suspicion or gone.code, gone.detail
        words = self._last_words or self._turn
        if words is not None and not self._suspicion:
            cause, detail = words.part, f"{words.code}: {words.detail}"
        self.deaths = [at for at in self.deaths if now_ns - at < CALM_NS] + [now_ns]
        self._blamed = [at for at in self._blamed if now_ns - at < CALM_NS]
        was, turns = self.rung, self._turn is not None
        if turns:
            self.rung = _ALONE[was][1]
        else:
            if cause == "microphone":
                self._blamed.append(now_ns)
            self.rung = self._next_rung()
        if self.rung >= SOUND_ONLY:
            self._weigh_taken_up(now_ns)
            self._trial_ns = now_ns + self._wait_ns()
        delay_ns = _DELAYS_NS[min(len(self.deaths) - 1, len(_DELAYS_NS) - 1)]
        if turns and now_ns - self._turned_ns >= TURN_NS:
            delay_ns, self._turned_ns = 0, now_ns
        self._start_at_ns = now_ns + delay_ns
        return cause, detail if self.rung == was else f"{detail}; next: {RUNGS[self.rung]}"

    def _weigh_taken_up(self, now_ns: int) -> None:
        """A part is left out again: did it last since it was taken up?"""
        taken_up_ns, self._taken_up_ns = self._taken_up_ns, None
        if taken_up_ns is not None:
            lasted = now_ns - taken_up_ns > CALM_NS
            self._relapses = 0 if lasted else self._relapses + 1

    def _next_rung(self) -> int:
        lowest = self._rungs[-1]
        if len(self._blamed) > 1:
            return lowest
        steps = (len(self.deaths) - len(self._blamed)) // 2
        if self._link.undying > 1:
            steps = SOUND_ONLY  # what hangs in the kernel again and again is the camera's driver
        return min(steps, lowest)

    def tried(self, tried: Tried, now_ns: int) -> None:
        """News of a trial: a part that is well is taken up by the running process."""
        well = self._trial.heard(tried, now_ns)
        if well is None:
            return
        if not well:
            self._vain += 1
            self._trial_ns = now_ns + self._wait_ns()
        elif self.live and self.rung == self._trial.rung:
            self.rung = _TAKEN_UP
            self._vain = 0
            self._taken_up_ns = now_ns
            self.deaths = [now_ns]
            self._blamed.clear()
            self._link.send(Configure(self._trial.settings, _TAKEN_UP))

    def calm(self, now_ns: int) -> bool:
        """A minute without a death on the software rung: try the configured camera again."""
        calm_ns = CALM_NS << self._climbs
        below = 0 < self.rung < SOUND_ONLY
        return below and bool(self.deaths) and now_ns - self.deaths[-1] > calm_ns

    def climb(self) -> None:
        """Go back to the top rung; the running process is replaced."""
        self.deaths.clear()
        self.rung = 0
        self._climbs = min(self._climbs + 1, MAX_CLIMBS)
        self._climbed_ns = self._tick_ns
        self._kill(self._tick_ns)

    def close(self) -> None:
        """End the trial, if one is on; the link is closed by its owner."""
        self._trial.stop()

    def show(self, overlay: Overlay) -> None:
        """Change what is burned into the picture."""
        if overlay != self.overlay:
            self.overlay = overlay
            self._link.send(overlay)
