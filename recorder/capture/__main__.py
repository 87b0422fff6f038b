"""The capture process: `python -m recorder.capture`. Frames out on stdout, commands in on stdin.

Started, watched and killed by the supervisor. It leaves when stdin ends, on SIGTERM, when the
supervisor's end of the pipe closes, or when one of its own parts fails in a way that nobody
foresaw; within a second in each case, whatever hangs.
"""

import ctypes
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

import msgspec

from recorder import memory
from recorder.capture.messages import Command, Configure, Overlay, Stop

if TYPE_CHECKING:
    from recorder.capture.pipeline import Pipeline

_LEAVE_S = 0.8
_PR_SET_PDEATHSIG = 1


class _Child:
    """What the main thread, the commands' thread and the pipeline tell each other."""

    def __init__(self, out: int) -> None:
        self.out = out
        self.leave = threading.Event()
        self.flushed = threading.Event()
        self.status = 0
        self.pipeline: Pipeline | None = None

    def failed(self, what: str) -> None:
        """Something unforeseen: the process ends, and the supervisor starts the next one."""
        print(f"capture: {what}", file=sys.stderr, flush=True)
        self.status = 1
        self.leave.set()

    def commands(self) -> None:
        """Read stdin until its end. The first overlay after ``Configure`` starts the devices."""
        try:
            self._commands()
        except Exception as error:  # noqa: BLE001 - it ends the process, with a line that says why
            self.failed(f"commands: {type(error).__name__}: {error}")
        self.leave.set()

    def _commands(self) -> None:
        decoder = msgspec.json.Decoder(Command)
        configure: Configure | None = None
        for line in sys.stdin.buffer:
            match decoder.decode(line):
                case Configure() as latest:
                    configure = latest
                    if self.pipeline is not None:
                        self.pipeline.take_up(latest)
                case Overlay() as overlay:
                    if self.pipeline is not None:
                        self.pipeline.show(overlay)
                    elif configure is not None:
                        self._start(configure, overlay)
                    else:
                        raise ValueError("an overlay before any configure")
                case Stop():
                    return

    def _start(self, configure: Configure, overlay: Overlay) -> None:
        from recorder.capture.pipeline import Pipeline
        from recorder.capture.sender import Sender

        fragments = configure.settings.queue_s * 1000 / configure.settings.fragment_ms
        sender = Sender(self.out, max(2, round(fragments)), self.leave.set)
        self.pipeline = Pipeline(configure, sender, overlay, self.failed, self.flushed.set)
        self.pipeline.start()


def main() -> int:
    """Entry point of the child."""
    memory.give_way(memory.CAPTURE)
    memory.keep_small()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: its matrices here are small
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    child = _Child(os.dup(1))
    os.dup2(2, 1)  # no library may write into the pipe
    signal.signal(signal.SIGTERM, lambda *_: child.leave.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=child.commands, name="commands", daemon=True).start()
    child.leave.wait()
    if child.pipeline is not None:
        child.pipeline.close()
        child.flushed.wait(_LEAVE_S)
    os._exit(child.status)  # a camera or a sound server that hangs must not keep the process


if __name__ == "__main__":
    sys.exit(main())
