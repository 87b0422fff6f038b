"""The township's signed list of keys: who may sign as device, sync or desk, and since when.

``register.json`` is signed by the township's own Ed25519 key, which never lies on a device.
"""

from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from recorder.errors import RecorderError
from recorder.evidence.whole import PART
from recorder.shapes import UNREADABLE

FORMAT = "bodycam-register/1"
FILE, SIGNATURE = "register.json", "register.json.sig"
Role = Literal["device", "sync", "dock", "desk"]


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One key: base64 of the raw 32 bytes, UTC times, and the range of recording numbers."""

    role: Role
    name: str
    public: str
    since: str
    until: str | None = None
    revoked: str | None = None
    first: int | None = None
    last: int | None = None


class Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole list."""

    format: str
    township: str
    keys: tuple[Key, ...] = ()

    def find(self, role: Role, public: str, number: int | None = None) -> Key | None:
        """The entry of a key for this role, whose range holds recording ``number``."""
        for key in self.keys:
            if key.role == role and key.public == public:
                below = number is not None and key.first is not None and number < key.first
                above = number is not None and key.last is not None and number > key.last
                if not below and not above:
                    return key
        return None


def load(path: Path, township: bytes | None) -> Register:
    """Read a register; its signature is checked with the township's key where that is given.

    A list that waits beside it (``.part``) counts where the signature is its: whoever replaced the
    two was stopped in between.
    """
    data = _read(path)
    if township is not None:
        beside = path.with_name(SIGNATURE)
        try:
            signature = beside.read_bytes()
        except OSError as error:
            raise RecorderError(
                "register-signature", f"cannot read it: {error.strerror}", where=str(beside),
                remedy=f"Copy it from the township's folder beside {path.name}",
            ) from error  # fmt: skip
        if not _signed(township, signature, data):
            waiting = path.with_name(path.name + PART)
            data = _read(waiting) if waiting.is_file() else b""
            if not _signed(township, signature, data):
                raise RecorderError(
                    "register-signature", "the township's key did not sign this register",
                    where=str(path),
                    remedy=f"Give township.pem as the township's key, and fetch {path.name} and "
                    f"{beside.name} from the township again",
                )  # fmt: skip
    return _decode(data, path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecorderError(
            "register-unreadable", f"cannot read it: {error.strerror}", where=str(path),
            remedy="Give the township's register.json",
        ) from error  # fmt: skip


def _signed(township: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(township).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _decode(data: bytes, path: Path) -> Register:
    try:
        register = msgspec.json.decode(data, type=Register)
    except UNREADABLE as error:
        raise RecorderError(
            "register-broken", f"not a register: {error}", where=str(path),
            remedy="Give the township's register.json",
        ) from error  # fmt: skip
    if register.format != FORMAT:
        raise RecorderError(
            "register-broken", f"unknown format {register.format!r}", where=str(path),
            remedy=f"This program knows {FORMAT}",
        )  # fmt: skip
    return register


def encode(register: Register) -> bytes:
    """The bytes that are signed."""
    return msgspec.json.format(msgspec.json.encode(register), indent=1) + b"\n"
