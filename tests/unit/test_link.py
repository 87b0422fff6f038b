"""The supervisor's end of the capture process: who does not die is known and counted."""

import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recorder.capture.messages import Overlay
from recorder.clock import SystemClock
from recorder.config import CameraSettings, CaptureSettings, MicrophoneSettings
from recorder.link import CaptureLink, Gone, Received

NOTHING = CaptureSettings(
    camera=CameraSettings(kind="none"), microphone=MicrophoneSettings(kind="none")
)


def test_a_process_whose_pipe_ends_and_that_does_not_is_counted_until_it_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that hangs in the kernel while it closes its camera: no signal reaches it."""
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nexec sleep 60 >/dev/null\n")
    hangs.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(hangs))
    monkeypatch.setattr(subprocess.Popen, "kill", lambda self: None)
    news: queue.SimpleQueue[Received | Gone] = queue.SimpleQueue()
    link = CaptureLink(NOTHING, SystemClock(), news.put)
    link.start(0, Overlay("d", "o", True, 480))
    pid = link.pid
    assert pid is not None
    try:
        gone = news.get(timeout=10)
        assert isinstance(gone, Gone)
        assert gone.detail == "its pipe ended, and it does not"
        assert link.undying == 1
    finally:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while link.undying:
        assert time.monotonic() < deadline
        time.sleep(0.01)
