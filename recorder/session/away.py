"""Whether officer and device are away (Art. 17), and whether the store's contact is a return. Pure.

Whoever declares it at the dock has not left yet: contact that goes on is no return. The first one
after the store was out of reach, or after a quarter of an hour without word of it, is.
"""

from recorder.clock import NS

CONTACT_NS = 15 * 60 * NS
"""Three times as long as sync waits between two looks at its store."""


class Away:
    """``line`` is the ledger's line that declared it; None: not away."""

    def __init__(self, line: int | None = None) -> None:
        self.line = line
        self._reached_ns: int | None = None
        self._left = True

    def begin(self, line: int, now_ns: int) -> None:
        """Declared, durably."""
        self.line = line
        self._left = not self._in_contact(now_ns)

    def end(self) -> None:
        """Back."""
        self.line = None

    def gone(self) -> None:
        """Sync looked for its store and did not find it."""
        self._reached_ns = None
        self._left = True

    def reached(self, now_ns: int) -> bool:
        """Sync has its store. True: that is a return that nobody declared, told until ``end``."""
        self._left = self._left or not self._in_contact(now_ns)
        returned = self.line is not None and self._left
        self._reached_ns = now_ns
        return returned

    def _in_contact(self, now_ns: int) -> bool:
        return self._reached_ns is not None and now_ns - self._reached_ns < CONTACT_NS
