"""Real picamera2 on libcamera's virtual camera: importing this makes it run here.

No Pi is needed: frame buffers come from memfds instead of a dma heap, the display module is a stub,
and the free-running pipeline gets a sensor's clock. SIGUSR1 halts that clock (a sensor that hangs)
or lets it go on; SIGUSR2 halts it, and stopping the camera never returns. Everything else is
picamera2 as it is.
"""

import mmap
import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import Any


class Absent(ModuleType):
    """A module of which only names are wanted."""

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return self


sys.modules.setdefault("pykms", Absent("pykms"))

import libcamera  # noqa: E402
import picamera2.picamera2  # noqa: E402
from picamera2 import Picamera2  # noqa: E402
from picamera2.allocators.allocator import Sync  # noqa: E402
from picamera2.allocators.dmaallocator import DmaAllocator  # noqa: E402

from tests.rigs.virtual_camera.scene import SeenRequest  # noqa: E402


class MemorySync(Sync):  # type: ignore[misc]
    """Hands out the mapping of a frame buffer; nothing has to be synchronised."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        self._mapped = allocator.mapped_buffers
        self._buffer = buffer

    def __enter__(self) -> Any:
        return self._mapped[self._buffer]

    def __exit__(self, *_: object) -> None:
        """The mapping lives as long as the buffer."""


class MemoryAllocator(DmaAllocator):  # type: ignore[misc]
    """DmaAllocator's books over memfds."""

    def __init__(self) -> None:
        self.sync = MemorySync
        self.dmaHeap = None
        self.mapped_buffers: dict[Any, Any] = {}
        self.mapped_buffers_used: dict[int, bool] = {}
        self.frame_buffers: dict[Any, Any] = {}
        self.open_fds: list[int] = []
        self.libcamera_fds: list[int] = []

    def allocate(self, libcamera_config: Any, _: Any) -> None:
        """NV12: two planes in one memfd for each buffer."""
        self.libcamera_fds = []
        self.cleanup()
        for fd in self.open_fds:
            os.close(fd)
        self.frame_buffers, self.open_fds = {}, []
        for config in libcamera_config:
            buffers = []
            for number in range(config.buffer_count):
                fd = os.memfd_create(f"picamera2-{number}")
                os.ftruncate(fd, config.frame_size)
                self.open_fds.append(fd)
                luma = config.stride * config.size.height
                planes = []
                for offset, length in ((0, luma), (luma, config.frame_size - luma)):
                    plane = libcamera.FrameBuffer.Plane()
                    plane.fd, plane.offset, plane.length = fd, offset, length
                    planes.append(plane)
                buffer = libcamera.FrameBuffer(planes)
                own = buffer.planes[0].fd
                self.libcamera_fds.append(own)
                self.mapped_buffers_used[own] = False
                self.mapped_buffers[buffer] = mmap.mmap(fd, config.frame_size)
                buffers.append(buffer)
            self.frame_buffers[config.stream] = buffers


class SensorClock:
    """Hands requests to libcamera one a period."""

    def __init__(self, fps: int) -> None:
        self._period_s = 1 / fps
        self.never_stops = False
        self._queue: list[tuple[Any, Any]] = []
        self._lock = threading.Lock()
        self._running = threading.Event()
        self._running.set()
        self._hand = libcamera.Camera.queue_request
        halt = libcamera.Camera.stop

        def queue_request(camera: Any, request: Any) -> None:
            with self._lock:
                self._queue.append((camera, request))

        def stop(camera: Any) -> Any:
            if self.never_stops:
                threading.Event().wait()
            with self._lock:
                self._queue.clear()
            return halt(camera)

        libcamera.Camera.queue_request, libcamera.Camera.stop = queue_request, stop
        threading.Thread(target=self._run, daemon=True).start()

    def toggle(self, *_: object) -> None:
        """Halt, or go on."""
        if self._running.is_set():
            self._running.clear()
        else:
            self._running.set()

    def keep(self, *_: object) -> None:
        """Halt, and never let the camera be stopped."""
        self.never_stops = True
        self._running.clear()

    def _run(self) -> None:
        due = time.monotonic()
        while True:
            self._running.wait()
            # What is late is left out: no sensor gives two frames at once.
            late = max(0, int((time.monotonic() - due) / self._period_s))
            due += self._period_s * (late + 1)
            time.sleep(max(0.0, due - time.monotonic()))
            with self._lock:
                if self._queue:
                    self._hand(*self._queue.pop(0))


picamera2.picamera2.DmaAllocator = MemoryAllocator
picamera2.picamera2.CompletedRequest = SeenRequest
Picamera2._get_raw_modes = lambda self: [{"format": "SRGGB10_CSI2P", "size": (1920, 1080)}]
FORMAT = "NV12"  # the only one that the virtual pipeline has
_clock = SensorClock(30)
signal.signal(signal.SIGUSR1, _clock.toggle)
signal.signal(signal.SIGUSR2, _clock.keep)
