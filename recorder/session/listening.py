"""Did anybody answer? Speech while the device listens, told apart from silence and mere noise.

Never looks at content: that somebody spoke is all that a slot claims (Art. 14).
"""

from typing import Literal

from recorder.clock import NS
from recorder.config import Opening as Limits

LONGEST_NS = 30 * NS
"""An angry crowd never falls silent: this long after the question, what was heard is the answer."""
STALE_NS = 5 * NS
"""Speech that was going on and of which nothing was told any more has ended."""


class Listening:
    """From the end of a question to the answer, or to its time limit."""

    def __init__(self, limits: Limits, now_ns: int) -> None:
        self._limits = limits
        self._since_ns = now_ns
        self._longest_ns = 0
        self._ongoing = False
        self.heard: tuple[int, int] | None = None

    def speech(self, start_ns: int, end_ns: int, ongoing: bool) -> None:
        """One stretch of speech; it may be told several times while it grows."""
        start_ns = max(start_ns, self._since_ns)
        if end_ns <= start_ns:
            return
        if self.heard is None:
            self.heard = (start_ns, end_ns)
        else:
            self.heard = (min(self.heard[0], start_ns), max(self.heard[1], end_ns))
        self._longest_ns = max(self._longest_ns, end_ns - start_ns)
        self._ongoing = ongoing

    def result(self, now_ns: int) -> Literal["answered", "silent"] | None:
        """What came of it; None: go on listening."""
        waited_ns = now_ns - self._since_ns
        if self.heard is None or self._longest_ns < self._limits.speech_s * NS:
            return "silent" if waited_ns >= self._limits.answer_s * NS else None
        quiet_ns = now_ns - self.heard[1]
        limit_ns = STALE_NS if self._ongoing else self._limits.silence_s * NS
        over = quiet_ns >= limit_ns
        return "answered" if over or waited_ns >= LONGEST_NS else None
