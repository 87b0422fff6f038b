"""The encoders: x264 for cameras that give raw frames, AAC for sound. Through PyAV."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from recorder.capture.units import AUDIO_SCALE, NS, VIDEO_SCALE, Look, Sound, Unit, video_tick

Luma = NDArray[np.uint8]
BLOCK = 1024


class VideoEncoder:
    """x264, no B-frames, no look-ahead; a keyframe whenever a fragment is full."""

    name = "libx264 ultrafast"

    def __init__(
        self, width: int, height: int, fps: int, bitrate_kbps: int, fragment_ms: int
    ) -> None:
        context: Any = av.CodecContext.create("libx264", "w")
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, VIDEO_SCALE)
        context.framerate = Fraction(fps, 1)
        context.gop_size = 100_000
        context.max_b_frames = 0
        context.bit_rate = bitrate_kbps * 1000
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "sc_threshold": "0",
            "forced-idr": "1",
            "maxrate": f"{bitrate_kbps}k",
            "bufsize": f"{bitrate_kbps}k",
        }
        self._context = context
        self._size = (height, width)
        self._fragment_ns = fragment_ms * 1_000_000
        self._slack_ns = NS // fps // 2
        self._key_ns: int | None = None

    def encode(self, yuv: Luma, ts_ns: int, look: Look | None) -> list[Unit]:
        """``yuv`` is planar I420, (height * 3 / 2, width), with the overlay burned in."""
        frame: Any = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
        frame.pts = video_tick(ts_ns)
        frame.time_base = Fraction(1, VIDEO_SCALE)
        if self._key_ns is None or ts_ns - self._key_ns >= self._fragment_ns - self._slack_ns:
            frame.pict_type = 1
            self._key_ns = ts_ns
        return [
            Unit(bytes(packet), ts_ns, bool(packet.is_keyframe), look)
            for packet in self._context.encode(frame)
        ]


class SoundEncoder:
    """AAC-LC, 48 kHz mono. Fed with samples in any portion, on an unbroken grid of ticks."""

    def __init__(self, bitrate_kbps: int) -> None:
        context: Any = av.CodecContext.create("aac", "w")
        context.sample_rate = AUDIO_SCALE
        context.layout = "mono"
        context.format = "fltp"
        context.bit_rate = bitrate_kbps * 1000
        context.time_base = Fraction(1, AUDIO_SCALE)
        self._context = context
        self._waiting: NDArray[np.float32] = np.zeros(0, np.float32)
        self._tick: int | None = None
        self._hole_ns = 0

    def encode(self, samples: NDArray[np.float32], tick: int, hole_ns: int = 0) -> list[Sound]:
        """``tick`` is the first sample's; the caller keeps ticks unbroken."""
        if self._tick is None:
            self._tick = tick
        self._hole_ns = max(self._hole_ns, hole_ns)
        self._waiting = np.concatenate((self._waiting, samples))
        out: list[Sound] = []
        while len(self._waiting) >= BLOCK:
            block, self._waiting = self._waiting[:BLOCK], self._waiting[BLOCK:]
            frame: Any = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block[np.newaxis]), format="fltp", layout="mono"
            )
            frame.sample_rate = AUDIO_SCALE
            frame.pts = self._tick
            frame.time_base = Fraction(1, AUDIO_SCALE)
            silent = not block.any()
            self._tick += BLOCK
            for packet in self._context.encode(frame):
                out.append(Sound(bytes(packet), packet.pts, BLOCK, silent, self._hole_ns))
                self._hole_ns = 0
        return out
