"""1080p30 and 720p30 through real picamera2 on the virtual camera, as the daemon records: overlay,
sound, ring, encryption. Beside it picamera2's own PyavOutput with sound, same encoder and settings,
and the virtual camera alone; all see the same noisy scene and the same sound server.

BENCH_SECONDS says how long (60); the peer runs for 5 minutes at most. Needs root or sudo.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from recorder.clock import NS, boot_ns
from scripts.benches import room
from scripts.benches.process import Process
from scripts.benches.service import largest_mb, memory_mb
from tests.rigs import frames, pi, sound
from tests.rigs.daemon import DEMO, Daemon

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
PEER_S = min(SECONDS, 300.0)
SETTLE_S = 5.0
RING_S = 30
NOISE = "24"
"""With it x264's ultrafast makes the full 6 Mbit/s of 1080p."""
SIZES = ((1920, 1080, 6000), (1280, 720, 3000))


def settings(width: int, height: int, kbps: int) -> str:
    """As a device has them: everything real but button and light."""
    return (
        DEMO.replace('[camera]\nkind = "demo"', '[camera]\nkind = "picamera2"')
        .replace('[microphone]\nkind = "demo"', '[microphone]\nkind = "sounddevice"')
        .replace('[voice]\nkind = "none"', '[voice]\nkind = "pyttsx3"')
        .replace("width = 640", f"width = {width}")
        .replace("height = 360", f"height = {height}")
        .replace("bitrate_kbps = 1000", f"bitrate_kbps = {kbps}")
        .replace("seconds = 4.0", f"seconds = {RING_S}")
        .replace("segment_s = 5.0", "segment_s = 20.0")
    )


class Load(msgspec.Struct, frozen=True):
    """What processes took while the sensor delivered ``fps``: CPU a frame, memory at most."""

    frame_ms: float
    fps: float
    most_mb: float

    def __str__(self) -> str:
        return (
            f"CPU {self.frame_ms:.2f} ms a frame ({self.frame_ms * self.fps / 1000:.3f} s a second "
            f"at {self.fps:.2f} frames), PSS {self.most_mb:.1f} MB at most"
        )


def load(pids: tuple[int, ...], listed: Path, seconds: float) -> Load:
    """Of these processes, the first one's children counted for memory. Per frame, because on a busy
    machine the virtual sensor delivers fewer."""
    measured = [Process(pid) for pid in pids]
    began_ns, before_s = boot_ns(), sum(each.cpu_s() for each in measured)
    most_mb = largest_mb(pids[0], seconds)
    if not all(each.threads() for each in measured):
        raise RuntimeError("a process was replaced meanwhile: this machine is too busy to measure")
    took_s, ended_ns = sum(each.cpu_s() for each in measured) - before_s, boot_ns()
    count = sum(began_ns < ns < ended_ns for ns in frames.delivered_ns(listed))
    return Load(took_s / count * 1000, count * NS / (ended_ns - began_ns), most_mb)


def rig(listed: Path, server: sound.Server) -> dict[str, str]:
    """What scene and sound are."""
    return {"RIG_NOISE": NOISE, "RIG_FRAMES": str(listed), "PULSE_SERVER": server.address}


def ours(here: Path, size: tuple[int, int, int], server: sound.Server) -> Load:
    """One recording."""
    here.mkdir()
    daemon = Daemon(here, settings(*size))
    daemon.environment = rig(here / "frames", server)
    daemon.start(wrapper=pi.WRAPPER)
    try:
        assert daemon.process is not None
        pid = daemon.process.pid
        status = daemon.when(lambda s: s["ring_s"] >= RING_S, "full ring", 90)
        parts = memory_mb(pid)
        daemon.ask("start")
        pids = (pid, int(daemon.status()["capture"]["pid"]))
        taken = load(pids, here / "frames", SECONDS)
        bag = daemon.end()
        found = frames.account(bag, daemon.journal(), here / "frames", daemon.identities())
    finally:
        daemon.stop()
    rate = found.bytes * 8 * 30 / found.recorded / 1e6
    print(f"{size[1]}p30, {rate:.1f} Mbit/s: {found}")
    words = ", ".join(f"{name} {mb:.1f}" for name, mb in parts.items())
    ready_mb, ring_mb = sum(parts.values()), status["ring_bytes"] / 1e6
    print(f"  ready: PSS {ready_mb:.1f} MB ({words}), of which the ring {ring_mb:.1f} MB")
    print(f"  recording: {taken}", flush=True)
    return taken


@contextmanager
def theirs(listed: Path, server: sound.Server, module: str, *words: str) -> Iterator[int]:
    """A module of the rig's at work, from its first frame on; its process id."""
    process = subprocess.Popen(
        pi.command(module, *words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=os.environ | rig(listed, server),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"{module} does not start")
        time.sleep(SETTLE_S)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def peer(here: Path, server: sound.Server, module: str, *words: str) -> Load:
    """The same of a module of the rig's."""
    listed = here / f"{module}-frames"
    with theirs(listed, server, module, *words) as pid:
        taken = load((pid,), listed, PEER_S)
    print(f"{module}: {taken}", flush=True)
    return taken


def main() -> None:
    """Ours in both sizes, and the peer in the larger one."""
    pi.make()
    with (
        tempfile.TemporaryDirectory(dir=room()) as name,
        sound.running(Path(name) / "sound") as server,
    ):
        here = Path(name)
        full, small = SIZES
        mine = ours(here / "full", full, server).frame_ms
        take_s = str(round(PEER_S + 2 * SETTLE_S))
        words = (*map(str, full), take_s, name, "sound")
        his = peer(here, server, "pyav_output", *words).frame_ms
        bare = peer(here, server, "bare", *map(str, full[:2])).frame_ms
        net = (mine - bare) / (his - bare)
        print(
            f"CPU, ours / PyavOutput: {mine / his:.3f}; less the virtual camera itself: {net:.3f}"
        )
        ours(here / "small", small, server)
