"""A dead device's card: everything on it comes out, whatever it holds; nothing on it changes."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder.errors import RecorderError
from recorder.evidence import desk_recovery, keys, ledger_private, lines, recovery
from recorder.evidence.age import decrypt
from recorder.evidence.chain import Line, files, read
from recorder.evidence.seal import SIGNATURE, TAGMANIFEST
from recorder.evidence.verification_report import Report, Verdict
from recorder.sync.stores.marker import init_store
from tests.unit.evidence import bags, cards
from tests.unit.evidence.judge import verify_folder


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path / "card")


@pytest.fixture
def desk(tmp_path: Path, device: bags.Device) -> Iterator[cards.Desk]:
    """The card is the same after every test as it was before its first recovery."""
    made = cards.Desk(tmp_path, device)
    recover, before = made.recover, ""

    def watched() -> desk_recovery.Summary:
        nonlocal before
        before = before or cards.digest(device.spool)
        return recover()

    made.recover = watched  # type: ignore[method-assign]
    yield made
    assert before in ("", cards.digest(device.spool))


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def bodies(folder: Path) -> list[Any]:
    return [
        item.body for item in read(files(folder / "data", "journal"), lines.Journal, None)
        if isinstance(item, Line)
    ]  # fmt: skip


def opens(device: bags.Device, bag: Path) -> None:
    """Every age file in the bag is whole."""
    for path in [*(bag / "data/segments").iterdir(), *(bag / "data/private").iterdir()]:
        with path.open("rb") as file:
            assert b"".join(decrypt(file.read, [device.identity]))


def test_a_sealed_bag_comes_out_byte_for_byte(device: bags.Device, desk: cards.Desk) -> None:
    bag = bags.plain(device)
    done = desk.recover()
    assert (done.exit_code, done.troubles) == (0, ())
    assert [b.what for b in done.brought] == ["ledger", "sealed"]
    for path in bag.rglob("*"):
        if path.is_file():
            assert (desk.out / bag.name / path.relative_to(bag)).read_bytes() == path.read_bytes()
    report = desk.judge(bag.name)
    assert (report.verdict, report.findings) == (Verdict.VALID, ())


def test_an_open_recording_is_ended_under_the_desks_key(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    done = desk.recover()
    assert (done.exit_code, done.troubles) == (0, ())
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings
    assert codes(report) == {"desk", "no-seal-line"}
    assert report.facts is not None
    assert (report.facts.desk, report.facts.fragments) == (keys.base64_public(desk.signer), 7)
    assert report.facts.end_ns == bodies(bag)[-1].end_ns
    assert [g.cause for g in report.interruptions] == ["device_lost"]
    journal = (desk.out / bag.name / "data/journal.jsonl").read_bytes()
    assert journal == (bag / "data/journal.jsonl").read_bytes()
    info = (desk.out / bag.name / "bag-info.txt").read_text()
    assert "Sealed-By: a desk" in info
    assert keys.spki(desk.signer.public) in info
    opens(device, desk.out / bag.name)


def test_the_reason_of_a_time_away_comes_out_with_the_ledger(
    device: bags.Device, desk: cards.Desk
) -> None:
    bags.plain(device)
    ledger = device.spool / "ledger"
    reason = ledger_private.write(ledger, device.ledger.n, {"reason": "洪水"}, device.recipients)
    device.ledger.append(lines.Away(ground="remote", since="", by="root", private=reason))
    device.ledger.sync()
    done = desk.recover()
    assert (done.exit_code, done.left, done.troubles) == (0, (), ())
    name = "ledger/" + reason.file
    assert (desk.out / name).read_bytes() == (device.spool / name).read_bytes()
    assert verify_folder(desk.out, register=desk.register).verdict is Verdict.VALID
    assert name in desk.recover().present


def test_what_did_not_come_out_whole_is_told_by_every_later_run(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    os.symlink("/etc/passwd", bag / "data/link")
    first = desk.recover()
    second = desk.recover()
    assert bag.name in second.present
    assert (second.exit_code, second.troubles) == (1, first.troubles)
    assert len(files(desk.out / "recovery", "")) == 1


def test_a_run_that_is_killed_before_a_name_is_given_costs_no_record_of_why(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = cards.left_open(device)
    (bag / "data/journal.jsonl").write_bytes(b"nothing\n")
    bags.plain(device)
    aside = f"{bag.name}.unreadable"
    rename = os.rename

    def killed(source: Path, target: Path) -> None:
        if target.name == aside:
            raise KeyboardInterrupt
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.recover()
    assert not (desk.out / "quarantine" / aside).exists()
    assert desk.recover().exit_code == 1
    report = verify_folder(desk.out, register=desk.register)
    assert (report.verdict, {f.code for f in report.findings}) == (
        Verdict.INCOMPLETE, {"recovery", "quarantined"},
    )  # fmt: skip


def test_what_the_desk_says_it_set_aside_has_to_be_there(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    (bag / "data/journal.jsonl").write_bytes(b"nothing\n")
    bags.plain(device)  # else it is the newest, which may be absent
    desk.recover()
    assert verify_folder(desk.out, register=desk.register).verdict is Verdict.INCOMPLETE
    shutil.rmtree(desk.out / "quarantine" / f"{bag.name}.unreadable")
    report = verify_folder(desk.out, register=desk.register)
    assert report.verdict is Verdict.TAMPERED
    assert "recording-missing" in {f.code for f in report.findings}


@pytest.mark.parametrize("name", ["", "recovery", "ledger", "quarantine", ".recover"])
def test_a_file_where_a_folder_belongs_is_named_with_a_remedy(
    name: str, device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    (bag / "data/journal.jsonl").write_bytes(b"nothing\n")
    wrong = desk.out / name
    wrong.parent.mkdir(exist_ok=True)
    wrong.write_bytes(b"a file")
    with pytest.raises(RecorderError) as caught:
        desk.recover()
    assert caught.value.where == str(wrong) and caught.value.remedy
    assert wrong.read_bytes() == b"a file"


def test_without_the_desk_in_the_register_it_is_untrusted(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    desk.recover()
    report = desk.judge(bag.name, desk.stranger)
    assert (report.verdict, codes(report)) == (
        Verdict.UNTRUSTED,
        {"desk", "no-seal-line", "not-registered"},
    )
    from recorder.evidence.verification import verify_recording

    report = verify_recording(desk.out / bag.name, key=device.signer.public)
    assert report.verdict is Verdict.UNTRUSTED
    assert "desk-key" in codes(report)


def test_twice_is_once_and_a_cut_short_run_goes_on(device: bags.Device, desk: cards.Desk) -> None:
    bags.plain(device)
    cards.left_open(device)
    first = desk.recover()
    before = cards.digest(desk.out)
    second = desk.recover()
    assert second.brought == ()
    assert set(second.present) == {b.name for b in first.brought}
    assert cards.digest(desk.out) == before
    lost = next(b.name for b in first.brought if b.what == "ended")
    shutil.rmtree(desk.out / lost)
    (desk.out / desk_recovery.PARTS / "half" / "data").mkdir(parents=True)
    third = desk.recover()
    assert [b.name for b in third.brought] == [lost]
    assert not (desk.out / desk_recovery.PARTS).exists()
    assert verify_folder(desk.out, register=desk.register).verdict is Verdict.INTERRUPTIONS


@pytest.mark.parametrize("what", ["end", "close", "tags", "signature", "part"])
def test_an_end_or_a_seal_that_was_cut_short_is_completed(
    what: str, device: bags.Device, desk: cards.Desk
) -> None:
    """The device got as far as the end, the close line, the tags, or half of its signature."""
    whole = bags.plain(device)
    ledger = device.spool / "ledger/0001.jsonl"
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))  # no seal
    if what == "signature":
        (whole / SIGNATURE).write_bytes(b"\0" * 20)
    else:
        (whole / SIGNATURE).unlink()
    if what == "part":
        (whole / f"{SIGNATURE}.part").write_bytes(b"half")
    if what in ("end", "close"):
        for name in (TAGMANIFEST, "manifest-sha256.txt", "bag-info.txt", "bagit.txt"):
            (whole / name).unlink()
    if what == "end":
        journal = whole / "data/journal.jsonl"
        lines_ = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines_[:-1]))
    done = desk.recover()
    assert (done.exit_code, done.troubles) == (0, ())
    report = desk.judge(whole.name)
    assert report.verdict is Verdict.VALID, report.findings
    assert report.facts is not None
    assert (report.facts.planned, report.facts.sealed) == (True, True)


@pytest.mark.parametrize("state", ["nothing", "folder", "empty journal", "nonsense", "forged"])
def test_what_the_ledger_opened_and_the_card_has_not(
    state: str, device: bags.Device, desk: cards.Desk
) -> None:
    bag = device.begin().folder
    cards.left_open(device)
    line_0 = (bag / "data/journal.jsonl").read_bytes()
    shutil.rmtree(bag)
    if state != "nothing":
        (bag / "data").mkdir(parents=True)
    if state in ("empty journal", "nonsense"):
        (bag / "data/journal.jsonl").write_bytes(b"" if state == "empty journal" else b"?\n" * 9)
    if state == "forged":
        (bag / "data/journal.jsonl").write_bytes(line_0.replace(b"P-017", b"P-018"))
        (bag / "beside").write_bytes(b"stays where it is")
    done = desk.recover()
    assert done.exit_code == 1
    assert [t.name for t in done.troubles] == [bag.name]
    if state == "forged":
        assert (desk.out / "quarantine" / f"{bag.name}.unreadable/beside").is_file()
    assert (desk.out / "quarantine" / f"{bag.name}.unreadable").is_dir() is (state != "nothing")
    report = verify_folder(desk.out, register=desk.register)
    found = {f.code for f in report.findings}
    if state == "nothing":
        assert (report.verdict, "recording-missing" in found) == (Verdict.TAMPERED, True)
    else:
        assert (report.verdict, "quarantined" in found) == (Verdict.INCOMPLETE, True)
        trusting = verify_folder(desk.out, register=desk.stranger)
        assert trusting.verdict is Verdict.TAMPERED, "a stranger's word excuses nothing"


def test_a_journal_of_one_line_makes_a_bag_without_media(
    device: bags.Device, desk: cards.Desk
) -> None:
    name = device.begin().name
    done = desk.recover()
    assert (done.exit_code, [(t.name, t.code) for t in done.troubles]) == (
        1,
        [(name, "incomplete")],
    )
    assert done.troubles[0].detail.startswith("no-fragment: ")
    report = desk.judge(name)
    assert (report.verdict, codes(report)) == (
        Verdict.INCOMPLETE,
        {"desk", "no-fragment", "no-seal-line"},
    )
    assert report.facts is not None
    assert report.facts.sealed


def test_bytes_behind_the_last_durable_line_go_to_tails(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    with (bag / "data/journal.jsonl").open("ab") as file:
        file.write(b'{"n":99,"kind":"frag')
    with (bag / "data/segments/0002.mp4.age").open("ab") as file:
        file.write(b"half a fragment")
    (bag / "data/segments/0003.mp4.age").write_bytes(b"no line names it")
    (bag / "data/private/77.json.age").write_bytes(b"nor this")
    assert desk.recover().exit_code == 0
    tails = {p.name.partition(".")[0] for p in (desk.out / bag.name / "data/tails").iterdir()}
    assert tails == {"journal", "0002", "0003", "77"}
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings
    opens(device, desk.out / bag.name)


def test_a_journal_in_several_files_after_failed_syncs(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync
    failed: list[int] = []

    def failing(descriptor: int) -> None:
        if len(failed) < 2 and os.readlink(f"/proc/self/fd/{descriptor}").endswith(".jsonl"):
            failed.append(descriptor)
            raise OSError(5, "Input/output error")
        real(descriptor)

    writer = device.begin()
    made = bags.media(8)
    for index in range(6):
        if index in (2, 4):
            failed.clear()
            failed.append(-1)
            monkeypatch.setattr(os, "fdatasync", failing)
        writer.fragments(bags.batch(made, slice(index, index + 1)))
    monkeypatch.setattr(os, "fdatasync", real)
    assert len(files(writer.folder / "data", "journal")) == 3
    assert desk.recover().exit_code == 0
    report = desk.judge(writer.name)
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings
    assert report.facts is not None
    assert report.facts.fragments == 6


def test_a_damaged_line_with_signed_ones_behind_it_is_told(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    journal = bag / "data/journal.jsonl"
    rows = journal.read_bytes().splitlines(keepends=True)
    row = next(i for i, r in enumerate(rows) if b'"kind":"fragment"' in r)
    rows[row + 1] = rows[row + 1].replace(b'"kind":"', b'"kinb":"')
    journal.write_bytes(b"".join(rows))
    desk.recover()
    report = desk.judge(bag.name)
    assert (report.verdict, codes(report)) == (
        Verdict.INCOMPLETE,
        {"cut-lines", "desk", "loss", "no-seal-line"},
    )
    opens(device, desk.out / bag.name)


@pytest.mark.parametrize("gone", ["short", "segment", "first fragment", "private"])
def test_what_the_card_lost_is_a_loss_and_the_rest_comes_out(
    gone: str, device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    segment = bag / "data/segments/0002.mp4.age"
    if gone == "short":
        os.truncate(segment, segment.stat().st_size - 1)
    elif gone == "first fragment":
        os.truncate(segment, 700)
    elif gone == "segment":
        segment.unlink()
    else:
        next(p for p in (bag / "data/private").iterdir() if p.name != "0.json.age").unlink()
    done = desk.recover()
    assert done.exit_code == 1
    assert {t.code for t in done.troubles} == {"incomplete"}
    assert any(t.detail.startswith("loss: ") for t in done.troubles)
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INCOMPLETE
    assert "loss" in codes(report)
    opens(device, desk.out / bag.name)


def test_bytes_that_the_card_changed_are_told_by_file_and_by_every_later_run(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    segment = bag / "data/segments/0001.mp4.age"
    raw = bytearray(segment.read_bytes())
    raw[-600:-500] = bytes(100)
    segment.write_bytes(raw)
    first = desk.recover()
    assert first.exit_code == 1
    assert (f"{bag.name}/data/segments/0001.mp4.age", "tampered") in {
        (t.name, t.code) for t in first.troubles
    }
    second = desk.recover()
    assert (second.exit_code, second.troubles) == (1, first.troubles)
    report = verify_folder(desk.out, register=desk.register)
    assert report.verdict is Verdict.TAMPERED


def test_a_store_is_no_target_and_stays_as_it_is(
    device: bags.Device, desk: cards.Desk, tmp_path: Path
) -> None:
    cards.left_open(device)
    store = tmp_path / "store"
    init_store(store)
    before = cards.digest(store)
    for out in (store, store / "bc-001"):
        with pytest.raises(RecorderError) as caught:
            desk_recovery.recover(device.spool, out, signer=desk.signer, clock=desk.clock)
        assert (caught.value.code, caught.value.where) == ("recover-store", str(out))
        assert "--out" in caught.value.remedy
    assert cards.digest(store) == before


def test_a_recording_signed_with_an_ephemeral_key_comes_out_untrusted(tmp_path: Path) -> None:
    device = bags.Device(tmp_path / "card", signer=keys.ephemeral())
    desk = cards.Desk(tmp_path, device)
    bag = cards.left_open(device)
    assert desk.recover().exit_code == 0
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.UNTRUSTED
    assert "ephemeral-key" in codes(report)


def test_quarantine_comes_out_whole_as_it_is(device: bags.Device, desk: cards.Desk) -> None:
    bags.plain(device)
    aside = device.spool / "quarantine" / "bc-001-00000009-abcd"
    (aside / "deep" / "er").mkdir(parents=True)
    (aside / "deep" / "er" / "file").write_bytes(b"as it is")
    (device.spool / "quarantine" / "a file").write_bytes(b"too")
    (device.spool / "quarantine" / "a;file").write_bytes(b"and this")
    done = desk.recover()
    assert done.exit_code == 0
    names = [b.name for b in done.brought if b.what == "quarantine"]
    assert len(set(names)) == 3
    assert {n.partition(".")[0] for n in names} == {
        "quarantine/bc-001-00000009-abcd", "quarantine/_a_file",
    }  # fmt: skip
    copy = desk.out / "quarantine" / "bc-001-00000009-abcd"
    assert (copy / "deep/er/file").read_bytes() == b"as it is"
    assert verify_folder(desk.out, register=desk.register).verdict is Verdict.INCOMPLETE


def test_the_rest_of_a_freed_recording_is_neither_brought_nor_told(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = bags.plain(device)
    rest = device.spool / ".freed-bc-001-00000009-abcd"
    shutil.copytree(bag, rest)
    (rest / "data" / "journal.jsonl").unlink()
    done = desk.recover()
    assert (done.exit_code, done.left, done.troubles) == (0, (), ())
    assert [b.name for b in done.brought if b.what != "ledger"] == [bag.name]


def test_links_pipes_and_strange_names_are_told_and_never_followed(
    device: bags.Device, desk: cards.Desk, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_bytes(b"a secret of this machine")
    bag = cards.left_open(device)
    (bag / "data/tails").symlink_to(secret)
    (bag / "data/private/99.json.age").symlink_to(secret / "key")
    os.mkfifo(bag / "data/segments/0009.mp4.age")
    (bag / "data/nested/deep").mkdir(parents=True)
    (bag / "data/nested/deep/a b").write_bytes(b"foreign")
    (bag / "1").write_bytes(b"one")
    Path(os.fsdecode(os.fsencode(bag) + b"/data/odd\xff\n")).write_bytes(b"odd")
    (device.spool / "bc-001-00000077-abcd").symlink_to(secret)
    (device.spool / "notes.txt").write_bytes(b"somebody's")
    done = desk.recover()
    assert done.exit_code == 1
    assert done.left == ("notes.txt",)
    assert {t.code for t in done.troubles} == {"left", "strange", "no-folder"}
    assert not any(
        b"a secret of this machine" in p.read_bytes() for p in desk.out.rglob("*") if p.is_file()
    )
    tails = {p.name: p.read_bytes() for p in (desk.out / bag.name / "data/tails").iterdir()}
    assert {n.partition(".")[0]: data for n, data in tails.items()} == {
        "_nested_deep_a_b": b"foreign", "_odd_xff_n": b"odd", "1": b"one",
    }  # fmt: skip
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INTERRUPTIONS, report.findings


@pytest.mark.parametrize("where", ["data/journal-0002.jsonl", "data/journal.jsonl", "data"])
def test_folders_and_files_in_each_others_places_stop_nothing(
    where: str, device: bags.Device, desk: cards.Desk
) -> None:
    bag, other = cards.left_open(device), cards.left_open(device)
    if where == "data":
        shutil.rmtree(bag / "data")
        (bag / "data").write_bytes(b"a file")
    else:
        (bag / where).unlink(missing_ok=True)
        (bag / where).mkdir()
        (bag / where / "inside").write_bytes(b"kept")
    (device.spool / "quarantine" / bag.name).mkdir(parents=True)
    done = desk.recover()
    aside = {b.name for b in done.brought if b.what == "quarantine"}
    assert f"quarantine/{bag.name}" in aside
    if where == "data/journal-0002.jsonl":
        assert desk.judge(bag.name).verdict is Verdict.INTERRUPTIONS
    else:
        assert f"quarantine/{bag.name}.unreadable" in aside
    assert desk.judge(other.name).verdict is Verdict.INTERRUPTIONS


def test_a_huge_file_of_nothing_stays_a_hole(device: bags.Device, desk: cards.Desk) -> None:
    bag = bags.plain(device)
    with (bag / "huge").open("wb") as file:
        file.truncate(200 * 1024**2)
    desk.recover()
    status = (desk.out / bag.name / "huge").stat()
    assert (status.st_size, status.st_blocks) == (200 * 1024**2, 0)


class Failing:
    """``os.pread`` of a card that gives EIO for one file, from one byte to another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, start: int, stop: int) -> None:
        self.path, self.start, self.stop = str(path), start, stop
        self.real = os.pread
        monkeypatch.setattr(os, "pread", self)

    def __call__(self, descriptor: int, size: int, offset: int) -> bytes:
        mine = os.readlink(f"/proc/self/fd/{descriptor}") == self.path
        if mine and offset < self.stop and offset + size > self.start:
            raise OSError(errno.EIO, "Input/output error")
        return self.real(descriptor, size, offset)


def test_unreadable_blocks_of_a_segment_cost_its_fragments_and_no_other(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = cards.left_open(device)
    path = bag / "data/segments/0001.mp4.age"
    third = [b for b in bodies(bag) if isinstance(b, lines.Fragment)][2]
    Failing(monkeypatch, path, third.age_bytes - 5000, third.age_bytes - 4000)
    done = desk.recover()
    assert [t.code for t in done.troubles if t.code != "incomplete"] == ["unreadable"]
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INCOMPLETE, report.findings
    assert {"loss", "cut"} <= codes(report)
    opens(device, desk.out / bag.name)
    raw = path.read_bytes()
    copy = (desk.out / bag.name / "data/segments/0001.mp4.age").read_bytes()
    (tail,) = (desk.out / bag.name / "data/tails").glob("0001.mp4.age.*")
    at = int(tail.name.rpartition(".")[2])
    assert copy[:at] == raw[:at]
    kept = tail.read_bytes()
    assert len(kept) == len(raw) - at
    assert sum(a != b for a, b in zip(kept, raw[at:], strict=True)) <= 8192


def test_unreadable_files_are_listed_and_the_rest_comes_out(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed, bag = bags.plain(device), cards.left_open(device)
    private = bag / "data/private/0.json.age"
    Failing(monkeypatch, private, 0, 1 << 40)
    done = desk.recover()
    unread = [t.name for t in done.troubles if t.code == "unreadable"]
    assert unread == [f"{bag.name}/data/private/0.json.age"]
    assert {t.code for t in done.troubles} == {"unreadable", "incomplete"}
    report = desk.judge(bag.name)
    assert report.verdict is Verdict.INCOMPLETE, report.findings
    assert {"loss", "missing"} <= codes(report)
    assert desk.judge(sealed.name).verdict is Verdict.VALID
    folder = verify_folder(desk.out, register=desk.register)
    assert folder.verdict is Verdict.INCOMPLETE
    assert "recovery" in {f.code for f in folder.findings}


def test_a_sealed_bag_that_the_card_does_not_give_back_whole_stays_as_it_was_signed(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    bag = bags.plain(device)
    Failing(monkeypatch, bag / "data/segments/0001.mp4.age", 70_000, 71_000)
    done = desk.recover()
    assert {t.code for t in done.troubles} == {"unreadable", "changed"}
    assert (desk.out / bag.name / SIGNATURE).read_bytes() == (bag / SIGNATURE).read_bytes()
    assert desk.judge(bag.name).verdict is Verdict.TAMPERED


def test_a_seal_that_the_ledger_knows_is_never_replaced_by_the_desks(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = bags.plain(device)
    (bag / SIGNATURE).unlink()
    done = desk.recover()
    assert {t.code for t in done.troubles} == {"no-seal"}
    assert not (desk.out / bag.name / SIGNATURE).exists()
    report = desk.judge(bag.name)
    assert (report.verdict, "seal-removed" in codes(report)) == (Verdict.TAMPERED, True)


def test_no_room_stops_cleanly_and_the_next_run_goes_on(
    device: bags.Device, desk: cards.Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed, bag = bags.plain(device), cards.left_open(device)
    real = os.pwrite

    def full(descriptor: int, data: Any, offset: int) -> int:
        if bag.name in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RecorderError) as caught:
        desk.recover()
    assert caught.value.code == "no-room"
    assert "run the same command again" in caught.value.remedy
    assert sorted(p.name for p in desk.out.iterdir()) == [sealed.name, "ledger", "recovery"]
    monkeypatch.setattr(os, "pwrite", real)
    assert [b.name for b in desk.recover().brought] == [bag.name]
    assert desk.judge(bag.name).verdict is Verdict.INTERRUPTIONS


def test_one_inside_the_other_nothing_there_and_a_running_recorder_are_refused(
    device: bags.Device, desk: cards.Desk, tmp_path: Path
) -> None:
    from recorder.spool import Spool

    bags.plain(device)
    alias = tmp_path / "alias"
    alias.symlink_to(device.spool)
    for out in (device.spool, device.spool / "out", alias / "out", device.spool.parent, tmp_path):
        with pytest.raises(RecorderError) as caught:
            desk_recovery.recover(device.spool, out, signer=desk.signer, clock=desk.clock)
        assert caught.value.code == "recover-nested"
    (tmp_path / "empty").mkdir()
    for spool in (tmp_path / "empty", tmp_path / "absent"):
        with pytest.raises(RecorderError) as caught:
            desk_recovery.recover(spool, desk.out, signer=desk.signer, clock=desk.clock)
        assert caught.value.code == "no-spool"
    running = Spool(device.spool, device.name)
    with pytest.raises(RecorderError) as caught:
        desk.recover()
    assert caught.value.code == "spool-locked"
    running.close()
    assert desk.recover().exit_code == 0


def test_what_is_there_already_is_never_overwritten(device: bags.Device, desk: cards.Desk) -> None:
    bag = cards.left_open(device)
    (desk.out / bag.name / "data").mkdir(parents=True)
    (desk.out / bag.name / "data/journal.jsonl").write_bytes(b"another's\n")
    (desk.out / "ledger").mkdir()
    (desk.out / "ledger/0001.jsonl").write_bytes(b"another's\n")
    done = desk.recover()
    assert {(t.name, t.code) for t in done.troubles} == {
        (bag.name, "differs"),
        ("ledger/0001.jsonl", "differs"),
    }
    assert (desk.out / bag.name / "data/journal.jsonl").read_bytes() == b"another's\n"


def test_the_device_never_goes_on_with_what_a_desk_has_ended(
    device: bags.Device, desk: cards.Desk
) -> None:
    bag = cards.left_open(device)
    desk.recover()
    assert not recovery.is_sealed(desk.out / bag.name)
    assert recovery.is_sealed(desk.out / bag.name, desk=True)
    with pytest.raises(RecorderError) as caught:
        recovery.reopen(
            desk.out / bag.name, signer=device.signer, recipients=device.recipients,
            clock=device.clock, settings=device.settings,
        )  # fmt: skip
    assert caught.value.code == "recording-handed-over"


def test_what_came_out_can_be_brought_out_again(
    device: bags.Device, desk: cards.Desk, tmp_path: Path
) -> None:
    bag = cards.left_open(device)
    desk.recover()
    done = desk_recovery.recover(desk.out, tmp_path / "again", signer=desk.signer, clock=desk.clock)
    assert [b.what for b in done.brought] == ["ledger", "sealed"]
    assert (tmp_path / "again" / bag.name / SIGNATURE).read_bytes() == (
        desk.out / bag.name / SIGNATURE
    ).read_bytes()


@pytest.fixture
def cut(tmp_path: Path) -> tuple[bags.Device, Path]:
    """A device whose spool is made anew from a copy, for each example."""
    device = bags.Device(tmp_path / "card")
    cards.left_open(device)
    shutil.copytree(device.spool, tmp_path / "whole")
    return device, tmp_path / "whole"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_however_a_card_is_cut_all_that_it_holds_comes_out(
    cut: tuple[bags.Device, Path], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any file of an open recording ends anywhere, is gone, or has rubbish behind it."""
    device, whole = cut
    shutil.rmtree(device.spool)
    shutil.copytree(whole, device.spool)
    desk = cards.Desk(tmp_path_factory.mktemp("cut"), device)
    bag = device.spool / f"{device.name}-00000001-0001"
    for path in sorted(p for p in bag.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        how = data.draw(st.sampled_from(["whole", "whole", "cut", "gone", "more"]), label=path.name)
        if how == "gone":
            path.unlink()
        elif how == "cut":
            path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
        elif how == "more":
            path.write_bytes(raw + data.draw(st.binary(min_size=1, max_size=40)))
    before = cards.digest(device.spool)
    walked, _ = recovery.walk(bag)
    desk.recover()
    assert cards.digest(device.spool) == before
    if not walked:
        assert (desk.out / "quarantine" / f"{bag.name}.unreadable").is_dir()
        return
    report = desk.judge(bag.name)
    assert report.verdict in (Verdict.INTERRUPTIONS, Verdict.INCOMPLETE), report.findings
    assert report.facts is not None
    assert report.facts.fragments == sum(isinstance(x.body, lines.Fragment) for x in walked)
    assert report.facts.sealed
    for path in (desk.out / bag.name / "data/segments").iterdir():
        with path.open("rb") as file:
            assert b"".join(decrypt(file.read, [device.identity])).endswith(b"\0\0\0\x08free")
    assert report.facts.desk == keys.base64_public(desk.signer)
