"""Whatever became of the spool and its ledger, the next press is recorded under a new name."""

import errno
import os
import queue
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder import config, heading
from recorder.archive import Archive, Declaration, Ready
from recorder.clock import ManualClock
from recorder.disk import Disk, Done, Failed
from recorder.errors import RecorderError
from recorder.evidence import keys, lines, recovery
from recorder.evidence.chain import Line, Log, files, read
from recorder.evidence.seal import SIGNATURE
from recorder.session import catalogue
from recorder.spool import LEDGER, RESERVE
from tests.rigs.daemon import DEMO, Daemon


class Device:
    """An archive without a loop: what it emits is taken by ``wait``."""

    def __init__(self, here: Path) -> None:
        self.settings = config.load(Daemon(here, DEMO).config)
        (here / "run").mkdir()
        self.spool = here / "spool"
        self.said: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.ready: Ready | None = None
        self._start()

    def _start(self) -> None:
        self.disk = Disk(ManualClock(), self.said.put, 1 << 20)
        self.archive = Archive(self.settings, ManualClock(), self.disk)

    def wait(self) -> Any:
        """The result of the next job that is done."""
        while True:
            item = self.said.get(timeout=10)
            if isinstance(item, Done):
                return item.result
            if isinstance(item, Failed):
                raise AssertionError(item)

    def start(self) -> Ready:
        """The daemon starts again."""
        self._start()
        self.archive.start(lambda ready: None)
        found: Ready = self.wait()
        return found

    def press(self) -> str:
        """Begin a recording; its name."""
        press = lines.Press(at_ns=1, source="button")
        shelf = catalogue.load(Path(self.settings.paths.catalogue))
        self.archive.begin(
            lambda name: heading.head(self.settings, shelf, name, None, None),
            None, press, lambda name: None,
        )  # fmt: skip
        found: str = self.wait()
        return found

    def stop(self) -> None:
        """As SIGTERM leaves it, but for the recording, which stays open."""
        self.archive.close()
        assert self.disk.close(10)

    def ledger(self) -> list[Line]:
        """All that it says."""
        items = read(files(self.spool / LEDGER, ""), lines.Ledger, None)
        return [item for item in items if isinstance(item, Line)]


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """One that has recorded once, and stopped."""
    made = Device(tmp_path)
    made.start()
    made.press()
    made.stop()
    return made


def flipped(ledger: Path, line: int) -> None:
    path = files(ledger, "")[0]
    rows = path.read_bytes().splitlines(keepends=True)
    rows[line] = bytes([rows[line][0] ^ 1]) + rows[line][1:]
    path.write_bytes(b"".join(rows))


def last_line(ledger: Path) -> None:
    flipped(ledger, -1)


def opened_line(ledger: Path) -> None:
    flipped(ledger, 1)


def emptied(ledger: Path) -> None:
    for path in files(ledger, ""):
        path.write_bytes(b"")


def garbage(ledger: Path) -> None:
    (ledger / "0002.jsonl").write_bytes(os.urandom(3 << 20))


def folder_for_file(ledger: Path) -> None:
    (path,) = files(ledger, "")
    path.rename(ledger / "elsewhere")
    path.mkdir()


def file_for_folder(ledger: Path) -> None:
    shutil.rmtree(ledger)
    ledger.write_bytes(b"no folder")


def link_for_folder(ledger: Path) -> None:
    shutil.rmtree(ledger)
    ledger.symlink_to("/nowhere/at/all")


def pipe_for_file(ledger: Path) -> None:
    os.mkfifo(ledger / "0002.jsonl")


def gone(ledger: Path) -> None:
    shutil.rmtree(ledger)


DAMAGE = (
    last_line, opened_line, emptied, garbage, folder_for_file, file_for_folder, link_for_folder,
    pipe_for_file, gone,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("freed", [False, True], ids=["", "freed"])
def test_a_damaged_ledger_is_kept_and_names_go_on(
    device: Device, damage: Callable[[Path], None], freed: bool
) -> None:
    """Also where the recording is on the device no more, and only its receipt tells of it."""
    (name,) = (path.name for path in device.spool.glob("rig-01-*"))
    if freed:
        shutil.rmtree(device.spool / name)
        receipts = Path(device.settings.paths.sync) / "receipts"
        receipts.mkdir(parents=True)
        (receipts / f"{name}.jsonl").write_bytes(b"{}")
    damage(device.spool / LEDGER)
    before = contents(device.spool / LEDGER)
    ready = device.start()
    assert device.press().startswith("rig-01-00000002-")
    device.stop()
    kept = contents(device.spool / LEDGER) + contents(device.spool / "quarantine")
    for data in before:
        assert data in kept
    told = [line.body for line in device.ledger()]
    if damage in (last_line, opened_line):
        assert any("damaged" in note for note in ready.notes)
        assert any(isinstance(b, lines.LedgerFault) and b.code == "damaged" for b in told)
    if damage in (file_for_folder, link_for_folder):
        assert any(isinstance(b, lines.Quarantined) and b.name == LEDGER for b in told)


def contents(place: Path) -> list[bytes]:
    """Of every file in it."""
    return [p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file() and not p.is_symlink()]


def test_without_a_trace_in_the_folder_the_ledger_alone_knows_the_counter(device: Device) -> None:
    (name,) = (path.name for path in device.spool.glob("rig-01-*"))
    shutil.rmtree(device.spool / name)
    flipped(device.spool / LEDGER, 1)  # not even its line parses
    device.start()
    assert device.press().startswith("rig-01-00000002-")
    device.stop()


def test_a_journal_must_not_be_read_to_its_end_to_see_that_it_is_foreign(device: Device) -> None:
    folder = device.spool / "rig-01-00000007-abcd" / "data"
    folder.mkdir(parents=True)
    stranger = keys.KeySigner(Ed25519PrivateKey.generate())
    log = Log.create(folder, "journal", stranger, ManualClock())
    log.append(lines.Notice(at_ns=1))
    log.close()
    line = (folder / "journal.jsonl").read_bytes()
    (folder / "journal.jsonl").write_bytes(line * 200_000 + line[:40])
    device.start()
    assert (device.spool / "quarantine" / "rig-01-00000007-abcd").is_dir()
    assert device.press().startswith("rig-01-00000008-")
    device.stop()


def test_a_recording_that_was_left_does_not_go_on_after_a_later_one(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that refused to mend it, another act in between, and a restart in the same boot."""
    (left,) = (path.name for path in device.spool.glob("rig-01-*"))

    def refused(*_: object, **__: object) -> recovery.Found:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "reopen", refused)
        assert device.start().resumed is None
    later = device.press()
    end = lines.End(end_ns=2, source="button", planned=True, spoken=True)
    device.archive.seal(end, lambda sealed: None)
    device.wait()
    device.stop()
    ready = device.start()
    assert ready.resumed is None
    assert (device.spool / left / SIGNATURE).exists()
    assert ready.last is not None
    assert ready.last.recording == later
    device.stop()


def test_an_absence_that_the_card_refuses_is_no_line_or_is_known(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stood in the ledger while the device knew nothing of it would never end, and excuse
    every deadline after it."""
    device.start()
    sync = Log.sync

    def declare() -> Declaration | RecorderError:
        body = lines.Away(ground="remote", since="", by="li")
        device.archive.declare(body, {"reason": "山路不通"}, lambda result: None)
        found: Declaration | RecorderError = device.wait()
        return found

    with monkeypatch.context() as patch:
        calls: list[Log] = []

        def refused(log: Log) -> None:
            calls.append(log)
            if len(calls) > 1:
                raise OSError(errno.EIO, "Input/output error")
            sync(log)

        patch.setattr(Log, "sync", refused)
        waits = declare()
        refusal = declare()
    device.stop()
    assert isinstance(waits, Declaration)
    assert not waits.durable
    assert isinstance(refusal, RecorderError)
    told = [line for line in device.ledger() if isinstance(line.body, lines.Away)]
    assert [line.header.n for line in told] == [waits.line]


def test_the_reserve_is_room_and_inodes_and_is_given_back_whole(device: Device) -> None:
    reserve = device.spool / RESERVE
    assert len(list(reserve.iterdir())) >= 16
    assert sum(path.stat().st_size for path in reserve.iterdir()) == 4 << 20
    device.start()
    device.archive.free_reserve()
    device.stop()
    assert not reserve.exists()
    reserve.write_bytes(b"of an older release")
    device.start()
    device.stop()
    assert reserve.is_dir()
