"""The daemon on cards that stall and cards that are full."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.rigs.daemon import DEMO, ROOT, Daemon, journal_of
from tests.rigs.privileged import as_root

STALL = str(ROOT / "tests" / "rigs" / "stall.sh")


def card(*words: str) -> None:
    subprocess.run([STALL, *words], check=True, timeout=60)


@pytest.fixture
def on_card(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A daemon whose spool is a small ext4 of its own (of ``request.param`` MiB)."""
    card("up", str(tmp_path), str(request.param))
    made = Daemon(tmp_path, DEMO)
    (tmp_path / "card" / "spool").mkdir()
    (tmp_path / "spool").symlink_to(tmp_path / "card" / "spool")
    made.start()
    yield made
    made.stop()
    card("down", str(tmp_path))


@pytest.mark.parametrize("on_card", [256], indirect=True)
def test_a_card_that_stalls_for_five_seconds_costs_no_frame(on_card: Daemon) -> None:
    on_card.ask("start")
    on_card.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    card("freeze", str(on_card.here))
    time.sleep(5)
    assert on_card.status()["state"] in ("opening", "recording")
    card("thaw", str(on_card.here))
    on_card.wait_line(lambda b: isinstance(b, lines.Delay), "delay on record")
    bag = on_card.end()
    bodies = [line.body for line in journal_of(bag)]
    assert not [b for b in bodies if isinstance(b, lines.Interruption)]
    fragments = [b for b in bodies if isinstance(b, lines.Fragment)]
    assert all(f.video is not None and f.video.gap_ns <= 1.5 * NS / 30 for f in fragments)
    covered_ns = sum(f.end_ns - f.start_ns for f in fragments)
    assert covered_ns == pytest.approx(fragments[-1].end_ns - fragments[0].start_ns, abs=1e6)
    delays = [b for b in bodies if isinstance(b, lines.Delay)]
    assert max(d.waited_ms for d in delays) > 3000


@pytest.mark.parametrize("on_card", [128], indirect=True)
def test_a_full_card_ends_and_seals_what_it_holds(on_card: Daemon) -> None:
    """The reserve is given back, and the recording is closed, sealed and says why it ended."""
    on_card.when(lambda s: s["checks"] != [], "checks")
    on_card.ask("start")
    on_card.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    room = on_card.spool / "filler"
    with room.open("wb") as file:
        try:
            while True:
                file.write(bytes(4096))
                file.flush()
        except OSError as error:
            assert error.errno == 28
    on_card.until("ready", "unfit", limit_s=60)
    bag = on_card.recordings()[-1]
    (end,) = [line.body for line in journal_of(bag) if isinstance(line.body, lines.End)]
    assert (end.source, end.planned) == ("storage", False)
    report = verify_recording(
        bag, key=load_public(on_card.here / "keys/device.pem"), ledger=on_card.spool / "ledger",
        identities=on_card.identities(),
    )  # fmt: skip
    assert report.verdict in (Verdict.VALID, Verdict.INTERRUPTIONS), report.findings
    room.unlink()


@pytest.mark.parametrize("on_card", [256], indirect=True)
def test_a_file_system_that_gave_up_is_seen_in_ready_and_started_on_again_once_repaired(
    on_card: Daemon,
) -> None:
    """ext4 after an error: its flags still say read-write."""
    on_card.when(lambda s: s["checks"] != [], "checks")
    place = on_card.here / "card"
    as_root("mount", "-o", "remount,abort", str(place))
    from_s = time.monotonic()
    on_card.until("unfit", limit_s=5)
    print(f"\nseen after {time.monotonic() - from_s:.2f} s")
    assert not on_card.ask("start").ok
    on_card.kill()
    on_card.start(wait=False)
    on_card.until("failed", limit_s=20)
    assert "voice: storage_fault" in on_card.log()
    as_root("umount", "--lazy", str(place))
    as_root("e2fsck", "-fy", str(on_card.here / "card.img"), fine=(0, 1))
    as_root("mount", "-o", "loop", str(on_card.here / "card.img"), str(place))
    on_card.until("ready", limit_s=10)
    assert on_card.record(1).exists()
