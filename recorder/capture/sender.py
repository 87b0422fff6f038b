"""The only thread that writes to the pipe, so that a stalled supervisor stops no encoder.

Bounded: about ``queue_s`` seconds of fragments. A full queue drops the newest fragment, counts it
and says so; it never blocks the caller.
"""

import os
import threading
from collections import deque
from collections.abc import Callable

from recorder.capture.messages import Fault, Fragment, Message, pack
from recorder.clock import boot_ns


class Sender:
    """``gone`` is called when the supervisor's end of the pipe is closed."""

    def __init__(self, descriptor: int, limit_fragments: int, gone: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._limit = limit_fragments
        self._gone = gone
        self._queue: deque[tuple[Message, bytes]] = deque()
        self._wake = threading.Condition()
        self._closing = False
        self.fragments = 0
        self.bytes = 0
        self.dropped = 0
        self._full = False
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    def send(self, message: Message, payload: bytes = b"") -> None:
        """Queue a message; fragments are dropped when the queue is full, others never."""
        with self._wake:
            if isinstance(message, Fragment):
                if self.fragments >= self._limit:
                    self.dropped += 1
                    if not self._full:
                        self._full = True
                        fault = Fault(boot_ns(), "queue", "full", "the supervisor does not read")
                        self._queue.append((fault, b""))
                    return
                if self._full and self.fragments < self._limit // 2:
                    self._full = False
                    fault = Fault(boot_ns(), "queue", "full", f"{self.dropped} dropped", over=True)
                    self._queue.append((fault, b""))
                self.fragments += 1
            self.bytes += len(payload)
            self._queue.append((message, payload))
            self._wake.notify()

    def close(self, timeout_s: float) -> None:
        """Send what is queued, then end."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._queue:
                    if self._closing:
                        return
                    self._wake.wait()
                message, payload = self._queue[0]
            try:
                self._write(pack(message, payload))
                self._write(payload)
            except OSError:
                self._gone()
                return
            with self._wake:
                self._queue.popleft()
                self.bytes -= len(payload)
                if isinstance(message, Fragment):
                    self.fragments -= 1

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
