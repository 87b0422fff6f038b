"""The capture process's threads: camera, microphone, mux, vitals.

Neither part ever waits for the other. Anything unexpected becomes a fault and ends the process: the
supervisor starts the next one, which is better than standing still.
"""

import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recorder import memory
from recorder.capture.camera_part import CameraPart
from recorder.capture.messages import (
    FORMAT,
    PICTURE_ONLY,
    SOUND_ONLY,
    Configure,
    Fault,
    Fragment,
    Hello,
    Init,
    Overlay,
    Vitals,
)
from recorder.capture.microphone_part import MicrophonePart
from recorder.capture.mux import Mux
from recorder.capture.notices import Hung, Notices
from recorder.capture.sender import Sender
from recorder.capture.speech import Detector
from recorder.capture.stream import Covered
from recorder.capture.units import Sound, Unit
from recorder.clock import boot_ns

_TICK_S = 0.05
_WATCH_S = 0.25
_VITALS_NS = 400_000_000
"""At the second watch after the last ones: twice a second."""
_MUX_STUCK_NS = 3 * 1_000_000_000 // 2
_LAST_WORDS_S = 0.3
_FLUSH_S = 0.7


def board() -> str:
    """What the device tree calls this board."""
    try:
        return Path("/proc/device-tree/model").read_text().rstrip("\0\n")
    except OSError:
        return "PC"


class Pipeline:
    """Everything between the devices and the sender.

    ``failed`` is called with a reason when the process has to end, ``flushed`` after ``close``,
    when all that was whole is in the pipe.
    """

    def __init__(
        self,
        configure: Configure,
        sender: Sender,
        overlay: Overlay,
        failed: Callable[[str], None],
        flushed: Callable[[], None],
    ) -> None:
        settings = self._settings = configure.settings
        self._overlay = overlay
        self._fragment_ms = settings.fragment_ms
        self._covered = Covered(settings.lens_dark_luma, settings.lens_flat_contrast)
        self._sender = sender
        self._failed = failed
        self._flushed = flushed
        self._stop = threading.Event()
        self._inbox: queue.SimpleQueue[Unit | Sound | None] = queue.SimpleQueue()
        self._notices = Notices(sender.send)
        self._detector = Detector(sender.send)
        self._hello_sent = False
        self._camera: CameraPart | None = None
        self._microphone: MicrophonePart | None = None
        self._muxing_ns: int | None = None
        self._make(configure.rung)

    def _make(self, rung: int) -> None:
        """The parts of a rung that are not there yet."""
        settings = self._settings
        if self._camera is None and settings.camera.kind != "none" and rung != SOUND_ONLY:
            self._camera = CameraPart(
                settings, self._overlay, self._notices, self._inbox.put, software=rung > 0
            )
        if self._microphone is None and settings.microphone.kind != "none" and rung != PICTURE_ONLY:
            self._microphone = MicrophonePart(
                settings.microphone, self._notices, self._detector, self._inbox.put
            )

    def start(self) -> None:
        """Start all threads."""
        self._thread("mux", self._mux)
        self._thread("vitals", self._vitals)
        self._run_parts(None, None)

    def _run_parts(
        self, camera_before: CameraPart | None, microphone_before: MicrophonePart | None
    ) -> None:
        camera, microphone = self._camera, self._microphone
        if camera is not None and camera is not camera_before:
            self._thread("camera", lambda: camera.run(self._stop))
        if microphone is not None and microphone is not microphone_before:
            self._thread("microphone", lambda: microphone.run(self._stop))

    def take_up(self, configure: Configure) -> None:
        """Open the part that was left out beside the one that runs, which loses nothing."""
        before = self._camera, self._microphone
        self._make(configure.rung)
        self._hello_sent = False
        self._run_parts(*before)

    def show(self, overlay: Overlay) -> None:
        """Change what is burned in."""
        self._overlay = overlay
        if self._camera is not None:
            self._camera.show(overlay)

    def close(self) -> None:
        """Stop the devices; the mux emits what is whole."""
        self._stop.set()
        self._inbox.put(None)

    def _thread(self, name: str, run: Callable[[], None]) -> None:
        threading.Thread(target=self._guard, args=(name, run), name=name, daemon=True).start()

    def _guard(self, name: str, run: Callable[[], None]) -> None:
        try:
            run()
        except Hung as error:
            if self._mux_hangs(boot_ns()):
                self._flushed()  # nothing more comes out of a muxer that hangs
            self._end(error.part, "hung", str(error))
        except Exception as error:  # noqa: BLE001 - it becomes a fault, and the process ends
            part: Any = {"microphone": "microphone", "mux": "encoder"}.get(name, "camera")
            self._end(part, "crashed", f"{name}: {type(error).__name__}: {error}")

    def _end(self, part: Any, code: str, what: str) -> None:
        """Last words: the supervisor's next start has its cause from them."""
        self._sender.send(Fault(boot_ns(), part, code, what[:300]))
        self._sender.close(_LAST_WORDS_S)
        self._failed(f"{part} {code}: {what}")

    def _mux(self) -> None:
        period_ns = self._camera.period_ns if self._camera else 0
        mux = Mux(period_ns, self._fragment_ms, self._out, self._covered)
        while True:
            mux.sound_wanted = self._microphone is not None
            self._muxing_ns = None
            try:
                item = self._inbox.get(timeout=_TICK_S)
            except queue.Empty:
                self._muxing_ns = now_ns = boot_ns()
                mux.tick(now_ns)
                continue
            if item is None:
                mux.end()
                self._sender.close(_FLUSH_S)
                self._flushed()
                return
            self._muxing_ns = now_ns = boot_ns()
            if isinstance(item, Unit):
                if self._camera is not None:
                    mux.encoder, mux.period_ns = self._camera.encoder, self._camera.period_ns
                mux.picture(item, now_ns)
            else:
                mux.sound(item, now_ns)
            mux.tick(now_ns)

    def _out(self, message: Init | Fragment, data: bytes) -> None:
        if not self._hello_sent:
            self._hello_sent = True
            camera, microphone = self._camera, self._microphone
            self._sender.send(
                Hello(
                    format=FORMAT,
                    pid=os.getpid(),
                    board=board(),
                    camera=camera.name if camera else "",
                    microphone=microphone.name if microphone else "",
                    encoder=camera.encoder if camera else "",
                )
            )
        self._sender.send(message, data)
        if isinstance(message, Fragment) and not message.number:
            memory.give_back()
            if self._microphone is not None:
                self._detector.start()

    def _mux_hangs(self, now_ns: int) -> bool:
        since_ns = self._muxing_ns
        return since_ns is not None and now_ns - since_ns > _MUX_STUCK_NS

    def _watch(self, now_ns: int) -> None:
        """``Hung`` where a part hangs for good."""
        if self._mux_hangs(now_ns):
            raise Hung("encoder", "the muxer hangs")
        for part in (self._camera, self._microphone):
            if part is not None:
                part.watch(now_ns)

    def _vitals(self) -> None:
        told_ns = 0
        while not self._stop.wait(_WATCH_S):
            now_ns = boot_ns()
            self._watch(now_ns)
            if now_ns - told_ns < _VITALS_NS:
                continue
            told_ns = now_ns
            camera, microphone, sender = self._camera, self._microphone, self._sender
            look = camera.look if camera else None
            sender.send(
                Vitals(
                    at_ns=now_ns,
                    frames=camera.frames if camera else 0,
                    samples=microphone.samples if microphone else 0,
                    last_frame_ns=camera.last_frame_ns if camera else None,
                    last_sample_ns=microphone.last_sample_ns if microphone else None,
                    brightness=round(look.brightness, 1) if look else None,
                    contrast=round(look.contrast, 1) if look else None,
                    level_dbfs=microphone.take_level() if microphone else None,
                    speech=self._detector.take_probability(),
                    queued_fragments=sender.fragments,
                    queued_bytes=sender.bytes,
                    dropped_frames=camera.lost_frames if camera else 0,
                    dropped_samples=microphone.lost_samples if microphone else 0,
                    dropped_fragments=sender.dropped,
                )
            )
