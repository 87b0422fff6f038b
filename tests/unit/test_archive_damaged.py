"""Start-up on a spool that something happened to: the device starts, and says what it found."""

import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from recorder import config
from recorder.archive import Archive, Ready
from recorder.clock import ManualClock
from recorder.disk import Disk
from recorder.evidence import keys
from recorder.evidence.seal import SIGNATURE
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.evidence import bags


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    made = bags.Device(tmp_path)
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "device.key").write_bytes(keys.pem_pair(made.signer.private)[0])
    (folder / "device.key").chmod(0o600)
    (folder / "custodians.txt").write_text(made.recipients[0].text)
    return made


@pytest.fixture
def disk() -> Iterator[Disk]:
    made = Disk(ManualClock(), lambda _: None, 1 << 20)
    yield made
    made.close(5)


def start(device: bags.Device, disk: Disk) -> Ready:
    """What the disk thread does first."""
    home = device.spool.parent
    settings = config.Settings(
        device=config.Device(name=device.name, officer="P-017"),
        organisation=config.Organisation(name="t", rule="r", rule_version="1"),
        paths=config.Paths(spool=str(device.spool), run=str(home), keys=str(home / "keys")),
        recording=config.Recording(reserve_mb=4),
    )
    archive = Archive(settings, ManualClock(boot_id="another"), disk)
    ready = archive._start()
    archive._close()
    return ready


def without_seal_line(device: bags.Device) -> None:
    """As if the power went between the bag's signature and the ledger's line."""
    ledger = device.spool / "ledger" / "0001.jsonl"
    rows = ledger.read_bytes().splitlines(keepends=True)
    assert b'"kind":"seal"' in rows[-1]
    ledger.write_bytes(b"".join(rows[:-1]))


def test_a_sealed_recording_gets_the_ledgers_line_that_the_power_took(
    device: bags.Device, disk: Disk
) -> None:
    bag = bags.plain(device, seconds=2)
    without_seal_line(device)
    ready = start(device, disk)
    assert ready.last is not None and ready.last.recording == bag.name
    assert b'"kind":"seal"' in (device.spool / "ledger" / "0002.jsonl").read_bytes()


@pytest.mark.parametrize("lost", ["close", "end", "press"])
def test_a_sealed_recording_whose_journal_was_damaged_keeps_no_device_from_starting(
    device: bags.Device, disk: Disk, lost: str
) -> None:
    bag = bags.plain(device, seconds=2)
    without_seal_line(device)
    journal = bag / "data" / "journal.jsonl"
    rows = journal.read_bytes().splitlines(keepends=True)
    kinds = [json.loads(row.partition(b"\t")[0])["kind"] for row in rows]
    at = kinds.index(lost)
    rows[at] = rows[at].replace(b'"kind"', b'"kinD"')
    journal.write_bytes(b"".join(rows))
    ready = start(device, disk)
    assert any("quarantined" in note for note in ready.notes), ready.notes
    assert (device.spool / "quarantine" / bag.name / "tagmanifest-sha256.txt.sig").exists()
    again = start(device, disk)
    assert not any(bag.name in note for note in again.notes)


def left_open(device: bags.Device, fragments: int) -> Path:
    """Segments of five fragments each, as a device leaves them that dies."""
    writer = device.begin()
    made = bags.media(fragments, sound=False)
    for index in range(fragments):
        writer.fragments(bags.batch(made, slice(index, index + 1)))
    return writer.folder


def cut_journal(bag: Path, fragments: int) -> None:
    """The medium lost everything behind the line of this fragment."""
    journal = bag / "data" / "journal.jsonl"
    rows = journal.read_bytes().splitlines(keepends=True)
    ends = [at for at, row in enumerate(rows) if b'"kind":"fragment"' in row]
    journal.write_bytes(b"".join(rows[: ends[fragments - 1] + 1]))


@pytest.mark.parametrize(("kept", "lost"), [(14, False), (6, False), (4, True)])
def test_journal_lines_that_the_card_lost_are_a_loss_and_the_recording_incomplete(
    device: bags.Device, disk: Disk, kept: int, lost: bool
) -> None:
    """Segments that nobody lists tell of them; a single one may have been in the making."""
    bag = left_open(device, 14)
    cut_journal(bag, kept)
    start(device, disk)
    report = verify_recording(bag, key=device.signer.public)
    losses = [f.text for f in report.findings if f.code == "loss"]
    assert bool(losses) is lost, losses
    assert (report.verdict is Verdict.INCOMPLETE) is lost


def test_a_start_without_the_devices_key_leaves_what_it_began_to_the_next_one_that_has_it(
    device: bags.Device, disk: Disk
) -> None:
    bag = left_open(device, 3)
    key = device.spool.parent / "keys" / "device.key"
    key.rename(key.with_suffix(".away"))
    ready = start(device, disk)
    assert any("left as it is" in note for note in ready.notes), ready.notes
    assert not (bag / SIGNATURE).exists()
    key.with_suffix(".away").rename(key)
    start(device, disk)
    assert verify_recording(bag, key=device.signer.public).verdict is Verdict.INTERRUPTIONS


def test_a_folder_that_a_damaged_card_does_not_show_keeps_no_device_from_starting(
    device: bags.Device, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ext4 answers EBADMSG where an inode's checksum is wrong. What else is open is sealed."""
    damaged, after = left_open(device, 3), left_open(device, 3)
    calls: tuple[Callable[..., Any], ...] = (os.stat, os.scandir, os.open)

    def shown(path: object) -> None:
        if str(path).startswith(f"{damaged}/data"):
            raise OSError(errno.EBADMSG, "Bad message", str(path))

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Any, *words: Any, **more: Any) -> Any:
            shown(path)
            return call(path, *words, **more)

        return asked

    for name, call in zip(("stat", "scandir", "open"), calls, strict=True):
        monkeypatch.setattr(os, name, guarded(call))
    ready = start(device, disk)
    monkeypatch.undo()
    assert any(damaged.name in note and "left as it is" in note for note in ready.notes)
    assert (damaged / "data" / "journal.jsonl").is_file()
    assert (after / SIGNATURE).is_file() and not (damaged / SIGNATURE).exists()
