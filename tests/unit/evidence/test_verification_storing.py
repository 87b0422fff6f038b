"""`recorder verify` says whether a recording was stored in time, and changes no verdict by it."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder.clock import ClockState, Quality, parse_iso
from recorder.config import CalendarSettings
from recorder.evidence import keys, ledger_private, lines, verification_storing
from recorder.evidence.age import Recipient
from recorder.evidence.provision import new_custodian
from recorder.evidence.register import Key, Register
from recorder.evidence.verification_ledger import read as read_ledger
from recorder.evidence.verification_report import Findings, FolderReport
from recorder.evidence.verification_storing import Storing
from recorder.evidence.verification_table import render
from recorder.sync import worker
from recorder.sync.deadlines import Bounds
from recorder.sync.progress import Quiet
from recorder.sync.terms import Terms
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.spools import DEVICE, Place

MONDAY = "2026-11-23T01:30:00.000Z"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def codes(path: Path, **more: Any) -> list[str]:
    """What the deadlines add to a folder's verification."""
    report = verify_folder(path)
    found = Storing(calendar=CalendarSettings(), **more).add(report)
    assert isinstance(found, FolderReport)
    assert found.verdict is report.verdict and found.exit_code == report.exit_code
    added = [f for each in found.recordings for f in each.findings]
    assert isinstance(report, FolderReport)
    before = [f for each in report.recordings for f in each.findings]
    new = [f.code for f in added if f not in before]
    return new + [f.code for f in found.findings if f not in report.findings]


def stored(place: Place, at: str) -> Path:
    """A recording of Monday, its signature in the store at ``at``."""
    bag = place.act(MONDAY)
    worker.run_once(place.settings, Quiet(), clock=place.clock)
    signature = place.stored(bag) / "tagmanifest-sha256.txt.sig"
    os.utime(signature, ns=(parse_iso(at), parse_iso(at)))
    return bag


@pytest.mark.parametrize(
    ("at", "found"),
    [("2026-11-25T15:59:00Z", []), ("2026-11-25T16:01:00Z", ["overdue"])],
)
def test_in_a_store_that_is_a_folder_the_signatures_time_counts(
    place: Place, at: str, found: list[str]
) -> None:
    stored(place, at)
    assert codes(place.store / DEVICE) == found
    assert codes(place.store) == found


def test_a_receipt_counts_before_the_files_time(place: Place) -> None:
    stored(place, "2026-12-24T00:00:00Z")
    receipts = place.sync / "receipts"
    (path,) = receipts.iterdir()
    in_time = b'"in time"' in path.read_bytes()  # as the machine's own clock had it when it ran
    found = codes(place.store / DEVICE, receipts=receipts, key=place.key)
    assert found == ([] if in_time else ["overdue"])


@pytest.mark.parametrize(
    ("now", "found"), [("2026-11-24T00:00:00Z", []), ("2026-11-26T00:00:00Z", ["overdue"])]
)
def test_what_no_receipt_names_is_not_stored_yet(place: Place, now: str, found: list[str]) -> None:
    place.act(MONDAY)
    now_ns = parse_iso(now)
    assert found == codes(
        place.spool, receipts=place.sync / "receipts", key=place.key, now=Bounds(now_ns, now_ns)
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("other", "the sync key that was given did not sign it"),
        ("unregistered", "the register does not know the key"),
        ("revoked", "was revoked on 2026-11-24"),
        ("damaged", "not as it was signed"),
        ("other-name", "the register has the key for cam-9, not bc-001"),
    ],
)
def test_a_receipt_that_counts_for_nothing_is_told_of_and_the_stores_time_counts(
    place: Place, wrong: str, said: str
) -> None:
    bag = stored(place, "2026-11-24T10:00:00Z")
    stored(place, "2026-11-24T10:00:00Z")
    receipts = place.sync / "receipts"
    if wrong == "damaged":
        for path in receipts.iterdir():
            path.write_bytes(b"{" + path.read_bytes())
    own = Key("sync", DEVICE, keys.base64_raw(place.key), "2026-01-01T00:00:00.000Z")
    changes = {"revoked": "2026-11-24T00:00:00.000Z"} if wrong == "revoked" else {}
    own = msgspec.structs.replace(own, name="cam-9" if wrong == "other-name" else DEVICE, **changes)
    listed = {"unregistered": (), "revoked": (own,), "other-name": (own,)}.get(wrong)
    storing = Storing(
        calendar=CalendarSettings(), receipts=receipts,
        key=place.signer.public if wrong == "other" else place.key,
        register=None if listed is None else Register("bodycam-register/1", "镇", listed),
    )  # fmt: skip
    report = storing.add(verify_folder(place.store / DEVICE))
    assert isinstance(report, FolderReport)
    by = "its receipt" if wrong == "other-name" else "the time of its signature's file"
    for each in report.recordings:
        assert [said in f.text for f in each.findings if f.code == "receipt"] == [True]
        assert f"stored in time: by {by}" in each.checked
    shown = render(report, streamed=True)
    assert said in shown and f"stored in time: by {by} (2 recordings)" in shown
    assert bag.name in {each.recording for each in report.recordings}


def test_a_ledger_is_read_once_for_all_its_recordings(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[object] = []

    def counted(ledger: object, *more: Any) -> Terms:
        read.append(ledger)
        return Terms(ledger, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(verification_storing, "Terms", counted)
    for _ in range(5):
        place.act(MONDAY)
    now = Bounds(parse_iso("2026-11-26T00:00:00Z"), parse_iso("2026-11-26T00:00:00Z"))
    found = codes(place.spool, receipts=place.sync / "receipts", key=place.key, now=now)
    assert found == ["overdue"] * 5 and len(read) == 1


def test_without_receipts_a_spool_is_not_judged_and_says_so(place: Place) -> None:
    place.act(MONDAY)
    report = Storing(calendar=CalendarSettings()).add(verify_folder(place.spool))
    assert isinstance(report, FolderReport)
    assert "stored in time" in " ".join(report.recordings[0].not_checked)


def test_away_declared_afterwards_and_a_return_nobody_declared_are_findings(place: Place) -> None:
    place.clock.wall_ns = parse_iso("2026-11-23T06:00:00Z")
    line = place.note(lines.Away(ground="remote", since="2026-11-22T00:00:00.000Z", by="tech"))
    place.clock.wall_ns = parse_iso("2026-11-24T06:00:00Z")
    place.note(lines.AwayEnd(away=line, declared=False, by="recorder-sync"))
    stored(place, "2026-11-25T10:00:00Z")
    assert sorted(codes(place.store / DEVICE)) == ["away-afterwards", "away-undeclared-return"]


@pytest.mark.parametrize(
    ("utc", "state"),
    [
        ("0001-01-01T00:00:00.000Z", ClockState(Quality.SYNCED, 20)),
        ("9999-12-31T12:00:00.000Z", ClockState(Quality.RTC, None)),
        (MONDAY, ClockState(Quality.SYNCED, 2**62)),
    ],
)
def test_times_that_no_calendar_has_end_no_stores_judging(
    utc: str, state: ClockState, place: Place
) -> None:
    place.clock.clock_state = state
    line = place.note(lines.Away(ground="remote", since="no time", by="tech"))
    place.note(lines.AwayEnd(away=line, declared=True, by="tech"))
    bag = place.act(utc)
    stored(place, "2026-11-25T10:00:00Z")
    assert place.stored(bag).is_dir()
    assert set(codes(place.store / DEVICE)) <= {"overdue", "possibly-overdue"}


def test_a_reason_that_was_changed_or_taken_away_makes_the_ledger_tampered(
    place: Place, tmp_path: Path
) -> None:
    custodian = Recipient(new_custodian(tmp_path / "custodian.key"))
    ledger = place.spool / "ledger"
    record = ledger_private.write(ledger, place.ledger.n, {"reason": "道路中断"}, (custodian,))
    place.note(lines.Away(ground="remote", since="", by="tech", private=record))
    place.ledger.close()

    def found() -> set[str]:
        findings = Findings()
        read_ledger(ledger, findings)
        return {f.code for f in findings.listed() if f.file.startswith("ledger/private")}

    assert not found()
    path = ledger / record.file
    good = path.read_bytes()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert found() == {"changed"}
    path.unlink()
    assert found() == {"missing"}
