"""Cards of dead devices for tests: what is sealed, what is open, and a tree's digest."""

import gc
import hashlib
import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import NS, ManualClock
from recorder.evidence import desk_recovery, keys, lines
from recorder.evidence.register import FORMAT, Key, Register
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report
from tests.unit.evidence import bags

SINCE = "2026-01-01T00:00:00.000Z"


class Desk:
    """A desk with its key, its disk, and a register that knows it and the device."""

    def __init__(self, folder: Path, device: bags.Device) -> None:
        self.out = folder / "out"
        self.device = device
        self.signer = keys.KeySigner(Ed25519PrivateKey.generate())
        self.clock = ManualClock(boot_ns=7 * NS, utc="2026-12-01T08:00:00.000Z", boot_id="desk")
        self.stranger = Register(FORMAT, "张营镇", (self._entry("device", device.name),))
        self.register = msgspec.structs.replace(
            self.stranger, keys=(*self.stranger.keys, self._entry("desk", "archive-1"))
        )

    def _entry(self, role: str, name: str) -> Key:
        signer = self.device.signer if role == "device" else self.signer
        return msgspec.convert(
            {"role": role, "name": name, "public": keys.base64_public(signer), "since": SINCE}, Key
        )

    def recover(self) -> desk_recovery.Summary:
        """One run."""
        return desk_recovery.recover(
            self.device.spool, self.out, signer=self.signer, clock=self.clock
        )

    def judge(self, name: str, register: Register | None = None) -> Report:
        """What verify says of one that came out, with all that there is to check it with."""
        return verify_recording(
            self.out / name, register=register or self.register, ledger=self.out / "ledger",
            identities=[self.device.identity],
        )  # fmt: skip


def left_open(device: bags.Device, fragments: int = 7) -> Path:
    """A recording as a device leaves it that dies: no end, the last segment not ended."""
    writer = device.begin()
    made = bags.media(8)
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    for index in range(fragments):
        writer.fragments(bags.batch(made, slice(index, index + 1)))
        if index == 3:
            said = lines.Spoken(
                phrase="place", outcome="spoken", from_ns=1, to_ns=2, text=None, detail=""
            )
            writer.journal(said, {"text": "张营镇东街"})
    folder = writer.folder
    del writer
    gc.collect()  # what died holds no file open, so the card can be unmounted
    return folder


def digest(folder: Path) -> str:
    """Every name, kind, mode, size, time of change and byte below a folder."""
    found = hashlib.sha256()
    for root, folders, files in os.walk(os.fsencode(folder)):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = os.path.join(root, name)
            status = os.lstat(path)
            found.update(repr((path, status.st_mode, status.st_size, status.st_mtime_ns)).encode())
            if os.path.isfile(path) and not os.path.islink(path):
                found.update(Path(os.fsdecode(path)).read_bytes())
            if os.path.islink(path):
                found.update(os.readlink(path))
    return found.hexdigest()
