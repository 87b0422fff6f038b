"""A device in the field: real recordings, sync that sends what is closed, and a store."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import NS
from recorder.config import Sync
from recorder.evidence import keys, lines, recovery
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.recovery import Found
from recorder.evidence.verification_report import FolderReport
from recorder.sync import worker
from recorder.sync.progress import Quiet
from recorder.sync.stores import Keep, Moved, Source
from recorder.sync.stores.directory import DirectoryStore
from recorder.sync.stores.marker import init_store
from recorder.sync.summary import Summary
from tests.unit.evidence import bags
from tests.unit.evidence.judge import verify_folder
from tests.unit.sync.spools import settings

SEGMENT_S = 5


class Killed(BaseException):
    """The process ends here: nothing catches it."""


class Counting(DirectoryStore):
    """Knows what was put into it, and dies before the ``last`` put is done."""

    def __init__(self, store: Path, name: str, owner: str, sent: dict[str, int], last: int) -> None:
        super().__init__(store, name, owner)
        self._sent = sent
        self._left = last

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        if not self._left:
            raise Killed
        self._left -= 1
        super().put(key, source, size_bytes, sha256, moved, keep)
        self._sent[key] = self._sent.get(key, 0) + size_bytes


class Field:
    """``record`` as long as wanted, ``run`` sync, ``judge`` what the store has."""

    def __init__(self, root: Path) -> None:
        self.device = bags.Device(root)
        self.store = root / "store"
        self.sync = root / "sync"
        self.sent: dict[str, int] = {}
        self.settings = settings(self.device.spool, self.store, self.sync)
        self.settings = msgspec.structs.replace(
            self.settings, sync=Sync(store=str(self.store), settle_s=0.1, live=True)
        )
        init_store(self.store, "township")
        self.sync.mkdir()
        (self.sync / "sync.key").write_bytes(keys.pem_pair(Ed25519PrivateKey.generate())[0])
        (self.sync / "sync.key").chmod(0o600)
        self.made = bags.media(18, width=64)
        self.at = 0

    def begin(self) -> RecordingWriter:
        """A recording whose press is on record."""
        writer = self.device.begin()
        writer.journal(lines.Press(at_ns=102 * NS, source="button"))
        self.at = 0
        return writer

    def record(self, writer: RecordingWriter, seconds: int) -> None:
        """So much of picture and sound, a fragment at a time."""
        for fragment in bags.batch(self.made, slice(self.at, self.at + seconds)):
            self.device.clock.advance(1)
            writer.fragments([fragment])
        self.at += seconds

    def end(self, writer: RecordingWriter) -> Path:
        """The sealed recording."""
        return self.device.finish(writer, self.made.fragments[self.at - 1][0].end_ns)

    def run(self, last: int = -1, **more: Any) -> Summary:
        """One run of sync; it dies after ``last`` files."""
        name = self.device.name
        return worker.run_once(
            self.settings, Quiet(), clock=self.device.clock,
            open_store=lambda _, owner: Counting(self.store, name, owner, self.sent, last), **more,
        )  # fmt: skip

    @property
    def there(self) -> Path:
        """The device's folder in the store."""
        return self.store / self.device.name

    def pieces(self, writer: RecordingWriter) -> list[Path]:
        """Of the recording's journal, in the store."""
        return sorted((self.there / "live" / writer.folder.name).glob("*"))

    def judge(self) -> FolderReport:
        """`recorder verify` of the device's folder in the store, by those who hold all keys."""
        return verify_folder(
            self.there, key=self.device.signer.public, identities=[self.device.identity]
        )


def codes(report: FolderReport) -> set[str]:
    """What the folder and its recordings were found to be."""
    found = [*report.findings, *(f for each in report.recordings for f in each.findings)]
    return {finding.code for finding in found}


def reopened(field: Field, writer: RecordingWriter, why: Literal["crash", "reboot"]) -> Found:
    """What a start finds of a recording whose writer was killed in the middle of a segment."""
    device = field.device
    found = recovery.reopen(
        writer.folder, signer=device.signer, recipients=device.recipients, clock=device.clock,
        settings=device.settings,
    )  # fmt: skip
    for line in recovery.missing_ends(found):
        found.writer.journal(line, sync=False)
    count = sum(isinstance(body, lines.Fragment) for body in found.journal)
    found.writer.journal(lines.Recovered(why=why, fragments=count, moved=found.moved))
    return found
