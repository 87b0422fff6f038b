"""The player on a real sound server, heard by somebody else than the recorder."""

import subprocess
import sys
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np

from recorder.clock import NS, boot_ns
from recorder.panel.player import Heard, Play
from tests.rigs.daemon import ROOT

RATE = 48_000
CLIP_RATE = 22_050
TONE_HZ = 3000
FRAME = 240


class Listener:
    """All that leaves the loudspeaker, and when."""

    def __init__(self) -> None:
        words = ["parec", "--device=loud.monitor", "--latency-msec=5", "--raw"]
        form = [f"--rate={RATE}", "--channels=1", "--format=s16le"]
        self._process = subprocess.Popen(words + form, stdout=subprocess.PIPE, bufsize=0)
        self._data = bytearray()
        self._starts_ns: list[int] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := self._process.stdout.read(4096):
            self._data += data
            self._starts_ns.append(boot_ns() - len(self._data) // 2 * NS // RATE)

    def tone(self) -> tuple[float, float]:
        """From when to when it was heard, in s on the boot clock: its first and last 5 ms."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        sound = np.frombuffer(bytes(self._data[: len(self._data) // 2 * 2]), np.int16)
        frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
        wave_ = np.exp(-2j * np.pi * TONE_HZ * np.arange(FRAME) / RATE)
        loud = np.flatnonzero(np.abs(frames @ wave_) / FRAME > 2000)
        first_s = min(self._starts_ns) / NS
        return first_s + loud[0] * FRAME / RATE, first_s + (loud[-1] + 1) * FRAME / RATE


@contextmanager
def player() -> Iterator["subprocess.Popen[bytes]"]:
    """The recorder's own."""
    made = subprocess.Popen(
        [sys.executable, "-m", "recorder.panel.player", ""],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        yield made
    finally:
        made.communicate(timeout=5)


def test_a_sentence_is_heard_to_its_end_from_when_the_player_says_on(tmp_path: Path) -> None:
    """No silence at its end that could be cut off instead."""
    clip = tmp_path / "tone.wav"
    times = np.arange(CLIP_RATE) / CLIP_RATE
    with wave.open(str(clip), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(CLIP_RATE)
        tone = 20_000 * np.sin(2 * np.pi * TONE_HZ * times)
        file.writeframes(tone.astype(np.int16).tobytes())
    listener = Listener()
    time.sleep(1)  # until it has heard the room
    with player() as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(msgspec.json.encode(Play(1, str(clip))) + b"\n")
        process.stdin.flush()
        started = msgspec.json.decode(process.stdout.readline(), type=Heard)
        ended = msgspec.json.decode(process.stdout.readline(), type=Heard)
    time.sleep(0.3)
    from_s, to_s = listener.tone()
    assert (started.event, ended.event) == ("started", "ended")
    assert abs(started.at_ns / NS - from_s) < 0.1
    assert to_s - from_s > 0.98
    assert abs(ended.at_ns / NS - to_s) < 0.2
