"""Does a part that is left out work again? Tried in a capture process of its own.

A camera that killed or hung one process after the other may do so again: in a process of its own it
costs the recording nothing. Its fragments are looked at and thrown away. The running process never
shares a device with it: it takes the part up when the trial's process is gone.
"""

from collections.abc import Callable

import msgspec

from recorder.capture.messages import SOUND_ONLY, Fragment, Overlay, TrackRun, TrackState
from recorder.clock import NS, Clock
from recorder.config import CameraSettings, CaptureSettings, MicrophoneSettings
from recorder.link import CaptureLink, Gone, Received

LIMIT_NS = 15 * NS
_DIES_NS = NS // 2
WELL = 2
"""So many good fragments in a row, the first one not counted."""
_SOFTWARE = 1
_GOOD = (TrackState.OK, TrackState.COVERED)


class Tried(msgspec.Struct, frozen=True):
    """What came from a trial's process; trials are numbered."""

    trial: int
    news: Received | Gone


class Trial:
    """One at a time; owned by the ladder, on the supervisor's loop."""

    def __init__(
        self, settings: CaptureSettings, clock: Clock, emit: Callable[[Tried], None]
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._emit = emit
        self._link: CaptureLink | None = None
        self._left: list[CaptureLink] = []
        self._number = 0
        self._until_ns = 0
        self._good = 0
        self.rung = 0

    @property
    def undying(self) -> int:
        """Processes of trials that were killed and do not die; each keeps its device."""
        self._left = [link for link in self._left if link.undying]
        return len(self._left)

    def start(self, rung: int, overlay: Overlay) -> None:
        """Open the part that ``rung`` leaves out, alone."""
        if self._link is not None:
            return
        self.rung, self._good = rung, 0
        number = self._number = self._number + 1
        self._until_ns = self._clock.boot_ns() + LIMIT_NS
        alone = (
            msgspec.structs.replace(self.settings, microphone=MicrophoneSettings(kind="none"))
            if rung == SOUND_ONLY
            else msgspec.structs.replace(self.settings, camera=CameraSettings(kind="none"))
        )
        self._link = CaptureLink(alone, self._clock, lambda news: self._emit(Tried(number, news)))
        self._link.start(_SOFTWARE, overlay)

    def tick(self, now_ns: int) -> None:
        """A trial that takes too long is killed, and left behind where it does not die."""
        if self._link is None or now_ns < self._until_ns or self._link in self._left:
            return
        if now_ns - self._until_ns < _DIES_NS:
            self._link.kill()
        else:
            self._leave(self._link)
            self._link.abandon("a trial that does not die")

    def heard(self, tried: Tried, now_ns: int) -> bool | None:
        """Well or not, once that is known and the trial's process is gone; None before that."""
        news = tried.news
        if self._link is None or tried.trial != self._number:
            return None
        if isinstance(news, Gone):
            well = self._good >= WELL and not self._link.undying
            self._leave(self._link)
            self._link = None
            return well
        if isinstance(news.message, Fragment) and self._good < WELL:
            run = news.message.video if self.rung == SOUND_ONLY else news.message.audio
            self._good = self._good + 1 if self._well(news.message.number, run) else 0
            if self._good >= WELL:
                self._until_ns = now_ns
                self._link.kill()
        return None

    def _well(self, number: int, run: TrackRun | None) -> bool:
        return number > 0 and run is not None and run.state in _GOOD and run.units > 1

    def stop(self) -> None:
        """Kill it; whatever it still says is old news."""
        link, self._link = self._link, None
        if link is not None:
            link.kill()
            self._leave(link)
            link.abandon("its trial is over")

    def _leave(self, link: CaptureLink) -> None:
        """Remember it, for as long as its process does not die."""
        if link not in self._left:
            self._left.append(link)
