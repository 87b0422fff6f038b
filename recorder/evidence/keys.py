"""The device's own keys: who signs, and who can decrypt. Private keys are read, never printed."""

import base64
import os
import stat
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from recorder.errors import RecorderError
from recorder.evidence import whole
from recorder.evidence.age import Recipient
from recorder.evidence.chain import Signer, open_plain

_NO_KEY = (ValueError, TypeError, UnsupportedAlgorithm, InternalError)
"""What the library makes of a file that is no key of ours, or is damaged."""
_MAX_PEM = 64 * 1024
_P = 2**255 - 19
_ORDER_8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_LOW_ORDER = frozenset({0, 1, _P - 1, _ORDER_8, _P - _ORDER_8})


def proves(public: bytes) -> bool:
    """Only who has the private key can sign for ``public`` (raw Ed25519).

    False for the few points of low order, under which signatures that nobody made fit, and for a
    second spelling of a point (y not below the field's prime). RFC 8032 checks for neither.
    """
    y = int.from_bytes(public, "little") & (2**255 - 1)
    return len(public) == 32 and y < _P and y not in _LOW_ORDER


class KeySigner:
    """An Ed25519 key in memory."""

    def __init__(
        self, private: Ed25519PrivateKey, kind: Literal["device", "ephemeral"] = "device"
    ) -> None:
        self._private = private
        self._kind = kind
        self._public = private.public_key().public_bytes_raw()

    @property
    def public(self) -> bytes:
        """Raw public key, 32 bytes."""
        return self._public

    @property
    def private(self) -> Ed25519PrivateKey:
        """The key itself."""
        return self._private

    @property
    def kind(self) -> Literal["device", "ephemeral"]:
        """``ephemeral`` signs where the device's key is missing; nobody can vouch for it."""
        return self._kind

    def sign(self, data: bytes) -> bytes:
        """Raw signature, 64 bytes (RFC 8032)."""
        return self._private.sign(data)


def base64_public(signer: Signer) -> str:
    """The public key as journal, ledger and register write it."""
    return base64_raw(signer.public)


def base64_raw(public: bytes) -> str:
    """The same of a raw public key."""
    return base64.b64encode(public).decode()


def spki(public: bytes) -> str:
    """A raw public key as base64 of its SubjectPublicKeyInfo: what stands between a PEM's lines."""
    return base64.b64encode(
        Ed25519PublicKey.from_public_bytes(public).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).decode()


def ephemeral(path: Path | None = None) -> KeySigner:
    """A key that nobody knows: evidence first, verdict ``untrusted``.

    With ``path`` (on a tmpfs) it lives as long as the boot, so that a recording which is gone on
    with after a crash is signed by one key throughout.
    """
    if path is None:
        return KeySigner(Ed25519PrivateKey.generate(), "ephemeral")
    if not path.exists():
        private, _ = pem_pair(Ed25519PrivateKey.generate())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private)
    return KeySigner(load_private(path).private, "ephemeral")


def read_secret(path: Path, *, what: str, remedy: str, phrase: str | None = None) -> bytes:
    """A file that nobody else may read: mode and owner are checked.

    RecorderError ``<what>-unreadable`` with ``remedy``, or ``<what>-exposed``.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        raise RecorderError(
            f"{what}-unreadable", f"cannot read it: {error.strerror}", where=str(path),
            remedy=remedy, phrase=phrase,
        ) from error  # fmt: skip
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (os.geteuid(), 0):
        raise RecorderError(
            f"{what}-exposed", f"mode {stat.S_IMODE(status.st_mode):o}, owner {status.st_uid}",
            where=str(path), remedy="chmod 600, and make it its user's own", phrase=phrase,
        )  # fmt: skip
    return data


def load_private(
    path: Path, *, remedy: str = "Run `recorder provision`, or give the daemon's user the file"
) -> KeySigner:
    """Read a PEM private key. RecorderError where others may read it, too; ``remedy``: where it
    cannot be read."""
    data = read_secret(path, what="key", phrase="no_device_key", remedy=remedy)
    try:
        key = serialization.load_pem_private_key(data, None)
    except _NO_KEY as error:
        raise RecorderError(
            "key-broken", "not a PEM private key", where=str(path), remedy="Provision it again"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise RecorderError(
            "key-broken", "not an Ed25519 key", where=str(path), remedy="Provision it again"
        )
    return KeySigner(key)


def is_there(path: Path) -> bool:
    """Whether a file lies beside keys. RecorderError where nobody can tell, such as in a folder
    that may not be entered: that is not the same as its absence."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise RecorderError(
            "keys-closed", f"cannot look for it: {error.strerror}", where=str(path),
            remedy="Let this program's user enter the folders above it",
        ) from error  # fmt: skip
    return True


def load_public(path: Path, wanted: str = "device.pem") -> bytes:
    """The raw 32 bytes of a PEM public key. It may lie in another user's folder: no pipe hangs.
    ``wanted``: the name under which provisioning leaves what belongs here."""
    try:
        with open_plain(path.resolve()) as file:
            key = serialization.load_pem_public_key(file.read(_MAX_PEM))
    except OSError as error:
        raise RecorderError(
            "key-unreadable", f"cannot read it: {error.strerror}", where=str(path),
            remedy=f"Give a PEM public key, {wanted}",
        ) from error  # fmt: skip
    except _NO_KEY as error:
        raise RecorderError(
            "key-broken", "not a PEM public key", where=str(path), remedy=f"Give {wanted}"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise RecorderError(
            "key-broken", "not an Ed25519 key", where=str(path), remedy=f"Give {wanted}"
        )
    public = key.public_bytes_raw()
    if not proves(public):
        raise RecorderError(
            "key-broken", "signatures fit this key that nobody made", where=str(path),
            remedy=f"Give {wanted}, and ask where this one came from",
        )  # fmt: skip
    return public


class Custodians(msgspec.Struct, frozen=True):
    """The township's public keys; ``lonely``: one only, so its loss loses everything."""

    recipients: tuple[str, ...]

    @property
    def lonely(self) -> bool:
        """Fewer than the two that the township needs."""
        return len(self.recipients) < 2

    def keys(self) -> tuple[Recipient, ...]:
        """For encryption."""
        return tuple(Recipient(text) for text in self.recipients)


def load_custodians(path: Path) -> Custodians:
    """Read custodians.txt: one age1… a line, # comments. A private key in it is refused."""
    remedy = "List the custodians' public keys (age1…), one a line"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RecorderError(
            "custodians-unreadable", f"cannot read it: {problem}", where=str(path),
            remedy=remedy, phrase="no_custodian",
        ) from error  # fmt: skip
    found: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        where = f"{path}:{number}"
        if line.upper().startswith("AGE-SECRET-KEY-"):
            raise RecorderError(
                "custodian-private", "a custodian's PRIVATE key lies on the device", where=where,
                remedy="Delete it here, treat it as lost, and list its age1… public key instead",
                phrase="no_custodian",
            )  # fmt: skip
        try:
            key = Recipient(line)
        except RecorderError as error:
            error.where, error.phrase = where, "no_custodian"
            raise
        if key.text not in found:
            found.append(key.text)
    if not found:
        raise RecorderError(
            "no-custodian", "no public key in it", where=str(path), remedy=remedy,
            phrase="no_custodian",
        )  # fmt: skip
    return Custodians(tuple(found))


def pem_pair(private: Ed25519PrivateKey) -> tuple[bytes, bytes]:
    """(PKCS 8 private, SubjectPublicKeyInfo public), both PEM."""
    return (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


def make(path: Path) -> KeySigner:
    """A new key, 0600, in a new file. Durable on return."""
    private, _ = pem_pair(Ed25519PrivateKey.generate())
    whole.create(path, private, 0o600)
    return load_private(path)


def publish(path: Path, signer: KeySigner) -> None:
    """The public side beside a key, where it is not there yet."""
    public = pem_pair(signer.private)[1]
    if not path.exists() or path.read_bytes() != public:
        whole.replace(path, public)
