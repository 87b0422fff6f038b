"""Keeps the camera going: opens it, hands its frames on, opens it anew when it is lost or frozen.

A camera or an encoder that hangs in its driver cannot be saved from within, nor one that opens and
gives no good picture again and again: then the process has to end (``Hung``). One that is not there
is waited for, while sound goes on.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from recorder.capture import cameras, picture
from recorder.capture.messages import Overlay
from recorder.capture.notices import Hung, Notices
from recorder.capture.units import NS, Look, Unit
from recorder.clock import boot_ns
from recorder.config import CameraSettings, CaptureSettings
from recorder.ring import memory_bytes

_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before the next attempt to open it, by the number of attempts in vain."""
_STALLED_NS = NS
_STUCK_NS = 5 * NS // 2
_LATE_NS = 4 * NS
_OPENING_NS = 15 * NS
_REOPEN_NS = 5 * NS // 2
"""A picture frozen for so long is worth nothing: nothing is lost by opening the camera anew."""
_WELL_NS = 3 * NS // 2
"""After so long a camera that was down counts as working again."""
_CLOSES_S = 1.5
_VAIN = 2
_LATELY = 30
_SMALL_RAM = 4 << 30
_OVER = ("lost", "stalled", "frozen")


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
        self._all = settings
        self._software = software
        self._overlay = overlay
        self._notices = notices
        self._emit = emit
        self._camera: cameras.Camera | None = None
        self._since_ns: int | None = None
        self._previous_ns: int | None = None
        self._units = 0
        self._kept: deque[int] = deque(maxlen=_LATELY)
        self.period_ns = NS // camera.fps
        self._picture = picture.Watch(settings, self.period_ns)
        self._well = False
        self._vain = 0
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
        """Until ``stop``. ``Hung`` where only a new process helps."""
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
            if self._vain >= _VAIN:
                raise Hung("camera", "it was opened anew in vain")
            stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _run_once(self, stop: threading.Event) -> None:
        camera = cameras.make(
            self._settings, self._all.fragment_ms, self._overlay, software=self._software
        )
        self.name, self.encoder = camera.name, camera.encoder
        self._previous_ns = None
        self._units = 0
        self._kept.clear()
        self._picture = picture.Watch(self._all, self.period_ns)
        self._well = False
        self._camera = camera
        try:
            camera.run(self._unit, stop)
        except cameras.CameraError as error:
            self._vain = 0 if self._well else self._vain + 1
            self._notices.down("camera", "lost", str(error))
        finally:
            self._camera = None
            closer = threading.Thread(target=camera.close, name="camera-close", daemon=True)
            closer.start()
            closer.join(_CLOSES_S)
        if closer.is_alive():
            # Its driver holds the device: only a new process gets it back.
            raise Hung("camera", "it does not close")

    def _unit(self, unit: Unit) -> None:
        now_ns = boot_ns()
        if self._previous_ns is not None:
            back_ns = self._previous_ns - unit.ts_ns
            if back_ns > self.period_ns:
                raise cameras.CameraError(f"its clock went back by {back_ns / NS:.3f} s")
            periods = (unit.ts_ns - self._previous_ns + self.period_ns // 2) // self.period_ns
            self.lost_frames += max(0, periods - 1)
        self.frames += 1
        self._previous_ns = self.last_frame_ns = unit.ts_ns
        self.look = unit.look
        self._units += 1
        if self._camera is not None:
            self._kept.append(self._camera.given - self._units)
        self._emit(unit)
        self._judge(unit, now_ns)

    def _judge(self, unit: Unit, now_ns: int) -> None:
        seen = self._picture
        seen.frame(unit.ts_ns, unit.look, now_ns)
        if seen.stands_still_ns(now_ns) > picture.STILL_NS:
            raise cameras.CameraError(cameras.STANDS_STILL)
        frozen_ns = seen.frozen_ns(now_ns)
        if frozen_ns > picture.FROZEN_NS:
            self._notices.down("camera", "frozen", "all frames are the same")
        if frozen_ns > _REOPEN_NS:
            raise cameras.CameraError("it is frozen")
        if seen.well_ns(now_ns) > _WELL_NS:
            self._well, self._vain = True, 0
            self._notices.works("camera", after=_OVER)
            self._notices.works("encoder", after=_OVER)
        if seen.covered(now_ns):
            self._notices.down("lens", "covered", "the picture is dark and flat")
        elif seen.uncovered(now_ns):
            self._notices.works("lens", after=("covered",))

    def watch(self, now_ns: int) -> None:
        """Some times a second: a camera or encoder that hangs is told. ``Hung`` where for good."""
        camera, since_ns, last_ns = self._camera, self._since_ns, self.last_frame_ns
        if camera is not None and camera.overlay_error:
            self._notices.down("overlay", "failed", camera.overlay_error)
        if since_ns is None:
            return
        flowing = last_ns is not None and last_ns > since_ns
        from_ns = last_ns if flowing and last_ns is not None else since_ns
        sensor_ns = camera.sensor_ns if camera is not None else None
        part: Literal["camera", "encoder"] = "camera"
        kept = camera.given - self._units if camera is not None else 0
        if sensor_ns is not None and kept > min(tuple(self._kept), default=0):
            # A frame went into the encoder and pushed none out, as each one did before: the
            # sensor is well. (An encoder with several threads keeps some frames back.)
            part, from_ns = "encoder", from_ns if flowing else sensor_ns
        coming = flowing or part == "encoder"
        idle_ns = now_ns - from_ns
        if idle_ns > (_STALLED_NS if coming else _LATE_NS):
            self._notices.down(part, "stalled", f"no new frame for {idle_ns / NS:.1f} s")
        if idle_ns > (_STUCK_NS if coming else _OPENING_NS):
            raise Hung(part, f"it hangs for {idle_ns / NS:.1f} s")
