"""The Pi's camera through picamera2: hardware H.264 where the board has it, x264 where not.

Frames carry the sensor's own timestamp, which libcamera takes from CLOCK_BOOTTIME. Encoder and
output run inside picamera2's threads, so nothing slow and nothing that may raise happens there.
"""

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from recorder.capture.cameras import CameraError
from recorder.capture.look import look
from recorder.capture.messages import Overlay
from recorder.capture.overlay import Burner
from recorder.capture.units import NS, Look, Unit
from recorder.config import CameraSettings

_FRAME_WAIT_S = 2.0
_HARDWARE = "/dev/video11"
"""The bcm2835 codec's encoder node: Pi 4 and older. A Pi 5 has none."""


class PiCamera:
    """One camera, configured for a fixed frame duration."""

    def __init__(
        self, settings: CameraSettings, fragment_ms: int, overlay: Overlay, *, software: bool
    ) -> None:
        try:
            from picamera2 import Picamera2
        except ImportError as error:
            raise CameraError(f"picamera2 is not installed: {error}") from error
        self.period_ns = NS // settings.fps
        self._height = settings.height
        hardware = settings.encoder != "software" and not software and os.path.exists(_HARDWARE)
        self._queue: queue.Queue[Unit] = queue.Queue(maxsize=settings.fps * 4)
        self._burner = Burner(settings.width, settings.height, overlay)
        self._look: Look | None = None
        self._failed = ""
        try:
            self._camera: Any = Picamera2()
            period_us = self.period_ns // 1000
            kinds = {"format": "YUV420", "size": (settings.width, settings.height)}
            config = self._camera.create_video_configuration(
                main=kinds,
                controls={"FrameDurationLimits": (period_us, period_us)},
                buffer_count=4,
            )
            self._camera.configure(config)
        except (RuntimeError, IndexError, OSError) as error:
            raise CameraError(f"the camera does not open: {error}") from error
        self.name = f"picamera2 {self._camera.camera_properties.get('Model', '')}".strip()
        self._camera.pre_callback = self._before
        gop = max(1, settings.fps * fragment_ms // 1000)
        self._encoder = self._make_encoder(settings, gop, hardware)
        self.encoder = "h264_v4l2m2m (hardware)" if hardware else "libx264 (picamera2)"

    def _make_encoder(self, settings: CameraSettings, gop: int, hardware: bool) -> Any:
        from picamera2.encoders import H264Encoder, LibavH264Encoder
        from picamera2.outputs import Output

        camera = self

        class Hand(Output):  # type: ignore[misc]
            """Hands encoded frames over; it must neither block nor raise."""

            def outputframe(
                self,
                frame: Any,
                keyframe: bool = True,
                timestamp: Any = None,
                packet: Any = None,
                audio: bool = False,
            ) -> None:
                camera._take(bytes(frame), bool(keyframe), timestamp)

        bitrate = settings.bitrate_kbps * 1000
        if hardware:
            encoder = H264Encoder(bitrate=bitrate, repeat=True, iperiod=gop)
        else:
            encoder = LibavH264Encoder(bitrate=bitrate, repeat=True, iperiod=gop)
            encoder.preset, encoder.drop_final_frames = "ultrafast", False
        encoder.output = Hand()
        return encoder

    def _before(self, request: Any) -> None:
        """In picamera2's thread, before the encoder sees the frame."""
        from picamera2 import MappedArray

        with MappedArray(request, "main") as mapped:
            luma = mapped.array[: self._height]
            if luma.ndim == 3:
                luma = luma[:, :, 0]
            self._look = look(luma)
            self._burner.burn(luma)

    def _take(self, data: bytes, key: bool, timestamp_us: int | None) -> None:
        if timestamp_us is None:
            self._failed = "a frame without a timestamp"
            return
        # picamera2 counts from the encoder's first frame, whose sensor time it keeps.
        ts_ns = (self._encoder.firsttimestamp + timestamp_us) * 1000
        try:
            self._queue.put_nowait(Unit(data, ts_ns, key, self._look))
        except queue.Full:
            self._failed = "nobody takes the frames"

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """Start the camera and hand its frames on."""
        self._camera.start_encoder(self._encoder)
        self._camera.start()
        while not stop.is_set():
            if self._failed:
                raise CameraError(self._failed)
            try:
                unit = self._queue.get(timeout=_FRAME_WAIT_S)
            except queue.Empty:
                raise CameraError(f"no frame for {_FRAME_WAIT_S:.0f} s") from None
            emit(unit)

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._burner.show(overlay)

    def close(self) -> None:
        """Ask picamera2 to stop; it may never return, so not on this thread."""
        threading.Thread(target=self._camera.close, name="camera-close", daemon=True).start()
