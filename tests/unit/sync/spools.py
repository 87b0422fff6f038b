"""Small spools for sync's tests: real seals and ledger lines around payload that is any bytes."""

import base64
import hashlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder import config
from recorder.clock import NS, ManualClock, parse_iso
from recorder.evidence import keys, lines
from recorder.evidence.chain import Log
from recorder.evidence.keys import KeySigner
from recorder.evidence.ledger import open_ledger
from recorder.evidence.seal import sign_bag
from recorder.sync.stores.marker import init_store

DEVICE = "bc-001"


class Place:
    """A spool, a store and sync's folder below one folder, and the settings that name them."""

    def __init__(self, root: Path, store: Path | None = None, device: str = DEVICE) -> None:
        self.device = device
        self.spool = root / "spool"
        self.store = store or root / "store"
        self.sync = root / "sync"
        self.clock = ManualClock()
        self.signer = KeySigner(Ed25519PrivateKey.generate())
        self.settings = settings(self.spool, self.store, self.sync, device)
        self.spool.mkdir(parents=True)
        self.sync.mkdir()
        private, public = keys.pem_pair(Ed25519PrivateKey.generate())
        (self.sync / "sync.key").write_bytes(private)
        (self.sync / "sync.key").chmod(0o600)
        (self.sync / "sync.pem").write_bytes(public)
        self.key = keys.load_public(self.sync / "sync.pem")
        init_store(self.store, "township")
        self.ledger = open_ledger(self.spool / "ledger", None, self.signer, self.clock)
        self._ledger_line("start")
        self._number = 0
        self.rng = random.Random(7)
        self.known: lines.Act | None = None

    def _ledger_line(self, why: str) -> None:
        self.ledger.append(lines.Shutdown(why=why))
        self.ledger.sync()

    def begin(self, *, obstructed: bool = False) -> Path:
        """A recording that is not sealed."""
        self._number += 1
        name = f"{self.device}-{self._number:08d}-{self._number:04x}"
        folder = self.spool / name
        (folder / "data").mkdir(parents=True)
        opened = self._opened(name)
        log = Log.create(folder / "data", "journal", self.signer, self.clock)
        log.append(opened)
        if obstructed:
            log.append(lines.Obstruction(at_ns=1))
        log.close()
        return folder

    def _opened(self, name: str) -> lines.Open:
        return lines.Open(
            format=lines.RECORDING_FORMAT, recording=name, device=self.device, officer="P-017",
            software="0.1", key=base64.b64encode(self.signer.public).decode(), key_kind="device",
            organisation="township", entrusted_by="", rule="rule", rule_version="1",
            language="zh", utc_offset_min=480, catalogue="1", act=self.known, recipients=(),
            continues=None, ledger="",
        )  # fmt: skip

    def seal(self, folder: Path) -> None:
        """Sign it as it lies there."""
        sign_bag(
            folder,
            journal_lines=1,
            journal_sha256="0" * 64,
            digests={},
            statements_due=0,
            end=lines.End(end_ns=1, source="button", planned=True, spoken=True),
            opened=self._opened(folder.name),
            utc=self.clock.stamp().utc,
            signer=self.signer,
            ledger=self.ledger,
        )

    def recording(self, *sizes: int) -> Path:
        """A sealed recording with segments of these sizes."""
        folder = self.begin()
        self._segments(folder, sizes or (1000,))
        self.seal(folder)
        return folder

    def _segments(self, folder: Path, sizes: Sequence[int]) -> None:
        segments = folder / "data" / "segments"
        segments.mkdir()
        for number, size in enumerate(sizes, 1):
            (segments / f"{number:04d}.mp4.age").write_bytes(self.rng.randbytes(size))

    def act(self, made: str, *sizes: int) -> Path:
        """A sealed recording that ended at ``made`` (UTC) by the device's clock, with its ledger
        lines, and segments of these sizes. The clock stays there."""
        self.clock.now_ns += 60 * NS
        self.clock.wall_ns = parse_iso(made)
        self._number += 1
        name = f"{self.device}-{self._number:08d}-{self._number:04x}"
        opened = lines.Opened(
            recording=name,
            device=self.device,
            officer="P-017",
            act="",
            obligation=None,
            previous="",
        )
        quoted = self.ledger.append(opened)
        self.ledger.sync()
        folder = self.spool / name
        (folder / "data").mkdir(parents=True)
        log = Log.create(folder / "data", "journal", self.signer, self.clock)
        line0 = msgspec.structs.replace(self._opened(name), ledger=quoted.line.decode())
        log.append(line0)
        end_ns = self.clock.now_ns
        self.clock.advance(2)
        log.append(lines.End(end_ns=end_ns, source="button", planned=True, spoken=True))
        log.close()
        if sizes:
            self._segments(folder, sizes)
        self.seal(folder)
        return folder

    def note(self, body: lines.Ledger) -> int:
        """A ledger line now; its number."""
        written = self.ledger.append(body)
        self.ledger.sync()
        return written.n

    def stored(self, folder: Path) -> Path:
        """Where a recording lies in the store."""
        return self.store / self.device / folder.name


def settings(spool: Path, store: Path, sync: Path, device: str = DEVICE) -> config.Settings:
    """Settings that name these folders."""
    return config.Settings(
        device=config.Device(name=device, officer="P-017"),
        organisation=config.Organisation(name="t", rule="r", rule_version="1"),
        paths=config.Paths(spool=str(spool), sync=str(sync)),
        sync=config.Sync(store=str(store), settle_s=0.1),
    )


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder with its digest."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files(folder)
    }


def files(folder: Path) -> Iterator[Path]:
    """Every file below a folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())
