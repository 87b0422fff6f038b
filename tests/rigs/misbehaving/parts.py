"""The demo's parts with faults: each is on while a file of its name lies in $RIG_FAULTS.

What blocks here never looks at ``stop``, as a driver does not; a blocked encoder never comes back,
even when its fault is over. Only a new process helps then.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from recorder.capture import cameras, codecs, microphones, mux
from recorder.capture.cameras.demo import DemoSource
from recorder.capture.messages import Overlay
from recorder.capture.microphones.demo import DemoMicrophone
from recorder.capture.units import Unit
from recorder.config import CameraSettings, MicrophoneSettings

_POLL_S = 0.02
_real_camera, _real_microphone = cameras.make, microphones.make
_folder = Path(os.environ["RIG_FAULTS"])


def told(name: str) -> bool:
    """A fault is on."""
    return (_folder / name).exists()


def _while(name: str) -> None:
    while told(name):
        time.sleep(_POLL_S)


def _never() -> None:
    threading.Event().wait()


class Source(DemoSource):
    """The demo's frames, unless told otherwise."""

    def frames(self, stop: threading.Event) -> Iterator[tuple[int, codecs.Luma]]:
        """Frames on time; frozen, standing still, covered, none at all, or an error."""
        kept: codecs.Luma | None = None
        kept_ns = 0
        dice = np.random.default_rng(2)
        for ts_ns, frame in super().frames(stop):
            if told("camera-gone"):
                raise cameras.CameraError("it was unplugged")
            _while("camera-stops")
            if told("camera-frozen") or told("camera-stands-still"):
                kept, kept_ns = (frame, ts_ns) if kept is None else (kept, kept_ns)
                yield (kept_ns if told("camera-stands-still") else ts_ns), kept.copy()
                continue
            kept = None
            if told("lens-covered"):
                frame[: self.height] = dice.integers(16, 19, (self.height, self.width), np.uint8)
                frame[self.height :] = 128
            yield ts_ns, frame


class Camera(cameras.RawCamera):
    """Its encoder is told which rung it stands for; closing it may never return."""

    hardware = False

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """As ever."""
        self._encoder.__class__ = type("Encoder", (Encoder,), {"hardware": self.hardware})
        super().run(emit, stop)

    def close(self) -> None:
        """Release the source."""
        if told("close-hangs"):
            _never()
        super().close()


class Encoder(codecs.VideoEncoder):
    """An encode call that never returns."""

    hardware = False

    def encode(self, yuv: codecs.Luma, ts_ns: int, look: Any) -> list[Unit]:
        """A frame."""
        if told("encoder-blocks") or (self.hardware and told("hardware-encoder-blocks")):
            _never()
        return super().encode(yuv, ts_ns, look)


def _camera(
    settings: CameraSettings, fragment_ms: int, overlay: Overlay, *, software: bool
) -> cameras.Camera:
    if settings.kind != "demo":
        return _real_camera(settings, fragment_ms, overlay, software=software)
    if told("camera-kills"):
        os._exit(3)
    if told("camera-gone"):
        raise cameras.CameraError("there is none")
    made = Camera(Source(settings), settings, fragment_ms, overlay)
    made.hardware = not software
    return made


class Microphone(DemoMicrophone):
    """The demo's sound, unless told otherwise."""

    def run(self, emit: Callable[[microphones.Block], None], stop: threading.Event) -> None:
        """Blocks on time; zeros, none at all, or an error."""

        def wrapped(block: microphones.Block) -> None:
            if told("microphone-gone"):
                raise microphones.MicrophoneError("it was unplugged")
            _while("microphone-stops")
            if told("microphone-zeros"):
                block.samples[:] = 0
            emit(block)

        super().run(wrapped, stop)


def _microphone(settings: MicrophoneSettings) -> microphones.Microphone:
    if settings.kind != "demo":
        return _real_microphone(settings)
    if told("microphone-kills"):
        raise RuntimeError("a driver that nobody foresaw")
    if told("microphone-gone"):
        raise microphones.MicrophoneError("there is none")
    return Microphone()


def _hang(owner: type, name: str, fault: str) -> None:
    """A method that never returns once its fault is on."""
    real = getattr(owner, name)

    def method(*words: Any, **more: Any) -> Any:
        if told(fault):
            _never()
        return real(*words, **more)

    setattr(owner, name, method)


def _undying() -> None:
    """Once told a file on a frozen disk, the whole process waits in the kernel for that disk: no
    signal reaches it, and whatever it holds open stays open."""
    while True:
        time.sleep(_POLL_S)
        try:
            pid, path = (_folder / "capture-undying").read_text().split()
        except (FileNotFoundError, ValueError):
            continue
        if int(pid) == os.getpid():
            ctypes.PyDLL(None).creat(path.encode(), 0o600)  # with the interpreter's lock in hand


def install() -> None:
    """Exchange the parts."""
    cameras.make, microphones.make = _camera, _microphone
    _hang(codecs.SoundEncoder, "encode", "sound-encoder-blocks")
    _hang(mux.Mux, "tick", "mux-blocks")
    threading.Thread(target=_undying, daemon=True).start()
