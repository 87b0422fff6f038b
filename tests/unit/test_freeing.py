"""Room is given back only when it is safe twice: every reason to keep a recording, and a power cut
or kill at each step of freeing one."""

import base64
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.archive import Archive
from recorder.clock import ClockState, Quality, parse_iso
from recorder.config import Freeing, Settings
from recorder.disk import Disk
from recorder.evidence import chain, keys, lines, register
from recorder.evidence.chain import Line, files, read
from recorder.evidence.keys import KeySigner
from recorder.evidence.verification_report import Level
from recorder.sync import receipts, standing
from tests.rigs.at_once import Now
from tests.rigs.killed_at import fork_and_kill
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.spools import Place, tree
from tests.unit.sync.stepped import Days

STORED = "2026-11-23T12:00:00.000Z"
NEXT_DAY = "2026-11-24T12:00:00.000Z"


class Device:
    """Two recordings, stored and read back twice; their hold is over."""

    def __init__(self, root: Path) -> None:
        self.place = Place(root)
        self.days = Days(self.place)
        paths = msgspec.structs.replace(self.place.settings.paths, keys=str(root / "keys"),
                                        run=str(root / "run"))  # fmt: skip
        (root / "keys").mkdir()
        (root / "run").mkdir()
        self.keys = root / "keys"
        self.settings: Settings = msgspec.structs.replace(self.place.settings, paths=paths)
        self.bag = self.place.act("2026-11-23T01:30:00.000Z")
        self.other = self.place.act("2026-11-23T02:30:00.000Z")
        self.place.ledger.close()
        self.place.clock.wall_ns = parse_iso(STORED)
        self.signer = KeySigner(keys.load_private(self.place.sync / "sync.key").private)

    def stored_twice(self) -> None:
        """By sync, a day apart; then the hold passes."""
        self.days.sync()
        assert self.days.sync(24).read_twice == 2
        self.days.sync(73)

    @property
    def path(self) -> Path:
        """The receipts of ``bag``."""
        return receipts.path_of(self.place.sync / "receipts", self.bag.name)

    def receipt(self) -> receipts.Receipt:
        """The first one."""
        (line, *_) = receipts.load(self.path.parent, self.bag.name, self.place.key)
        body: receipts.Receipt = line.body
        return body

    def write(self, *signed: tuple[receipts.Receipt, KeySigner]) -> None:
        """These instead of what is there, chained."""
        last: Line | None = None
        out: list[bytes] = []
        for body, signer in signed:
            written = receipts.after(last, body, signer, self.place.clock)
            out.append(written.line + b"\n")
            header = msgspec.json.decode(written.line.partition(b"\t")[0], type=chain.Header)
            last = Line(header, body, written.line, written.sha256, "", 1)
        self.path.write_bytes(b"".join(out))

    def archive(self) -> Archive:
        """The recorder's side, started."""
        archive = Archive(self.settings, self.place.clock, cast(Disk, Now()))
        archive.start(lambda ready: None)
        return archive

    def may_go(self) -> tuple[str, ...]:
        """What the child says."""
        return standing.standing(standing.question(self.settings), self.place.clock).kept.may_go

    def free(self, bag: Path) -> object:
        """Through the archive, sweeping included."""
        archive = self.archive()
        told: list[object] = []
        archive.free(bag.name, told.append)
        swept: list[object] = [False]
        while not swept[-1]:
            archive.sweep(swept.append)
        archive.close()
        return told[0]

    def restart(self) -> None:
        """The next start, with what the loop does then about what is left over."""
        archive = self.archive()
        left: list[str] = []
        archive.unfreed(left.extend)
        for name in left:
            archive.free(name, lambda _: None)
        swept: list[object] = [False]
        while not swept[-1]:
            archive.sweep(swept.append)
        archive.close()

    def freed(self) -> list[lines.Freed]:
        """The ledger's lines of that kind."""
        paths = files(self.place.spool / "ledger", "")
        found = [item.body for item in read(paths, lines.Ledger, None) if isinstance(item, Line)]
        return [body for body in found if isinstance(body, lines.Freed)]

    def codes(self, folder: Path) -> set[tuple[Level, str]]:
        """What verify finds of recordings that are not there."""
        found = verify_folder(folder).findings
        return {(f.level, f.code) for f in found if f.code in ("freed", "recording-missing")}


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


def test_what_was_read_back_twice_is_freed_and_on_record_and_the_stores_copy_is_judged(
    device: Device,
) -> None:
    device.stored_twice()
    assert device.may_go() == (device.bag.name, device.other.name)
    last = device.path.read_bytes().splitlines()[-1]
    assert device.free(device.bag) is True
    assert not device.bag.exists() and device.other.exists()
    assert not list(device.place.spool.glob(".freed-*"))
    (line,) = device.freed()
    assert line == lines.Freed(recording=device.bag.name, receipt_sha256=chain.digest(last))
    assert device.codes(device.place.spool) == {(Level.NOTE, "freed")}
    found = standing.standing(standing.question(device.settings), device.place.clock).kept
    assert (found.freed, found.gone, found.stored) == (1, (device.bag.name,), 1)
    device.days.sync()  # the line reaches the store
    assert device.codes(device.place.store) == set()
    shutil.rmtree(device.place.stored(device.bag))
    assert device.codes(device.place.store) == {(Level.TAMPERED, "recording-missing")}


def second(device: Device, **changed: Any) -> receipts.Receipt:
    words = {"read_back": 2, "read": NEXT_DAY} | changed
    return msgspec.structs.replace(device.receipt(), **words)


def once(device: Device) -> None:
    device.write((device.receipt(), device.signer))


def by_another_key(device: Device) -> None:
    thief = KeySigner(Ed25519PrivateKey.generate())
    device.write((device.receipt(), device.signer), (second(device), thief))


def both_by_another_key(device: Device) -> None:
    thief = KeySigner(Ed25519PrivateKey.generate())
    device.write((device.receipt(), thief), (second(device), thief))


def tampered(device: Device) -> None:
    text = device.path.read_bytes()
    device.path.write_bytes(text.replace(b'"files":', b'"files": ', 1))


def too_soon(device: Device) -> None:
    early = second(device, read="2026-11-24T11:59:59.999Z")
    device.write((device.receipt(), device.signer), (early, device.signer))


def of_another_store(device: Device) -> None:
    other = second(device, store_id="0" * 16)
    device.write((device.receipt(), device.signer), (other, device.signer))


def of_another_bag(device: Device) -> None:
    first = msgspec.structs.replace(device.receipt(), tagmanifest_sha256="0" * 64)
    other = second(device, tagmanifest_sha256="0" * 64)
    device.write((first, device.signer), (other, device.signer))


def swapped(device: Device) -> None:
    device.path.write_bytes(receipts.path_of(device.path.parent, device.other.name).read_bytes())


def turned_round(device: Device) -> None:
    device.write((second(device), device.signer), (device.receipt(), device.signer))


def with_foreign_files(device: Device) -> None:
    other = second(device, left=("data/secret",))
    device.write((device.receipt(), device.signer), (other, device.signer))


def with_nonsense(device: Device) -> None:
    other = second(device, read="soon")
    device.write((device.receipt(), device.signer), (other, device.signer))


def held_back(device: Device) -> None:
    device.place.clock.wall_ns = parse_iso("2026-11-27T11:59:59Z")


def clock_unset(device: Device) -> None:
    device.place.clock.clock_state = ClockState(Quality.UNSET, None)


def registered(device: Device, *entries: register.Key) -> None:
    township = KeySigner(Ed25519PrivateKey.generate())
    (device.keys / "township.pem").write_bytes(keys.pem_pair(township.private)[1])
    data = register.encode(register.Register(register.FORMAT, "t", entries))
    (device.keys / register.FILE).write_bytes(data)
    (device.keys / register.SIGNATURE).write_bytes(township.sign(data))


def entry(role: register.Role, public: bytes, **more: Any) -> register.Key:
    text = base64.b64encode(public).decode()
    return register.Key(role, "x", text, "2026-01-01T00:00:00.000Z", **more)


def not_registered(device: Device) -> None:
    registered(device)


def revoked(device: Device) -> None:
    late = "2027-01-01T00:00:00.000Z"
    registered(device, entry("sync", device.signer.public, revoked=late))


def register_forged(device: Device) -> None:
    registered(device, entry("sync", device.signer.public))
    (device.keys / register.SIGNATURE).write_bytes(bytes(64))


REASONS = [
    once, by_another_key, both_by_another_key, tampered, too_soon, of_another_store,
    of_another_bag, swapped, turned_round, with_foreign_files, with_nonsense, held_back,
    clock_unset, not_registered, revoked, register_forged,
]  # fmt: skip


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.__name__)
def test_nothing_is_freed_that_is_not_safe_twice(
    device: Device, reason: Callable[[Device], None]
) -> None:
    device.stored_twice()
    reason(device)
    before = tree(device.bag)
    assert device.bag.name not in device.may_go()
    assert device.free(device.bag) is False
    assert tree(device.bag) == before and device.freed() == []


def test_a_docks_second_read_back_counts_while_the_register_vouches_for_it(device: Device) -> None:
    device.stored_twice()
    dock = KeySigner(Ed25519PrivateKey.generate())
    device.write((device.receipt(), device.signer), (second(device), dock))
    good = device.path.read_bytes()
    own = entry("sync", device.signer.public)
    for bad in ((), (entry("desk", dock.public),), (entry("dock", dock.public, first=9),)):
        registered(device, own, *bad)
        assert device.bag.name not in device.may_go() and device.free(device.bag) is False
    device.write((device.receipt(), dock), (second(device), dock))
    registered(device, own, entry("dock", dock.public))
    assert device.free(device.bag) is False  # the first one is sync's
    device.path.write_bytes(good)
    assert device.bag.name in device.may_go() and device.free(device.bag) is True


def test_an_unset_clock_ends_no_hold_but_where_there_is_none(device: Device) -> None:
    device.stored_twice()
    clock_unset(device)
    device.settings = msgspec.structs.replace(device.settings, freeing=Freeing(hold_days=0))
    assert device.free(device.bag) is True


def test_killed_at_every_step_a_recording_is_whole_or_gone_and_the_next_start_finishes_it(
    device: Device, tmp_path: Path
) -> None:
    device.stored_twice()
    whole = tree(device.bag)
    spool = device.place.spool
    shutil.copytree(spool, tmp_path / "kept")
    step, done, cut_short = 0, None, 0
    while done is None:
        step += 1
        shutil.rmtree(spool)
        shutil.copytree(tmp_path / "kept", spool)
        archive = device.archive()

        def work(archive: Archive = archive) -> None:
            archive.free(device.bag.name, lambda _: None)
            swept: list[object] = [False]
            while not swept[-1]:
                archive.sweep(swept.append)

        done = fork_and_kill(work, step, "/spool/")
        archive._taken.close()
        noted = bool(device.freed())
        assert tree(device.bag) in ({}, whole), step
        assert noted or tree(device.bag) == whole, step
        cut_short += noted and device.bag.exists()
        assert not any(level is Level.TAMPERED for level, _ in device.codes(spool)), step
        device.restart()
        assert device.bag.exists() is not noted, step
        assert len(device.freed()) == noted and not list(spool.glob(".freed-*")), step
        assert device.codes(spool) == ({(Level.NOTE, "freed")} if noted else set()), step
    print(f"{step - 1} steps, {cut_short} of them between the line and the folder")
    assert step > 8 and cut_short


def test_a_card_that_refuses_the_ledgers_line_keeps_the_recording(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.stored_twice()
    archive = device.archive()

    def refuse(body: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(archive._taken, "note", refuse)
    told: list[object] = []
    archive.free(device.bag.name, told.append)
    assert isinstance(told[0], OSError) and device.bag.exists()
