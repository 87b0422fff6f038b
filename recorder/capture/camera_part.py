"""Keeps the camera going: opens it, hands its frames on, opens it anew when it is lost.

A camera that hangs in its driver cannot be saved from within: then the process has to end.
"""

import threading
from collections.abc import Callable

import msgspec

from recorder.capture import cameras
from recorder.capture.messages import Overlay
from recorder.capture.notices import Notices
from recorder.capture.units import NS, Look, Unit
from recorder.clock import boot_ns
from recorder.config import CameraSettings, CaptureSettings
from recorder.ring import memory_bytes

_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before the next attempt to open it, by the number of attempts in vain."""
_STALLED_NS = NS
_STUCK_NS = 3 * NS
_OPENING_NS = 15 * NS
_CLOSES_S = 2.0
_SMALL_RAM = 4 << 30


def smaller(settings: CameraSettings, ram_bytes: int) -> CameraSettings:
    """The software rung's picture on a board with little memory: 720p at most."""
    if ram_bytes > _SMALL_RAM or settings.height <= 720:
        return settings
    return msgspec.structs.replace(
        settings, width=1280, height=720, bitrate_kbps=min(settings.bitrate_kbps, 3000)
    )


class CameraPart:
    """``run`` has a thread of its own; counters are read from others."""

    def __init__(
        self,
        settings: CaptureSettings,
        overlay: Overlay,
        notices: Notices,
        emit: Callable[[Unit], None],
        *,
        software: bool,
    ) -> None:
        camera = settings.camera
        self._settings = smaller(camera, memory_bytes()) if software else camera
        self._fragment_ms = settings.fragment_ms
        self._software = software
        self._overlay = overlay
        self._notices = notices
        self._emit = emit
        self._camera: cameras.Camera | None = None
        self._since_ns: int | None = None
        self._previous_ns: int | None = None
        self.period_ns = NS // camera.fps
        self.name = self.encoder = ""
        self.frames = self.lost_frames = 0
        self.last_frame_ns: int | None = None
        self.look: Look | None = None

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._overlay = overlay
        camera = self._camera
        if camera is not None:
            camera.show(overlay)

    def run(self, stop: threading.Event) -> None:
        """Until ``stop``. RuntimeError where only a new process helps."""
        failures = 0
        while not stop.is_set():
            before = self.frames
            self._since_ns = boot_ns()
            try:
                self._run_once(stop)
            except cameras.CameraError as error:
                self._notices.down("camera", "lost", str(error))
            self._since_ns = self.look = None
            failures = 0 if self.frames > before else failures + 1
            stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _run_once(self, stop: threading.Event) -> None:
        camera = cameras.make(
            self._settings, self._fragment_ms, self._overlay, software=self._software
        )
        self.name, self.encoder = camera.name, camera.encoder
        self._previous_ns = None
        self._camera = camera
        try:
            camera.run(self._unit, stop)
        except cameras.CameraError as error:
            self._notices.down("camera", "lost", str(error))
        finally:
            self._camera = None
            closer = threading.Thread(target=camera.close, name="camera-close", daemon=True)
            closer.start()
            closer.join(_CLOSES_S)
        if closer.is_alive():
            # Its driver holds the device: only a new process gets it back.
            raise RuntimeError("the camera does not close")

    def _unit(self, unit: Unit) -> None:
        if self._previous_ns is not None:
            back_ns = self._previous_ns - unit.ts_ns
            if back_ns > self.period_ns:
                raise cameras.CameraError(f"its clock went back by {back_ns / NS:.3f} s")
            periods = (unit.ts_ns - self._previous_ns + self.period_ns // 2) // self.period_ns
            self.lost_frames += max(0, periods - 1)
        self.frames += 1
        self._previous_ns = self.last_frame_ns = unit.ts_ns
        self.look = unit.look
        self._emit(unit)

    def watch(self, now_ns: int) -> None:
        """Once a second: a camera that hangs is told. RuntimeError where it hangs for good."""
        camera, since_ns, last_ns = self._camera, self._since_ns, self.last_frame_ns
        if camera is not None and camera.overlay_error:
            self._notices.down("overlay", "failed", camera.overlay_error)
        if since_ns is None:
            return
        flowing = last_ns is not None and last_ns > since_ns
        idle_ns = now_ns - (last_ns if flowing and last_ns is not None else since_ns)
        if flowing and idle_ns > _STALLED_NS:
            self._notices.down("camera", "stalled", "no new frame for a second")
        if idle_ns > (_STUCK_NS if flowing else _OPENING_NS):
            raise RuntimeError(f"the camera hangs for {idle_ns / NS:.0f} s")
