"""The capture process's threads: camera, microphone, mux, vitals, and what happens when one fails.

A part that fails is closed, told as a fault and opened again with a growing delay; the other part
never waits for it. Anything unexpected becomes a fault and ends the process: the supervisor starts
the next one, which is better than standing still.
"""

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from recorder.capture import cameras, microphones
from recorder.capture.anchor import Anchor
from recorder.capture.codecs import SoundEncoder
from recorder.capture.messages import (
    FORMAT,
    Configure,
    Fault,
    Fragment,
    Hello,
    Init,
    Overlay,
    Speech,
    Vitals,
)
from recorder.capture.mux import Mux
from recorder.capture.sender import Sender
from recorder.capture.speech import Detector
from recorder.capture.units import AUDIO_SCALE, NS, Sound, Unit
from recorder.clock import boot_ns
from recorder.config import CameraSettings
from recorder.ring import memory_bytes

_TICK_S = 0.05
_STALLED_NS = NS
_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_SMALL_RAM = 1 << 30


def board() -> str:
    """What the device tree calls this board."""
    path = Path("/proc/device-tree/model")
    try:
        return path.read_text().rstrip("\0\n")
    except OSError:
        return "PC"


def smaller(settings: CameraSettings, ram_bytes: int) -> CameraSettings:
    """The software rung's picture on a board with little memory: 720p at most."""
    if ram_bytes > _SMALL_RAM or settings.height <= 720:
        return settings
    return msgspec.structs.replace(
        settings, width=1280, height=720, bitrate_kbps=min(settings.bitrate_kbps, 3000)
    )


class Pipeline:
    """Everything between the devices and the sender."""

    def __init__(
        self, configure: Configure, sender: Sender, overlay: Overlay, fatal: Callable[[], None]
    ) -> None:
        self._settings = configure.settings
        self._rung = configure.rung
        self._sender = sender
        self._overlay = overlay
        self._fatal = fatal
        self._stop = threading.Event()
        self._inbox: queue.SimpleQueue[Unit | Sound | None] = queue.SimpleQueue()
        self._detector = Detector(self._tell)
        self._camera: cameras.Camera | None = None
        self._microphone_name = ""
        self._hello_sent = False
        self.frames = self.samples = self.lost_samples = 0
        self.last_frame_ns: int | None = None
        self.last_sample_ns: int | None = None
        self._look: Any = None
        self._power = [0.0, 0]
        self._down: dict[str, str] = {}
        self._down_lock = threading.Lock()
        self._period_ns = NS // self._settings.camera.fps

    def start(self) -> None:
        """Start all threads."""
        with_camera = self._settings.camera.kind != "none" and self._rung < 2
        with_sound = self._settings.microphone.kind != "none"
        parts: list[tuple[str, Callable[[], None]]] = [("mux", self._mux), ("vitals", self._vitals)]
        if with_camera:
            parts.append(("camera", self._cameras))
        if with_sound:
            parts.append(("microphone", self._microphones))
        self._with_sound = with_sound
        for name, run in parts:
            threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True).start()

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._overlay = overlay
        if self._camera is not None:
            self._camera.show(overlay)

    def close(self) -> None:
        """Stop the devices; the mux emits what is whole."""
        self._stop.set()
        self._inbox.put(None)

    def _guard(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - it becomes a fault, and the process ends
            part: Any = name if name in ("camera", "microphone") else "encoder"
            self._tell(
                Fault(boot_ns(), part, "crashed", f"{name}: {type(error).__name__}: {error}")
            )
            self._fatal()

    def _tell(self, message: Fault | Speech | Vitals) -> None:
        self._sender.send(message)

    def _fault(
        self, part: Literal["camera", "microphone"], code: str, detail: str, *, over: bool = False
    ) -> None:
        """Tell a change, and only a change."""
        with self._down_lock:
            was = self._down.get(part, "")
            if over:
                if not was:
                    return
                self._down[part] = ""
                code = was
            else:
                if was:
                    return
                self._down[part] = code
        self._tell(Fault(boot_ns(), part, code, detail[:300], over))

    # Camera.

    def _cameras(self) -> None:
        failures = 0
        while not self._stop.is_set():
            before = self.frames
            try:
                software = self._rung >= 1
                settings = self._settings.camera
                if software:
                    settings = smaller(settings, memory_bytes())
                camera = cameras.make(
                    settings, self._settings.fragment_ms, self._overlay, software=software
                )
                self._camera = camera
                try:
                    camera.run(self._unit, self._stop)
                finally:
                    self._camera = None
                    threading.Thread(target=camera.close, daemon=True).start()
            except cameras.CameraError as error:
                self._fault("camera", "lost", str(error))
            failures = 0 if self.frames > before else failures + 1
            self._stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _unit(self, unit: Unit) -> None:
        self.frames += 1
        self.last_frame_ns = unit.ts_ns
        self._look = unit.look
        self._inbox.put(unit)

    # Microphone.

    def _microphones(self) -> None:
        failures = 0
        while not self._stop.is_set():
            before = self.samples
            try:
                microphone = microphones.make(self._settings.microphone)
                self._microphone_name = microphone.name
                self._encoder = SoundEncoder(self._settings.microphone.bitrate_kbps)
                self._anchor = Anchor()
                try:
                    microphone.run(self._block, self._stop)
                finally:
                    self._microphone_name = ""
                    threading.Thread(target=microphone.close, daemon=True).start()
            except (microphones.MicrophoneError, OSError) as error:
                self._fault("microphone", "lost", str(error))
            failures = 0 if self.samples > before else failures + 1
            self._stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _block(self, block: microphones.Block) -> None:
        before = self._anchor.lost
        samples, tick, hole_ns = self._anchor.place(block.samples, block.at_ns, exact=block.exact)
        self.lost_samples += self._anchor.lost - before
        self.samples += len(block.samples)
        self.last_sample_ns = block.at_ns + len(block.samples) * NS // AUDIO_SCALE
        self._power[0] += float(np.dot(block.samples, block.samples))
        self._power[1] += len(block.samples)
        self._detector.feed(block.samples, self.last_sample_ns)
        for sound in self._encoder.encode(samples, tick, hole_ns):
            self._inbox.put(sound)

    # Mux.

    def _mux(self) -> None:
        mux = Mux(self._period_ns, self._settings.fragment_ms, self._out)
        mux.sound_wanted = self._with_sound
        while True:
            try:
                item = self._inbox.get(timeout=_TICK_S)
            except queue.Empty:
                mux.tick(boot_ns())
                continue
            if item is None:
                mux.end()
                self._sender.close(1.0)
                self._fatal()
                return
            now_ns = boot_ns()
            if isinstance(item, Unit):
                camera = self._camera
                if camera is not None:
                    mux.encoder = camera.encoder
                self._fault("camera", "", "", over=True)
                mux.picture(item, now_ns)
            else:
                self._fault("microphone", "", "", over=True)
                mux.sound(item, now_ns)
            mux.tick(now_ns)

    def _out(self, message: Init | Fragment, data: bytes) -> None:
        if not self._hello_sent:
            self._hello_sent = True
            camera = self._camera
            self._sender.send(
                Hello(
                    FORMAT, os.getpid(), board(), camera.name if camera else "",
                    self._microphone_name, camera.encoder if camera else "",
                )
            )  # fmt: skip
        self._sender.send(message, data)
        if isinstance(message, Fragment):
            self._detector.start()

    # Vitals.

    def _vitals(self) -> None:
        while not self._stop.wait(1.0):
            now_ns = boot_ns()
            last_ns = self.last_frame_ns
            if self._camera is not None and last_ns is not None and now_ns - last_ns > _STALLED_NS:
                self._fault("camera", "stalled", "no new frame for a second")
            energy, count = self._power
            self._power = [0.0, 0]
            level = None
            if count and energy > 0:
                level = round(10 * float(np.log10(energy / count)), 1)
            look = self._look
            sender = self._sender
            self._tell(
                Vitals(
                    at_ns=now_ns,
                    frames=self.frames,
                    samples=self.samples,
                    last_frame_ns=self.last_frame_ns,
                    last_sample_ns=self.last_sample_ns,
                    brightness=round(look.brightness, 1) if look else None,
                    contrast=round(look.contrast, 1) if look else None,
                    level_dbfs=level,
                    speech=round(self._detector.take_probability(), 3),
                    queued_fragments=sender.fragments,
                    queued_bytes=sender.bytes,
                    dropped_frames=0,
                    dropped_samples=self.lost_samples,
                    dropped_fragments=sender.dropped,
                )
            )
