"""A lost device: its keys count for nothing from then on, what a store had before stays good."""

import os
import shutil
from pathlib import Path

import pytest

from recorder.cli import run
from recorder.clock import NS, ClockState, ManualClock, Quality, parse_iso
from recorder.config import CalendarSettings
from recorder.evidence import keys, provision, register, registering
from recorder.evidence.recording import sha256
from recorder.evidence.register import Register
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from recorder.evidence.verification_storing import Storing
from recorder.sync import receipts
from recorder.sync.receipts import Receipt
from recorder.sync.stores.marker import init_store
from tests.unit.evidence import bags

LOST = "2026-11-25T00:00:00.000Z"
DAY_NS = 86_400 * NS


class Lost:
    """A device with one recording from before and one from after it was lost."""

    def __init__(self, here: Path) -> None:
        self.here = here
        self.township = here / "township"
        early = ManualClock(utc="2026-01-01T00:00:00.000Z")
        provision.provision("township", self.township, "张营镇", clock=early)
        self.device = bags.Device(here / "device")
        folder = here / "keys"
        folder.mkdir()
        (folder / "device.key").write_bytes(keys.pem_pair(self.device.signer.private)[0])
        (folder / "device.key").chmod(0o600)
        roles: tuple[tuple[provision.Role, Path, str], ...] = (
            ("device", folder, "bc-001"), ("sync", here / "sync", "bc-001"),
            ("sync", here / "another-sync", "bc-002"), ("dock", here / "dock", "dock-1"),
        )  # fmt: skip
        for role, at, name in roles:
            provision.provision(role, at, name, township=self.township, clock=early)
        self.before = bags.plain(self.device)
        self.device.clock.wall_ns += 3 * DAY_NS
        self.after = bags.plain(self.device)

    def revoke(self, *more: str) -> int:
        return run(["provision", "revoke", str(self.township), "--name", "bc-001", *more])

    @property
    def listed(self) -> Register:
        return registering.open_book(self.township).register

    def judge(self, bag: Path, folder: Path | None = None) -> Report:
        report = verify_recording(bag, register=self.listed)
        storing = Storing(calendar=CalendarSettings(), register=self.listed, receipts=folder)
        return storing.one(report)

    def receipt(self, bag: Path, role: str, read: str) -> Path:
        """The first one there is, by the key of that folder; where it lies."""
        tags = (bag / "tagmanifest-sha256.txt").read_bytes()
        told = Receipt(
            format=receipts.FORMAT, recording=bag.name, device="bc-001", store="s", store_id="1",
            files=1, bytes=1, tagmanifest_sha256=sha256(tags), stored=read, read=read,
            read_back=2 if role == "dock" else 1,
        )  # fmt: skip
        (key,) = (self.here / role).glob("*.key")
        signer = keys.load_private(key)
        written = receipts.after(None, told, signer, ManualClock())
        receipts.add(self.here / "receipts", bag.name, (), written.line)
        return self.here / "receipts"


@pytest.fixture
def lost(tmp_path: Path) -> Lost:
    return Lost(tmp_path)


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def test_what_it_signs_from_then_on_is_untrusted_and_what_it_signed_before_is_not(
    lost: Lost,
) -> None:
    assert lost.judge(lost.after).verdict is Verdict.VALID
    assert lost.revoke("--since", "2026-11-25T08:00+08:00") == 0
    assert {(key.role, key.revoked) for key in lost.listed.keys} == {
        ("device", LOST), ("sync", LOST), ("sync", None), ("dock", None),
    }  # fmt: skip
    assert lost.judge(lost.before).verdict is Verdict.VALID
    assert (lost.judge(lost.after).verdict, codes(lost.judge(lost.after))) == (
        Verdict.UNTRUSTED, {"revoked"},
    )  # fmt: skip


def test_whoever_sets_the_clock_back_is_found_by_the_number(lost: Lost) -> None:
    assert lost.revoke("--since", LOST, "--last", "2") == 0
    lost.device.clock.wall_ns -= 30 * DAY_NS
    back = bags.plain(lost.device)
    assert codes(lost.judge(back)) == {"not-registered"}
    assert lost.judge(lost.before).verdict is Verdict.VALID


def test_twice_is_harmless_and_an_end_never_moves_later(lost: Lost) -> None:
    assert lost.revoke("--since", LOST, "--last", "2") == 0
    before = (lost.township / register.FILE).read_bytes()
    for again in (["--since", LOST, "--last", "9"], ["--since", LOST], []):
        assert lost.revoke(*again) == 0
        assert (lost.township / register.FILE).read_bytes() == before
    assert lost.revoke("--since", "2026-11-24T00:00Z") == 0
    assert {key.revoked for key in lost.listed.keys} == {"2026-11-24T00:00:00.000Z", None}


@pytest.mark.parametrize(
    "more",
    [["--since", "yesterday"], ["--since", "2026-11-25T08:00"], ["--since", "2999-01-01T00:00Z"],
     ["--role", "desk"]],
    ids=["no-time", "no-offset", "to-come", "nobody"],
)  # fmt: skip
def test_a_time_without_offset_one_to_come_and_a_name_without_key_are_refused(
    more: list[str], lost: Lost, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (lost.township / register.FILE).read_bytes()
    assert lost.revoke(*more) == 2
    assert "Give" in capsys.readouterr().err
    assert (lost.township / register.FILE).read_bytes() == before


@pytest.mark.parametrize(("days", "good"), [(1, True), (2, False)])
def test_what_a_store_had_before_by_its_own_time_stays_good_whatever_the_devices_clock_said(
    days: int, good: bool, lost: Lost
) -> None:
    lost.device.clock.clock_state = ClockState(Quality.KEPT, None)
    bag = bags.plain(lost.device)
    store = lost.here / "store"
    init_store(store)
    (store / "bc-001").mkdir()
    stored = bags.copy(bag, store / "bc-001")
    shutil.copytree(lost.device.spool / "ledger", store / "bc-001" / "ledger")
    assert lost.revoke("--since", LOST) == 0
    at_ns = parse_iso("2026-11-23T12:00:00.000Z") + days * DAY_NS
    os.utime(stored / "tagmanifest-sha256.txt.sig", ns=(at_ns, at_ns))
    report = lost.judge(stored)
    assert ("revoked" in codes(report), "stored-before" in codes(report)) == (not good, good)
    assert report.verdict is (Verdict.VALID if good else Verdict.UNTRUSTED)
    assert report.exit_code == (0 if good else 1)


def test_a_buckets_time_of_the_signature_counts_as_well(lost: Lost) -> None:
    lost.device.clock.clock_state = ClockState(Quality.KEPT, None)
    report = verify_recording(bags.plain(lost.device), register=lost.listed)
    assert lost.revoke("--since", LOST) == 0
    storing = Storing(calendar=CalendarSettings(), register=lost.listed)
    report = verify_recording(lost.device.spool / report.recording, register=lost.listed)
    for apart_ns, good in ((-1, True), (0, False)):
        at_ns = parse_iso(LOST) + apart_ns
        judged = storing.in_bucket(report, None, 480, at_ns)
        assert judged.verdict is (Verdict.VALID if good else Verdict.UNTRUSTED)


@pytest.mark.parametrize("revoked", [(), ("--role", "device")], ids=["both", "device-alone"])
@pytest.mark.parametrize(
    ("role", "good"), [("dock", True), ("sync", False), ("another-sync", False)]
)
def test_a_docks_receipt_proves_it_and_no_devices_sync_does(
    role: str, good: bool, revoked: tuple[str, ...], lost: Lost
) -> None:
    lost.device.clock.clock_state = ClockState(Quality.KEPT, None)
    bag = bags.plain(lost.device)
    folder = lost.receipt(bag, role, "2026-11-24T12:00:00.000Z")
    assert lost.revoke("--since", LOST, *revoked) == 0
    report = lost.judge(bag, folder)
    assert report.verdict is (Verdict.VALID if good else Verdict.UNTRUSTED)
    other = lost.receipt(lost.before, role, "2026-11-24T12:00:00.000Z")
    (other / f"{lost.before.name}.jsonl").rename(other / f"{bag.name}.jsonl")
    assert lost.judge(bag, other).verdict is Verdict.UNTRUSTED
