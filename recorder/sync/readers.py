"""Whose receipts count: sync's own key and those it had before, and the register's docks.

Where a register is on the device, sync's key must be in it as well, so that a stolen one can be
revoked. Reads keys, judges no recording.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from recorder.clock import Clock, parse_iso
from recorder.errors import RecorderError
from recorder.evidence import chain, keys, register
from recorder.evidence.register import Key, Register
from recorder.evidence.verification_lines import raw_key
from recorder.evidence.verification_trust import registered
from recorder.evidence.wall_time import claimed
from recorder.spool import number_of
from recorder.sync.home import PUBLIC, earlier

TOWNSHIP = "township.pem"


class Reader(msgspec.Struct, frozen=True):
    """A key that signs receipts. ``entries`` are the register's about it; None: nobody is asked."""

    public: bytes
    entries: tuple[Key, ...] | None = None

    @property
    def counts(self) -> bool:
        """Whether the register, where one is asked, knows it and did not revoke it."""
        return self.entries is None or any(entry.revoked is None for entry in self.entries)

    def signed(self, raw: bytes, receipt: Any) -> bool:
        """It signed this line, and might: by the store's own time, and for that recording."""
        try:
            chain.decode(raw, type(receipt), self.public)
        except ValueError:
            return False
        if self.entries is None:
            return True
        return any(_covers(entry, receipt) for entry in self.entries)


def _covers(entry: Key, receipt: Any) -> bool:
    """A revoked key counts for nothing, not even for what it signed before: that only delays. A
    dock's is never the first."""
    if entry.role == "dock" and receipt.read_back != 2:
        return False
    number = number_of(receipt.recording)
    try:
        read_ns = parse_iso(receipt.read)
        begun = parse_iso(entry.since) <= read_ns
        over = entry.until is not None and read_ns > parse_iso(entry.until)
    except (ValueError, OverflowError):
        return False
    below = number is not None and entry.first is not None and number < entry.first
    above = number is not None and entry.last is not None and number > entry.last
    return begun and not (over or below or above) and entry.revoked is None


def of_device(key_folder: Path, home: Path) -> tuple[Reader, ...]:
    """Sync's key first, then the docks'. () where sync was never set up. RecorderError where a key
    or the register is there and cannot be believed: then no receipt may count."""
    if not keys.is_there(home / PUBLIC):
        return ()
    return of_sync(keys.load_public(home / PUBLIC, PUBLIC), home, load_register(key_folder))


def of_sync(own: bytes, home: Path, listed: Register | None) -> tuple[Reader, ...]:
    """The same where sync's key and the register, if one is asked, are at hand."""
    entries = None if listed is None else _entries(listed, "sync", own)
    return (Reader(own, entries), *others(home, listed))


def against(raw: bytes, receipt: Any, readers: Sequence[Reader]) -> str:
    """Why a receipt that none of them vouches for counts for nothing."""
    for reader in readers:
        if not Reader(reader.public).signed(raw, receipt):
            continue
        if not reader.entries:
            return "the register does not know the key that signed it"
        revoked = [entry.revoked for entry in reader.entries if entry.revoked is not None]
        if revoked:
            return f"the key that signed it was revoked on {revoked[0]}"
        return "the register has the key that signed it for another time or other recordings"
    return "the sync key that was given did not sign it"


def misnamed(device: str, readers: Sequence[Reader]) -> str:
    """What a revocation of the device would spare: sync's key by another name; "": it is its."""
    names = {entry.name for entry in readers[0].entries or () if entry.name != device}
    return f"the register has the key for {', '.join(names)}, not {device}" if names else ""


def others(home: Path, listed: Register | None) -> tuple[Reader, ...]:
    """Whose receipts count beside those of sync's own key: its keys of before, and the docks'."""
    before = (keys.load_public(path, path.name) for path in earlier(home))
    if listed is None:
        return tuple(Reader(public) for public in before)
    known = (Reader(public, _entries(listed, "sync", public)) for public in before)
    return (*known, *docks(listed))


def docks(listed: Register) -> tuple[Reader, ...]:
    """Every dock of the register."""
    return _all(listed, "dock")


def syncs(listed: Register) -> tuple[Reader, ...]:
    """Every device's sync."""
    return _all(listed, "sync")


def _all(listed: Register, role: register.Role) -> tuple[Reader, ...]:
    publics = dict.fromkeys(raw_key(key.public) for key in listed.keys if key.role == role)
    return tuple(Reader(public, _entries(listed, role, public)) for public in publics if public)


def _entries(listed: Register, role: register.Role, public: bytes) -> tuple[Key, ...]:
    return tuple(key for key in listed.keys if key.role == role and raw_key(key.public) == public)


def load_register(key_folder: Path) -> Register | None:
    """The register beside the device's keys; None where there is none. RecorderError where it is
    not signed by the township's key beside it, or where the folder cannot be looked into."""
    if not keys.is_there(key_folder / register.FILE):
        return None
    if not keys.is_there(key_folder / TOWNSHIP):
        raise RecorderError(
            "no-township-key", "a register without the key that signs it is nobody's word",
            where=str(key_folder / TOWNSHIP),
            remedy=f"Copy {TOWNSHIP} from the township beside {register.FILE}",
        )  # fmt: skip
    return register.load(
        key_folder / register.FILE, keys.load_public(key_folder / TOWNSHIP, TOWNSHIP)
    )


def unvouched(
    key_folder: Path, role: Literal["device", "sync"], folder: Path, name: str, public: bytes,
    clock: Clock,
) -> RecorderError | None:  # fmt: skip
    """What keeps the register beside the device's keys from vouching now for device ``name``'s key
    in ``folder``, with its remedy; None: nothing, or no register is there. RecorderError where that
    cannot be believed."""
    listed = load_register(key_folder)
    if listed is None:
        return None
    text = keys.base64_raw(public)
    wrong = registered(listed, role, text, when=claimed(clock.stamp()), name=name)
    if wrong is None:
        return None
    make = f"recorder provision {role} {folder} --name {name}"
    again = f"copy the township's register to {key_folder} again"
    entry = listed.find(role, text)
    if entry is None:
        code, remedy = wrong[0], f"Enter it with `{make} --township DIR`, and {again}"
    elif entry.name != name:
        code, remedy = "other-name", _renamed(role, entry.name, make)
    elif wrong[0] == "too-early":
        code, remedy = wrong[0], "Set the device's clock"
    else:
        code, remedy = (
            wrong[0],
            f"Give it another with `{make} --rotate --township DIR`, and {again}",
        )
    return RecorderError(code, wrong[1], where=str(folder / f"{role}.pem"), remedy=remedy)


def _renamed(role: Literal["device", "sync"], name: str, make: str) -> str:
    if role == "device":
        return f"Set device.name: `recorder provision settings --name {name}`"
    return (
        f"Revoking the device would spare it: make another with `{make} --rotate`, and enter "
        "sync.next.pem at the township by the device's name"
    )
