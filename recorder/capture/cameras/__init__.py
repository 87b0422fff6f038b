"""Cameras behind one protocol; which one is used is a line in the config.

A camera is opened by its constructor (``CameraError`` where that fails) and gives units from
``run``, on the calling thread, until ``stop`` is set. A camera that fails raises; it is opened
anew by whoever runs it.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.capture.codecs import VideoEncoder
from recorder.capture.look import look
from recorder.capture.messages import Overlay
from recorder.capture.overlay import Burner
from recorder.capture.units import NS, Unit, video_tick
from recorder.config import CameraSettings

STANDS_STILL = "its frames come, but their time does not advance"


class CameraError(Exception):
    """The camera cannot be opened, or has failed; the text is for the technician."""


class Camera(Protocol):
    """What the pipeline knows of a camera."""

    name: str
    encoder: str
    period_ns: int

    @property
    def sensor_ns(self) -> int | None:
        """Sensor timestamp of the newest frame that went into the encoder."""
        ...

    @property
    def given(self) -> int:
        """How many frames went into the encoder so far."""
        ...

    @property
    def overlay_error(self) -> str:
        """Why nothing is burned in; empty while all is well."""
        ...

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """Emit units in order of their sensor timestamps until ``stop``."""
        ...

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


class Source(Protocol):
    """A camera that gives raw frames: planar I420, (height * 3 / 2, width), writable."""

    name: str
    width: int
    height: int

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """(timestamp on the boot clock in ns, frame)."""
        ...

    def close(self) -> None:
        """Release the device."""
        ...


class RawCamera:
    """A source with overlay and software encoder behind it."""

    def __init__(
        self, source: Source, settings: CameraSettings, fragment_ms: int, overlay: Overlay
    ) -> None:
        self._source = source
        self.sensor_ns: int | None = None
        self.given = 0
        self._fps = settings.fps
        self.name = source.name
        self.encoder = VideoEncoder.name
        self.period_ns = NS // settings.fps
        self._burner = Burner(source.width, source.height, overlay)
        self._encoder = VideoEncoder(
            source.width, source.height, settings.fps, settings.bitrate_kbps, fragment_ms
        )

    @property
    def overlay_error(self) -> str:
        """Why nothing is burned in."""
        return self._burner.error

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """Overlay and encode every frame that is later than the one before.

        The others are left out while that costs nothing: an encoded frame cannot be. CameraError
        where nothing else comes for about a second.
        """
        height = self._source.height
        last_tick = -1
        stale = 0
        for ts_ns, yuv in self._source.frames(stop):
            tick = video_tick(ts_ns)
            if tick <= last_tick:
                stale += 1
                if stale > self._fps:
                    raise CameraError(STANDS_STILL)
                continue
            last_tick, stale = tick, 0
            luma = yuv[:height]
            seen = look(luma)
            self._burner.burn(luma)
            self.sensor_ns, self.given = ts_ns, self.given + 1
            for unit in self._encoder.encode(yuv, ts_ns, seen):
                emit(unit)

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._burner.show(overlay)

    def close(self) -> None:
        """Release the source."""
        self._source.close()


def make(settings: CameraSettings, fragment_ms: int, overlay: Overlay, *, software: bool) -> Camera:
    """Open the configured camera. CameraError where it does not open."""
    match settings.kind:
        case "demo":
            from recorder.capture.cameras.demo import DemoSource

            return RawCamera(DemoSource(settings), settings, fragment_ms, overlay)
        case "file":
            from recorder.capture.cameras.file import FileSource

            return RawCamera(FileSource(settings), settings, fragment_ms, overlay)
        case "v4l2":
            from recorder.capture.cameras.v4l2 import V4l2Source

            return RawCamera(V4l2Source(settings), settings, fragment_ms, overlay)
        case "picamera2":
            from recorder.capture.cameras.picamera2 import PiCamera

            return PiCamera(settings, fragment_ms, overlay, software=software)
        case _:
            raise CameraError("no camera is configured")
