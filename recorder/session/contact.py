"""Whether a button can be believed: one that is down for longer than a finger holds it is stuck or
wired the wrong way. Pure; times are boot-clock ns."""

from enum import StrEnum

from recorder.clock import NS

HELD_NS = 10 * NS
"""The longest gesture takes 5 s at most; nobody holds a button for so long."""
OPEN_NS = 5 * NS
"""So long a button that was told must be up before it counts again: one that is wired the wrong way
is up only under a finger."""
START_OPEN_NS = NS
"""The same for one that was down at the start, and may only have had a finger on it."""


class Found(StrEnum):
    """What is told of a button, once."""

    HELD = "held"
    CLOSED = "closed"
    FREE = "free"


class Contact:
    """One button. An edge that does not count must not reach the gestures."""

    def __init__(self) -> None:
        self._down = False
        self._since_ns = 0
        self._at_start = False
        self._deaf = False
        self._told = False

    def edge(self, down: bool, at_ns: int, *, at_start: bool = False) -> bool:
        """Whether it counts. ``at_start``: it was down from the first look on, which is no press.

        Up always counts: it means nothing to gestures that know of no down.
        """
        if down is not self._down:
            self._down, self._since_ns = down, at_ns
        if at_start:
            self._at_start = self._deaf = True
        return not (down and self._deaf)

    def tick(self, now_ns: int) -> Found | None:
        """Time passes: what has become certain of it."""
        so_ns = now_ns - self._since_ns
        if self._down:
            if self._told or so_ns < HELD_NS:
                return None
            self._told = self._deaf = True
            return Found.CLOSED if self._at_start else Found.HELD
        if not self._deaf or so_ns < (OPEN_NS if self._told else START_OPEN_NS):
            return None
        told, self._told = self._told, False
        self._deaf = self._at_start = False
        return Found.FREE if told else None
