"""The capture process is killed: how soon that is known, footage is back, and how much is lost."""

import tempfile
import time
from pathlib import Path

from recorder.clock import boot_ns
from recorder.evidence import lines
from scripts.benches import room
from tests.rigs.daemon import DEMO, Daemon

ROUNDS = 12


def main() -> None:
    """One recording each, killed at another place within a fragment."""
    noticed, back, lost = [], [], []
    with tempfile.TemporaryDirectory(dir=room()) as name:
        daemon = Daemon(Path(name).resolve(), DEMO)
        daemon.start()
        try:
            for number in range(ROUNDS):
                daemon.when(lambda s: s["ring_s"] >= 3, "ring")
                daemon.ask("start")
                daemon.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
                time.sleep(1 + number / ROUNDS)
                killed_ns = boot_ns()
                daemon.kill_capture()
                gap = daemon.wait_line(lambda b: isinstance(b, lines.Interruption), "interruption")
                resumed = daemon.wait_line(lambda b: isinstance(b, lines.Resumed), "footage")
                assert isinstance(resumed.body, lines.Resumed)
                noticed.append((gap.header.boot_ns - killed_ns) / 1e9)
                back.append((resumed.header.boot_ns - killed_ns) / 1e9)
                lost.append((resumed.body.to_ns - resumed.body.from_ns) / 1e9)
                daemon.end()
                time.sleep(8)  # the ladder counts deaths within a minute
                if number % 2:
                    daemon.stop()
                    daemon.start()
        finally:
            daemon.stop()
    for what, values in (
        ("event on record", noticed), ("fragments again", back), ("footage lost", lost),
    ):  # fmt: skip
        values.sort()
        middle = values[len(values) // 2]
        print(f"{what:16} median {middle:6.3f} s, worst {values[-1]:6.3f} s ({len(values)} kills)")
