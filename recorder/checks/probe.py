"""Measures and judges (Art. 13). ``Probe`` runs on a thread of its own: a stalled card may hold
up ``statvfs`` for seconds, and nothing else waits for it.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.at_work import at_work
from recorder.battery import choose, watch
from recorder.capture.messages import Vitals
from recorder.checks import media, power, storage, trust
from recorder.checks.result import Level, Result
from recorder.clock import Clock, ClockState
from recorder.config import Settings
from recorder.spool import LOCK

_EVERY_S = 1.0
_SLOW_EVERY = 10
_INODES = 32
"""With fewer a recording cannot be begun and sealed."""


class Measured(msgspec.Struct, frozen=True):
    """All that the checks look at."""

    now_ns: int
    vitals: Vitals | None
    power: watch.Found
    celsius: float | None
    free_bytes: int | None
    clock: ClockState
    key_kind: str
    custodians: int
    unvouched: str = ""


def bytes_per_s(settings: Settings) -> float:
    """What a second of recording takes on the card, with padding and journal."""
    video = settings.camera.bitrate_kbps if settings.camera.kind != "none" else 0
    audio = settings.microphone.bitrate_kbps if settings.microphone.kind != "none" else 0
    return (video + audio) * 125 + 36 * 1024


def evaluate(measured: Measured, settings: Settings) -> tuple[Result, ...]:
    """Every check's result, always the same checks in the same order."""
    limits = settings.checks
    vitals, now_ns = measured.vitals, measured.now_ns
    return (
        power.battery(measured.power, limits),
        storage.storage(measured.free_bytes, bytes_per_s(settings), limits),
        media.capture(vitals, now_ns),
        media.camera(vitals, now_ns, settings.camera),
        media.lens(vitals, limits),
        media.microphone(vitals, now_ns, limits, settings.microphone),
        trust.clock(measured.clock, limits),
        trust.keys(measured.key_kind, measured.custodians, measured.unvouched),
        power.temperature(measured.celsius, limits),
    )


def fit(results: tuple[Result, ...]) -> bool:
    """Nothing blocks."""
    return all(result.level is not Level.BLOCK for result in results)


class Probe:
    """Reads battery, temperature and room once a second and hands them on, from ``begin`` on."""

    def __init__(self, settings: Settings, clock: Clock, emit: Callable[["Slow"], None]) -> None:
        self._settings = settings
        self._clock = clock
        self._emit = emit
        self._stop = threading.Event()
        self._spool_there = threading.Event()
        with at_work("battery"):
            self._battery = watch.Watch(choose.make(settings.battery), clock)
        threading.Thread(target=self._run, name="checks", daemon=True).start()

    def begin(self) -> None:
        """The spool is there: a new device has none before, which is no lack of room."""
        self._spool_there.set()

    def close(self) -> None:
        """Stop measuring."""
        self._stop.set()
        self._battery.close()
        self._spool_there.set()

    def _run(self) -> None:
        turn = 0
        celsius: float | None = None
        while not self._stop.wait(_EVERY_S if turn else 0.0):
            if turn % _SLOW_EVERY == 0:
                celsius = thermal()
            turn += 1
            self._spool_there.wait()
            self._emit(
                Slow(
                    self._battery.latest(), celsius, free_bytes(Path(self._settings.paths.spool)),
                    self._clock.boot_ns(),
                )
            )  # fmt: skip


class Slow(msgspec.Struct, frozen=True):
    """What the probe's thread measures."""

    power: watch.Found
    celsius: float | None
    free_bytes: int | None
    at_ns: int


def thermal() -> float | None:
    """The hottest thermal zone, in degrees Celsius."""
    hottest: float | None = None
    for path in Path("/sys/class/thermal").glob("thermal_zone*/temp"):
        try:
            value = int(path.read_text()) / 1000
        except (OSError, ValueError):
            continue
        hottest = value if hottest is None else max(hottest, value)
    return hottest


def free_bytes(spool: Path) -> int | None:
    """Room on the spool's card, 0 without inodes; None where it cannot be had or written.

    A file system that gave up (ext4 ``emergency_ro``) tells neither by its flags nor by access(2),
    but it opens nothing for writing; so the daemon's lock file is opened, which writes nothing.
    """
    try:
        status = os.statvfs(spool)
        if status.f_flag & os.ST_RDONLY or not os.access(spool, os.W_OK):
            return None
        os.close(os.open(spool / LOCK, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    except OSError:
        return None
    if status.f_files and status.f_favail < _INODES:
        return 0
    return status.f_bavail * status.f_frsize
