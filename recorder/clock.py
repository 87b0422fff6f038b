"""The only module that reads a clock. Everything else is handed a ``Clock``.

Durations and order come from CLOCK_BOOTTIME (it runs on through suspend and never
jumps) together with the boot id; wall time is a guess with a quality and an error bound,
because a Pi without an RTC resumes at the last time it knew and jumps on its first sync.
"""

import ctypes
import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import msgspec

from recorder.shapes import Int

NS = 1_000_000_000
DRIFT_PPM = 1000
"""So much the boot clock may run off: 500 ppm of a bad crystal, 500 ppm while NTP pulls it."""
_BUILT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_STA_UNSYNC = 0x0040
_STA_NANO = 0x2000
_TIME_ERROR = 5
_RTC_APART_S = 60
_TIMESYNCD = Path("/run/systemd/timesync/synchronized")
_TIMESYNCD_US = 10_000_000
_APART_NS = 1_000_000
_TRIES = 5


class Quality(StrEnum):
    """How far the wall clock can be trusted."""

    UNSET = "unset"
    KEPT = "kept"
    RTC = "rtc"
    SYNCED = "synced"


class ClockState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Quality of the wall clock and its error bound in ms (None: unbounded)."""

    quality: Quality
    error_ms: Int | None


class Stamp(msgspec.Struct, frozen=True):
    """One instant on both clocks; ``utc`` is ISO 8601 with milliseconds and a Z."""

    boot_id: str
    boot_ns: int
    utc: str
    clock: ClockState


class Clock(Protocol):
    """What the rest of the program knows of time."""

    @property
    def boot_id(self) -> str:
        """UUID of this boot, as the kernel gives it."""
        ...

    def boot_ns(self) -> int:
        """CLOCK_BOOTTIME in ns."""
        ...

    def utc_ns(self) -> int:
        """Wall clock in ns since 1970, whatever its quality."""
        ...

    def state(self) -> ClockState:
        """Quality of the wall clock now."""
        ...

    def stamp(self) -> Stamp:
        """Both clocks, read together."""
        ...


def iso(utc_ns: int) -> str:
    """``2026-11-23T01:30:05.123Z`` for ns since 1970."""
    seconds, rest = divmod(utc_ns, NS)
    day = datetime.fromtimestamp(seconds, UTC)
    return f"{day.year:04d}-{day:%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def parse_iso(text: str) -> int:
    """ns since 1970 for what ``iso`` wrote; ValueError on anything else."""
    if not text.endswith("Z"):
        raise ValueError(f"not a UTC time: {text!r}")
    day = datetime.fromisoformat(text)
    return int(day.replace(microsecond=0).timestamp()) * NS + day.microsecond * 1000


def boot_ns() -> int:
    """CLOCK_BOOTTIME in ns: for the capture process, which stamps frames and sound."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def utc_ns() -> int:
    """Wall clock in ns since 1970: for the overlay."""
    return time.time_ns()


class _Timex(ctypes.Structure):
    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_fraction", ctypes.c_long),
        ("rest", ctypes.c_long * 32),
    ]


class _Kernel(msgspec.Struct, frozen=True):
    """The wall clock and what the kernel thinks of it, at one instant."""

    utc_ns: int
    synced: bool
    error_us: int


def _kernel() -> _Kernel:
    """adjtimex(2): time, synchronisation and largest error in one call, so that no step can fall
    between the time and the claim about it."""
    timex = _Timex()
    result = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if result == -1:
        return _Kernel(time.time_ns(), False, 0)
    fraction_ns = timex.time_fraction * (1 if timex.status & _STA_NANO else 1000)
    synced = result != _TIME_ERROR and not timex.status & _STA_UNSYNC
    error_us = error_bound_us(
        timex.maxerror, timex.offset, bool(timex.status & _STA_NANO), _TIMESYNCD.exists()
    )
    return _Kernel(timex.time_s * NS + fraction_ns, synced, error_us)


def error_bound_us(maxerror_us: int, offset: int, nano: bool, timesyncd: bool) -> int:
    """How far a synchronised clock can be off: what was claimed of it, and what is still being
    slewed (``offset``, in ns where ``nano``, else in us).

    systemd-timesyncd claims no error at all. It takes servers that may be 5 s off, and answers
    that were 10 s on their way.
    """
    slewed_us = abs(offset) // 1000 + 1 if nano else abs(offset)
    return maxerror_us + slewed_us + (_TIMESYNCD_US if timesyncd else 0)


def rtc_agrees(wall_s: float, folder: Path = Path("/sys/class/rtc")) -> bool:
    """A real-time clock shows this time. One that is there need not have kept it: a Pi 5 always has
    one, and without its own battery that starts in 1970 while the wall clock was merely kept.
    """
    for file in folder.glob("rtc*/since_epoch"):
        try:
            shows_s = int(file.read_text())
        except (OSError, ValueError):
            continue  # its cell is dead, or nothing answers on the bus
        if shows_s > _BUILT and abs(shows_s - wall_s) <= _RTC_APART_S:
            return True
    return False


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._rtc = rtc_agrees(time.time())

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def boot_ns(self) -> int:
        return boot_ns()

    def utc_ns(self) -> int:
        return time.time_ns()

    def state(self) -> ClockState:
        return self._state(_kernel(), 0)

    def stamp(self) -> Stamp:
        """The boot clock is read before and after; what lies between widens the error bound."""
        for _ in range(_TRIES):
            before_ns = self.boot_ns()
            kernel = _kernel()
            apart_ns = self.boot_ns() - before_ns
            if apart_ns < _APART_NS:
                break
        at_ns = before_ns + apart_ns // 2
        return Stamp(self._boot_id, at_ns, iso(kernel.utc_ns), self._state(kernel, apart_ns // 2))

    def _state(self, kernel: _Kernel, more_ns: int) -> ClockState:
        if kernel.utc_ns < _BUILT * NS:
            return ClockState(Quality.UNSET, None)
        if kernel.synced:
            error_ns = kernel.error_us * 1000 + more_ns
            return ClockState(Quality.SYNCED, -(-error_ns // 1_000_000))
        return ClockState(Quality.RTC if self._rtc else Quality.KEPT, None)


class BoundedClock:
    """Another clock, whose wall time satellites bound where nobody synchronised it.

    Their signal can be forged: it never sets the clock and never raises its quality, it only says
    how far off the clock may be.
    """

    def __init__(self, inner: Clock) -> None:
        self._inner = inner
        self._known: tuple[int, int, int] | None = None

    @property
    def boot_id(self) -> str:
        return self._inner.boot_id

    def boot_ns(self) -> int:
        return self._inner.boot_ns()

    def utc_ns(self) -> int:
        return self._inner.utc_ns()

    def heard(self, boot_ns: int, utc_ns: int, error_ns: int) -> None:
        """It was ``utc_ns``, give or take ``error_ns``, at ``boot_ns``. From any thread."""
        self._known = boot_ns, utc_ns - boot_ns, error_ns

    def state(self) -> ClockState:
        return self._inner.state() if self._known is None else self.stamp().clock

    def stamp(self) -> Stamp:
        stamp, known = self._inner.stamp(), self._known
        if known is None or stamp.clock.error_ms is not None:
            return stamp
        at_ns, offset_ns, error_ns = known
        off_ns = abs(parse_iso(stamp.utc) - stamp.boot_ns - offset_ns)
        off_ns += error_ns + abs(stamp.boot_ns - at_ns) * DRIFT_PPM // 1_000_000
        state = ClockState(stamp.clock.quality, off_ns // 1_000_000 + 1)
        return msgspec.structs.replace(stamp, clock=state)


def process_start_ns() -> int:
    """When this process was started, on the boot clock (to 10 ms)."""
    stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
    ticks = int(stat.rpartition(")")[2].split()[19])
    return ticks * NS // os.sysconf("SC_CLK_TCK")


class ManualClock:
    """A clock that a test moves by hand."""

    def __init__(
        self,
        boot_ns: int = 100 * NS,
        utc: str = "2026-11-23T01:30:00.000Z",
        boot_id: str = "00000000-0000-4000-8000-000000000001",
        state: ClockState | None = None,
    ) -> None:
        self.now_ns = boot_ns
        self.wall_ns = parse_iso(utc)
        self._boot_id = boot_id
        self.clock_state = state or ClockState(Quality.SYNCED, 20)

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def boot_ns(self) -> int:
        return self.now_ns

    def utc_ns(self) -> int:
        return self.wall_ns

    def state(self) -> ClockState:
        return self.clock_state

    def stamp(self) -> Stamp:
        return Stamp(self._boot_id, self.now_ns, iso(self.wall_ns), self.clock_state)

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        step = round(seconds * NS)
        self.now_ns += step
        self.wall_ns += step
