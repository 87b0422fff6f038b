"""`recorder verify` of sealed bags at 6 Mbit/s, beside `openssl dgst -sha256` over the same bytes.

Both from start to end as processes, all bytes in the page cache, turn about, best of several.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from recorder.capture.messages import Fragment, Init, Track, TrackRun, TrackState
from recorder.clock import NS
from recorder.config import Recording
from recorder.evidence import keys
from scripts.benches import room
from tests.unit.evidence.bags import Device
from tests.unit.pieces import PERIOD_NS, init_bytes, media

BAGS = int(os.environ.get("BENCH_BAGS", "8"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "300"))
TRIES = 5
FRAME_BYTES = 6_000_000 // 8 // 30
TRACKS = (
    Track("video", 1, 90_000, "avc1", 1920, 1080),
    Track("audio", 2, 48_000, "mp4a", sample_rate=48_000, channels=1),
)


def bag(device: Device) -> Path:
    """A sealed recording with its journal, as long as the recorder makes its segments."""
    recording = device.begin()
    init = Init(1, TRACKS, PERIOD_NS, "bench")
    for second in range(100, 100 + SECONDS):
        video = TrackRun(TrackState.OK, second * 90_000, 90_000, 30, PERIOD_NS)
        audio = TrackRun(TrackState.OK, second * 48_000, 48_000, 48_000, 0)
        fragment = Fragment(1, second, second * NS, (second + 1) * NS, video, audio)
        data = media(second * 90_000, size=FRAME_BYTES)
        recording.fragments([(init, init_bytes(), fragment, data)])
        device.clock.advance(1)
    return device.finish(recording, (100 + SECONDS) * NS)


def rate(command: Sequence[str], cores: str, size_bytes: int) -> float:
    """MB/s of a command on these cores."""
    began = time.perf_counter()
    subprocess.run(["taskset", "-c", cores, *command], check=True, stdout=subprocess.DEVNULL)
    return size_bytes / (time.perf_counter() - began) / 1e6


def main() -> None:
    """Prints MB/s, and how they compare."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        device = Device(Path(name))
        device.settings = Recording()
        for _ in range(BAGS):
            bag(device)
        files = sorted(str(path) for path in device.spool.rglob("*") if path.is_file())
        size_bytes = sum(os.path.getsize(path) for path in files)
        print(f"{BAGS} bags of {SECONDS} s, {size_bytes / 1e9:.2f} GB in {len(files)} files")
        _, pem = keys.pem_pair(device.signer.private)
        public = Path(name) / "device.pem"
        public.write_bytes(pem)
        verify = [sys.executable, "-m", "recorder", "verify", str(device.spool), "--key",
                  str(public)]  # fmt: skip
        runs = {
            "openssl dgst -sha256, one core": (["openssl", "dgst", "-sha256", *files], "0"),
            "recorder verify, one core": ([*verify, "--jobs", "1"], "0"),
            "recorder verify, two cores": ([*verify, "--jobs", "2"], "0,1"),
        }
        best = dict.fromkeys(runs, 0.0)
        for _ in range(TRIES):
            for words, (command, cores) in runs.items():
                best[words] = max(best[words], rate(command, cores, size_bytes))
        peer = next(iter(best.values()))
        for words, found in best.items():
            print(f"{words:32} {found:7.0f} MB/s  {found / peer:5.2f}")
