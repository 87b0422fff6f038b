"""A PiSugar, through the line protocol of its own server (pisugar-server)."""

import socket

from recorder.battery.gauge import Reading, checked
from recorder.clock import NS, boot_ns

_LIMIT_S = 2.0
_LONGEST = 256


class PiSugarGauge:
    """``where``: HOST:PORT, or the path of a Unix socket. Connects anew for each reading."""

    def __init__(self, where: str) -> None:
        self._where = where

    def read(self) -> Reading:
        with self._connect() as connection:
            ask = _Conversation(connection)
            percent = float(ask.get("battery"))
            plugged = ask.get("battery_power_plugged") == "true"
        return checked(Reading(percent, plugged))

    def _connect(self) -> socket.socket:
        if self._where.startswith("/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_LIMIT_S)
            try:
                connection.connect(self._where)
            except OSError:
                connection.close()
                raise
            return connection
        host, _, port = self._where.rpartition(":")
        return socket.create_connection((host, int(port)), _LIMIT_S)


class _Conversation:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self._until_ns = boot_ns() + round(_LIMIT_S * NS)

    def get(self, name: str) -> str:
        """A value by its name. The server tells of its button in between: such lines are passed
        over."""
        self._connection.sendall(f"get {name}\n".encode())
        while True:
            key, colon, value = self._line().partition(":")
            if colon and key == name:
                return value.strip()
            if key == "Invalid request.":
                raise ValueError(f"pisugar-server does not know {name}")

    def _line(self) -> str:
        while b"\n" not in self._rest:
            left_s = (self._until_ns - boot_ns()) / NS
            if left_s <= 0 or len(self._rest) > _LONGEST:
                raise TimeoutError("pisugar-server does not answer")
            self._connection.settimeout(left_s)
            some = self._connection.recv(_LONGEST)
            if not some:
                raise ConnectionError("pisugar-server hung up")
            self._rest += some
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace").strip()
