"""Faults of camera, microphone, encoders and the capture process, by name, for a running daemon.

    daemon = Daemon(folder)
    equip(daemon)                       # before the start: its capture process can misbehave now
    daemon.start()
    with FAULTS["camera-frozen"](daemon):   # injected on entering
        ...
    ...                                 # lifted: what can recover recovers now

``FAULTS`` needs the demo camera and microphone (``tests.rigs.daemon.DEMO``). Any two may overlap,
except two that freeze or kill the same capture process. ``capture-undying`` needs root (it mounts a
disk and freezes it). ``SOUND_FAULTS`` needs a daemon whose wrapper is ``sound.sh`` with the folder
``daemon.here / "sound"`` and whose microphone is ``sounddevice``; there a fault's lifting includes
what a person would do (start the server, plug the microphone in).

``seen(name, body)``: a journal line is the event that the fault must leave, within 2 s of entering.
``HARMS``: which tracks a fault may cost; "" where it is the stream itself for some seconds.

Faults of parts last over restarts of the capture process, as a broken camera's do: while one is on,
the recorder climbs down its ladder, and up again some time after it was lifted. Faults of the
stream hit the process of now. ``told`` switches on what ``FAULTS`` does not list: ``camera-kills``
and ``microphone-kills`` (opening that part kills the process), ``close-hangs``.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence import lines
from tests.rigs.daemon import Daemon
from tests.rigs.sound import Server

Fault = Callable[[Daemon], AbstractContextManager[None]]
_HERE = Path(__file__).parent
_STALL = str(_HERE / "stall.sh")
_DISK_MB = 8


def equip(daemon: Daemon) -> None:
    """Before its start: from then on its capture processes can be told to misbehave."""
    folder = daemon.here / "faults"
    folder.mkdir(exist_ok=True)
    daemon.site({"RIG_FAULTS": str(folder)})


def capture_pid(daemon: Daemon, limit_s: float = 15.0) -> int:
    """The capture process that is running now; waits for one."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            pid = daemon.status()["capture"]["pid"]
        except RecorderError:
            pid = None
        if pid:
            return int(pid)
        time.sleep(0.03)
    raise AssertionError("no capture process")


@contextmanager
def told(name: str, daemon: Daemon) -> Iterator[None]:
    """A fault of misbehaving/parts.py is on, in the process of now and in all that follow it."""
    file = daemon.here / "faults" / name
    file.touch()
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it is gone, which is what the recorder is for


@contextmanager
def _killed(daemon: Daemon) -> Iterator[None]:
    _signal(capture_pid(daemon), signal.SIGKILL)
    yield


@contextmanager
def _stopped(daemon: Daemon) -> Iterator[None]:
    pid = capture_pid(daemon)
    _signal(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pid, signal.SIGCONT)


@contextmanager
def _undying(daemon: Daemon) -> Iterator[None]:
    """A process that waits for a frozen disk: SIGKILL has no effect until that thaws."""
    disk = daemon.here / "undying"
    pid = capture_pid(daemon)
    subprocess.run([_STALL, "up", str(disk), str(_DISK_MB)], check=True)
    order = daemon.here / "faults" / "capture-undying"
    try:
        subprocess.run([_STALL, "freeze", str(disk)], check=True)
        draft = order.with_suffix(".new")
        draft.write_text(f"{pid} {disk / 'card' / 'x'}")
        draft.rename(order)
        wait_state(pid, "D")
        yield
    finally:
        order.unlink(missing_ok=True)
        subprocess.run([_STALL, "thaw", str(disk)], check=True)
        _signal(pid, signal.SIGKILL)  # had the recorder no time to do it
        wait_state(pid, "")
        subprocess.run([_STALL, "down", str(disk)], check=True)


def process_state(pid: int) -> str:
    """R, S, D, T, Z as the kernel shows it; "" once it is gone and reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_state(pid: int, state: str, limit_s: float = 10.0) -> None:
    """Until the main thread or any other one is in ``state``, or, for "", all are gone."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        threads = list(Path(f"/proc/{pid}/task").glob("*"))
        states = {process_state(int(thread.name)) for thread in threads} - {""}
        if (state in states) if state else not states:
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is not {state or 'gone'}: {process_state(pid)!r}")


_SENSOR: dict[str, str] = {
    "camera-frozen": "camera",
    "camera-stands-still": "camera",
    "camera-stops": "camera",
    "camera-gone": "camera",
    "lens-covered": "camera",
    "encoder-blocks": "encoder",
    "hardware-encoder-blocks": "encoder",
    "mux-blocks": "encoder",
    "microphone-zeros": "microphone",
    "microphone-stops": "microphone",
    "microphone-gone": "microphone",
    "sound-encoder-blocks": "microphone",
}
"""Told by a file; which part's fault the journal must name."""

_STREAM: dict[str, Fault] = {
    "capture-killed": _killed,
    "capture-stopped": _stopped,
    "capture-undying": _undying,
}

FAULTS: dict[str, Fault] = {
    **{name: partial(told, name) for name in _SENSOR},
    **_STREAM,
}


# The sound server's.


@contextmanager
def _server_killed(daemon: Daemon) -> Iterator[None]:
    server = Server(daemon.here / "sound")
    server.signal(signal.SIGKILL)
    try:
        yield
    finally:
        server.restart()


@contextmanager
def _server_frozen(daemon: Daemon) -> Iterator[None]:
    server = Server(daemon.here / "sound")
    server.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal(signal.SIGCONT)


@contextmanager
def _server_told(on: tuple[str, ...], off: tuple[str, ...], daemon: Daemon) -> Iterator[None]:
    server = Server(daemon.here / "sound")
    server.tell(*on)
    try:
        yield
    finally:
        server.tell(*off)


@contextmanager
def _unplugged(daemon: Daemon) -> Iterator[None]:
    server = Server(daemon.here / "sound")
    server.unplug()
    try:
        yield
    finally:
        server.plug()


SOUND_FAULTS: dict[str, Fault] = {
    "sound-server-killed": _server_killed,
    "sound-server-frozen": _server_frozen,
    "microphone-muted": partial(
        _server_told, ("set-source-mute", "mic", "1"), ("set-source-mute", "mic", "0")
    ),
    "microphone-suspended": partial(
        _server_told, ("suspend-source", "mic", "1"), ("suspend-source", "mic", "0")
    ),
    "microphone-unplugged": _unplugged,
}

HARMS: dict[str, str] = {
    **{name: "audio" if part == "microphone" else "video" for name, part in _SENSOR.items()},
    "mux-blocks": "",
    **dict.fromkeys(_STREAM, ""),
    **dict.fromkeys(SOUND_FAULTS, "audio"),
}


def seen(name: str, body: lines.Journal) -> bool:
    """The line is the event of this fault, with its cause."""
    if name in _STREAM:
        return isinstance(body, lines.Interruption)
    part = "lens" if name == "lens-covered" else _SENSOR.get(name, "microphone")
    return isinstance(body, lines.Fault) and body.part == part and not body.over
