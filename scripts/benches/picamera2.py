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

from recorder.clock import NS, boot_ns
from scripts.benches import room
from scripts.benches.service import memory_mb, share
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


def rig(listed: Path, server: sound.Server) -> dict[str, str]:
    """What scene and sound are."""
    return {"RIG_NOISE": NOISE, "RIG_FRAMES": str(listed), "PULSE_SERVER": server.address}


def ours(here: Path, size: tuple[int, int, int], server: sound.Server) -> float:
    """One recording; its CPU seconds a second."""
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
        cpu, most_mb = share(pids, SECONDS)
        bag = daemon.end()
        found = frames.account(bag, daemon.journal(), here / "frames", daemon.identities())
    finally:
        daemon.stop()
    rate = found.bytes * 8 * 30 / found.recorded / 1e6
    print(f"{size[1]}p30, {rate:.1f} Mbit/s: {found}")
    words = ", ".join(f"{name} {mb:.1f}" for name, mb in parts.items())
    ready_mb, ring_mb = sum(parts.values()), status["ring_bytes"] / 1e6
    print(f"  PSS, recording: {most_mb:.1f} MB at most")
    print(f"  PSS, ready: {ready_mb:.1f} MB ({words}), of which the ring {ring_mb:.1f} MB")
    print(f"  CPU, capture process and supervisor: {cpu:.3f} s a second", flush=True)
    return cpu


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


def peer(here: Path, server: sound.Server, module: str, *words: str) -> float:
    """CPU seconds a second of a module of the rig's."""
    listed = here / f"{module}-frames"
    with theirs(listed, server, module, *words) as pid:
        began_ns = boot_ns()
        cpu, most_mb = share((pid,), PEER_S)
        took_s = (boot_ns() - began_ns) / NS
    count = sum(ns >= began_ns for ns in frames.delivered_ns(listed))
    print(f"{module}, {count / took_s:.2f} frames a second: CPU {cpu:.3f} s a second, "
          f"PSS {most_mb:.1f} MB", flush=True)  # fmt: skip
    return cpu


def main() -> None:
    """Ours in both sizes, and the peer in the larger one."""
    pi.make()
    with (
        tempfile.TemporaryDirectory(dir=room()) as name,
        sound.running(Path(name) / "sound") as server,
    ):
        here = Path(name)
        full, small = SIZES
        mine = ours(here / "full", full, server)
        take_s = str(round(PEER_S + 2 * SETTLE_S))
        his = peer(here, server, "pyav_output", *map(str, full), take_s, name, "sound")
        bare = peer(here, server, "bare", *map(str, full[:2]))
        net = (mine - bare) / (his - bare)
        print(f"ours / PyavOutput: {mine / his:.3f}; without the virtual camera itself: {net:.3f}")
        ours(here / "small", small, server)
