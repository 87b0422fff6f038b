"""The one thread that touches the spool, so that a stalled card holds up nothing else.

Jobs run in the order in which they were handed in; fragments that pile up behind a slow sync
are written as one batch. Results come back to the supervisor's loop by ``emit``.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from recorder.capture.messages import Fragment, Init
from recorder.clock import NS, Clock
from recorder.errors import RecorderError
from recorder.ring import Piece

_SLOW_NS = 1 * NS

Batch = list[tuple[Init, bytes, Fragment, bytes]]


class Writer(Protocol):
    """What takes fragments: an open recording's writer."""

    def fragments(self, batch: Batch) -> object:
        """Durable on return."""
        ...

    @property
    def waiting_from_ns(self) -> int | None:
        """Where the oldest fragment starts that was not written yet."""
        ...


class Done(msgspec.Struct, frozen=True):
    """A job finished; ``then`` is to be called on the loop with ``result``."""

    then: Callable[[Any], None]
    result: Any


class Failed(msgspec.Struct, frozen=True):
    """A job failed: ``what`` names it; fragments from ``from_ns`` on are not durable."""

    what: str
    error: OSError | RecorderError
    from_ns: int | None = None


class Faulted(msgspec.Struct, frozen=True):
    """A write failed and went elsewhere, or waits: nothing is lost so far. ``over``: it no longer
    waits."""

    code: str
    detail: str
    over: bool = False


class Slow(msgspec.Struct, frozen=True):
    """Fragments waited for the disk longer than 1 s."""

    waited_ns: int
    fragments: int


class Wrote(msgspec.Struct, frozen=True):
    """Fragments are durable again after some were not."""


class _Job(msgspec.Struct, frozen=True):
    what: str
    run: Callable[[], Any]
    then: Callable[[Any], None] | None


class _Fragment(msgspec.Struct, frozen=True):
    writer: Callable[[], Writer]
    piece: Piece
    since_ns: int
    live: bool


Emit = Callable[[Done | Failed | Faulted | Slow | Wrote], None]


class Disk:
    """Bounded by ``limit_bytes`` of waiting media."""

    def __init__(self, clock: Clock, emit: Emit, limit_bytes: int) -> None:
        self._clock = clock
        self._emit = emit
        self._limit_bytes = limit_bytes
        self._jobs: deque[_Job | _Fragment] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._failing = False
        self._busy_since_ns: int | None = None
        self.waiting_bytes = 0
        self._thread = threading.Thread(target=self._run, name="disk", daemon=True)
        self._thread.start()

    def submit(
        self, what: str, run: Callable[[], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        """Queue a job. ``then`` gets its result, on the loop."""
        with self._wake:
            self._jobs.append(_Job(what, run, then))
            self._wake.notify()

    def write(self, writer: Callable[[], Writer], piece: Piece, *, live: bool) -> bool:
        """Queue a fragment for the writer that then is open. False: the queue is full, not taken.

        ``live`` False is the ring's head, whose wait says nothing about the card.
        """
        with self._wake:
            if not self.has_room(piece):
                return False
            self.waiting_bytes += len(piece.media)
            self._jobs.append(_Fragment(writer, piece, self._clock.boot_ns(), live))
            self._wake.notify()
        return True

    def has_room(self, piece: Piece) -> bool:
        """The queue takes this fragment: only the loop adds to it, so ``write`` then does."""
        return self.waiting_bytes + len(piece.media) <= self._limit_bytes

    def told(self, code: str, detail: str, *, over: bool = False) -> None:
        """On the disk thread: a write failed, the job itself went on."""
        self._emit(Faulted(code, detail, over))

    def stalled_ns(self, now_ns: int) -> int:
        """For how long the card has not answered what it was asked last; 0 where nothing waits."""
        since_ns = self._busy_since_ns
        return 0 if since_ns is None else max(0, now_ns - since_ns)

    def close(self, timeout_s: float) -> bool:
        """Finish what is queued. False: the disk did not answer in time."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._jobs:
                    if self._closed:
                        return
                    self._wake.wait()
                first = self._jobs.popleft()
                batch = [first] if isinstance(first, _Fragment) else []
                while batch and self._jobs and isinstance(self._jobs[0], _Fragment):
                    batch.append(self._jobs.popleft())  # type: ignore[arg-type]
            self._busy_since_ns = self._clock.boot_ns()
            if isinstance(first, _Job):
                self._do(first)
            else:
                self._write(batch)
            self._busy_since_ns = None

    def _do(self, job: _Job) -> None:
        try:
            result = job.run()
        except (OSError, RecorderError) as error:
            self._emit(Failed(job.what, error))
            return
        if job.then is not None:
            self._emit(Done(job.then, result))

    def _write(self, batch: list[_Fragment]) -> None:
        writer: Writer | None = None
        try:
            writer = batch[0].writer()
            writer.fragments(
                [
                    (b.piece.stream.init, b.piece.stream.data, b.piece.fragment, b.piece.media)
                    for b in batch
                ]
            )
        except (OSError, RecorderError) as error:
            self._failing = True
            self._emit(Failed("fragment", error, writer.waiting_from_ns if writer else None))
        else:
            if self._failing:
                self._failing = False
                self._emit(Wrote())
        finally:
            with self._wake:
                self.waiting_bytes -= sum(len(b.piece.media) for b in batch)
        waits = [self._clock.boot_ns() - b.since_ns for b in batch if b.live]
        if waits and max(waits) > _SLOW_NS:
            self._emit(Slow(max(waits), len(waits)))
