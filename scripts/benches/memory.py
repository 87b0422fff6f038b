"""Memory of the supervisor beside its ring, and of the capture process."""

import tempfile
import time
from pathlib import Path

from scripts.benches import room
from scripts.benches.cost import material
from tests.rigs.daemon import DEMO, Daemon


def rss_mb(pid: int) -> float:
    """Resident set in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise RuntimeError(f"no such process: {pid}")


def main() -> None:
    """1080p30 at 6 Mbit/s (a noisy film) with a full ring of 30 s, before and while recording."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        _, _, film = material(Path(name))
        settings = (
            DEMO.replace('[camera]\nkind = "demo"', f'[camera]\nkind = "file"\nsource = "{film}"')
            .replace("width = 640", "width = 1920")
            .replace("height = 360", "height = 1080")
            .replace("bitrate_kbps = 1000", "bitrate_kbps = 6000")
            .replace("seconds = 4.0", "seconds = 30.0")
        )
        daemon = Daemon(Path(name).resolve(), settings)
        daemon.start()
        try:
            assert daemon.process is not None
            status = daemon.when(lambda s: s["ring_s"] >= 30, "full ring", 60)
            ring_mb = status["ring_bytes"] / 1e6
            ready = rss_mb(daemon.process.pid)
            daemon.ask("start")
            time.sleep(15)
            recording = rss_mb(daemon.process.pid)
            capture = rss_mb(int(daemon.status()["capture"]["pid"]))
            daemon.end()
        finally:
            daemon.stop()
    print(f"supervisor, ready      {ready:6.1f} MB, of which the ring {ring_mb:.1f} MB")
    print(f"supervisor, recording  {recording:6.1f} MB")
    print(f"capture process        {capture:6.1f} MB")
