"""Makes keys and keeps the township's register. Twice is harmless: no key is ever overwritten."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import keys, register
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.chain import sync_folder

CUSTODIANS = "custodians.txt"
Role = Literal["device", "sync", "dock", "desk", "township"]


class Provisioned(msgspec.Struct, frozen=True):
    """What there is now, and whether it was made just now."""

    role: str
    name: str
    public: str
    made: bool
    registered: bool
    warnings: tuple[str, ...]


def provision(
    role: Role,
    folder: Path,
    name: str,
    *,
    custodians: Sequence[str] = (),
    township: Path | None = None,
    clock: Clock,
) -> Provisioned:
    """Make ``<role>.key`` (0600) and ``<role>.pem``, list custodians, register the key.

    Durable on return. An existing key is kept and only registered.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{role}.key"
    made = not path.exists()
    if made:
        private, public = keys.pem_pair(Ed25519PrivateKey.generate())
        _write(path, private, 0o600)
        _write(folder / f"{role}.pem", public, 0o644)
        sync_folder(folder)
    signer = keys.load_private(path)
    warnings: list[str] = []
    if custodians:
        _add_custodians(folder / CUSTODIANS, custodians)
    if role == "device":
        try:
            if keys.load_custodians(folder / CUSTODIANS).lonely:
                warnings.append("one custodian only: if that key is lost, so is every recording")
        except RecorderError as error:
            warnings.append(str(error))
    public_text = keys.base64_public(signer)
    if role == "township":
        _register(folder, signer, register.Register(register.FORMAT, name))
    elif township is not None:
        entry = register.Key(role, name, public_text, clock.stamp().utc)
        _enter(township, entry)
    return Provisioned(role, name, public_text, made, township is not None, tuple(warnings))


def new_custodian(path: Path) -> str:
    """Write a new age identity (0600) and return its public key; an existing one is kept."""
    if path.exists():
        from recorder.evidence.age import identities

        return identities(path.read_text(), str(path))[0].recipient
    identity, text = Identity.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, f"# public key: {identity.recipient}\n{text}\n".encode(), 0o600)
    sync_folder(path.parent)
    return identity.recipient


def _add_custodians(path: Path, custodians: Sequence[str]) -> None:
    known: list[str] = []
    if path.exists():
        known = list(keys.load_custodians(path).recipients)
    for text in custodians:
        if text.upper().startswith("AGE-SECRET-KEY-"):
            raise RecorderError(
                "custodian-private", "that is a PRIVATE key", where="--custodian",
                remedy="Give the public key (age1…); treat the private one as lost",
            )  # fmt: skip
        recipient = Recipient(text).text
        if recipient not in known:
            known.append(recipient)
    head = "# Public keys of those who can decrypt. The private keys never come near a device.\n"
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    _write(part, (head + "".join(f"{k}\n" for k in known)).encode(), 0o644)
    os.rename(part, path)
    sync_folder(path.parent)


def _enter(township: Path, entry: register.Key) -> None:
    signer = keys.load_private(township / "township.key")
    current = register.load(township / register.FILE, signer.public)
    if current.find(entry.role, entry.public) is not None:
        return
    _register(
        township,
        signer,
        msgspec.structs.replace(current, keys=(*current.keys, entry)),
        replace=True,
    )


def _register(
    folder: Path, signer: keys.KeySigner, new: register.Register, *, replace: bool = False
) -> None:
    if (folder / register.FILE).exists() and not replace:
        return
    data = register.encode(new)
    for name, content in ((register.SIGNATURE, signer.sign(data)), (register.FILE, data)):
        part = folder / (name + ".part")
        part.unlink(missing_ok=True)
        _write(part, content, 0o644)
        os.rename(part, folder / name)
    sync_folder(folder)


def _write(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
