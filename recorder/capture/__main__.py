"""The capture process: `python -m recorder.capture`. Frames out on stdout, commands in on stdin.

Started, watched and killed by the supervisor. It leaves when stdin ends, when the supervisor's end
of the pipe closes, or when one of its own parts fails in a way that nobody foresaw.
"""

import ctypes
import os
import signal
import sys
import threading

import msgspec

from recorder.capture.messages import Command, Configure, Overlay, Stop

_LEAVE_S = 1.0
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Entry point of the child."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    out = os.dup(1)
    os.dup2(2, 1)  # no library may write into the pipe
    done = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: done.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_serve, args=(out, done), name="commands", daemon=True).start()
    done.wait()
    os._exit(0)  # a camera or a sound server that hangs must not keep the process


def _serve(out: int, done: threading.Event) -> None:
    from recorder.capture.pipeline import Pipeline
    from recorder.capture.sender import Sender

    decoder = msgspec.json.Decoder(Command)
    pipeline: Pipeline | None = None
    configure: Configure | None = None
    for line in sys.stdin.buffer:
        command = decoder.decode(line)
        match command:
            case Configure():
                configure = command
            case Overlay() if pipeline is None:
                if configure is None:
                    break
                seconds = configure.settings.queue_s * 1000 / configure.settings.fragment_ms
                sender = Sender(out, max(2, round(seconds)), done.set)
                pipeline = Pipeline(configure, sender, command, done.set)
                pipeline.start()
            case Overlay():
                assert pipeline is not None
                pipeline.show(command)
            case Stop():
                break
    if pipeline is None:
        done.set()
        return
    pipeline.close()
    if not done.wait(_LEAVE_S):
        done.set()


if __name__ == "__main__":
    sys.exit(main())
