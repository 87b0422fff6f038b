"""What is on the device: names, states, room. Never reads media, never deletes a recording."""

import fcntl
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
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
FREED = ".freed-"
"""What begins so was a recording; its room is being given back."""
_NO_COUNTER = 90_000_000
"""No device counts so far: such a name is foreign, and its next ones would have no room."""
_RESERVE_FILES = 24
"""As many as sealing makes, the tag files and what a card's faults add to them."""
NAME = re.compile(r"^(?P<device>[a-z0-9][a-z0-9-]*)-(?P<number>[0-9]{8})-(?P<tail>[0-9a-f]{4})\Z")


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
        self.moved: list[str] = []
        """What stood in the way of the spool's own folders, now in quarantine/."""
        try:
            for folder in (path, path / LEDGER):
                if folder is not path and os.path.lexists(folder) and not folder.is_dir():
                    self.moved.append(self.quarantine(folder.name).name)
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
        self._next = 0
        for name in (*os.listdir(path), *names(path / QUARANTINE)):
            self.known(name.partition(".")[0])

    def close(self) -> None:
        """Give the lock back."""
        os.close(self._lock)

    def known(self, name: str) -> None:
        """A name that the ledger knows: counters go on behind it."""
        number = number_of(name) or 0
        if number < _NO_COUNTER:
            self._next = max(self._next, number)

    def new_name(self) -> str:
        """The next recording's name: a counter, never a clock."""
        self._next += 1
        return f"{self.device}-{self._next:08d}-{secrets.token_hex(2)}"

    def recordings(self) -> Iterator[Held]:
        """All recordings, oldest first; one stat each."""
        yield from held(self.path)

    def strangers(self) -> list[str]:
        """What has a recording's name and is no folder of its own: files, links, pipes."""
        return [
            name
            for name in sorted(os.listdir(self.path))
            if number_of(name) is not None and not is_folder(self.path / name)
        ]

    def quarantine(self, name: str) -> Path:
        """Move something that cannot be parsed aside, whole and unread: what it may link to stays.

        ``name`` may be a path in the spool; in quarantine/ it is one name without odd characters.
        Durable on return.
        """
        folder = self.path / QUARANTINE
        folder.mkdir(mode=0o750, exist_ok=True)
        plain = shown(name.replace("/", "."))[:200]
        target = folder / plain
        while os.path.lexists(target):
            target = folder / f"{plain}.{secrets.token_hex(2)}"
        os.rename(self.path / name, target)
        sync_folder(folder)
        sync_folder((self.path / name).parent)
        return target

    def free_bytes(self) -> int:
        """Room for the recorder's user."""
        return shutil.disk_usage(self.path).free

    def make_reserve(self, size_bytes: int) -> bool:
        """Keep room, in bytes and in inodes, for closing and sealing on a full card.

        False: there is none left for it.
        """
        folder = self.path / RESERVE
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for number in range(_RESERVE_FILES):
                descriptor = os.open(folder / f"{number:02d}", os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    if number == 0:
                        os.posix_fallocate(descriptor, 0, size_bytes)
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError:
            self.free_reserve()
            return False
        return True

    def free_reserve(self) -> None:
        """Give the reserved room back: now it is needed. What the card refuses stays."""
        folder = self.path / RESERVE
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
        else:
            with suppress(OSError):
                folder.unlink()


def held(spool: Path) -> Iterator[Held]:
    """The recordings of a spool that need not be ours. No link is followed."""
    for name in numbered(spool):
        if (found := look(spool / name)) is not None:
            yield found


def numbered(spool: Path) -> list[str]:
    """Names of recordings, oldest first, by one reading of the folder: nothing is looked at."""
    found = [
        (number, name) for name in os.listdir(spool) if (number := number_of(name)) is not None
    ]
    return [name for _, name in sorted(found)]


def look(path: Path) -> Held | None:
    """A recording by its folder; None where that is none."""
    if not is_folder(path):
        return None
    return Held(path.name, path, "sealed" if os.path.lexists(path / SIGNATURE) else "open")


def is_folder(path: Path) -> bool:
    """A folder, itself and not by a link."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def names(folder: Path) -> list[str]:
    """What lies in a folder; nothing where there is none or it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def shown(name: str) -> str:
    """A file's name as it may stand in a line, a log or a path: odd characters escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(f"\\x{ord(c):02x}" if c < " " or c == "\x7f" else c for c in text)
