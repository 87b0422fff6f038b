"""The township's side of its register: enters keys, ends them, signs the list anew.

Reads and writes the township's own folder only, which never lies on a device. The list is replaced
whole with its signature; a kill between the two leaves both, and ``register.load`` reads the new.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import keys, register, whole
from recorder.evidence.chain import sync_folder
from recorder.evidence.register import Key, Register, Role


class Book(msgspec.Struct, frozen=True):
    """The register, and who signs it."""

    folder: Path
    signer: keys.KeySigner
    register: Register

    def refuse_double(self, role: Role, name: str, public: str, *, heir: bool) -> None:
        """RecorderError where ``name`` has another key already, or ``public`` (base64; "" where it
        is not made yet) another name. ``heir``: it takes the place of an earlier one."""
        for entry in self.register.keys:
            if public and entry.public == public and (entry.role, entry.name) != (role, name):
                raise RecorderError(
                    "key-taken", f"the key is registered as {entry.role} {entry.name}",
                    where=str(self.folder / register.FILE),
                    remedy="Give that role and name, or a folder of its own for the new key",
                )  # fmt: skip
        others = [e for e in self.register.keys if (e.role, e.name) == (role, name)]
        if others and not heir and all(e.public != public for e in others):
            raise RecorderError(
                "name-taken", f"{role} {name} is registered with another key, "
                f"since {others[-1].since}",
                where=str(self.folder / register.FILE),
                remedy="Choose another --name; two devices of one name cannot be told apart. Only "
                "a new key for that very one is entered with --rotate",
            )  # fmt: skip

    def live(self, role: Role, name: str) -> list[Key]:
        """The keys of that name which have no end."""
        named = (key for key in self.register.keys if (key.role, key.name) == (role, name))
        return [key for key in named if key.until is None and key.revoked is None]

    def enter(self, entry: Key) -> "Book":
        """List a key, once. Durable on return."""
        if self.register.find(entry.role, entry.public) is not None:
            return self
        return self.write((*self.register.keys, entry))

    def end_earlier(self, by: Key, utc: str) -> "Book":
        """The other keys of its role and name end now. Durable on return."""
        others = [key for key in self.live(by.role, by.name) if key.public != by.public]
        return self.write(
            msgspec.structs.replace(key, until=utc) if key in others else key
            for key in self.register.keys
        )

    def write(self, listed: Iterable[Key]) -> "Book":
        """Sign and replace the list. Durable on return; the same list is not written again."""
        new = msgspec.structs.replace(self.register, keys=tuple(listed))
        if new != self.register:
            _write(self.folder, self.signer, new)
        return Book(self.folder, self.signer, new)


def enter(
    book: Book, role: Role, name: str, public: str, utc: str, *, heir: bool, alone: bool
) -> Book:
    """List ``public`` (base64), if nothing speaks against it. ``heir``: beside an earlier key of
    that very name; ``alone``: which ends now. Durable on return. RecorderError for a double."""
    book.refuse_double(role, name, public, heir=heir or alone)
    entry = Key(role, name, public, utc)
    book = book.enter(entry)
    return book.end_earlier(entry, utc) if alone else book


def deviceless(book: Book, role: Role | Literal["township"], name: str) -> tuple[str, ...]:
    """A warning where a sync key is entered by a name that no device has: it may be mistyped."""
    if role != "sync" or any(
        (key.role, key.name) == ("device", name) for key in book.register.keys
    ):
        return ()
    return (
        f"the register has no device {name}: is --name device.name of its recorder.toml? Whoever "
        "revokes the device by its own name spares this key",
    )


def open_book(folder: Path) -> Book:
    """The register in the township's folder. RecorderError where it or its key is not there."""
    signer = keys.load_private(
        folder / "township.key",
        remedy="Give the township's folder with --township; `recorder provision township DIR "
        "--name NAME` makes it, once",
    )
    listed = register.load(folder / register.FILE, signer.public)
    part = folder / (register.FILE + whole.PART)
    if part.exists() and part.read_bytes() == register.encode(listed):
        os.rename(part, folder / register.FILE)
        sync_folder(folder)
    return Book(folder, signer, listed)


def begin(folder: Path, signer: keys.KeySigner, name: str) -> str:
    """An empty register, where there is none yet; the township's name in it. Durable on return."""
    if not (folder / register.FILE).exists():
        _write(folder, signer, Register(register.FORMAT, name))
    return register.load(folder / register.FILE, signer.public).township


def _write(folder: Path, signer: keys.KeySigner, new: Register) -> None:
    """The list waits beside the old one while the signature is replaced."""
    data = register.encode(new)
    waiting = folder / (register.FILE + whole.PART)
    whole.replace(waiting, data)
    whole.replace(folder / register.SIGNATURE, signer.sign(data))
    os.rename(waiting, folder / register.FILE)
    sync_folder(folder)
