"""A device and a dock of one township, whose register knows both."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.config import Paths, Settings, Sync
from recorder.evidence import keys, register
from recorder.evidence.keys import KeySigner
from recorder.sync import dock, receipts
from recorder.sync.progress import Progress, Quiet
from recorder.sync.readers import Reader
from recorder.sync.summary import Summary
from tests.unit.sync.spools import DEVICE, Place, tree
from tests.unit.sync.stepped import Days


class Docked:
    """A device with a recording, and a dock with a key and a register."""

    def __init__(self, root: Path, place: Place | None = None) -> None:
        self.place = place or Place(root)
        self.days = Days(self.place)
        self.bag = self.place.recording(5000, 70_000)
        self.township = KeySigner(Ed25519PrivateKey.generate())
        self.key = KeySigner(Ed25519PrivateKey.generate())
        self.dock = root / "dock"
        self.keys = root / "keys"
        for folder in (self.dock, self.keys):
            folder.mkdir(parents=True)
        (self.dock / "dock.key").write_bytes(keys.pem_pair(self.key.private)[0])
        (self.dock / "dock.key").chmod(0o600)
        self.all = (
            ("device", DEVICE, self.place.signer.public), ("sync", DEVICE, self.place.key),
            ("dock", "dock-1", self.key.public),
        )  # fmt: skip
        self.register(*self.all)

    def register(self, *entries: tuple[Any, str, bytes]) -> None:
        """What the township knows."""
        made = tuple(
            register.Key(role, name, base64.b64encode(public).decode(), "2026-01-01T00:00:00.000Z")
            for role, name, public in entries
        )
        data = register.encode(register.Register(register.FORMAT, "t", made))
        (self.keys / register.FILE).write_bytes(data)
        (self.keys / register.SIGNATURE).write_bytes(self.township.sign(data))
        (self.keys / "township.pem").write_bytes(keys.pem_pair(self.township.private)[1])

    def read_back(
        self, after_h: float = 25, devices: Sequence[str] = (), progress: Progress | None = None
    ) -> Summary:
        """The dock's verb, later."""
        self.days.sync(after_h, settings=self.lazy)
        self.days.read.clear()
        return dock.read_back(
            self.on_dock(self.place.settings), progress or Quiet(), clock=self.place.clock,
            open_store=self.days.open, devices=devices,
        )  # fmt: skip

    def on_dock(self, settings: Settings) -> Settings:
        """The dock's own: another folder for its notes and its key, no spool."""
        paths = Paths(sync=str(self.dock), keys=str(self.keys), spool="/nowhere")
        return msgspec.structs.replace(settings, paths=paths)

    @property
    def lazy(self) -> Settings:
        """The device's settings: it leaves reading to the dock."""
        return self.settings(0)

    def settings(self, read_back_mb: int) -> Settings:
        """The device's, with the register beside its key."""
        paths = msgspec.structs.replace(self.place.settings.paths, keys=str(self.keys))
        return msgspec.structs.replace(
            self.place.settings, paths=paths,
            sync=Sync(store=str(self.place.store), read_back_mb=read_back_mb),
        )  # fmt: skip

    def twice(self, *docks: bytes) -> bool:
        """Whether the device has both receipts."""
        known = tuple(Reader(key) for key in (self.place.key, *docks))
        found = receipts.vouched(self.place.sync / "receipts", self.bag.name, known)
        return receipts.twice(found, tree(self.bag)["tagmanifest-sha256.txt"]) is not None
