"""A webcam through the kernel's V4L2 and FFmpeg's input device.

FFmpeg gives V4L2's monotonic timestamps; they are carried over to the boot clock by the smallest
distance seen between the two, which is the shortest delay of a frame.
"""

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


class V4l2Source:
    """Frames as the webcam gives them."""

    def __init__(self, settings: CameraSettings) -> None:
        device = settings.source or "/dev/video0"
        self.name = f"v4l2 {device}"
        self.width, self.height = settings.width, settings.height
        options = {
            "framerate": str(settings.fps),
            "video_size": f"{settings.width}x{settings.height}",
        }

        try:
            self._container: Any = av.open(device, format="v4l2", options=options, timeout=5.0)
        except (OSError, av.FFmpegError) as error:
            raise CameraError(f"{device}: {error}") from error

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Frames with their capture time."""
        offset_ns: int | None = None
        try:
            for frame in self._container.decode(video=0):
                if stop.is_set():
                    return
                own_ns = round(frame.pts * frame.time_base * NS)
                distance_ns = boot_ns() - own_ns
                offset_ns = distance_ns if offset_ns is None else min(offset_ns, distance_ns)
                scaled = frame.reformat(self.width, self.height, "yuv420p")
                yield own_ns + offset_ns, scaled.to_ndarray()
        except av.FFmpegError as error:
            raise CameraError(f"{self.name}: {error}") from error
        raise CameraError(f"{self.name}: the stream ended")

    def close(self) -> None:
        """Release the device."""
        self._container.close()
