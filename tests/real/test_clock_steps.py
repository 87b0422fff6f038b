"""The whole daemon under a wall clock that nobody set, that jumps in every state, that runs off, or
that lies: order, durations and names are unharmed, and no time on record excludes the true one."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from recorder.clock import NS, boot_ns
from recorder.evidence import lines, sheet, story
from recorder.evidence.sheet_text import as_text
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from recorder.evidence.wall_time import Instant
from tests.ordeal.reboot import FINE, register_of
from tests.real.test_stop import skip
from tests.rigs.daemon import Daemon

YEARS_S = 20 * 365.25 * 86_400
STEPS_S = (1.0, -1.0, YEARS_S, -YEARS_S)


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[Daemon]:
    """Started without a clock: it stands at 1970."""
    daemon = Daemon(tmp_path)
    daemon.wall.lose()
    daemon.start()
    yield daemon
    daemon.stop()


def true_ns(at_ns: int) -> int:
    """The machine's own clock, which no test moves, at an instant of the boot clock."""
    return time.time_ns() - boot_ns() + at_ns


def judged(daemon: Daemon, bag: Path) -> Report:
    report = verify_recording(
        bag, register=register_of(daemon), ledger=daemon.spool / "ledger",
        identities=daemon.identities(),
    )  # fmt: skip
    assert report.verdict in FINE, report.findings
    return report


def holds(instant: Instant, at_ns: int | None) -> None:
    """The true time is in the interval, where there is one."""
    assert at_ns is not None
    bounds = instant.bounds_ns()
    if bounds is not None:
        assert bounds[0] <= true_ns(at_ns) <= bounds[1]


def jump(daemon: Daemon) -> None:
    """±1 s, ±20 years; in the end the clock is where it was. Each lives for some lines or none."""
    for seconds in STEPS_S:
        daemon.wall.step(seconds, quality="unsynced")
        time.sleep(0.06)


def unharmed(daemon: Daemon, bag: Path, pressed_ns: int) -> None:
    """Order and durations are the boot clock's, and the name is a counter."""
    journal = daemon.journal()
    assert bag.name.startswith(f"rig-01-{len(daemon.recordings()):08d}-")
    for before, after in itertools.pairwise(journal):
        assert after.header.boot_ns >= before.header.boot_ns
    (press,) = [line.body for line in journal if isinstance(line.body, lines.Press)]
    (end,) = [line.body for line in journal if isinstance(line.body, lines.End)]
    assert 0 <= press.at_ns - pressed_ns < 2 * NS
    assert press.at_ns < end.end_ns <= boot_ns()


def test_a_clock_that_jumps_in_every_state_harms_nothing_and_is_dated_by_its_first_sync(
    moved: Daemon,
) -> None:
    assert moved.status()["clock"] == "unset"
    jump(moved)  # ready
    pressed_ns = boot_ns()
    moved.ask("start")
    jump(moved)  # opening
    skip(moved)
    for _ in range(3):  # somewhere in the middle of a fragment
        jump(moved)
    moved.kill_capture()
    moved.until("interrupted")
    jump(moved)
    moved.until("explaining")
    jump(moved)
    moved.ask("stop")
    moved.until("ending")
    jump(moved)
    doubtful = moved.recordings()[-1]
    moved.until("closing", "ready")
    jump(moved)  # closing, if it is quick enough
    moved.until("ready")
    unharmed(moved, doubtful, pressed_ns)
    report = judged(moved, doubtful)
    assert report.verdict is Verdict.INTERRUPTIONS
    facts = report.facts
    assert facts is not None and facts.start_ns is not None and facts.end_ns is not None
    assert facts.start.doubtful and facts.end.doubtful
    assert facts.duration_s == pytest.approx((facts.end_ns - facts.start_ns) / NS, abs=0.001)
    page = as_text(sheet.make(story.read(doubtful), report))
    assert "不详" in page or "仅供参考" in page

    # Later in the same boot somebody sets the clock: the ledger dates what is long sealed.
    moved.wall.set(0, quality="synced", error_ms=50)
    second = moved.record(1)
    for bag in (doubtful, second):
        facts = judged(moved, bag).facts
        assert facts is not None
        assert not facts.start.doubtful and facts.start.error_ms is not None
        holds(facts.start, facts.start_ns)
        holds(facts.end, facts.end_ns)
        print(f"{bag.name}: start {facts.start.describe()}, end {facts.end.describe()}")


def test_a_clock_that_runs_500_ppm_off_stays_within_what_it_claims(moved: Daemon) -> None:
    """Unsynchronised between two syncs, as on a device that meets its time source now and then."""
    moved.wall.set(0.01, ppm=500, quality="synced", error_ms=15)
    pressed_ns = boot_ns()
    moved.ask("start")
    moved.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    moved.wall.set(moved.wall.offset_s, quality="unsynced")
    time.sleep(1.5)
    moved.wall.set(-0.01, ppm=-500, quality="synced", error_ms=15)
    bag = moved.end()
    unharmed(moved, bag, pressed_ns)
    report = judged(moved, bag)
    facts = report.facts
    assert facts is not None and not facts.start.doubtful and not facts.end.doubtful
    holds(facts.start, facts.start_ns)
    holds(facts.end, facts.end_ns)
    assert not [f for f in report.findings if f.code == "clock-contradicts"]


def test_a_clock_that_lies_about_being_synchronised_is_not_believed(moved: Daemon) -> None:
    moved.wall.set(0, quality="synced")
    pressed_ns = boot_ns()
    moved.ask("start")
    moved.wait_line(lambda b: isinstance(b, lines.Fragment), "fragment")
    moved.wall.step(YEARS_S)
    bag = moved.end()
    unharmed(moved, bag, pressed_ns)
    report = judged(moved, bag)
    assert {f.code for f in report.findings} - {"demo"} == {"clock-contradicts", "undated"}
    assert report.facts is not None
    assert report.facts.start.bounds_ns() is None and report.facts.start.doubtful
    assert "时间均不采信" in as_text(sheet.make(story.read(bag), report))
