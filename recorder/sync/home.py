"""Sync's own folder: lock, key, receipts, what was set aside, how far the logs went.

One run at a time holds the lock. All here can be rebuilt from spool and store but the key and
the receipts; the recorder reads the receipts and writes nothing here.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import keys
from recorder.evidence.chain import Signer, sync_folder
from recorder.shapes import UNREADABLE

PUBLIC = "sync.pem"
EARLIER = "sync-{}.pem"
"""Its public keys of before, counted from 1: what they signed still counts."""
_POLL_S = 0.1


class Aside(msgspec.Struct, frozen=True):
    """Why a recording is set aside; ``key`` is the name in the store that it is about."""

    recording: str
    code: str
    key: str
    text: str
    utc: str


class Sent(msgspec.Struct, frozen=True):
    """Ledger lines below ``next`` are in the store ``store``."""

    store: str
    next: int


class Passed(msgspec.Struct, frozen=True):
    """How far an open recording's journal is in the store ``store``, with all that it speaks of.

    The line ``next`` stands at ``offset`` of the journal's file ``file``, or further on. ``held``:
    somebody hindered the act so far, so what follows is under a legal hold (Art. 23).
    """

    store: str = ""
    next: int = 0
    file: str = ""
    offset: int = 0
    held: bool = False


class Home:
    """The folder, made where it is missing. RecorderError where it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.receipts = path / "receipts"
        self.aside = path / "aside"
        self.live = path / "live"
        try:
            for folder in (path, self.receipts, self.aside, self.live):
                folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            self.owner = self._owner()
        except OSError as error:
            raise unusable(self.path, error) from error

    def _owner(self) -> str:
        """Who we are in a store; made once, though several runs may begin at the same time."""
        with (self.path / "owner.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return self._own_name()

    def _own_name(self) -> str:
        path = self.path / "owner"
        try:
            text = path.read_text(encoding="ascii").strip()
        except (FileNotFoundError, UnicodeDecodeError):
            text = ""
        if not (len(text) == 16 and text.isalnum()):
            text = secrets.token_hex(8)
            replace(path, f"{text}\n".encode())
        return text

    @contextmanager
    def locked(self, wait_s: float, note: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Hold the lock; wait for another run for ``wait_s`` seconds (``note`` hears of it first),
        then RecorderError."""
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise unusable(self.path, error) from error
        try:
            waits = tries = int(wait_s / _POLL_S)
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if waits <= 0:
                        raise RecorderError(
                            "sync-busy", "another sync is running", where=str(self.path),
                            remedy="Wait for it; what you want it may be doing already",
                        ) from error  # fmt: skip
                if waits == tries:
                    note(f"another sync is running: waiting for its end, {wait_s:.0f} s at most")
                waits -= 1
                time.sleep(_POLL_S)
            yield
        finally:
            os.close(descriptor)

    def signer(self, role: Literal["sync", "dock"] = "sync") -> Signer:
        """Sync's own key, or a dock's. RecorderError where there is none or others may read it."""
        path = self.path / f"{role}.key"
        if not path.exists():
            raise RecorderError(
                f"no-{role}-key", "there is no key to sign receipts with", where=str(path),
                remedy=f"Make one with `recorder provision {role} {self.path} --name NAME "
                "--township DIR`, NAME being "
                + ("device.name of its recorder.toml" if role == "sync" else "the dock's"),
            )  # fmt: skip
        return keys.load_private(path)

    def sent(self, store: str) -> int:
        """How many ledger lines that store has; 0 where that is not known."""
        try:
            sent = msgspec.json.decode((self.path / "ledger.json").read_bytes(), type=Sent)
        except (OSError, *UNREADABLE):
            return 0  # it is only a shortcut: every line is compared again
        return sent.next if sent.store == store else 0

    def set_sent(self, store: str, following: int) -> None:
        """Note that all lines below ``following`` are there."""
        replace(self.path / "ledger.json", msgspec.json.encode(Sent(store, following)) + b"\n")

    def passed(self, recording: str) -> Passed:
        """How far an open recording went; from the beginning where that is not known."""
        try:
            data = (self.live / f"{recording}.json").read_bytes()
            return msgspec.json.decode(data, type=Passed)
        except (OSError, *UNREADABLE):
            return Passed()  # it is only a shortcut, as above

    def set_passed(self, recording: str, passed: Passed) -> None:
        """Note how far it went. Durable on return."""
        replace(self.live / f"{recording}.json", msgspec.json.encode(passed) + b"\n")

    def set_aside(self, aside: Aside) -> None:
        """Keep a note that people and status can see. Durable on return."""
        replace(self.aside / f"{aside.recording}.json", msgspec.json.encode(aside) + b"\n")

    def is_aside(self, recording: str) -> Aside | None:
        """The note of an earlier run; None where there is none."""
        return aside_of(self.aside, recording)

    def settle(self, recording: str) -> None:
        """It is in order again, and whole: nothing of it is under way."""
        for folder in (self.aside, self.live):
            (folder / f"{recording}.json").unlink(missing_ok=True)


def aside_of(folder: Path, recording: str) -> Aside | None:
    """Why a recording is set aside; None where it is not."""
    try:
        return msgspec.json.decode((folder / f"{recording}.json").read_bytes(), type=Aside)
    except (OSError, *UNREADABLE):
        return None


def replace(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all. Durable on return. RecorderError where it fails."""
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, path)
        sync_folder(path.parent)
    except OSError as error:
        raise unusable(path, error) from error


def earlier(home: Path) -> list[Path]:
    """Sync's public keys of before, the oldest first."""
    return sorted(home.glob(EARLIER.format("*")), key=lambda path: (len(path.name), path.name))


def unusable(path: Path, error: OSError) -> RecorderError:
    """Sync's own folder fails it: no receipt can be kept, so nothing is called stored."""
    return RecorderError(
        "sync-folder", f"cannot write there: {error.strerror}", where=str(path),
        remedy="Check paths.sync: its disk's room, and that it belongs to sync's user",
    )  # fmt: skip
