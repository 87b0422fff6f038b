"""A card that stalls for longer than memory holds footage: one interruption, said once, and over
when the card answers."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.evidence import lines
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from recorder.ring import memory_bytes
from tests.rigs.daemon import DEMO, Daemon, journal_of
from tests.rigs.disk_faults import FAULTS, FaultyDisk

QUEUE_BYTES = 120_000
"""About four of the demo camera's fragments."""
FULL_S = 4.0
"""So long the card stalls with a queue that is full."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[FaultyDisk]:
    made = FaultyDisk(tmp_path / "card")
    try:
        yield made
    finally:
        made.close()


def test_a_full_queue_to_the_card_is_one_interruption(tmp_path: Path, disk: FaultyDisk) -> None:
    share = QUEUE_BYTES / memory_bytes()
    settings = DEMO.replace("[ring]", f"[ring]\nram_share = {share:.9f}")
    (disk.path / "spool").mkdir()
    device = Daemon(tmp_path, settings)
    (tmp_path / "spool").symlink_to(disk.path / "spool")
    device.start()
    try:
        assert device.ask("start").ok
        device.wait_line(lambda body: isinstance(body, lines.Fragment), "fragment")
        with FAULTS["stall"](disk):
            device.until("interrupted", limit_s=30)
            time.sleep(FULL_S)  # the queue stays full
            assert device.status()["state"] == "interrupted"
        device.until("explaining", "opening", "recording", limit_s=20)
        device.wait_line(lambda body: isinstance(body, lines.Resumed), "resumed")
        bag = device.recordings()[-1]
        assert device.ask("stop").ok
        device.until("ready", limit_s=60)
    finally:
        device.stop()
    gaps = [b for line in journal_of(bag) if isinstance(b := line.body, lines.Interruption)]
    assert [gap.cause for gap in gaps] == ["disk_stalled"]
    report = verify_recording(bag, identities=device.identities())
    assert report.verdict in (Verdict.UNTRUSTED, Verdict.INTERRUPTIONS), report.findings
