"""How fast sync may go: within the bandwidth limit, and not at all while a recording is open."""

import threading
from collections.abc import Callable, Iterator
from enum import StrEnum

from recorder.clock import NS, Clock
from recorder.sync.stores import PIECE, Keep, Kept, Moved, Source, Stat, Store

CRAWL_KBPS = 1000
_TURN_S = 0.5
_LEAST = 16 * 1024


class Manner(StrEnum):
    """What becomes of a file that is under way when a recording begins. Nothing else begins."""

    STAND = "stand"
    """It stands still between two blocks, and goes on afterwards."""
    CRAWL = "crawl"
    """It goes on at a crawl: a PUT that stands still is broken off, and sent twice."""
    FINISH = "finish"
    """It is finished: the recording's own segments wait behind it. The caller asks ``held_up``
    before it begins another one."""


class Stopped(Exception):
    """Asked to stop; nothing is lost by it."""


class Pace:
    """``limit_kbps`` 0: none. ``occupied``: whether a recording is open. Several threads share it;
    so ``note`` is called on any of them."""

    def __init__(
        self,
        limit_kbps: int,
        occupied: Callable[[], bool],
        clock: Clock,
        stop: threading.Event,
        note: Callable[[str], None],
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self._limit, self._occupied, self._clock = limit_kbps, occupied, clock
        self._stop, self._note = stop, note
        self._sleep = sleep or stop.wait
        self._lock = threading.Lock()
        self._free_ns = 0
        self._giving_way = False

    def held_up(self) -> bool:
        """A recording is open, and half a second of it has been waited for.

        Stopped where the end is asked for meanwhile.
        """
        if not self._occupied():
            self._tell("the recording has ended: going on", giving_way=False)
            return False
        self._tell(
            "a recording is open on the device: what is sealed waits until it has ended, and goes "
            "on by itself; stopping sync meanwhile loses nothing", giving_way=True,
        )  # fmt: skip
        if self._stop.is_set():
            raise Stopped
        self._sleep(_TURN_S)
        return True

    def begin(self, manner: Manner) -> None:
        """Before a file."""
        if manner is not Manner.FINISH:
            self._hold()

    def next_block(self, manner: Manner) -> int:
        """Before a block, and its bytes: a quarter of a second's, so that a limit is no row of
        bursts."""
        if manner is Manner.STAND:
            self._hold()
        kbps = self._kbps(manner)
        return max(_LEAST, min(PIECE, kbps * 125 // 4)) if kbps else PIECE

    def take(self, size_bytes: int, manner: Manner) -> None:
        """Wait until so many bytes may have gone. What a pause left unused is not made up for."""
        kbps = self._kbps(manner)
        if not kbps or self._stop.is_set():
            return
        with self._lock:
            now_ns = self._clock.boot_ns()
            free_ns = max(self._free_ns, now_ns) + size_bytes * 8 * 1_000_000 // kbps
            self._free_ns = free_ns
        self._sleep((free_ns - now_ns) / NS)

    def _hold(self) -> None:
        while self.held_up():
            continue

    def _kbps(self, manner: Manner) -> int:
        if manner is Manner.CRAWL and self._occupied():
            return min(self._limit or CRAWL_KBPS, CRAWL_KBPS)
        return self._limit

    def _tell(self, text: str, *, giving_way: bool) -> None:
        with self._lock:
            news = giving_way is not self._giving_way
            self._giving_way = giving_way
        if news:
            self._note(text)


class PacedStore:
    """A store at that pace, whatever goes over: recordings, ledger, read-backs."""

    def __init__(self, store: Store, pace: Pace, manner: Manner) -> None:
        self._store, self._pace, self._manner = store, pace, manner

    @property
    def id(self) -> str:
        return self._store.id

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def lanes(self) -> int:
        return self._store.lanes

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        self._pace.begin(self._manner)
        paced = _PacedSource(source, self._pace, self._manner)
        self._store.put(key, paced, size_bytes, sha256, moved, keep)

    def read(self, key: str) -> Iterator[memoryview]:
        self._pace.begin(self._manner)
        for piece in self._store.read(key):
            self._pace.take(len(piece), self._manner)
            yield piece
            self._pace.next_block(self._manner)

    def stat(self, key: str) -> Stat | None:
        return self._store.stat(key)

    def assure(self, key: str, size_bytes: int, sha256: str, keep: Keep) -> Kept:
        return self._store.assure(key, size_bytes, sha256, keep)

    def list(self, prefix: str, limit: int) -> tuple[str, ...]:
        return self._store.list(prefix, limit)

    def flush(self) -> None:
        self._store.flush()

    def time_ns(self) -> int:
        return self._store.time_ns()

    def close(self) -> None:
        self._store.close()


class _PacedSource:
    """Gives a block at a time, when it may."""

    def __init__(self, source: Source, pace: Pace, manner: Manner) -> None:
        self._source, self._pace, self._manner = source, pace, manner
        self.name = getattr(source, "name", "")

    def readinto(self, buffer: memoryview, /) -> int | None:
        count = self._source.readinto(buffer[: self._pace.next_block(self._manner)])
        self._pace.take(count or 0, self._manner)
        return count
