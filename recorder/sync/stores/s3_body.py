"""What a PUT to an S3 store sends, and how long bytes may take. Sends nothing itself."""

import hashlib
import threading
from collections.abc import Callable

from recorder.clock import NS, Clock
from recorder.errors import RecorderError
from recorder.sync.stores import Moved, Source, SourceError, read_source
from recorder.sync.stores.s3_refusals import busy

_SLOWEST_BYTES_PER_S = 10_000
_PIECE = 256 * 1024


def deadline_ns(clock: Clock, timeout_s: float, size_bytes: int) -> int:
    """When so many bytes must be through, on the boot clock."""
    return clock.boot_ns() + round((timeout_s + size_bytes / _SLOWEST_BYTES_PER_S) * NS)


class Turn:
    """Whose file is being sent: the next one's turn comes when this one's last byte has left.

    So of several threads' files only one is ever half sent, and no store waits for its answer.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._mine = False

    def __enter__(self) -> "Turn":
        self._mine = self._lock.acquire()
        return self

    def over(self) -> None:
        """All is sent, or nothing more will be."""
        if self._mine:
            self._mine = False
            self._lock.release()

    def __exit__(self, *_: object) -> None:
        self.over()


class Body:
    """What a PUT sends: a source that must be as signed for, or the PUT is broken off.

    The last piece leaves only after the whole digest was right, so that a store which checks
    nothing gets a whole file or none. ``sent`` hears when it has left; ``failure`` is why reading
    ended early.
    """

    def __init__(
        self, source: Source, size_bytes: int, sha256: str, moved: Moved, sent: Callable[[], None],
        clock: Clock, timeout_s: float,
    ) -> None:  # fmt: skip
        self._source, self._size, self._sha256, self._moved = source, size_bytes, sha256, moved
        self._sent = sent
        self._clock = clock
        self._until_ns = deadline_ns(clock, timeout_s, size_bytes)
        self._digest = hashlib.sha256()
        self._count = 0
        self._buffer = bytearray(min(_PIECE, size_bytes + 1))
        self.failure: RecorderError | None = None

    def __len__(self) -> int:
        return self._size

    def read(self, _: int = -1) -> memoryview:
        """The next piece, valid until the one after it; larger than asked for, because http.client
        sends whatever it gets."""
        if self._count == self._size > 0:
            self._sent()
            return memoryview(b"")
        try:
            return self._next()
        except RecorderError as error:
            self.failure = error
            raise

    def _next(self) -> memoryview:
        if self._clock.boot_ns() > self._until_ns:
            raise busy("it takes the file too slowly", "")
        view = memoryview(self._buffer)
        filled = read_source(self._source, view)
        self._digest.update(view[:filled])
        self._count += filled
        ended = self._count >= self._size or not filled
        if ended and not self._right():
            raise SourceError(
                "source-differs", "it is not the file that was signed for",
                where=str(getattr(self._source, "name", "")),
                remedy="Run `recorder verify` on the recording; the device's card may be failing",
            )  # fmt: skip
        self._moved(filled)
        return view[:filled]

    def _right(self) -> bool:
        return (
            self._count == self._size
            and not read_source(self._source, memoryview(bytearray(1)))
            and self._digest.hexdigest() == self._sha256
        )
