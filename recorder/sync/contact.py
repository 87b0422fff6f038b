"""Sync's word with the recorder: what the dock does, and whether a recording is open meanwhile.

Copies nothing, waits for nothing but an answer.
"""

import threading
from collections.abc import Callable
from pathlib import Path

from recorder.clock import NS, Clock
from recorder.errors import RecorderError
from recorder.evidence.chain import files
from recorder.spool import held

ASK_NS = NS // 2
STALLED_NS = 15 * NS
"""A card stalls for 4 to 7 s; nobody writes a recording that has not grown for so long."""

Dock = Callable[[str], bool]
"""Tell the recorder. True: a recording is open there.

``reached`` before anything is stored, ``filling`` where recordings are to be stored, ``alive`` now
and then; then ``done``, ``person`` (somebody must come) or ``later`` (tried again by itself).
``gone`` without a store, ``left`` when sync ends.
"""


class Contact:
    """Nobody there is no error: a dock without a recorder is as good.

    No ``dock``: nobody is told, and nobody can be in the way.
    """

    def __init__(
        self, dock: Dock | None, spool: Path, clock: Clock, note: Callable[[str], None]
    ) -> None:
        self._dock, self._spool, self._clock, self._note = dock, spool, clock, note
        self._lock = threading.Lock()
        self._asked_ns = self._grown_ns = 0
        self._open = False
        self._sizes: dict[str, int] = {}

    def tell(self, contact: str) -> None:
        """Tell the recorder."""
        if self._dock is None:
            return
        try:
            self._open = self._dock(contact)
        except RecorderError as unheard:
            if unheard.code != "not-running":
                self._note(f"the recorder was not told that its store is {contact}: {unheard}")

    def occupied(self) -> bool:
        """A recording is open, as of half a second ago at most: the card is the recorder's.

        Any thread may ask.
        """
        with self._lock:
            now_ns = self._clock.boot_ns()
            if not self._asked_ns or now_ns - self._asked_ns >= ASK_NS:
                self._asked_ns = now_ns
                self._open = self._ask(now_ns)
            return self._open

    def _ask(self, now_ns: int) -> bool:
        if self._dock is None:
            return False
        try:
            return self._dock("alive")
        except RecorderError:  # it is starting, hung or not there: the card tells
            return self._growing(now_ns)

    def _growing(self, now_ns: int) -> bool:
        """The spool has a recording that is not sealed and gets longer."""
        try:
            sizes = {
                recording.name: sum(
                    path.stat().st_size for path in files(recording.path / "data", "journal")
                )
                for recording in held(self._spool)
                if recording.state == "open"
            }
        except OSError:
            return False  # what cannot be read is told by the run itself
        if sizes != self._sizes:
            self._sizes, self._grown_ns = sizes, now_ns
        return bool(sizes) and now_ns - self._grown_ns < STALLED_NS
