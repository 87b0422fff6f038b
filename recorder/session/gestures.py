"""What a button's edges mean: press, short, double, long. Pure; times are boot-clock ns."""

from enum import StrEnum

import msgspec

from recorder.config import Recording


class Gesture(StrEnum):
    """PRESS comes at once on the way down, the others when they are certain."""

    PRESS = "press"
    SHORT = "short"
    DOUBLE = "double"
    LONG = "long"


class Seen(msgspec.Struct, frozen=True):
    """A gesture whose (first) press went down at ``down_ns``."""

    gesture: Gesture
    down_ns: int


class Recogniser:
    """One button. ``edge`` and ``tick`` return what became certain."""

    def __init__(self, settings: Recording, bounce_ms: int) -> None:
        self._double_ns = settings.double_press_ms * 1_000_000
        self._long_ns = settings.long_press_ms * 1_000_000
        self._bounce_ns = bounce_ms * 1_000_000
        self._level = False
        self._down_ns: int | None = None
        self._edge_ns: int | None = None
        self._first_ns: int | None = None
        self._up_ns = 0
        self._long_told = False

    def edge(self, down: bool, at_ns: int) -> list[Seen]:
        """The contact closed or opened. Down counts at once after a quiet bounce time; up, and
        down in chatter, once it has stood for one (``tick``), with the time of its edge."""
        out = self.tick(at_ns)
        if down == self._level:
            return out
        self._level = down
        last_ns, self._edge_ns = self._edge_ns, at_ns
        quiet = last_ns is None or at_ns - last_ns >= self._bounce_ns
        if down and quiet and self._down_ns is None:
            out += self._accept(down, at_ns)
        return out

    def _accept(self, down: bool, at_ns: int) -> list[Seen]:
        if down == (self._down_ns is not None):
            return []
        if down:
            self._down_ns = at_ns
            self._long_told = False
            return [Seen(Gesture.PRESS, at_ns)]
        began_ns, self._down_ns = self._down_ns, None
        assert began_ns is not None
        if self._long_told:
            self._first_ns = None
            return []
        if self._first_ns is not None:
            first, self._first_ns = self._first_ns, None
            return [Seen(Gesture.DOUBLE, first)]
        self._first_ns = began_ns
        self._up_ns = at_ns
        return []

    def tick(self, now_ns: int) -> list[Seen]:
        """Time passes: a level has stood, a press becomes long, a single one short."""
        out: list[Seen] = []
        edge_ns = self._edge_ns
        if edge_ns is not None and now_ns - edge_ns >= self._bounce_ns:
            out += self._accept(self._level, edge_ns)
        if self._down_ns is not None:
            if self._level and not self._long_told and now_ns - self._down_ns >= self._long_ns:
                self._long_told = True
                if self._first_ns is not None:
                    out.append(Seen(Gesture.SHORT, self._first_ns))
                    self._first_ns = None
                out.append(Seen(Gesture.LONG, self._down_ns))
        elif self._first_ns is not None and now_ns - self._up_ns >= self._double_ns:
            out.append(Seen(Gesture.SHORT, self._first_ns))
            self._first_ns = None
        return out
