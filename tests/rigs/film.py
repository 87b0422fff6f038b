"""A camera that gives a film's encoded frames, over and over: pictures that cost no encoder."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from recorder.capture import cameras
from recorder.capture.messages import Overlay
from recorder.capture.units import NS, Look, Unit
from recorder.clock import boot_ns
from recorder.config import CameraSettings

_BRIGHTNESS, _CONTRAST = 110.0, 50.0


def write(path: Path, units: Sequence[Unit]) -> None:
    """A film that is open at once, from its first keyframe at 0:00 on."""
    path.write_bytes(msgspec.msgpack.encode(units))


class FilmCamera:
    """Each frame when it is due, none left out. It burns nothing in."""

    overlay_error = ""
    name = "film"
    encoder = "encoded before"

    def __init__(self, settings: CameraSettings) -> None:
        film = Path(os.environ["RIG_FILM"]).read_bytes()
        self._units = msgspec.msgpack.decode(film, type=list[Unit])
        self._fps = settings.fps
        self.period_ns = NS // settings.fps
        self.sensor_ns: int | None = None
        self.given = 0

    def run(self, emit: Callable[[Unit], None], stop: threading.Event) -> None:
        """Until ``stop``."""
        first = boot_ns() * self._fps // NS + 1
        while not stop.is_set():
            ts_ns = (first + self.given) * NS // self._fps
            wait_s = (ts_ns - boot_ns()) / NS
            if wait_s > 0 and stop.wait(wait_s):
                return
            unit = self._units[self.given % len(self._units)]
            self.sensor_ns, self.given = ts_ns, self.given + 1
            emit(Unit(unit.data, ts_ns, unit.key, Look(_BRIGHTNESS, _CONTRAST, self.given)))

    def show(self, overlay: Overlay) -> None:
        """Its frames are encoded already."""

    def close(self) -> None:
        """Nothing to release."""


def _make(
    settings: CameraSettings, fragment_ms: int, overlay: Overlay, *, software: bool
) -> cameras.Camera:
    return FilmCamera(settings)


def install() -> None:
    """This capture process's camera, whatever is configured."""
    cameras.make = _make
