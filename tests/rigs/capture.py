"""A capture process by itself, read as the supervisor would read it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import msgspec

from recorder import boxes
from recorder.capture.messages import (
    Command,
    Configure,
    Fault,
    Fragment,
    Init,
    Message,
    Overlay,
    Vitals,
    read,
)
from recorder.clock import boot_ns
from recorder.config import CameraSettings, CaptureSettings, MicrophoneSettings

ROOT = Path(__file__).resolve().parent.parent.parent
OVERLAY = Overlay("rig-01", "ZY-017", True, 480)
CAMERA = CameraSettings(kind="demo", width=640, height=360, bitrate_kbps=1000)
MICROPHONE = MicrophoneSettings(kind="demo")


class Got(msgspec.Struct, frozen=True):
    """A message, when it arrived on the boot clock, and its payload."""

    at_ns: int
    message: Message
    payload: bytes


class Capture:
    """Started by its constructor. ``reading`` cleared: nobody empties the pipe."""

    def __init__(
        self,
        camera: CameraSettings = CAMERA,
        microphone: MicrophoneSettings = MICROPHONE,
        *,
        queue_s: float = 10.0,
        rung: int = 0,
        wrapper: tuple[str, ...] = (),
        python: tuple[str, ...] = (sys.executable,),
    ) -> None:
        self.settings = CaptureSettings(camera=camera, microphone=microphone, queue_s=queue_s)
        self.got: list[Got] = []
        self.reading = threading.Event()
        self.reading.set()
        self.ended_ns: int | None = None
        self._news = threading.Condition()
        self.started_ns = boot_ns()
        self.process = subprocess.Popen(
            [*wrapper, *python, "-m", "recorder.capture"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)}, bufsize=0,
        )  # fmt: skip
        self.send(Configure(self.settings, rung))
        self.send(OVERLAY)
        assert self.process.stdout is not None
        pipe = os.fdopen(os.dup(self.process.stdout.fileno()), "rb", buffering=64 * 1024)
        self.process.stdout.close()
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def send(self, command: Command) -> None:
        """A command line on its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(command) + b"\n")

    def _read(self, pipe: BinaryIO) -> None:
        with pipe:
            while True:
                self.reading.wait()
                try:
                    message, payload = read(pipe)
                except EOFError:
                    break
                with self._news:
                    self.got.append(Got(boot_ns(), message, payload))
                    self._news.notify_all()
        with self._news:
            self.ended_ns = boot_ns()
            self._news.notify_all()

    def until(self, true: Callable[[], bool], what: str, limit_s: float = 15.0) -> None:
        """Wait for messages until ``true``."""
        deadline = time.monotonic() + limit_s
        with self._news:
            while not true():
                rest_s = deadline - time.monotonic()
                if rest_s <= 0 or self.ended_ns is not None:
                    raise AssertionError(f"no {what}: {[g.message for g in self.got][-12:]}")
                self._news.wait(rest_s)

    def run_for(self, seconds: float) -> None:
        """Wait until footage of so many more seconds has arrived."""
        end_ns = boot_ns() + round(seconds * 1e9)
        self.until(lambda: any(f.end_ns >= end_ns for f in self.fragments), "footage", seconds + 10)

    def ended(self, limit_s: float = 3.0) -> int:
        """Wait until the pipe is closed; the exit status."""
        self._thread.join(limit_s)
        last = [g.message for g in self.got if not isinstance(g.message, Fragment)][-6:]
        assert self.ended_ns is not None, f"the pipe is still open: {last}"
        return self.process.wait(limit_s)

    @property
    def fragments(self) -> list[Fragment]:
        return [g.message for g in self.got if isinstance(g.message, Fragment)]

    @property
    def inits(self) -> list[Init]:
        return [g.message for g in self.got if isinstance(g.message, Init)]

    @property
    def faults(self) -> list[Fault]:
        return [g.message for g in self.got if isinstance(g.message, Fault)]

    @property
    def vitals(self) -> list[Vitals]:
        return [g.message for g in self.got if isinstance(g.message, Vitals)]

    def media(self, stream: int) -> bytes:
        """One stream as a file, its first fragment at 0:00."""
        zero: dict[int, int] = {}
        out = bytearray()
        for got in self.got:
            if isinstance(got.message, Init) and got.message.stream == stream:
                out += got.payload
                scales = {t.track_id: t.timescale for t in got.message.tracks}
            elif isinstance(got.message, Fragment) and got.message.stream == stream:
                zero = zero or {
                    number: (got.message.start_ns - 10**9) * scale // 10**9
                    for number, scale in scales.items()
                }
                out += boxes.rebase(got.payload, zero)
        return bytes(out)

    def close(self) -> None:
        """End it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.reading.set()
        self._thread.join(5)


def breaks(fragments: list[Fragment]) -> list[str]:
    """Where a track of one stream does not go on exactly where it stopped."""
    found = []
    for kind in ("video", "audio"):
        following: int | None = None
        for fragment in fragments:
            run = getattr(fragment, kind)
            if run is None or run.units == 0:
                following = None
                continue
            if following is not None and run.first_tick != following:
                found.append(f"{kind} {fragment.number}: {run.first_tick - following} ticks")
            following = run.first_tick + run.ticks
    return found
