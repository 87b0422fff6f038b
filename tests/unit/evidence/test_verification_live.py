"""Pieces of a journal in a store that were changed, taken away or contradict what arrived later."""

import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.evidence.desk_recovery import recover
from recorder.evidence.keys import KeySigner
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.sync.field import Field, codes, reopened
from tests.unit.sync.spools import tree


@pytest.fixture
def field(tmp_path: Path) -> Field:
    return Field(tmp_path)


Change = Callable[[list[Path], Path], object]


def flip(path: Path, at: int = 100) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def rows(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def joined(first: Path, second: Path) -> tuple[Path, bytes]:
    """A piece that begins in the middle of one and ends with the next."""
    cut = len(rows(first)) // 2
    start = int(first.name[:12]) + cut
    name = f"{start:012d}-{second.name[13:]}"
    return first.with_name(name), b"".join(rows(first)[cut:] + rows(second))


def overlapping(change: bool) -> Change:
    def do(pieces: list[Path], _: Path) -> None:
        path, data = joined(pieces[1], pieces[2])
        path.write_bytes(data.replace(b'"n"', b' "n"', 1) if change else data)
        pieces[2].unlink()

    return do


TAMPERED: dict[str, Change] = {
    "a piece altered": lambda pieces, _: flip(pieces[1]),
    "the first piece gone": lambda pieces, _: pieces[0].unlink(),
    "one in the middle gone": lambda pieces, _: pieces[1].unlink(),
    "a piece cut": lambda pieces, _: pieces[3].write_bytes(pieces[3].read_bytes()[:-50]),
    "a piece without its last line": lambda pieces, _: pieces[3].write_bytes(
        b"".join(rows(pieces[3])[:-1])
    ),
    "a piece under another name": lambda pieces, _: pieces[3].rename(
        pieces[3].with_name(pieces[3].name.replace("-0000", "-0001"))
    ),
    "two that overlap and differ": overlapping(change=True),
    "something else among them": lambda pieces, _: pieces[0].with_name("x").write_bytes(b""),
}  # fmt: skip


@pytest.mark.parametrize("sealed", [False, True], ids=["destroyed", "sealed"])
@pytest.mark.parametrize("what", TAMPERED)
def test_pieces_that_are_not_as_they_were_are_found_before_the_seal_and_after(
    field: Field, what: str, sealed: bool
) -> None:
    writer = field.begin()
    field.record(writer, 16)
    field.run()
    if sealed:
        field.end(writer)
        field.run()
    pieces = field.pieces(writer)
    assert len(pieces) == 4
    TAMPERED[what](pieces, field.there)
    assert field.judge().verdict is Verdict.TAMPERED


def test_two_pieces_that_overlap_and_say_the_same_are_one_journal(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 16)
    field.run()
    overlapping(change=False)(field.pieces(writer), field.there)
    assert codes(field.judge()) == {"no-seal", "proven-to"}
    field.end(writer)
    field.run()
    assert field.judge().verdict is Verdict.VALID


def without_seal(field: Field) -> Path:
    """A stored recording whose seal is gone, and no receipt lies by."""
    writer = field.begin()
    field.record(writer, 16)
    field.end(writer)
    field.run()
    shutil.rmtree(field.there / "receipts")
    there = field.there / writer.folder.name
    for path in there.glob("*.*"):
        path.unlink()
    return there


def plant(field: Field, there: Path) -> None:
    """A live piece with the journal's first line."""
    live = field.there / "live" / there.name
    live.mkdir(parents=True)
    first = rows(there / "data/journal.jsonl")[0]
    (live / f"{0:012d}-{0:012d}.jsonl").write_bytes(first)


def test_one_planted_piece_excuses_no_journal_that_was_cut(field: Field) -> None:
    there = without_seal(field)
    journal = there / "data/journal.jsonl"
    lines = rows(journal)
    end = next(n for n, raw in enumerate(lines) if b'"kind":"segment-end"' in raw)
    journal.write_bytes(b"".join(lines[: end + 1]))
    for path in sorted((there / "data/segments").iterdir())[1:]:
        path.unlink()
    codes_of_both = {"seal-removed", "journal-differs"}
    assert field.judge().verdict is Verdict.TAMPERED and codes_of_both <= codes(field.judge())
    plant(field, there)
    assert field.judge().verdict is Verdict.TAMPERED and codes_of_both <= codes(field.judge())


def test_a_planted_piece_excuses_a_seal_that_is_gone_and_nothing_else(field: Field) -> None:
    """So does an upload that broke off before the seal: nobody can tell the two apart."""
    there = without_seal(field)
    plant(field, there)
    report = field.judge()
    assert (report.verdict, report.exit_code) == (Verdict.INCOMPLETE, 1)
    assert "not-arrived" in codes(report)
    for path in sorted((there / "data/segments").iterdir()):
        data = path.read_bytes()
        path.unlink()
        assert field.judge().verdict is Verdict.TAMPERED and "missing" in codes(field.judge())
        path.write_bytes(data)
    assert field.judge().verdict is Verdict.INCOMPLETE


def test_a_receipt_tells_that_more_was_there_than_pieces(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 16)
    field.run()
    field.end(writer)
    field.run()
    shutil.rmtree(field.there / writer.folder.name / "data/segments")
    for path in (field.there / writer.folder.name).glob("*.*"):
        path.unlink()
    (field.there / writer.folder.name / "data/journal.jsonl").unlink()
    for path in sorted(field.pieces(writer))[1:]:
        path.unlink()
    report = field.judge()
    assert report.verdict is Verdict.TAMPERED
    assert "seal-removed" in codes(report) and "proven-to" not in codes(report)
    (found,) = {f.file for r in report.recordings for f in r.findings if "receipt" in f.text}
    assert (field.there / found).is_file()
    shutil.rmtree(field.there / "receipts")
    assert field.judge().verdict is Verdict.INCOMPLETE


def test_segments_and_private_records_are_held_against_the_lines_that_arrived(
    field: Field,
) -> None:
    writer = field.begin()
    field.record(writer, 16)
    field.run()
    data = field.there / writer.folder.name / "data"
    kept = field.device.spool.parent / "kept"
    shutil.copytree(field.store, kept)

    def found(change: Callable[[], object]) -> tuple[Verdict, set[str]]:
        change()
        report = field.judge()
        shutil.rmtree(field.store)
        shutil.copytree(kept, field.store)
        return report.verdict, codes(report) - {"no-seal", "proven-to"}

    segments = data / "segments"
    assert found(lambda: flip(segments / "0002.mp4.age", 70_000)) == (
        Verdict.TAMPERED, {"changed"}
    )  # fmt: skip
    assert found(lambda: flip(data / "private/0.json.age")) == (Verdict.TAMPERED, {"changed"})
    assert found((segments / "0002.mp4.age").unlink) == (Verdict.TAMPERED, {"missing"})
    assert found((data / "private/0.json.age").unlink) == (Verdict.TAMPERED, {"missing"})
    # The last piece's own files may have been on their way.
    assert found((segments / "0003.mp4.age").unlink) == (Verdict.INCOMPLETE, {"not-arrived"})
    assert found(lambda: shutil.rmtree(data.parent))[0] is Verdict.TAMPERED
    assert found(lambda: (segments / "0009.mp4.age").write_bytes(b"x")) == (
        Verdict.INCOMPLETE, {"unlisted"}
    )  # fmt: skip
    assert found(lambda: (data / "x").touch()) == (Verdict.TAMPERED, {"foreign"})


def test_a_device_that_seals_other_lines_than_it_sent_is_found(field: Field) -> None:
    writer = field.begin()
    field.record(writer, 12)
    field.run()
    journal = writer.folder / "data/journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:8]))
    found = reopened(field, writer, "crash")
    field.end(found.writer)
    report = verify_recording(writer.folder, key=field.device.signer.public)
    assert report.verdict is Verdict.INCOMPLETE  # alone it may pass for a card that lost something
    target = field.there / writer.folder.name
    shutil.rmtree(target)
    shutil.copytree(writer.folder, target)
    report = verify_recording(target, key=field.device.signer.public)
    assert report.verdict is Verdict.TAMPERED
    assert {f.code for f in report.findings if f.level == "tampered"} == {"live-differs"}


@pytest.mark.parametrize("lost", [False, True], ids=["whole", "lines lost"])
def test_a_desk_s_bag_completes_what_was_sent_or_is_told_what_it_lacks(
    field: Field, tmp_path: Path, lost: bool
) -> None:
    writer = field.begin()
    field.record(writer, 12)
    field.run()
    journal = writer.folder / "data/journal.jsonl"
    if lost:
        journal.write_bytes(b"".join(rows(journal)[:8]))
    out = tmp_path / "out"
    desk = KeySigner(Ed25519PrivateKey.generate())
    recover(field.device.spool, out, signer=desk, clock=field.device.clock, say=lambda _: None)
    paths = msgspec.structs.replace(field.settings.paths, spool=str(out))
    field.settings = msgspec.structs.replace(field.settings, paths=paths)
    there = field.there / writer.folder.name
    if lost:
        assert [found.code for found in field.run().findings] == ["store-conflict"]
        shutil.rmtree(there)
        shutil.copytree(out / writer.folder.name, there)
    else:
        assert field.run().findings == ()
    assert tree(there) == tree(out / writer.folder.name)
    report = field.judge()
    assert ("cut-lines" in codes(report)) is lost and "live-differs" not in codes(report)
    assert report.verdict is Verdict.UNTRUSTED  # no register was given, so nobody knows the desk
