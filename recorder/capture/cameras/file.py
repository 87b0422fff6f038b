"""A video file played in real time, over and over: a camera for tests with real pictures."""

import threading
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from recorder.capture.cameras import CameraError
from recorder.capture.units import NS
from recorder.clock import boot_ns
from recorder.config import CameraSettings

_LATE_FRAMES = 4


class FileSource:
    """Each frame is stamped when it is due."""

    def __init__(self, settings: CameraSettings) -> None:
        self.name = f"file {settings.source.rpartition('/')[2]}"
        self.width, self.height = settings.width, settings.height
        self._path = settings.source
        self._fps = settings.fps
        self._open().close()

    def _open(self) -> Any:
        try:
            container = av.open(self._path)
        except (OSError, av.FFmpegError) as error:
            raise CameraError(f"{self._path}: {error}") from error
        if not container.streams.video:
            container.close()
            raise CameraError(f"{self._path}: no picture in it")
        return container

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames at the configured rate."""
        number = boot_ns() * self._fps // NS + 1
        while not stop.is_set():
            with self._open() as container:
                for frame in container.decode(video=0):
                    ts_ns = number * NS // self._fps
                    wait_s = (ts_ns - boot_ns()) / NS
                    if wait_s > 0 and stop.wait(wait_s):
                        return
                    scaled = frame.reformat(self.width, self.height, "yuv420p")
                    yield ts_ns, scaled.to_ndarray()
                    number = max(number + 1, boot_ns() * self._fps // NS - _LATE_FRAMES)

    def close(self) -> None:
        """Nothing stays open."""
