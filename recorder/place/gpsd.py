"""Fixes from gpsd, over its socket and its JSON, on a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator

import msgspec

from recorder.at_work import at_work
from recorder.clock import NS, Clock, parse_iso
from recorder.shapes import UNREADABLE

_WATCH = b'?WATCH={"enable":true,"json":true};\n'
_SILENCE_S = 15.0
_AGAIN_S = 5.0
_LONGEST = 1 << 16
_FIX_2D = 2
TIME_ERROR_NS = 5 * NS
"""A report comes up to a second late, and a receiver just switched on may miss leap seconds."""


class Fix(msgspec.Struct, frozen=True):
    """One position. ``utc_ns``: the satellites' time, None where the report had none."""

    at_ns: int
    latitude: float
    longitude: float
    error_m: float | None
    altitude_m: float | None
    utc_ns: int | None

    def private(self) -> dict[str, float | None]:
        """What an age file holds of it."""
        return {
            "latitude": self.latitude, "longitude": self.longitude,
            "error_m": self.error_m, "altitude_m": self.altitude_m,
        }  # fmt: skip


class _Report(msgspec.Struct, frozen=True):
    """What of gpsd's objects is looked at; only TPV has a position."""

    kind: str = msgspec.field(name="class")
    mode: int = 0
    time: str = ""
    lat: float | None = None
    lon: float | None = None
    eph: float | None = None
    alt_msl: float | None = msgspec.field(name="altMSL", default=None)


def parse(line: bytes, at_ns: int) -> Fix | None:
    """A fix, if gpsd's line has one; anything else, damage included, is None."""
    try:
        report = msgspec.json.decode(line, type=_Report)
        utc_ns = parse_iso(report.time) if report.time else None
    except (ValueError, OverflowError, *UNREADABLE):
        return None
    if report.kind != "TPV" or report.mode < _FIX_2D or report.lat is None or report.lon is None:
        return None  # without a fix the time is the receiver's own guess, too
    if not (-90 <= report.lat <= 90 and -180 <= report.lon <= 180):
        return None
    return Fix(at_ns, report.lat, report.lon, report.eph, report.alt_msl, utc_ns)


class Gpsd:
    """``latest`` from any thread; ``heard`` is called on this one's with each satellite time."""

    def __init__(self, where: str, clock: Clock, heard: Callable[[int, int, int], None]) -> None:
        host, _, port = where.rpartition(":")
        self._address = host, int(port)
        self._clock = clock
        self._heard = heard
        self._stop = threading.Event()
        self.latest: Fix | None = None
        self.heard_ns: int | None = None
        """When gpsd last said anything, a fix or not."""
        self.problem = "nothing comes"
        threading.Thread(target=self._run, name="gpsd", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except (OSError, ValueError) as error:  # the latter for a name that no network takes
                self.problem = str(error)
                self._stop.wait(_AGAIN_S)  # not up, or restarted

    def _listen(self) -> None:
        with socket.create_connection(self._address, _SILENCE_S) as connection:
            connection.sendall(_WATCH)
            for line in _lines(connection):
                if self._stop.is_set():
                    return
                with at_work("gnss"):
                    self._told(line)

    def _told(self, line: bytes) -> None:
        self.heard_ns = self._clock.boot_ns()
        fix = parse(line, self.heard_ns)
        if fix is None:
            return
        self.latest = fix
        if fix.utc_ns is not None:
            self._heard(fix.at_ns, fix.utc_ns, TIME_ERROR_NS)


def _lines(connection: socket.socket) -> Iterator[bytes]:
    rest = b""
    while True:
        some = connection.recv(4096)
        if not some or len(rest) > _LONGEST:
            raise ConnectionError("gpsd hung up")
        *whole, rest = (rest + some).split(b"\n")
        yield from whole
