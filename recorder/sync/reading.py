"""A read-back that may take many runs: every byte of a stored bag fetched and compared.

How far it came is noted in sync's folder, so that a cut costs at most what a note covers. Writes
nothing into the store.
"""

import threading
from collections.abc import Callable, Sequence

import msgspec

from recorder.shapes import UNREADABLE
from recorder.sync import transfer
from recorder.sync.bag import BagFile
from recorder.sync.home import Home, replace
from recorder.sync.stores import Conflict, Lost, Moved, Store

_NOTE_BYTES = 64 * 1024 * 1024
_FILE = "reading.json"


class Read(msgspec.Struct, frozen=True):
    """Of the bag that ``receipt`` (a first receipt's digest) is about, so many files were read."""

    receipt: str
    files: int


class Reading:
    """One run's reading. ``left_bytes``: this run's share, the last file may go beyond it;
    ``between`` is called before each file: what is being recorded has its turn."""

    def __init__(
        self,
        store: Store,
        home: Home,
        stop: threading.Event,
        moved: Moved,
        share_bytes: int,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._path = home.path / _FILE
        self._stop = stop
        self._moved = moved
        self._between = between
        self.left_bytes = share_bytes
        self.files = self.size_bytes = 0
        """Fetched by this run, and as they must be."""

    def whole(self, base: str, files: Sequence[BagFile], receipt: str) -> bool:
        """Whether all of it is read now; False: this run's share is used up, or it is to stop.

        That a file is there and as long as it must be is seen before the first byte is fetched.
        Raises Lost where the store lacks a file, Conflict where it has other bytes or one more,
        StoreError.
        """
        self._all_there(base, files)
        done = noted = self._done(receipt)
        unnoted_bytes = 0
        try:
            for file in files[done:]:
                if self._stop.is_set() or self.left_bytes <= 0:
                    return False
                self._between()
                self.left_bytes -= file.size_bytes
                transfer.compare(
                    self._store, f"{base}/{file.name}", file, sent=False, moved=self._moved
                )
                done += 1
                self.files += 1
                self.size_bytes += file.size_bytes
                unnoted_bytes += file.size_bytes
                if unnoted_bytes >= _NOTE_BYTES:
                    self._note(receipt, done)
                    noted, unnoted_bytes = done, 0
        finally:
            if done > noted:
                self._note(receipt, done)
        transfer.nothing_foreign(self._store, base, files)
        return True

    def over(self) -> None:
        """It has its receipt."""
        self._path.unlink(missing_ok=True)

    def _all_there(self, base: str, files: Sequence[BagFile]) -> None:
        for file in files:
            key = f"{base}/{file.name}"
            stat = self._store.stat(key)
            if stat is None:
                raise Lost(key, "it was read back once and is not there now")
            if stat.size_bytes != file.size_bytes:
                raise Conflict("store-conflict", key, "it was read back once and has another size")

    def _done(self, receipt: str) -> int:
        try:
            read = msgspec.json.decode(self._path.read_bytes(), type=Read)
        except (OSError, *UNREADABLE):
            return 0  # it is only a shortcut
        return max(0, read.files) if read.receipt == receipt else 0

    def _note(self, receipt: str, files: int) -> None:
        replace(self._path, msgspec.json.encode(Read(receipt, files)) + b"\n")
