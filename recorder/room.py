"""When room is given back: it is needed, and recordings are there that may go; the oldest first.

Owned by the supervisor's loop. What may go is the child's word (storing.py); freeing.py judges each
one again before anything of it is touched.
"""

import sys
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from recorder.checks.probe import bytes_per_s
from recorder.clock import NS
from recorder.session.phrases import Phrase
from recorder.session.states import Effect, State

if TYPE_CHECKING:
    from recorder.app import App

PAUSE_NS = 600 * NS
"""A card that refused to give room back is left alone for so long."""
_NOT_IN = frozenset({State.STARTING, State.FAILED})


class Room:
    """One recording at a time, in steps that hold up no press."""

    def __init__(self, app: "App") -> None:
        self._app = app
        self._may_go: deque[str] = deque()
        self._to_finish: deque[str] = deque()
        self._busy = True  # until what an earlier life left is known
        self._news = self._unmeasured = False
        self._free_bytes: int | None = None
        self._not_before_ns = 0

    def begin(self) -> None:
        """The spool is there: finish what an earlier life began."""
        self._app.archive.unfreed(self._left_over)

    def _left_over(self, names: list[str]) -> None:
        self._to_finish.extend(names)
        self._sweep()

    def may_go(self, names: tuple[str, ...]) -> None:
        """These were read back twice, and their hold is over; oldest first."""
        self._may_go = deque(names)

    @property
    def making(self) -> bool:
        """Room is needed, and there will be some, or is since it was measured last."""
        waits = bool(self._may_go) and not self._paused
        return self._needed and (self._busy or self._unmeasured or waits)

    @property
    def _paused(self) -> bool:
        return self._app.event_ns < self._not_before_ns

    @property
    def _needed(self) -> bool:
        if self._free_bytes is None:
            return False
        settings = self._app.settings
        minutes = max(settings.freeing.below_min, settings.checks.storage_block_min + 1)
        return self._free_bytes < minutes * 60 * bytes_per_s(settings)

    def measured(self, free_bytes: int | None) -> None:
        """The room on the card, once a second."""
        self._free_bytes, self._unmeasured = free_bytes, False
        app = self._app
        if self._busy or app.leaving or app.session.state in _NOT_IN:
            return
        if self._to_finish and not self._paused:
            self._free(self._to_finish.popleft())
        elif self._needed and self._may_go and not self._paused:
            self._free(self._may_go.popleft())
        else:
            if self._news:
                self._news = False
                app.storing.look()
            if app.session.state is State.UNFIT:
                app.effects.run(Effect.NEXT)  # a press that waited for room that does not come

    def _free(self, name: str) -> None:
        self._busy = True
        self._app.archive.free(name, self._taken("free", self._moved))

    def _moved(self, done: bool) -> None:
        if done:
            self._news = self._unmeasured = True
            self._sweep()
        else:
            self._busy = False

    def _sweep(self) -> None:
        self._busy = True
        self._app.archive.sweep(self._taken("sweep", self._swept))

    def _swept(self, done: bool) -> None:
        if done:
            self._busy = False
        else:
            self._sweep()

    def _taken(self, what: str, then: Callable[[bool], None]) -> Callable[[Any], None]:
        """``then`` where the card did it; what it refused is told, and tried again later."""

        def heard(result: bool | OSError) -> None:
            if isinstance(result, OSError):
                self._busy = False
                self._not_before_ns = self._app.event_ns + PAUSE_NS
                print(f"recorder: {what}: {result}", file=sys.stderr, flush=True)
                self._app.fitness.warn(Phrase.STORAGE_FAULT, keep=True)
            else:
                then(result)

        return heard
