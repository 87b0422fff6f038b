"""The local socket that CLI, sync and tests talk to: one JSON object a line, one answer a line.

Server side: a thread that hands each request to the supervisor's loop and waits for its answer.
Client side: ``ask``. Who may connect is decided by the socket's owner, group and mode, what he may
ask by his user name, which the kernel tells (SO_PEERCRED).
"""

import contextlib
import os
import pwd
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.shapes import UNREADABLE

MAX_REQUEST = 256 * 1024
LIMITED_VERBS = frozenset({"status", "say", "dock"})
_REQUEST_S = 5.0
_ANSWER_S = 30.0
_SLOTS = 8
_BACKLOG = 128
_DROP_S = 0.5
_PROBE_S = 0.5


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


Handler = Callable[[Request, str], Answer]


def refusal(error: RecorderError) -> Answer:
    """An error as an answer."""
    where = f"{error.where}: " if error.where else ""
    return Answer(False, error.code, where + error.problem, error.remedy)


def socket_path(run: Path) -> Path:
    """Where the socket lies."""
    return run / "control.sock"


def _answers(path: Path) -> bool:
    """Somebody listens there; what a dead recorder left behind refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True
        except OSError:
            return False
    return True


def alone(path: Path) -> None:
    """RecorderError where another recorder listens there."""
    if _answers(path):
        raise RecorderError(
            "already-running", "another recorder is running here", where=str(path),
            remedy="Use that one, or stop it first (`systemctl stop recorder`)",
        )  # fmt: skip


class Server:
    """Listens until ``close``. ``handle`` is called on a connection's thread and may wait.

    It is told the name of the user who asks. ``limited`` users may ask for LIMITED_VERBS only.
    """

    def __init__(self, path: Path, handle: Handler, limited: Collection[str] = ()) -> None:
        self._path = path
        self._handle = handle
        self._limited = frozenset(limited)
        self._silent: dict[socket.socket, None] = {}
        self._lock = threading.Lock()
        alone(path)
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o117)
        try:
            self._socket.bind(str(path))
        except OSError as error:
            raise RecorderError(
                "socket-unusable", f"cannot listen there: {error}", where=str(path),
                remedy="Set paths.run to a folder of the recorder's own with a short name",
            ) from error  # fmt: skip
        finally:
            os.umask(old)
        self._socket.listen(_BACKLOG)
        self._slots = threading.BoundedSemaphore(_SLOTS)
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
                if self._socket.fileno() < 0:
                    return  # closed
                time.sleep(_DROP_S)  # no descriptors left: they come back
                continue
            if not self._slots.acquire(blocking=False):
                self._drop_silent()
                if not self._slots.acquire(timeout=_DROP_S):
                    connection.close()
                    continue
            with self._lock:
                self._silent[connection] = None
            threading.Thread(
                target=self._serve, args=(connection,), name="control-client", daemon=True
            ).start()

    def _drop_silent(self) -> None:
        """All places are taken: who has waited longest without asking anything makes room."""
        with self._lock:
            for connection in self._silent:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                return

    def _request(self, connection: socket.socket) -> bytes:
        try:
            return _line(connection)
        finally:
            with self._lock:
                self._silent.pop(connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_REQUEST_S)
                try:
                    answer = self._answer(self._request(connection), _user(connection))
                    connection.sendall(msgspec.json.encode(answer) + b"\n")
                    _drain(connection)
                except OSError:
                    return  # the other side left; what it asked for is done or refused all the same
        finally:
            self._slots.release()

    def _answer(self, line: bytes, user: str) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
        except UNREADABLE as error:
            return Answer(
                False,
                "control-message",
                f"not a control message: {error}",
                'Send one line such as {"verb": "status"}',
            )
        if user in self._limited and request.verb not in LIMITED_VERBS:
            return Answer(
                False,
                "control-denied",
                f"{user} may not ask for {request.verb!r}",
                f"{user} may: {', '.join(sorted(LIMITED_VERBS))}; see control.limited",
            )
        try:
            return self._handle(request, user)
        except RecorderError as error:
            return refusal(error)


def _user(connection: socket.socket) -> str:
    """Who connected, as the kernel knows it: the user's name, or the number where it has none."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", data)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


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
    except UNREADABLE as error:
        raise RecorderError(
            "control-answer", f"not an answer: {error}", where=str(path), remedy="Restart it"
        ) from error
