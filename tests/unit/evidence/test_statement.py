"""Statements lie beside recordings, signed and whole, and nothing about them passes unseen."""

import base64
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import ManualClock
from recorder.desk_list import of_ledger, of_recording
from recorder.errors import RecorderError
from recorder.evidence import keys, lines, sheet, statement, statement_check, story
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.due import Owed
from recorder.evidence.keys import KeySigner
from recorder.evidence.register import FORMAT, Key, Register
from recorder.evidence.sheet_text import as_text
from recorder.evidence.statement_form import facts
from recorder.evidence.statement_text import Text
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_folder import is_one
from recorder.evidence.verification_report import FolderReport, Level, Verdict
from recorder.evidence.verification_table import render
from recorder.evidence.verification_trust import Vouched
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder
from tests.unit.evidence.test_statement_text import WRITTEN

DESK = KeySigner(Ed25519PrivateKey.generate())
CUSTODIANS = [Identity.generate()[0] for _ in range(2)]
TEXT = msgspec.convert(WRITTEN, Text)


class Store:
    """A device's folder in a store: one recording that owes a statement, and the ledger."""

    def __init__(self, folder: Path, *, cut_off: bool = False) -> None:
        self.device = bags.Device(folder)
        made = (
            bags.cut_off(self.device) if cut_off else bags.interrupted(self.device, statement=True)
        )
        self.place = folder / "store" / "bc-001"
        self.place.mkdir(parents=True)
        self.bag = bags.copy(made, self.place)
        shutil.copytree(self.device.spool / "ledger", self.place / "ledger")
        self.statements = self.place / "statements"
        self.owed: Owed = of_recording(self.bag)[0]

    def archive(
        self, owed: Owed | None = None, text: Text = TEXT, *, corrects: str = "",
        signer: KeySigner = DESK, where: Path | None = None, tagmanifest_sha256: str = "",
    ) -> Path:  # fmt: skip
        owed = owed or self.owed
        told = story.read(self.bag) if owed.recording else None
        made = statement.write(
            where or self.statements, owed, text, device=facts(owed, told),
            organisation="张营镇人民政府", tagmanifest_sha256=tagmanifest_sha256, verdict="valid",
            corrects=corrects, signer=signer, clock=ManualClock(),
            recipients=[Recipient(c.recipient) for c in CUSTODIANS],
        )  # fmt: skip
        return Path(made.path)

    def register(self, **changed: str) -> Register:
        desk = Key("desk", "desk-1", keys.base64_public(DESK), "2026-01-01T00:00:00.000Z")
        device = Key("device", "bc-001", self.device.key_text, "2026-01-01T00:00:00.000Z")
        return Register(FORMAT, "张营镇", (device, msgspec.structs.replace(desk, **changed)))

    def verified(self, register: Register | None = None) -> FolderReport:
        return verify_folder(self.place, register=register or self.register())


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def test_a_statement_explains_what_is_owed_and_touches_nothing_of_the_recording(
    store: Store,
) -> None:
    before = digests(store.bag)
    path = store.archive()
    assert digests(store.bag) == before
    assert path.name == "bc-001-00000001-0001-1"
    report = store.verified()
    assert (report.verdict, report.findings) == (Verdict.INTERRUPTIONS, ())
    assert [o.archived for o in report.recordings[0].owed] == [(path.name,)]
    alone = verify_recording(store.bag, key=store.device.signer.public)
    assert alone.owed[0].archived == (path.name,)
    assert path.name in render(alone) and path.name in render(report)
    assert path.name in as_text(sheet.make(story.read(store.bag), alone))


def test_a_missing_statement_is_listed_and_changes_no_verdict(store: Store) -> None:
    report = store.verified()
    assert report.verdict is Verdict.INTERRUPTIONS
    assert report.recordings[0].owed[0].archived == ()
    assert "none yet" in render(report)
    alone = verify_recording(store.bag, register=store.register())
    assert alone.verdict is Verdict.INTERRUPTIONS
    assert "尚未归档" in as_text(sheet.make(story.read(store.bag), alone))


def test_a_statement_for_a_recording_that_a_reboot_ended_explains_it_whole(tmp_path: Path) -> None:
    store = Store(tmp_path, cut_off=True)
    path = store.archive(text=msgspec.structs.replace(TEXT, interruption=0))
    (owed,) = store.verified().recordings[0].owed
    assert (owed.interruption, owed.why, owed.archived) == (None, ("power",), (path.name,))


def test_an_act_that_could_not_be_started_is_explained_by_its_ledger_line(store: Store) -> None:
    store.device.ledger.append(
        lines.LedgerRefused(event="press", state="unfit", act="seal", must=True)
    )
    store.device.ledger.sync()
    shutil.copytree(store.device.spool / "ledger", store.place / "ledger", dirs_exist_ok=True)
    (owed,) = of_ledger(store.place / "ledger")
    assert store.verified().owed[0].archived == ()
    path = store.archive(owed)
    assert path.name == f"bc-001-ledger-{owed.ledger_line}-1"
    report = store.verified()
    assert (report.verdict, report.owed[0].archived) == (Verdict.INTERRUPTIONS, (path.name,))


def test_found_chosen_and_confirmed_are_kept_apart(store: Store) -> None:
    path = store.archive(text=msgspec.structs.replace(TEXT, category="weather"))
    line = statement_check.check(path, Vouched()).line
    assert line is not None
    assert (line.found, line.chosen, line.confirmed) == ("capture_died", "fault", "weather")


def test_the_text_is_nowhere_in_the_clear_and_each_custodian_opens_it(store: Store) -> None:
    path = store.archive()
    for file in (p for p in path.rglob("*") if p.is_file()):
        data = file.read_bytes()
        for word in ("王建国", "14088100123", "东街", "李某某", "自动恢复", "张执"):
            assert word.encode() not in data, (file, word)
    for custodian in CUSTODIANS:
        assert statement_check.content(path, [custodian]).text == TEXT


def test_a_correction_counts_on_names_the_earlier_one_and_changes_nothing_of_it(
    store: Store,
) -> None:
    first = store.archive()
    before = digests(first)
    second = store.archive(corrects=first.name)
    assert second.name == "bc-001-00000001-0001-2" and digests(first) == before
    report = store.verified()
    assert report.findings == ()
    assert report.recordings[0].owed[0].archived == (first.name, second.name)


def test_a_number_that_somebody_else_took_meanwhile_is_told_and_nothing_is_overwritten(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = store.archive()
    before = digests(store.statements)
    monkeypatch.setattr(statement, "numbered", lambda *_: {})
    with pytest.raises(RecorderError) as caught:
        store.archive()
    assert (caught.value.code, caught.value.where) == ("statement-exists", str(first))
    assert digests(store.statements) == before
    assert [p.name for p in store.statements.iterdir()] == [first.name]


def test_a_write_that_fails_leaves_no_statement(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(statement, "sign_tags", fails)
    with pytest.raises(OSError, match="No space"):
        store.archive()
    assert list(store.statements.iterdir()) == []


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _without(path: Path) -> None:
    path.unlink()


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("file", "change"),
    [
        *((file, change) for change in (_flip, _without, _torn) for file in (
            "data/statement.jsonl", "data/private/0.json.age", "manifest-sha256.txt",
            "tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig", "bagit.txt", "bag-info.txt",
        )),
        ("data/more.txt", lambda p: p.write_text("x")),
        ("more.txt", lambda p: p.write_text("x")),
        ("data/segments", lambda p: p.mkdir() or (p / "1").write_text("x")),
        ("link", lambda p: p.symlink_to("/etc/passwd")),
    ],
)  # fmt: skip
def test_any_change_to_a_statement_is_found_and_it_explains_nothing_then(
    file: str, change: Callable[[Path], object], store: Store
) -> None:
    path = store.archive()
    change(path / file)
    report = store.verified()
    assert report.verdict is Verdict.TAMPERED
    assert all(f.file.startswith(path.name) for f in report.findings)
    assert report.recordings[0].owed[0].archived == ()
    assert report.recordings[0].verdict is Verdict.INTERRUPTIONS
    alone = verify_recording(store.bag, register=store.register())
    assert (alone.verdict, alone.findings) == (Verdict.INTERRUPTIONS, ()) and alone.beside


def test_a_statement_under_another_name_or_without_its_forerunner_is_found(store: Store) -> None:
    first = store.archive()
    second = store.archive(corrects=first.name)
    first.rename(first.with_name("bc-001-00000001-0001-7"))
    report = store.verified()
    assert {(f.code, f.file.partition("/")[0]) for f in report.findings} >= {
        ("name", "bc-001-00000001-0001-7"), ("line-chain", second.name),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"public": keys.base64_public(KeySigner(Ed25519PrivateKey.generate()))}, "not-registered"),
        ({"role": "sync"}, "not-registered"),
        ({"since": "2027-01-01T00:00:00.000Z"}, "too-early"),
        ({"until": "2026-02-01T00:00:00.000Z"}, "expired"),
        ({"revoked": "2026-02-01T00:00:00.000Z"}, "revoked"),
    ],
)
def test_only_a_desk_key_that_the_register_vouches_for_explains_anything(
    changed: dict[str, str], code: str, store: Store
) -> None:
    store.archive()
    report = store.verified(store.register(**changed))
    assert (report.verdict, [f.code for f in report.findings]) == (Verdict.UNTRUSTED, [code])
    assert report.recordings[0].owed[0].archived == ()


def test_without_a_register_the_desks_key_is_told_as_not_checked(store: Store) -> None:
    store.archive()
    report = verify_recording(store.bag, key=store.device.signer.public)
    assert any(item.startswith("statements:") for item in report.not_checked)


def test_without_a_register_a_folders_report_tells_it_too(store: Store) -> None:
    key = store.device.signer.public
    told = "statements: the desk's key (give --register)"
    assert told not in verify_folder(store.place, key=key).not_checked
    store.archive()
    assert told in verify_folder(store.place, key=key).not_checked


@pytest.mark.parametrize(
    "changed",
    [{"cause": "weather"}, {"chosen": "obstruction"}, {"chosen": None}, {"device": "bc-002"}],
)
def test_a_statement_that_says_other_words_for_the_device_explains_nothing(
    changed: dict[str, str | None], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement, "fits", lambda *_: True)
    path = store.archive(
        msgspec.structs.replace(store.owed, **changed), tagmanifest_sha256="0" * 64
    )
    report = store.verified()
    assert [(f.code, f.file) for f in report.findings] == [("statement-differs", path.name)]
    assert report.recordings[0].owed[0].archived == ()


@pytest.mark.parametrize("same", [True, False])
def test_a_statement_that_was_written_about_another_seal_explains_and_says_so(
    same: bool, store: Store
) -> None:
    listing = hashlib.sha256((store.bag / "tagmanifest-sha256.txt").read_bytes()).hexdigest()
    path = store.archive(tagmanifest_sha256=listing if same else "0" * 64)
    report = store.verified().recordings[0]
    assert report.owed[0].archived == (path.name,)
    told = [] if same else [("statement-other-seal", Level.NOTE, path.name)]
    assert [(f.code, f.level, f.file) for f in report.beside] == told


def test_a_statement_of_an_open_recording_may_be_older_than_the_presses(store: Store) -> None:
    path = store.archive(msgspec.structs.replace(store.owed, chosen=None))
    assert store.verified().recordings[0].owed[0].archived == (path.name,)


@pytest.mark.parametrize("corrects", ["bc-001-00000001-0001-2", "bc-001-00000002-0002-1", "?"])
def test_a_correction_names_an_earlier_statement_about_the_same(
    corrects: str, store: Store
) -> None:
    store.archive()
    store.archive(corrects=corrects)
    assert [f.code for f in store.verified().findings] == ["statement-unknown"]


def test_a_folder_of_statements_that_is_not_there_is_an_error(store: Store) -> None:
    for path, judge in ((store.bag, verify_recording), (store.place, verify_folder)):
        with pytest.raises(RecorderError) as caught:
            judge(path, statements=store.place / "statments")
        assert (caught.value.code, caught.value.where) == (
            "no-statements", str(store.place / "statments"),
        )  # fmt: skip


def test_a_statement_is_no_recording_that_could_be_tampered_with(store: Store) -> None:
    path = store.archive()
    with pytest.raises(RecorderError) as caught:
        is_one(path)
    assert (caught.value.code, caught.value.where) == ("no-bag", str(path))
    assert "statement read" in caught.value.remedy


def test_a_statement_about_nothing_that_is_owed_or_there_is_told(store: Store) -> None:
    store.archive(msgspec.structs.replace(store.owed, explains="0" * 64))
    other = "bc-001-00000009-0009"
    store.archive(msgspec.structs.replace(store.owed, about=other, recording=other))
    codes = {f.code for f in store.verified().findings}
    assert codes == {"statement-unowed", "statement-unknown"}


def test_statements_in_a_plain_folder_are_no_recordings_and_are_found_where_told(
    store: Store, tmp_path: Path
) -> None:
    beside = store.archive(where=store.place)
    report = store.verified()
    assert report.findings == () and report.recordings[0].owed[0].archived == (beside.name,)
    shutil.rmtree(beside)
    apart = store.archive(where=tmp_path / "apart")
    given = verify_folder(
        store.place, register=store.register(), statements=tmp_path / "apart"
    ).recordings[0]
    assert given.owed[0].archived == (apart.name,)


def test_a_recording_cannot_be_hidden_as_a_statement(store: Store) -> None:
    (store.bag / "data/statement.jsonl").write_text("{}")
    report = store.verified()
    assert [r.recording for r in report.recordings] == [store.bag.name]
    assert report.verdict is Verdict.TAMPERED


@pytest.mark.parametrize("about", ["../x", "bc-001-ledger-1/..", "", "other-00000001-0001"])
def test_a_name_that_is_no_recordings_never_becomes_a_path(about: str, store: Store) -> None:
    with pytest.raises(RecorderError) as caught:
        store.archive(msgspec.structs.replace(store.owed, about=about))
    assert caught.value.code == "statement-name"
    assert not store.statements.exists()


def test_names_in_the_store_are_durable_on_return(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    path = store.archive()
    names = {p.name for p in path.rglob("*") if p.is_file()} - {"tagmanifest-sha256.txt.sig"}
    assert names | {"statements", "bc-001", "data", "private"} <= synced


@pytest.mark.parametrize("about", ["bc-001/00000001-0001", "..", "a\0b", ""])
def test_a_signed_line_about_no_name_is_a_finding_and_no_crash(about: str, store: Store) -> None:
    path = store.archive()
    raw = (path / statement.LINE).read_bytes().partition(b"\t")[0]
    body = msgspec.json.decode(raw) | {"about": about}
    signed = msgspec.json.encode(body)
    line = signed + b"\t" + base64.b64encode(DESK.sign(signed)) + b"\n"
    (path / statement.LINE).write_bytes(line)
    checked = statement_check.check(path, Vouched(store.register()), CUSTODIANS)
    assert not checked.good
    assert checked.findings
    assert store.verified().recordings[0].owed[0].archived == ()
