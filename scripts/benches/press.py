"""From the press to "recording": ledger, line 0 and press on the card, light on."""

import tempfile
import time
from pathlib import Path

from recorder.evidence import lines
from scripts.benches import room
from tests.rigs.daemon import DEMO, Daemon

ROUNDS = 10


def main() -> None:
    """Median and worst of ten recordings: the request's answer includes none of the waiting."""
    with tempfile.TemporaryDirectory(dir=room()) as name:
        settings = DEMO.replace("width = 640", "width = 1920").replace(
            "height = 360", "height = 1080"
        )
        daemon = Daemon(
            Path(name).resolve(), settings.replace("bitrate_kbps = 1000", "bitrate_kbps = 6000")
        )
        daemon.start()
        took = []
        try:
            for _ in range(ROUNDS):
                daemon.when(lambda s: s["ring_s"] >= 4, "ring")
                before = len(daemon.recordings()) if daemon.spool.exists() else 0
                daemon.ask("start")
                while len(daemon.recordings()) == before:
                    time.sleep(0.01)
                press = daemon.wait_line(lambda b: isinstance(b, lines.Press), "press")
                # The line after the press is signed as soon as the press is durable.
                after = daemon.wait_line(lambda b: isinstance(b, lines.Checks), "checks")
                assert isinstance(press.body, lines.Press)
                took.append((after.header.boot_ns - press.body.at_ns) / 1e6)
                time.sleep(0.3)
                daemon.end()
        finally:
            daemon.stop()
    took.sort()
    middle = took[len(took) // 2]
    print(f"press to ledger, journal and light: median {middle:.1f} ms, worst {took[-1]:.1f} ms")
