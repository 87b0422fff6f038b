"""What others lose at the same cut: ffmpeg and picamera2's PyavOutput, writing onto the same disk.

ffmpeg gets frames at known instants through a pipe, picamera2 takes them from libcamera's virtual
camera; the footage lost is the cut's instant minus that of the last frame that the file still has.
"""

import contextlib
import os
import statistics
import subprocess
import threading
from pathlib import Path
from typing import IO

import msgspec

from recorder.clock import NS, boot_ns
from tests.rigs import pi

WIDTH, HEIGHT, FPS, TAKE_S = 640, 360, 30, 60
FLAGS = {
    "ffmpeg, plain MP4": (),
    "ffmpeg, fragmented MP4": (
        "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1",
    ),
}  # fmt: skip
"""What a careful user would write; fragments of 1 s, as ours."""
PYAV = "picamera2, PyavOutput"


class Take(msgspec.Struct, frozen=True):
    """A file that is being written since ``began_ns``."""

    file: str
    began_ns: int


class Peers:
    """Record takes of a minute, all with the same pictures, until they are stopped."""

    def __init__(self, disk: Path) -> None:
        self._folder = disk / "peers"
        self._folder.mkdir()
        self.lost_s: dict[str, list[float]] = {name: [] for name in (*FLAGS, PYAV)}
        self.takes: dict[str, Take] = {}
        self._stop = threading.Event()
        self._camera = subprocess.Popen(
            pi.command("pyav_output", str(WIDTH), str(HEIGHT), "1000", str(TAKE_S), "/mnt/peers"),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=os.environ | {"RIG_DISK": str(disk)},
        )  # fmt: skip
        self._threads = [threading.Thread(target=each) for each in (self._run, self._listen)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the takes."""
        self._stop.set()
        self._camera.kill()
        self._camera.wait()
        for thread in self._threads:
            thread.join()

    def judge(self, left: Path, before_ns: int, takes: dict[str, Take]) -> None:
        """What ``left``, the disk after the cut, still has of ``takes``."""
        for name, take in takes.items():
            ends_ns = take.began_ns + _frames(left / "peers" / take.file) * NS // FPS
            self.lost_s[name].append((before_ns - ends_ns) / NS)

    def lines(self) -> list[str]:
        """A line a peer."""
        return [
            f"{name}: median {statistics.median(lost):.2f} s, worst {max(lost):.2f} s "
            f"({len(lost)} cuts)"
            for name, lost in self.lost_s.items()
            if lost
        ]

    def _listen(self) -> None:
        assert self._camera.stdout is not None
        for line in self._camera.stdout:
            number, began_ns = line.split()
            self.takes = self.takes | {PYAV: Take(f"pyav-{number}.mp4", int(began_ns))}

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            self._take(number)

    def _take(self, number: int) -> None:
        writers = {
            name: (f"{number}-{index}.mp4", self._writer(f"{number}-{index}.mp4", flags))
            for index, (name, flags) in enumerate(FLAGS.items())
        }
        began_ns = boot_ns()
        takes = {name: Take(file, began_ns) for name, (file, _) in writers.items()}
        self.takes = self.takes | takes
        for frame in range(TAKE_S * FPS):
            if self._stop.wait(max(0.0, (began_ns + frame * NS // FPS - boot_ns()) / NS)):
                break
            picture = _picture(frame)
            for _, process in writers.values():
                _pipe(process).write(picture)
        self.takes = {name: take for name, take in self.takes.items() if name not in writers}
        for file, process in writers.values():
            with contextlib.suppress(BrokenPipeError):
                _pipe(process).close()
            process.wait(30)
            (self._folder / file).unlink(missing_ok=True)

    def _writer(self, file: str, flags: tuple[str, ...]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "gray",
             "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "-", "-c:v", "libx264",
             "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-b:v", "1M",
             "-g", str(FPS), "-pix_fmt", "yuv420p", *flags, str(self._folder / file)],
            stdin=subprocess.PIPE,
        )  # fmt: skip


def _pipe(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def _picture(frame: int) -> bytes:
    """A bar that moves down."""
    row = frame * 4 % (HEIGHT - 16)
    return bytes(WIDTH * row) + b"\xff" * (WIDTH * 16) + bytes(WIDTH * (HEIGHT - 16 - row))


def _frames(file: Path) -> int:
    """Frames that can be read from the file; 0 where no player would open it."""
    done = subprocess.run(
        ["ffprobe", "-v", "quiet", "-count_packets", "-select_streams", "v:0", "-show_entries",
         "stream=nb_read_packets", "-of", "csv=p=0", str(file)],
        capture_output=True, text=True,
    )  # fmt: skip
    words = done.stdout.strip().rstrip(",")
    return int(words) if words.isdecimal() else 0
