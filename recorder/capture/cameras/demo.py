"""A camera where there is none: colour bars, a moving block and a white flash once a second.

The flash frame's timestamp is a whole second of the boot clock, where the demo microphone beeps.
"""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recorder.capture.units import NS
from recorder.clock import boot_ns
from recorder.config import CameraSettings

_BARS = ((180, 128, 128), (168, 44, 136), (145, 147, 44), (133, 63, 52), (63, 193, 204),
         (51, 109, 212), (28, 212, 120), (16, 128, 128))  # fmt: skip

_LATE_FRAMES = 4


class DemoSource:
    """Frames on the grid of the boot clock; like a sensor it has room for a few that are late."""

    name = "demo"

    def __init__(self, settings: CameraSettings) -> None:
        self.width, self.height = settings.width, settings.height
        self._fps = settings.fps
        self._bars = self._paint()
        self._white = np.full_like(self._bars, 235)
        self._white[self.height :] = 128

    def _paint(self) -> NDArray[np.uint8]:
        height, width = self.height, self.width
        frame = np.empty((height * 3 // 2, width), np.uint8)
        columns = np.arange(width) * len(_BARS) // width
        frame[:height] = np.array([bar[0] for bar in _BARS], np.uint8)[columns]
        half = columns[::2]
        for plane, start in ((1, height), (2, height + height // 4)):
            row = np.array([bar[plane] for bar in _BARS], np.uint8)[half]
            frame[start : start + height // 4] = np.tile(row, 2)[np.newaxis]
        return frame

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """One frame a period, on time."""
        number = boot_ns() * self._fps // NS + 1
        block = max(8, self.height // 16)
        while not stop.is_set():
            ts_ns = number * NS // self._fps
            wait_s = (ts_ns - boot_ns()) / NS
            if wait_s > 0 and stop.wait(wait_s):
                return
            if number % self._fps == 0:
                yield ts_ns, self._white.copy()
            else:
                frame = self._bars.copy()
                x = number * 8 % (self.width - block)
                frame[block : 2 * block, x : x + block] = 235
                yield ts_ns, frame
            number = max(number + 1, boot_ns() * self._fps // NS - _LATE_FRAMES)

    def close(self) -> None:
        """Nothing to release."""
