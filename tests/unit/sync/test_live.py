"""Live custody: what was closed is in the store while the recording goes on, and proves itself."""

import errno
import json
import shutil
import threading
from pathlib import Path

import bagit
import msgspec
import pytest

from recorder.clock import NS
from recorder.evidence import chain, ending
from recorder.evidence.seal import SIGNATURE, seal
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from recorder.sync import live
from recorder.sync.home import Home
from tests.unit.sync.field import SEGMENT_S, Field, Killed, codes, reopened
from tests.unit.sync.spools import tree


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


def test_closed_segments_travel_with_the_lines_so_far_while_the_recording_goes_on(
    field: Field,
) -> None:
    writer = field.begin()
    field.record(writer, 2)
    field.run()
    assert [path.name for path in field.pieces(writer)] == ["000000000000-000000000000.jsonl"]
    field.record(writer, 10)
    summary = field.run()
    there = field.there / writer.folder.name / "data"
    assert sorted(path.name for path in (there / "segments").iterdir()) == [
        "0001.mp4.age", "0002.mp4.age"
    ]  # fmt: skip
    assert summary.live_files == 4 and summary.findings == ()
    assert summary.live_bytes > (writer.folder / "data/segments/0001.mp4.age").stat().st_size
    so_far = b"".join(path.read_bytes() for path in field.pieces(writer))
    assert (writer.folder / "data/journal.jsonl").read_bytes().startswith(so_far)
    assert json.loads(so_far.splitlines()[-1].partition(b"\t")[0])["kind"] == "segment-end"
    assert (field.there / "days" / "2026-11-23" / writer.folder.name).exists()
    report = field.judge()
    assert report.verdict is Verdict.INCOMPLETE and codes(report) == {"no-seal", "proven-to"}
    (recording,) = report.recordings
    assert recording.facts is not None and recording.facts.fragments == 2 * SEGMENT_S
    (proven,) = (f for f in recording.findings if f.code == "proven-to")
    last = len(so_far.splitlines()) - 1
    assert f"proven to line {last}, at 2026-11-23T" in proven.text
    assert verify_recording(Path(recording.path), key=field.device.signer.public).verdict is (
        Verdict.INCOMPLETE
    )


def test_a_bag_that_is_sealed_later_is_completed_and_only_its_journal_was_sent_twice(
    field: Field,
) -> None:
    writer = field.begin()
    for _ in range(4):
        field.record(writer, 4)
        field.run()
    bag = field.end(writer)
    summary = field.run()
    assert summary.stored == (bag.name,) and summary.findings == ()
    assert tree(field.there / bag.name) == tree(bag)
    bagit.Bag(str(field.there / bag.name)).validate()
    report = field.judge()
    assert (report.verdict, report.findings) == (Verdict.VALID, ())
    pieces = field.pieces(writer)
    assert len(pieces) == 4
    beside = ("/ledger/", "/receipts/")
    sent = sum(size for key, size in field.sent.items() if not any(part in key for part in beside))
    whole = sum(path.stat().st_size for path in bag.rglob("*") if path.is_file())
    assert sent == whole + sum(path.stat().st_size for path in pieces)
    assert list((field.sync / "live").iterdir()) == []


def test_a_device_destroyed_after_any_file_leaves_what_is_incomplete_and_never_tampered(
    field: Field,
) -> None:
    writer = field.begin()
    field.record(writer, 12)
    bag: Path | None = None
    proven = 0
    for count in range(1, 60):
        try:
            field.run(last=1)  # killed before its second file, again and again
        except Killed:
            assert len(field.sent) == count
        else:
            if bag is not None:
                break
            bag = field.end(writer)  # and what is destroyed now had been sealed
        report = field.judge()
        if bag is not None and (field.there / bag.name / SIGNATURE).exists():
            assert report.verdict is Verdict.VALID
            continue
        if not report.recordings:
            assert codes(report) <= {"not-sealed-yet"}  # the ledger alone knows of it, if that
            continue
        assert report.verdict is Verdict.INCOMPLETE, (count, codes(report))
        assert "proven-to" in codes(report)
        facts = report.recordings[0].facts
        assert facts is not None and facts.journal_lines >= proven
        proven = facts.journal_lines
    assert bag is not None and tree(field.there / bag.name) == tree(bag)
    assert field.judge().verdict is Verdict.VALID


def test_what_began_and_never_arrived_is_named_by_the_ledger(field: Field) -> None:
    writer = field.begin()
    with pytest.raises(Killed):
        field.run(last=2)
    report = field.judge()
    (finding,) = report.findings
    assert report.verdict is Verdict.INCOMPLETE and report.recordings == ()
    assert finding.code == "not-sealed-yet" and writer.folder.name in finding.text


def test_after_a_reboot_the_bag_holds_every_line_that_was_sent(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 8)
    field.run()
    found = reopened(field, writer, "reboot")
    field.run()
    assert len(field.pieces(writer)) == 3  # the segment that it broke off, ended by the next start
    assert codes(field.judge()) == {"no-seal", "proven-to"}
    end = ending.end(found, source="power", cause="power", why="power", detail="", sync=True)
    seal(found.writer, end, found.opened, field.device.ledger)
    assert field.run().stored == (writer.folder.name,)
    assert tree(field.there / writer.folder.name) == tree(writer.folder)
    assert field.judge().verdict is Verdict.INTERRUPTIONS


def test_what_goes_on_after_a_crash_travels_on(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 8)
    field.run()
    found = reopened(field, writer, "crash")
    field.record(found.writer, 8)
    sent = dict(field.sent)
    field.run()
    assert len(field.pieces(writer)) == 4
    assert all(size == sent[key] for key, size in field.sent.items() if key in sent)
    report = field.judge()
    assert codes(report) == {"no-seal", "proven-to"}
    field.end(found.writer)
    field.run()
    assert len(list((writer.folder / "data").glob("*.jsonl"))) == 2
    assert field.judge().verdict is Verdict.VALID


def test_sync_that_forgot_how_far_it_was_sends_nothing_twice(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 12)
    field.run()
    sent, there = dict(field.sent), tree(field.there)
    shutil.rmtree(field.sync / "live")
    assert field.run().live_files == 0
    assert (field.sent, tree(field.there)) == (sent, there)


def test_while_a_long_run_goes_on_what_is_being_recorded_goes_first(field: Field) -> None:
    old = field.begin()
    field.record(old, 16)
    bag = field.end(old)
    writer = field.begin()
    real = field.device.clock.boot_ns
    turns = 0

    def boot_ns() -> int:
        nonlocal turns
        turns += 1
        if turns == 5:  # a segment is closed while the bag travels
            field.record(writer, 6)
        return real() + turns * 2 * NS

    field.device.clock.boot_ns = boot_ns  # type: ignore[method-assign]
    field.run()
    keys = list(field.sent)
    live = keys.index(f"{field.device.name}/{writer.folder.name}/data/segments/0001.mp4.age")
    assert live < keys.index(f"{field.device.name}/{bag.name}/{SIGNATURE}")


def test_a_read_error_is_tried_again_and_damage_is_not(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = field.begin()
    field.record(writer, 8)
    custody = live.Live(field.settings, Home(field.sync), threading.Event())
    plain, failures = chain.files, ["journal"]

    def fails(folder: Path, stem: str) -> list[Path]:
        if stem == "journal" and failures:
            raise OSError(errno.EIO, "Input/output error")
        return plain(folder, stem)

    monkeypatch.setattr(chain, "files", fails)
    assert custody.due(NS)
    found = field.run(live=custody)
    assert [(f.code, f.recording) for f in found.findings] == [
        ("source-unreadable", writer.folder.name)
    ]
    assert not field.pieces(writer)
    failures.clear()
    assert custody.due(10 * NS)
    assert field.run(live=custody).findings == () and field.pieces(writer)
    field.record(writer, 8)
    segment = writer.folder / "data/segments/0002.mp4.age"
    segment.write_bytes(bytes(segment.stat().st_size))
    assert field.run(live=custody).findings != ()
    assert not custody.due(20 * NS)


def test_without_the_word_in_the_config_nothing_travels_before_its_seal(field: Field) -> None:
    words = msgspec.structs.replace(field.settings.sync, live=False)
    field.settings = msgspec.structs.replace(field.settings, sync=words)
    writer = field.begin()
    field.record(writer, 12)
    field.run()
    assert field.pieces(writer) == [] and not (field.there / writer.folder.name).exists()


def test_sealed_recordings_wait_for_an_open_one_whose_segments_do_not(field: Field) -> None:
    before = field.begin()
    field.record(before, 8)
    sealed = field.end(before)
    writer = field.begin()
    turns: list[set[str]] = []

    def sleep(seconds: float) -> None:
        field.device.clock.advance(seconds)
        turns.append(set(field.sent))
        if len(turns) == 1:
            field.record(writer, 8)

    summary = field.run(dock=lambda _: len(turns) < 20, sleep=sleep)
    assert summary.stored == (sealed.name,)
    live = f"{writer.folder.name}/data/segments/0001.mp4.age"
    meanwhile = {name.removeprefix(f"{field.device.name}/") for name in turns[-1]}
    assert live in meanwhile
    assert not [name for name in meanwhile if name.startswith(sealed.name)]
