"""The Pi's camera through picamera2: hardware H.264 where the board has it, x264 where not.

Frames carry the sensor's own timestamp, which libcamera takes from CLOCK_BOOTTIME. Encoder and
output run inside picamera2's threads, so nothing slow and nothing that may raise happens there.
"""

import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recorder.capture.cameras import CameraError
from recorder.capture.look import look
from recorder.capture.messages import Overlay
from recorder.capture.overlay import Burner
from recorder.capture.units import NS, Look, Unit
from recorder.config import CameraSettings

_FRAME_WAIT_S = 1.0
_FIRST_WAIT_S = 4.0
_ENCODER = "/dev/video11"
_BUFFERS = 4
"""More than five exhaust the contiguous memory of a Zero 2 W."""


class PiCamera:
    """One camera, configured for a fixed frame duration."""

    FORMAT = "YUV420"

    def __init__(
        self, settings: CameraSettings, fragment_ms: int, overlay: Overlay, *, software: bool
    ) -> None:
        try:
            from picamera2 import Picamera2
            from picamera2.platform import Platform, get_platform
        except ImportError as error:
            raise CameraError(f"picamera2 is not installed: {error}") from error
        self.period_ns = NS // settings.fps
        self._height, self._width = settings.height, settings.width
        # The Pi 5 has no encoder: picamera2 would take the software one there without a word.
        has_one = get_platform() == Platform.VC4 and Path(_ENCODER).exists()
        hardware = settings.encoder != "software" and not software and has_one
        self._queue: queue.Queue[Unit] = queue.Queue(maxsize=settings.fps * 4)
        self._burner = Burner(settings.width, settings.height, overlay)
        self._look: Look | None = None
        self._failed = ""
        self.sensor_ns: int | None = None
        self.given = 0
        try:
            self._camera: Any = Picamera2()
        except (RuntimeError, IndexError, OSError) as error:
            raise CameraError(f"the camera does not open: {error}") from error
        try:
            self._configure(settings)
        except (RuntimeError, OSError) as error:
            self._camera.close()
            raise CameraError(f"the camera does not take the settings: {error}") from error
        self.name = f"picamera2 {self._camera.camera_properties.get('Model', '')}".strip()
        self._camera.pre_callback = self._before
        gop = max(1, round(settings.fps * fragment_ms / 1000))
        self._encoder = self._make_encoder(settings, gop, hardware)
        self.encoder = "h264_v4l2m2m (hardware)" if hardware else "libx264 (picamera2)"

    def _configure(self, settings: CameraSettings) -> None:
        period_us = self.period_ns // 1000
        config = self._camera.create_video_configuration(
            main={"format": self.FORMAT, "size": (settings.width, settings.height)},
            controls={"FrameDurationLimits": (period_us, period_us)},
            buffer_count=_BUFFERS,
        )
        self._camera.configure(config)

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

        class Sliced(LibavH264Encoder):  # type: ignore[misc]
            """All cores work on one frame: as fast as picamera2's own way, a frame for each thread,
            and without what that keeps back: 17 MB at 1080p on two cores, and two frames' time."""

            def _start(self) -> None:
                super()._start()
                self._stream.codec_context.thread_type = "SLICE"

        bitrate = settings.bitrate_kbps * 1000
        if hardware:
            encoder = H264Encoder(bitrate=bitrate, repeat=True, iperiod=gop)
        else:
            encoder = Sliced(bitrate=bitrate, repeat=True, iperiod=gop, framerate=settings.fps)
            encoder.preset, encoder.drop_final_frames = "ultrafast", True
        encoder.output = Hand()
        return encoder

    def _before(self, request: Any) -> None:
        """In picamera2's thread, before the encoder sees the frame."""
        from picamera2 import MappedArray

        try:
            with MappedArray(request, "main") as mapped:
                luma = mapped.array[: self._height, : self._width]
                self._look = look(luma)
                self._burner.burn(luma)
            self.sensor_ns = request.get_metadata().get("SensorTimestamp")
            self.given += 1
        except Exception as error:  # noqa: BLE001 - told by run(); here it would kill the thread
            self._failed = f"frame: {type(error).__name__}: {error}"

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

    @property
    def overlay_error(self) -> str:
        """Why nothing is burned in."""
        return self._burner.error

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """Start the camera and hand its frames on."""
        wait_s = _FIRST_WAIT_S
        self._camera.start_encoder(self._encoder)
        self._camera.start()
        while not stop.is_set():
            if self._failed:
                raise CameraError(self._failed)
            try:
                unit = self._queue.get(timeout=wait_s)
            except queue.Empty:
                raise CameraError(f"no frame for {wait_s:.0f} s") from None
            wait_s = _FRAME_WAIT_S
            emit(unit)

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._burner.show(overlay)

    def close(self) -> None:
        """Stop encoder and camera. It may never return: the caller has to limit the time."""
        if self._camera.started:
            self._camera.stop_recording()
        self._camera.close()
