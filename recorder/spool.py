"""What is on the device: names, states, room. Never reads media, never deletes a recording."""

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from recorder.errors import RecorderError
from recorder.evidence.chain import sync_folder
from recorder.evidence.seal import SIGNATURE

LEDGER = "ledger"
QUARANTINE = "quarantine"
LOCK = ".lock"
RESERVE = ".reserve"
NAME = re.compile(r"^(?P<device>[a-z0-9][a-z0-9-]*)-(?P<number>\d{8})-(?P<tail>[0-9a-f]{4})$")


class Held(msgspec.Struct, frozen=True):
    """A recording's folder: ``sealed`` means it has a signature (which verify may still refuse)."""

    name: str
    path: Path
    state: Literal["open", "sealed"]


def number_of(name: str) -> int | None:
    """A recording's counter; None where the name is no recording's."""
    match = NAME.match(name)
    return int(match["number"]) if match else None


class Spool:
    """The spool's folder, locked for one daemon as long as this object lives."""

    def __init__(self, path: Path, device: str) -> None:
        """Create what is missing and take the lock. RecorderError where another daemon has it."""
        self.path = path
        self.device = device
        try:
            for folder in (path, path / LEDGER):
                folder.mkdir(mode=0o750, parents=True, exist_ok=True)
                sync_folder(folder.parent)
            self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise RecorderError(
                "spool-unusable", f"cannot write there: {error.strerror}", where=str(path),
                remedy="Mount the card read-write and give the folder to the recorder's user",
                phrase="storage_fault",
            ) from error  # fmt: skip
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise RecorderError(
                "spool-locked", "another recorder is running on this spool", where=str(path),
                remedy="Stop it first",
            ) from error  # fmt: skip
        self._next = max((n for n in map(number_of, os.listdir(path)) if n is not None), default=0)

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._lock)

    def known(self, name: str) -> None:
        """A name that the ledger knows: counters go on behind it."""
        self._next = max(self._next, number_of(name) or 0)

    def new_name(self) -> str:
        """The next recording's name: a counter, never a clock."""
        self._next += 1
        return f"{self.device}-{self._next:08d}-{secrets.token_hex(2)}"

    def recordings(self) -> Iterator[Held]:
        """All recordings, oldest first; one stat each."""
        yield from held(self.path)

    def quarantine(self, name: str) -> Path:
        """Move something that cannot be parsed aside, whole. Durable on return."""
        folder = self.path / QUARANTINE
        folder.mkdir(mode=0o750, exist_ok=True)
        target = folder / name
        while target.exists():
            target = folder / f"{name}.{secrets.token_hex(2)}"
        os.rename(self.path / name, target)
        sync_folder(folder)
        sync_folder(self.path)
        return target

    def free_bytes(self) -> int:
        """Room for the recorder's user."""
        return shutil.disk_usage(self.path).free

    def make_reserve(self, size_bytes: int) -> bool:
        """Keep room for closing and sealing on a full card. False: there is none left for it."""
        path = self.path / RESERVE
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size_bytes)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            return False
        return True

    def free_reserve(self) -> None:
        """Give the reserved room back: now it is needed."""
        (self.path / RESERVE).unlink(missing_ok=True)


def held(spool: Path) -> Iterator[Held]:
    """The recordings of a spool that need not be ours."""
    for name in sorted(os.listdir(spool), key=lambda n: (number_of(n) or 0, n)):
        path = spool / name
        if number_of(name) is not None and path.is_dir():
            sealed = (path / SIGNATURE).exists()
            yield Held(name, path, "sealed" if sealed else "open")
