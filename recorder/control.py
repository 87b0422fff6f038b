"""The local socket that CLI, sync and tests talk to: one JSON object a line, one answer a line.

Server side: a thread that hands each request to the supervisor's loop and waits for its answer.
Client side: ``ask``. Who may connect is decided by the socket's owner, group and mode.
"""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import RecorderError

MAX_REQUEST = 256 * 1024
_REQUEST_S = 5.0
_ANSWER_S = 30.0


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``verb`` names what to do; ``argument`` is an item, a stage, a card's text, a time."""

    verb: str
    argument: str = ""
    reason: str = ""


class Answer(msgspec.Struct, frozen=True):
    """``ok`` False carries a code, a problem and a remedy, like a RecorderError."""

    ok: bool
    code: str = ""
    problem: str = ""
    remedy: str = ""
    data: dict[str, Any] = {}


Handler = Callable[[Request], Answer]


def refusal(error: RecorderError) -> Answer:
    """An error as an answer."""
    where = f"{error.where}: " if error.where else ""
    return Answer(False, error.code, where + error.problem, error.remedy)


def socket_path(run: Path) -> Path:
    """Where the socket lies."""
    return run / "control.sock"


class Server:
    """Listens until ``close``. ``handle`` is called on a connection's thread and may wait."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o117)
        try:
            self._socket.bind(str(path))
        finally:
            os.umask(old)
        self._socket.listen(8)
        self._slots = threading.BoundedSemaphore(8)
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            if not self._slots.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(
                target=self._serve, args=(connection,), name="control-client", daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_REQUEST_S)
                try:
                    answer = self._answer(_line(connection))
                    connection.sendall(msgspec.json.encode(answer) + b"\n")
                    _drain(connection)
                except OSError:
                    return  # the other side left; what it asked for is done or refused all the same
        finally:
            self._slots.release()

    def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Answer(
                False,
                "control-message",
                f"not a control message: {error}",
                'Send one line such as {"verb": "status"}',
            )
        try:
            return self._handle(request)
        except RecorderError as error:
            return refusal(error)


def _drain(connection: socket.socket) -> None:
    """Read what a client still sends (bounded): closing on it would take our answer back."""
    connection.shutdown(socket.SHUT_WR)
    for _ in range(64):
        if not connection.recv(65536):
            return


def _line(connection: socket.socket) -> bytes:
    data = b""
    while b"\n" not in data and len(data) <= MAX_REQUEST:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data[: MAX_REQUEST + 1].split(b"\n", 1)[0]


def ask(run: Path, request: Request, *, timeout_s: float = _ANSWER_S) -> Answer:
    """Send a request to the running recorder. RecorderError when nobody answers."""
    path = socket_path(run)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            sock.connect(str(path))
            sock.sendall(msgspec.json.encode(request) + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                part = sock.recv(65536)
                if not part:
                    break
                data += part
        except OSError as error:
            raise RecorderError(
                "not-running",
                f"the recorder does not answer: {error.strerror or error}",
                where=str(path),
                remedy="Start it with `recorder run` or `systemctl start recorder`, "
                "and run this as a user of its group",
            ) from error
    try:
        return msgspec.json.decode(data, type=Answer)
    except msgspec.DecodeError as error:
        raise RecorderError(
            "control-answer", f"not an answer: {error}", where=str(path), remedy="Restart it"
        ) from error
