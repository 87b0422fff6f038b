"""The supervisor's end of the capture process: starts it, reads its pipe, kills it.

It never decides anything: messages and the end of the pipe are handed to the supervisor's loop. It
never waits for a capture process either: one that no signal reaches is left behind, and reaped by
its reader whenever it dies.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import BinaryIO

import msgspec

from recorder.capture.messages import Command, Configure, Message, Overlay, Stop, read
from recorder.clock import Clock
from recorder.config import CaptureSettings
from recorder.errors import RecorderError
from recorder.memory import kills

_REAPED_S = 0.2
"""So long after the end of its pipe a process has an exit status, unless it hangs in the kernel."""


class Received(msgspec.Struct, frozen=True):
    """A message from capture process number ``generation``."""

    generation: int
    message: Message
    payload: bytes


class Gone(msgspec.Struct, frozen=True):
    """The capture process's pipe ended, at ``at_ns`` on the boot clock."""

    generation: int
    at_ns: int
    code: str
    detail: str


Emit = Callable[[Received | Gone], None]


class CaptureLink:
    """One capture process at a time; each has a generation number, so late messages are known."""

    def __init__(self, settings: CaptureSettings, clock: Clock, emit: Emit) -> None:
        self._settings = settings
        self._clock = clock
        self._emit = emit
        self._child: subprocess.Popen[bytes] | None = None
        self._left: list[subprocess.Popen[bytes]] = []
        self.generation = 0
        self.started_ns = 0

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._child.pid if self._child else None

    @property
    def undying(self) -> int:
        """Processes left behind that are not dead yet; each may hold camera or microphone."""
        for child in list(self._left):
            if child.poll() is not None:
                self._left.remove(child)
        return len(self._left)

    def start(self, rung: int, overlay: Overlay) -> None:
        """Spawn the next capture process. Returns at once; its messages come by ``emit``."""
        self.generation += 1
        self.started_ns = self._clock.boot_ns()
        self._close_stdin()
        try:
            child = subprocess.Popen(
                [sys.executable, "-m", "recorder.capture"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:  # no memory, too many processes: tried again like a death
            self._child = None
            self._emit(Gone(self.generation, self.started_ns, "capture_died", f"start: {error}"))
            return
        self._child = child
        assert child.stdin is not None
        assert child.stdout is not None
        os.set_blocking(child.stdin.fileno(), False)
        self.send(Configure(self._settings, rung))
        self.send(overlay)
        reader = os.fdopen(os.dup(child.stdout.fileno()), "rb", buffering=64 * 1024)
        child.stdout.close()
        threading.Thread(
            target=self._read, args=(self.generation, child, reader), name="capture", daemon=True
        ).start()

    def send(self, command: Command) -> None:
        """Write a command; a child that is gone is reported by its reader, not here, and one that
        does not read loses it: it is killed for its silence."""
        child = self._child
        if child is None or child.stdin is None or child.stdin.closed:
            return
        try:
            child.stdin.write(msgspec.json.encode(command) + b"\n")
        except BrokenPipeError:
            return  # its reader reports the end with the exit code

    def kill(self) -> None:
        """SIGKILL: the reader reports the end."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(signal.SIGKILL)

    def abandon(self, detail: str) -> None:
        """It was killed and does not die: report its end now and wait for it no longer."""
        if self._child is not None:
            self._leave(self._child)
        self._close_stdin()
        self._emit(Gone(self.generation, self._clock.boot_ns(), "capture_stalled", detail))

    def _leave(self, child: subprocess.Popen[bytes]) -> None:
        if child not in self._left:
            self._left.append(child)

    def close(self) -> None:
        """Ask the child to leave, and kill it if it does not within a second."""
        child = self._child
        if child is None:
            return
        self.send(Stop())
        self._close_stdin()
        try:
            child.wait(1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            try:
                child.wait(2.0)
            except subprocess.TimeoutExpired:
                print("recorder: the capture process hangs in a driver and is left behind",
                      file=sys.stderr, flush=True)  # fmt: skip

    def _close_stdin(self) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.close()

    def _read(self, generation: int, child: subprocess.Popen[bytes], pipe: BinaryIO) -> None:
        code, detail = "capture_died", ""
        killed_before = kills()
        with pipe:
            while True:
                try:
                    message, payload = read(pipe)
                except EOFError:
                    break
                except RecorderError as error:
                    code, detail = error.code, error.problem
                    child.kill()
                    break
                self._emit(Received(generation, message, payload))
        at_ns = self._clock.boot_ns()
        try:
            status = child.wait(_REAPED_S)
        except subprocess.TimeoutExpired:
            child.kill()
            detail = detail or "its pipe ended, and it does not"
            self._leave(child)  # it hangs while it closes a device
            self._emit(Gone(generation, at_ns, code, detail))
            child.wait()
            return
        if status == -signal.SIGKILL and code == "capture_died" and kills() > killed_before:
            code = "out_of_memory"
        self._emit(Gone(generation, at_ns, code, detail or f"exit status {status}"))
