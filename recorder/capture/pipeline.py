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
_STUCK_NS = 3 * NS
_OPENING_NS = 15 * NS
_CLOSES_S = 2.0
_ZEROS = AUDIO_SCALE
_DELAYS_S = (0.2, 0.5, 1.0, 2.0, 5.0)
_SMALL_RAM = 4 << 30


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


Part = Literal["camera", "microphone"]


class Pipeline:
    """Everything between the devices and the sender."""

    def __init__(
        self,
        configure: Configure,
        sender: Sender,
        overlay: Overlay,
        failed: Callable[[str], None],
        flushed: Callable[[], None],
    ) -> None:
        self._settings = configure.settings
        self._rung = configure.rung
        self._sender = sender
        self._overlay = overlay
        self._failed = failed
        self._flushed = flushed
        self._stop = threading.Event()
        self._inbox: queue.SimpleQueue[Unit | Sound | None] = queue.SimpleQueue()
        self._detector = Detector(self._tell)
        self._camera: cameras.Camera | None = None
        self._camera_since_ns: int | None = None
        self._microphone_name = ""
        self._hello_sent = False
        self.frames = self.samples = self.lost_frames = self.lost_samples = 0
        self.last_frame_ns: int | None = None
        self.last_sample_ns: int | None = None
        self._look: Any = None
        self._power = [0.0, 0]
        self._zeros = 0
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
            what = f"{name}: {type(error).__name__}: {error}"
            self._tell(Fault(boot_ns(), part, "crashed", what[:300]))
            self._sender.close(0.3)
            self._failed(what)

    def _tell(self, message: Fault | Speech | Vitals) -> None:
        self._sender.send(message)

    def _fault(self, part: Part, code: str, detail: str) -> None:
        """Tell that a part went down; while it is down nothing more is told of it."""
        with self._down_lock:
            if part in self._down:
                return
            self._down[part] = code
        self._tell(Fault(boot_ns(), part, code, detail[:300]))

    def _works(self, part: Part, *, after_silence: bool = False) -> None:
        """Tell that a part is back. Packets of silence do not end a fault of silence."""
        with self._down_lock:
            code = self._down.get(part)
            if code is None or (code == "silent") != after_silence:
                return
            del self._down[part]
        self._tell(Fault(boot_ns(), part, code, "", over=True))

    # Camera.

    def _cameras(self) -> None:
        failures = 0
        settings = self._settings.camera
        software = self._rung >= 1
        if software:
            settings = smaller(settings, memory_bytes())
        while not self._stop.is_set():
            before = self.frames
            self._camera_since_ns = boot_ns()
            try:
                camera = cameras.make(
                    settings, self._settings.fragment_ms, self._overlay, software=software
                )
                self._run_camera(camera)
            except cameras.CameraError as error:
                self._fault("camera", "lost", str(error))
            self._camera_since_ns = self._look = None
            failures = 0 if self.frames > before else failures + 1
            self._stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _run_camera(self, camera: cameras.Camera) -> None:
        self._camera = camera
        self._previous_ns: int | None = None
        try:
            camera.run(self._unit, self._stop)
        except cameras.CameraError as error:
            self._fault("camera", "lost", str(error))
        finally:
            self._camera = None
            closer = threading.Thread(target=camera.close, name="camera-close", daemon=True)
            closer.start()
            closer.join(_CLOSES_S)
        if closer.is_alive():
            # Its driver holds the device: only a new process gets it back.
            raise RuntimeError("the camera does not close")

    def _unit(self, unit: Unit) -> None:
        self.frames += 1
        if self._previous_ns is not None:
            periods = (unit.ts_ns - self._previous_ns + self._period_ns // 2) // self._period_ns
            self.lost_frames += max(0, periods - 1)
        self._previous_ns = self.last_frame_ns = unit.ts_ns
        self._look = unit.look
        self._inbox.put(unit)

    def _watch_camera(self, now_ns: int) -> None:
        """A camera that hangs in its driver is told, and then left to the next process."""
        since_ns = self._camera_since_ns
        if since_ns is None or self._stop.is_set():
            return
        last_ns = self.last_frame_ns
        flowing = last_ns is not None and last_ns > since_ns
        idle_ns = now_ns - (last_ns if flowing and last_ns is not None else since_ns)
        if flowing and idle_ns > _STALLED_NS:
            self._fault("camera", "stalled", "no new frame for a second")
        if idle_ns > (_STUCK_NS if flowing else _OPENING_NS):
            raise RuntimeError(f"the camera hangs for {idle_ns / NS:.0f} s")

    # Microphone.

    def _microphones(self) -> None:
        failures = 0
        while not self._stop.is_set():
            before = self.samples
            try:
                self._run_microphone(microphones.make(self._settings.microphone))
            except (microphones.MicrophoneError, OSError) as error:
                self._fault("microphone", "lost", str(error))
            failures = 0 if self.samples > before else failures + 1
            self._stop.wait(_DELAYS_S[min(failures, len(_DELAYS_S) - 1)])

    def _run_microphone(self, microphone: microphones.Microphone) -> None:
        self._microphone_name = microphone.name
        self._encoder = SoundEncoder(self._settings.microphone.bitrate_kbps)
        self._anchor = Anchor()
        self._zeros = 0
        try:
            microphone.run(self._block, self._stop)
        except microphones.MicrophoneError as error:
            self._fault("microphone", "lost", str(error))
        finally:
            self._microphone_name = ""
            # It may hang with a frozen sound server; this thread has nothing else to do then.
            microphone.close()

    def _block(self, block: microphones.Block) -> None:
        before = self._anchor.lost
        try:
            samples, tick, hole_ns = self._anchor.place(
                block.samples, block.at_ns, exact=block.exact
            )
        except ValueError as error:
            raise microphones.MicrophoneError(str(error)) from error
        self.lost_samples += self._anchor.lost - before
        self.samples += len(block.samples)
        self.last_sample_ns = block.at_ns + len(block.samples) * NS // AUDIO_SCALE
        energy = float(np.dot(block.samples, block.samples))
        self._power[0] += energy
        self._power[1] += len(block.samples)
        self._zeros = 0 if energy else self._zeros + len(block.samples)
        if self._zeros > _ZEROS:
            self._fault("microphone", "silent", "nothing but zeros for a second")
        elif energy:
            self._works("microphone", after_silence=True)
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
                self._sender.close(0.7)
                self._flushed()
                return
            now_ns = boot_ns()
            if isinstance(item, Unit):
                camera = self._camera
                if camera is not None:
                    mux.encoder = camera.encoder
                self._works("camera")
                mux.picture(item, now_ns)
            else:
                self._works("microphone")
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
            self._watch_camera(now_ns)
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
                    speech=self._detector.take_probability(),
                    queued_fragments=sender.fragments,
                    queued_bytes=sender.bytes,
                    dropped_frames=self.lost_frames,
                    dropped_samples=self.lost_samples,
                    dropped_fragments=sender.dropped,
                )
            )
