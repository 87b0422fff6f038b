"""The real gpsd beside a receiver that a test plays: NMEA sentences over UDP, once a second."""

import socket
import subprocess
import threading
import time
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from types import TracebackType


def _sentence(body: str) -> str:
    return f"${body}*{reduce(xor, body.encode()):02X}\r\n"


def _degrees(value: float, digits: int, signs: str) -> str:
    whole, part = divmod(abs(value), 1)
    return f"{int(whole):0{digits}d}{part * 60:07.4f},{signs[value < 0]}"


def nmea(at: datetime, latitude: float, longitude: float) -> bytes:
    """One second of a receiver with a fix in three dimensions."""
    clock, day = f"{at:%H%M%S}.{at.microsecond // 10_000:02d}", f"{at:%d%m%y}"
    place = f"{_degrees(latitude, 2, 'NS')},{_degrees(longitude, 3, 'EW')}"
    return "".join(
        map(
            _sentence,
            (
                f"GPGGA,{clock},{place},1,08,0.9,350.0,M,-20.0,M,,",
                "GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,1.6,0.9,1.3",
                f"GPRMC,{clock},A,{place},0.0,0.0,{day},,,A",
            ),
        )
    ).encode()


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Gpsd:
    """As long as the ``with`` lasts. ``where``: its address for recorder.toml."""

    def __init__(self, latitude: float, longitude: float) -> None:
        self._place = latitude, longitude
        self._receiver = ("127.0.0.1", _free_port(socket.SOCK_DGRAM))
        port = _free_port(socket.SOCK_STREAM)
        self.where = f"127.0.0.1:{port}"
        self._over = threading.Event()
        self._process = subprocess.Popen(
            ["gpsd", "-N", "-n", "-S", str(port), "udp://{}:{}".format(*self._receiver)],
            stderr=subprocess.DEVNULL,
        )
        self._sender = threading.Thread(target=self._send, daemon=True)

    def _send(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while not self._over.wait(1.0 - time.time() % 1.0):
                sender.sendto(nmea(datetime.now(UTC), *self._place), self._receiver)

    def __enter__(self) -> "Gpsd":
        self._sender.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._process.terminate()
        self._process.wait(10)
