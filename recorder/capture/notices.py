"""Tells faults of the parts once when they begin and once when they end; never in between."""

import threading
from collections.abc import Callable
from typing import Literal

from recorder.capture.messages import Fault
from recorder.clock import boot_ns

Part = Literal["camera", "lens", "encoder", "microphone", "overlay"]
_DETAIL = 300
_MILD = frozenset({"silent"})
"""What still works in a way: that it is lost altogether is told beside it."""


class Hung(Exception):
    """A part hangs so that only a new process helps; the text is for the technician."""

    def __init__(self, part: Part, problem: str) -> None:
        super().__init__(problem)
        self.part: Part = part


class Notices:
    """Called from every thread."""

    def __init__(self, tell: Callable[[Fault], None]) -> None:
        self._tell = tell
        self._down: dict[str, str] = {}
        self._lock = threading.Lock()

    def down(self, part: Part, code: str, detail: str) -> None:
        """A part went down; while it is down nothing more is told of it."""
        with self._lock:
            known = self._down.get(part)
            if known is not None and (known not in _MILD or code == known):
                return
            self._down[part] = code
        self._tell(Fault(boot_ns(), part, code, detail[:_DETAIL]))

    def works(self, part: Part, *, after: tuple[str, ...]) -> None:
        """A part works again, which ends a fault with one of the codes ``after``."""
        if part not in self._down:
            return
        with self._lock:
            code = self._down.get(part)
            if code not in after:
                return
            del self._down[part]
        self._tell(Fault(boot_ns(), part, code, "", over=True))
