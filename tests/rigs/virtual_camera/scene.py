"""What the virtual sensor sees, and a list of the frames that it delivered.

RIG_NOISE: so much noise, other in each frame, lies over the moving bars, so that the encoder has as
much to do as in the street. RIG_FRAMES: a file that gets each frame's timestamp, 8 bytes in ns, as
soon as libcamera has it, before picamera2 hands it to anybody.
"""

import os
from pathlib import Path
from typing import Any

import libcamera
import numpy as np
from picamera2.request import CompletedRequest

_STRIPE = 15_360
"""Of all sizes in use a divisor."""
_NOISE = int(os.environ.get("RIG_NOISE", "0"))
_FRAMES = os.environ.get("RIG_FRAMES", "")


class SeenRequest(CompletedRequest):  # type: ignore[misc]
    """A frame of this scene."""

    _dice = np.random.default_rng(1)
    _grain = _dice.integers(0, max(_NOISE, 1), 2 * _STRIPE, np.uint8)
    _list = Path(_FRAMES).open("ab", buffering=0) if _FRAMES else None

    def __init__(self, request: Any, camera: Any) -> None:
        super().__init__(request, camera)
        for buffer in request.buffers.values():
            if buffer.metadata.status != libcamera.FrameMetadata.Status.Success:
                continue
            if _NOISE:
                self._shake(camera.allocator.mapped_buffers[buffer])
            if self._list is not None:
                taken_ns = int(request.metadata[libcamera.controls.SensorTimestamp])
                self._list.write(taken_ns.to_bytes(8, "little"))

    def _shake(self, mapped: Any) -> None:
        stripes = np.frombuffer(mapped, np.uint8, len(mapped) * 2 // 3).reshape(-1, _STRIPE)
        at = int(self._dice.integers(_STRIPE))
        np.add(stripes, self._grain[at : at + _STRIPE], out=stripes)
