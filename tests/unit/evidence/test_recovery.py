"""A recording that is cut anywhere comes back whole: everything journalled, nothing else."""

import base64
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings, strategies as st

from recorder.clock import ManualClock
from recorder.config import Recording
from recorder.errors import RecorderError
from recorder.evidence import keys, lines, recovery
from recorder.evidence.age import Identity, Recipient, decrypt
from recorder.evidence.chain import Line, files, read
from recorder.evidence.ledger import open_ledger
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.seal import seal
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from tests.unit.pieces import piece

IDENTITY, _ = Identity.generate()
RECIPIENT = Recipient(IDENTITY.recipient)
SIGNER = keys.KeySigner(Ed25519PrivateKey.generate())
CLOCK = ManualClock()
SETTINGS = Recording(segment_s=5)
NAME = "t-01-00000001-abcd"


def begin(spool: Path) -> RecordingWriter:
    spool.mkdir()
    ledger = open_ledger(spool / "ledger", None, SIGNER, CLOCK)
    body = lines.Open(
        format=lines.RECORDING_FORMAT, recording=NAME, device="t-01", officer="P1", software="0",
        key=keys.base64_public(SIGNER), key_kind="device", organisation="o", entrusted_by="",
        rule="r", rule_version="1", language="zh", utc_offset_min=480, catalogue="", act=None,
        recipients=(RECIPIENT.text,), continues=None, ledger="",
    )  # fmt: skip
    opened = lines.Opened(
        recording=NAME, device="t-01", officer="P1", act="", obligation=None, previous=""
    )
    writer = RecordingWriter.create(
        spool, opened, body, {"place": "秘密"}, ledger=ledger, signer=SIGNER,
        recipients=[RECIPIENT], clock=CLOCK, settings=SETTINGS, press_ns=100_000_000_000,
    )  # fmt: skip
    writer.sync()
    return writer


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 13 fragments in 3 segments, left as a SIGKILL leaves it."""
    spool = tmp_path_factory.mktemp("crashed") / "spool"
    writer = begin(spool)
    writer.journal(lines.Press(at_ns=100_000_000_000, source="button"))
    for second in range(100, 113):
        p = piece(second, size=700)
        writer.fragments([(p.stream.init, p.stream.data, p.fragment, p.media)])
        if second == 105:
            said = lines.Spoken(phrase="place", outcome="spoken", from_ns=1, to_ns=2, text=None)
            writer.journal(said, {"text": "某地"})
    return spool


def recover_and_seal(spool: Path) -> Path:
    bag = spool / NAME
    ledger = open_ledger(spool / "ledger", None, SIGNER, CLOCK)
    found = recovery.reopen(
        bag, signer=SIGNER, recipients=[RECIPIENT], clock=CLOCK, settings=SETTINGS
    )
    writer = found.writer
    for line in recovery.missing_ends(found):
        writer.journal(line, sync=False)
    fragments = [b for b in found.journal if isinstance(b, lines.Fragment)]
    end_ns = fragments[-1].end_ns if fragments else writer.press_ns
    end = lines.End(end_ns=end_ns, source="crash", planned=False, spoken=False)
    writer.journal(lines.Recovered(why="crash", fragments=len(fragments), moved=found.moved))
    writer.journal(end)
    seal(writer, end, found.opened, ledger)
    return bag


def fragments_of(bag: Path) -> list[lines.Fragment]:
    items = read(files(bag / "data", "journal"), lines.Journal, SIGNER.public)
    return [
        item.body
        for item in items
        if isinstance(item, Line) and isinstance(item.body, lines.Fragment)
    ]


def valid(bag: Path) -> None:
    report = verify_recording(bag, key=SIGNER.public, identities=[IDENTITY])
    if not fragments_of(bag):
        assert [f.code for f in report.findings] == ["no-fragment"]
        return
    assert report.verdict in (Verdict.VALID, Verdict.INTERRUPTIONS), report.findings


def test_a_killed_recording_loses_no_journalled_fragment(crashed: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(crashed, spool)
    bag = recover_and_seal(spool)
    assert len(fragments_of(bag)) == 13
    valid(bag)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_wherever_the_files_are_cut_all_that_was_journalled_comes_back(
    crashed: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The journal ends anywhere; segments have any length from their last journalled fragment on,
    and may have garbage behind it, as a power cut leaves it."""
    spool = tmp_path_factory.mktemp("cut") / "spool"
    shutil.copytree(crashed, spool)
    bag = spool / NAME
    journal = bag / "data" / "journal.jsonl"
    raw = journal.read_bytes()
    first = raw.index(b"\n") + 1
    cut = data.draw(st.integers(first, len(raw)), label="journal bytes")
    journal.write_bytes(raw[:cut] + data.draw(st.binary(max_size=20), label="torn"))
    whole = fragments_of(bag)
    for path in sorted((bag / "data" / "segments").iterdir()):
        number = int(path.name[:4])
        mine = [f.age_bytes for f in whole if f.segment == number]
        size = path.stat().st_size
        if mine and mine[-1] < size:
            keep = data.draw(st.integers(mine[-1], size), label=path.name)
            path.write_bytes(path.read_bytes()[:keep])
    bag = recover_and_seal(spool)
    assert len(fragments_of(bag)) == len(whole)
    valid(bag)
    for path in (bag / "data" / "segments").iterdir():
        with path.open("rb") as file:
            assert b"".join(decrypt(file.read, [IDENTITY])).endswith(b"\0\0\0\x08free")


def test_recovery_twice_is_recovery_once(crashed: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(crashed, spool)
    for _ in range(2):
        recovery.reopen(
            spool / NAME, signer=SIGNER, recipients=[RECIPIENT], clock=CLOCK, settings=SETTINGS
        )
    valid(recover_and_seal(spool))


def test_foreign_files_go_to_tails_and_are_sealed_as_they_were(
    crashed: Path, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(crashed, spool)
    (spool / NAME / "data" / "segments" / "0009.mp4.age").write_bytes(b"half a segment")
    bag = recover_and_seal(spool)
    assert (bag / "data" / "tails" / "0009.mp4.age").read_bytes() == b"half a segment"
    valid(bag)


def test_a_recording_without_its_first_line_cannot_be_recovered(
    crashed: Path, tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(crashed, spool)
    (spool / NAME / "data" / "journal.jsonl").write_bytes(b"nonsense\n")
    with pytest.raises(RecorderError, match="no line 0"):
        recovery.reopen(
            spool / NAME, signer=SIGNER, recipients=[RECIPIENT], clock=CLOCK, settings=SETTINGS
        )


def test_a_segment_whose_disk_fails_goes_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO on one sync: everything since the last good one is written again, into a new file."""
    import os

    writer = begin(tmp_path / "spool")
    real = os.fdatasync
    failures: list[int] = []

    def failing(descriptor: int) -> None:
        if len(failures) < 1 and os.readlink(f"/proc/self/fd/{descriptor}").endswith(".age"):
            failures.append(descriptor)
            raise OSError(5, "Input/output error")
        real(descriptor)

    for second in range(100, 108):
        if second == 103:
            monkeypatch.setattr(os, "fdatasync", failing)
        p = piece(second)
        writer.fragments([(p.stream.init, p.stream.data, p.fragment, p.media)])
    assert failures
    end = lines.End(end_ns=108_000_000_000, source="button", planned=True, spoken=True)
    writer.journal(end)
    ledger = open_ledger(tmp_path / "spool" / "ledger", None, SIGNER, CLOCK)
    opened = next(
        item.body for item in read(files(writer.folder / "data", "journal"), lines.Journal, None)
        if isinstance(item, Line) and isinstance(item.body, lines.Open)
    )  # fmt: skip
    seal(writer, end, opened, ledger)
    assert len(fragments_of(writer.folder)) == 8
    assert {f.segment for f in fragments_of(writer.folder)} == {1, 2}
    valid(writer.folder)


def test_a_journal_whose_disk_fails_goes_on_in_the_next_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    writer = begin(tmp_path / "spool")
    real = os.fdatasync
    failures: list[int] = []

    def failing(descriptor: int) -> None:
        if len(failures) < 1 and os.readlink(f"/proc/self/fd/{descriptor}").endswith(".jsonl"):
            failures.append(descriptor)
            raise OSError(5, "Input/output error")
        real(descriptor)

    for second in range(100, 106):
        if second == 102:
            monkeypatch.setattr(os, "fdatasync", failing)
        p = piece(second)
        writer.fragments([(p.stream.init, p.stream.data, p.fragment, p.media)])
    assert failures
    names = [path.name for path in files(writer.folder / "data", "journal")]
    assert names == ["journal.jsonl", "journal-0002.jsonl"]
    assert len(fragments_of(writer.folder)) == 6


def resigned(bag: Path, edit: Callable[[dict[str, Any]], bool]) -> None:
    """The journal as a device gone mad would sign it: ``edit`` changes a line or drops it."""
    path = bag / "data" / "journal.jsonl"
    prev, out, n = "0" * 64, b"", 0
    for row in path.read_bytes().splitlines():
        fields = json.loads(row.partition(b"\t")[0])
        if not edit(fields):
            continue
        text = json.dumps(fields | {"prev": prev, "n": n}, ensure_ascii=False).encode()
        line = text + b"\t" + base64.b64encode(SIGNER.sign(text))
        prev, n = hashlib.sha256(line).hexdigest(), n + 1
        out += line + b"\n"
    path.write_bytes(out)


@pytest.mark.parametrize("key", ["", "x", "AAAA", "A" * 43 + "="])
def test_a_recording_whose_line_0_names_no_key_cannot_be_recovered(
    crashed: Path, tmp_path: Path, key: str
) -> None:
    spool = tmp_path / "spool"
    shutil.copytree(crashed, spool)
    bag = spool / NAME

    def rename(fields: dict[str, Any]) -> bool:
        if "key" in fields:
            fields["key"] = key
        return True

    resigned(bag, rename)
    assert not recovery.is_sealed(bag)
    with pytest.raises(RecorderError, match="no line 0"):
        recovery.reopen(bag, signer=SIGNER, recipients=[RECIPIENT], clock=CLOCK, settings=SETTINGS)


def test_recovery_cuts_nothing_outside_the_segments_folder(crashed: Path, tmp_path: Path) -> None:
    """Whatever file a segment's line names, and where a segment's line is missing altogether."""
    for named in ("data/segments/../../../victim", "data/journal.jsonl", "victim", ""):
        spool = tmp_path / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        shutil.copytree(crashed, spool)
        victim = spool / "victim"
        victim.write_bytes(bytes(1 << 20))

        def rename(fields: dict[str, Any], named: str = named) -> bool:
            if fields["kind"] != "segment":
                return True
            fields["file"] = named
            return bool(named)

        resigned(spool / NAME, rename)
        recover_and_seal(spool)
        assert victim.read_bytes() == bytes(1 << 20)
