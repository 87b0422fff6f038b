"""The whole daemon on a disk that fails: everything journalled stays, and recording goes on.

One daemon goes through all of it; how soon a fault was seen, and recorded again, is printed.
"""

import errno
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import bagit
import pytest

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.chain import Line, files, read
from recorder.evidence.keys import load_public
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from tests.rigs.daemon import DEMO, Daemon, journal_of
from tests.rigs.disk_faults import CHANGES, FAULTS, LEDGER, ONCE, PRIVATE, FaultyDisk, boot_ns

GOOD = (Verdict.VALID, Verdict.INTERRUPTIONS)
SEEN_S, AGAIN_S = 2.0, 5.0
HOLD_S = 0.8
RECORDED = [
    name for name in FAULTS if name.startswith(("segment-", "journal-", "disk-", "read-only"))
]


class OnFaulty(Daemon):
    """A daemon whose spool lies on a disk that fails as it is told."""

    def __init__(self, here: Path) -> None:
        self.disk = FaultyDisk(here / "card")
        (self.disk.path / "spool").mkdir()
        super().__init__(here, DEMO)
        (here / "spool").symlink_to(self.disk.path / "spool")

    def close(self) -> None:
        """Stop, and check that it ended by itself."""
        try:
            self.stop()
        finally:
            self.disk.close()

    def press(self) -> Path:
        """Start a recording; its folder, as soon as it holds a fragment."""
        before = len(self.recordings())
        assert self.ask("start").ok
        deadline = time.monotonic() + 10
        while len(self.recordings()) == before:
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)
        self.wait_line(is_fragment, "fragment")
        return self.recordings()[-1]

    def whole_log(self) -> str:
        """All that it said."""
        return (self.here / "log").read_text()

    def heard(self, phrase: str, since: int = 0, limit_s: float = 10.0) -> None:
        """Wait until a sentence was said, behind place ``since`` of the log."""
        deadline = time.monotonic() + limit_s
        while f"voice: {phrase} " not in self.whole_log()[since:]:
            assert time.monotonic() < deadline, f"{phrase} was not said\n{self.log()}"
            time.sleep(0.02)

    def wait_after(self, after_ns: int, true: Callable[[lines.Journal], bool], what: str) -> Line:
        """A journal line that was made after an instant."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in journal_of(self.recordings()[-1], torn=True):
                if line.header.boot_ns >= after_ns and true(line.body):
                    return line
            time.sleep(0.03)
        raise AssertionError(f"no {what}\n{self.log()}")

    def wait_ledger(self, true: Callable[[lines.Ledger], bool], what: str) -> Line:
        """A ledger line."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for item in read(files(self.spool / "ledger", ""), lines.Ledger, None):
                if isinstance(item, Line) and true(item.body):
                    return item
            time.sleep(0.03)
        raise AssertionError(f"no {what} in the ledger\n{self.log()}")

    def judged(self, bag: Path) -> Report:
        """Our verdict, which must be a good one."""
        report = verify_recording(
            bag, key=load_public(self.here / "keys/device.pem"), ledger=self.spool / "ledger",
            identities=self.identities(),
        )  # fmt: skip
        assert report.verdict in GOOD, report.findings
        return report


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnFaulty]:
    made = OnFaulty(tmp_path_factory.mktemp("faulty"))
    try:
        made.start()
        yield made
    finally:
        made.close()


def is_fragment(body: lines.Journal) -> bool:
    return isinstance(body, lines.Fragment)


def is_disk_fault(body: lines.Journal) -> bool:
    return isinstance(body, lines.Fault) and body.part == "disk" and not body.over


@pytest.fixture(scope="module")
def recording(device: OnFaulty) -> OnFaulty:
    """A recording that is open while the faults come, one after the other."""
    if device.until("ready", "opening", "recording")["state"] == "ready":
        device.press()
    return device


def covered(device: OnFaulty, after_ns: int) -> int:
    """When the next fragment was durable and no interruption open any more."""
    device.wait_after(after_ns, is_fragment, "fragment after the fault")
    device.until("opening", "recording", "explaining", limit_s=20)
    return device.wait_after(after_ns, is_fragment, "fragment").header.boot_ns


# In ready.


@pytest.mark.parametrize("name", [name for name in FAULTS if name.startswith("ledger-")])
def test_a_ledger_that_cannot_be_written_loses_no_line(device: OnFaulty, name: str) -> None:
    device.until("ready")
    refused = len(_refusals(device))
    with FAULTS[name](device.disk) as fault:
        device.ask("mark")
        hit_ns = fault.wait_hit()
        if name not in ONCE:
            device.ask("mark")
    device.ask("mark")
    seen = device.wait_ledger(
        lambda b: isinstance(b, lines.LedgerFault) and b.code == "ledger-failed", "fault"
    )
    assert (seen.header.boot_ns - hit_ns) / NS < SEEN_S
    device.heard("storage_fault")
    wanted = refused + (2 if name in ONCE else 3)
    device.wait_ledger(lambda b: len(_refusals(device)) == wanted, "every refusal")
    device.wait_ledger(lambda _: _fault_and_end(device), "end of each fault")


def _fault_and_end(device: OnFaulty) -> bool:
    told = [
        line.body.over for line in _ledger(device)
        if isinstance(line.body, lines.LedgerFault) and line.body.code == "ledger-failed"
    ]  # fmt: skip
    return bool(told) and told == [False, True] * (len(told) // 2)


def _ledger(device: OnFaulty) -> list[Line]:
    items = read(files(device.spool / "ledger", ""), lines.Ledger, None)
    return [item for item in items if isinstance(item, Line)]


def _refusals(device: OnFaulty) -> list[Line]:
    return [line for line in _ledger(device) if isinstance(line.body, lines.LedgerRefused)]


def test_a_card_that_becomes_read_only_in_ready_is_seen_and_told(device: OnFaulty) -> None:
    device.until("ready")
    since = len(device.whole_log())
    with FAULTS["read-only"](device.disk) as fault:
        device.until("unfit", limit_s=5)
        print(f"\nread-only in ready: seen after {(boot_ns() - fault.from_ns) / NS:.2f} s")
        assert not device.ask("start").ok
        device.heard("unfit", since)
        device.heard("storage_fault", since)
    lifted_ns = boot_ns()
    device.until("ready", limit_s=5)
    print(f"read-only in ready: ready again after {(boot_ns() - lifted_ns) / NS:.2f} s")


# While a recording is open. One recording takes them all.


def test_a_press_while_the_card_stalls_is_felt_heard_and_recorded(device: OnFaulty) -> None:
    device.until("ready")
    since = len(device.whole_log())
    with FAULTS["stall"](device.disk):
        pressed_ns = boot_ns()
        assert device.ask("start").ok
        device.heard("opening_start", since)
        assert "light: starting" in device.whole_log()[since:]
        time.sleep(2.5)  # the card stalls
        assert "the card stalls" in device.whole_log()[since:]
        assert "light: recording" not in device.whole_log()[since:]
    press = device.wait_line(lambda b: isinstance(b, lines.Press), "press")
    assert abs(press.body.at_ns - pressed_ns) < NS
    device.wait_line(is_fragment, "fragment")
    assert "light: recording" in device.whole_log()[since:]


def test_a_card_that_stalls_for_seven_seconds_costs_no_frame(recording: OnFaulty) -> None:
    device = recording
    device.until("opening", "recording", limit_s=30)
    with FAULTS["stall"](device.disk) as fault:
        fault.wait_hit()
        time.sleep(7)  # the card stalls
        hit_ns = next(hit.at_ns for hit in fault.hits() if hit.operation != "statfs")
        assert device.status()["state"] in ("opening", "recording")
    assert fault.to_ns is not None
    delay = device.wait_after(fault.to_ns, lambda b: isinstance(b, lines.Delay), "delay")
    assert isinstance(delay.body, lines.Delay)
    stalled = device.wait_after(fault.to_ns, is_disk_fault, "fault on record")
    assert isinstance(stalled.body, lines.Fault)
    seen_ns = int(stalled.body.detail.rpartition(" ")[2])
    print(f"\nstall: seen after {(seen_ns - hit_ns) / NS:.2f} s")
    assert (seen_ns - hit_ns) / NS < SEEN_S
    for line in journal_of(device.recordings()[-1], torn=True):
        assert line.header.boot_ns < hit_ns or not isinstance(line.body, lines.Interruption)


@pytest.mark.parametrize("name", RECORDED)
def test_what_the_disk_refuses_is_recorded_all_the_same(recording: OnFaulty, name: str) -> None:
    device, since = recording, len(recording.whole_log())
    with FAULTS[name](device.disk) as fault:
        hit_ns = fault.wait_hit()
        if name not in ONCE:
            device.until("interrupted", limit_s=10)
            device.heard("interrupted", since)
            time.sleep(HOLD_S)  # the fault lasts
    assert fault.to_ns is not None
    seen = device.wait_after(hit_ns - NS // 10, is_disk_fault, "fault on record")
    seen_s = (seen.header.boot_ns - hit_ns) / NS
    again_s = (covered(device, fault.to_ns) - fault.to_ns) / NS
    print(f"\n{name}: seen after {seen_s:.2f} s, recording again after {again_s:.2f} s")
    assert seen_s < SEEN_S
    assert again_s < AGAIN_S


def test_a_seal_that_is_held_up_and_refused_is_made_as_soon_as_it_can_be(
    recording: OnFaulty,
) -> None:
    """And a press in the meantime is acted on after it."""
    device, bag = recording, recording.recordings()[-1]
    device.ask("stop")
    device.until("ending")
    with ExitStack() as refused:
        with FAULTS["stall"](device.disk):
            device.until("closing", limit_s=60)
            assert device.ask("start").ok
            device.heard("sealing")
            refusal = refused.enter_context(FAULTS["disk-eio"](device.disk))
        refusal.wait_hit()
        time.sleep(HOLD_S)  # the card refuses the seal
    device.when(lambda s: s["recording"] not in ("", bag.name), "the next recording", 20)
    assert device.recordings()[-1] != bag
    report = device.judged(bag)
    assert not [f for f in report.findings if f.code in ("loss", "uncovered", "open-segment")]
    journal = [line.body for line in journal_of(bag, torn=True)]
    gaps = [b for b in journal if isinstance(b, lines.Interruption)]
    assert {gap.cause for gap in gaps} <= {"disk"}
    assert bagit.Bag(str(bag)).validate()
    subprocess.run(["sha256sum", "-c", "--quiet", "manifest-sha256.txt"], cwd=bag, check=True)
    pem, sig = device.here / "keys/device.pem", "tagmanifest-sha256.txt.sig"
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", pem, "-sigfile", sig,
         "-in", "tagmanifest-sha256.txt"],
        cwd=bag, check=True, capture_output=True,
    )  # fmt: skip
    segments = sorted((bag / "data/segments").iterdir())
    for segment in segments:
        opened = subprocess.run(
            ["age", "-d", "-i", device.custodian, segment], check=True, capture_output=True
        )
        assert opened.stdout[4:8] == b"ftyp"


@pytest.mark.parametrize("name", ["full", "no-inodes"])
def test_a_card_without_room_ends_and_seals_and_keeps_its_reserve_anew(
    device: OnFaulty, name: str
) -> None:
    state = device.until("ready", "opening", "recording", "explaining")["state"]
    if state == "ready":
        device.press()
    device.wait_line(is_fragment, "fragment")
    bag, since = device.recordings()[-1], len(device.whole_log())
    with FAULTS[name](device.disk):
        device.until("unfit", limit_s=20)
        assert not device.ask("start").ok
        device.heard("storage_full", since)
        device.heard("cannot_go_on", since)
        device.heard("no_room", since)
        device.wait_ledger(
            lambda b: isinstance(b, lines.LedgerRefused) and b.state == "unfit", "refusal"
        )
        assert not (device.spool / ".reserve").exists()
    device.until("ready", limit_s=10)
    journal = [line.body for line in journal_of(bag, torn=True)]
    (end,) = [body for body in journal if isinstance(body, lines.End)]
    assert (end.source, end.planned) == ("storage", False)
    assert "storage" in [b.why for b in journal if isinstance(b, lines.StatementDue)]
    device.judged(bag)
    deadline = time.monotonic() + 10
    while not (device.spool / ".reserve/23").exists():
        assert time.monotonic() < deadline, "the reserve was not kept anew"
        time.sleep(0.05)


def test_a_press_is_recorded_though_the_ledger_and_a_private_file_cannot_be_written(
    device: OnFaulty,
) -> None:
    device.until("ready")
    assert device.ask("case-load", 'id = "c-9"\nact = "inspection"\nplace = "这里"\n').ok
    with (
        device.disk.failing(CHANGES, LEDGER, error=errno.EROFS) as on_ledger,
        device.disk.failing(("write",), PRIVATE, times=1) as on_private,
    ):
        bag = device.press()
        assert on_ledger.hits()
        assert on_private.hits()
    assert device.end() == bag
    device.judged(bag)
    assert device.ask("case-clear").ok


def test_a_disk_that_fails_for_good_is_told_and_the_next_start_goes_on(device: OnFaulty) -> None:
    device.until("ready")
    bag = device.press()
    with FAULTS["disk-eio"](device.disk):
        device.until("interrupted", limit_s=10)
        device.kill()
        since = len(device.whole_log())
        device.start(wait=False)
        device.until("failed", limit_s=20)
        device.heard("storage_fault", since)
        assert not device.ask("start").ok
    lifted_ns = boot_ns()
    device.until("interrupted", "explaining", "opening", "recording", limit_s=20)
    print(f"\nfailed start: started again after {(boot_ns() - lifted_ns) / NS:.2f} s")
    device.wait_after(lifted_ns, lambda b: isinstance(b, lines.Resumed), "footage")
    device.stop()
    device.judged(bag)


def test_a_card_that_hangs_while_the_recorder_starts_is_told(device: OnFaulty) -> None:
    device.stop()
    since = len(device.whole_log())
    with FAULTS["stall"](device.disk):
        device.start(wait=False)
        device.heard("starting", since, limit_s=20)
    device.until("ready", limit_s=20)
    assert device.whole_log()[since:].count("voice: starting ") == 1
    device.stop()


def test_the_ledger_that_went_through_all_of_it_verifies(device: OnFaulty) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recorder", "--config", str(device.config), "verify",
         "--key", str(device.here / "keys/device.pem"), str(device.spool)],
        cwd=device.source, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]
