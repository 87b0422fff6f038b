"""age v1 files that can be ended at any chunk (age-encryption.org/v1), X25519 recipients only.

Libraries hold one chunk back and cannot end a file that somebody else began; a camera that loses
power needs both. So the STREAM layer is ours, over ``cryptography``'s primitives; header, key
agreement and chunk format are age's own, and age and pyrage open what comes out. Nothing here
touches a disk.
"""

import base64
import os
import struct
from collections.abc import Callable, Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from recorder.errors import RecorderError

CHUNK = 64 * 1024
TAG = 16
SEALED_CHUNK = CHUNK + TAG
TAIL_PLAINTEXT = struct.pack(">I4s", 8, b"free")
TAIL_BYTES = len(TAIL_PLAINTEXT) + TAG
IDENTITY_REMEDY = "Give a custodian's private key: custodian.key, or the file that age-keygen wrote"
_INTRO = b"age-encryption.org/v1\n"
_LABEL = b"age-encryption.org/v1/X25519"
_MAX_HEADER = 64 * 1024
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_NONCE = struct.Struct(">3xQ?")


def _polymod(values: Sequence[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(
            (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
        ):
            if top >> bit & 1:
                check ^= generator
    return check


def _expand(prefix: str) -> list[int]:
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def _regroup(data: Sequence[int], have: int, want: int, *, pad: bool) -> list[int]:
    value = bits = 0
    out: list[int] = []
    for item in data:
        value = value << have | item
        bits += have
        while bits >= want:
            bits -= want
            out.append(value >> bits & (1 << want) - 1)
    if pad and bits:
        out.append(value << want - bits & (1 << want) - 1)
    elif not pad and (bits >= have or value & (1 << bits) - 1):
        raise ValueError("padding")
    return out


def _bech32(text: str, prefix: str) -> bytes:
    """32 bytes of a Bech32 string (BIP 173) with this prefix; ValueError otherwise."""
    if text.lower() != text and text.upper() != text:
        raise ValueError("mixed case")
    head, _, body = text.lower().rpartition("1")
    if head != prefix or any(c not in _BECH32 for c in body):
        raise ValueError("not an age key")
    values = [_BECH32.index(c) for c in body]
    if _polymod(_expand(head) + values) != 1:
        raise ValueError("checksum")
    data = bytes(_regroup(values[:-6], 5, 8, pad=False))
    if len(data) != 32:
        raise ValueError("length")
    return data


def _to_bech32(prefix: str, data: bytes) -> str:
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod(_expand(prefix) + values + [0] * 6) ^ 1
    values += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(_BECH32[v] for v in values)


class Recipient:
    """A custodian's public key, ``age1…``."""

    def __init__(self, text: str) -> None:
        try:
            self.public = _bech32(text, "age")
            X25519PrivateKey.generate().exchange(X25519PublicKey.from_public_bytes(self.public))
        except ValueError as error:
            raise RecorderError(
                "age-recipient",
                f"not an age X25519 recipient ({error}): {text[:70]!r}",
                remedy="It starts with age1 and has 62 characters; age-keygen prints it",
            ) from error
        self.text = text.lower()

    def wrap(self, file_key: bytes) -> bytes:
        """The recipient's stanza with the file key for it."""
        ephemeral = X25519PrivateKey.generate()
        share = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(self.public))
        key = _hkdf(shared, share + self.public, _LABEL)
        body = ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)
        return b"-> X25519 " + _b64(share) + b"\n" + _b64(body) + b"\n"


class Identity:
    """A custodian's private key, ``AGE-SECRET-KEY-1…``. Never on a device."""

    def __init__(self, text: str) -> None:
        try:
            self._key = X25519PrivateKey.from_private_bytes(_bech32(text, "age-secret-key-"))
        except ValueError as error:
            raise RecorderError(
                "age-identity",
                f"not an age X25519 identity ({error})",
                remedy=IDENTITY_REMEDY,
            ) from error
        self.public = self._key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> tuple["Identity", str]:
        """A new identity and its text."""
        text = _to_bech32("age-secret-key-", os.urandom(32)).upper()
        return cls(text), text

    @property
    def recipient(self) -> str:
        """The public side, ``age1…``."""
        return _to_bech32("age", self.public)

    def unwrap(self, share: bytes, body: bytes) -> bytes | None:
        """The file key, or None where the stanza is somebody else's."""
        shared = self._key.exchange(X25519PublicKey.from_public_bytes(share))
        key = _hkdf(shared, share + self.public, _LABEL)
        try:
            return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
        except InvalidTag:
            return None


def identities(text: str, where: str) -> tuple[Identity, ...]:
    """Read an identity file's text: one key a line, # comments."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            found.append(Identity(line))
        except RecorderError as error:
            error.where = f"{where}:{number}"
            raise
    if not found:
        raise RecorderError(
            "age-identity",
            "no key in it",
            where=where,
            remedy=IDENTITY_REMEDY,
        )
    return tuple(found)


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _unb64(data: bytes) -> bytes:
    """ValueError for anything but the one way in which age writes these bytes."""
    out = base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    if _b64(out) != data:
        raise ValueError("not canonical")
    return out


def _hkdf(key: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, info).derive(key)


def _mac(file_key: bytes, header: bytes) -> bytes:
    mac = hmac.HMAC(_hkdf(file_key, None, b"header"), hashes.SHA256())
    mac.update(header)
    return mac.finalize()


class Encryptor:
    """One age file in the making: ``header`` first, then what ``chunks`` and one tail return.

    Chunk k is sealed with nonce (k, 0), the tail after k chunks with (k, 1): a tail that is
    computed ahead and never written shares no nonce with what is.
    """

    def __init__(self, recipients: Sequence[Recipient]) -> None:
        if not recipients:
            raise RecorderError(
                "no-custodian", "nobody could ever decrypt", remedy="Provision custodians",
                phrase="no_custodian",
            )  # fmt: skip
        file_key = os.urandom(16)
        head = _INTRO + b"".join(r.wrap(file_key) for r in recipients) + b"---"
        nonce = os.urandom(16)
        self.header = head + b" " + _b64(_mac(file_key, head)) + b"\n" + nonce
        self._aead = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload"))
        self._next = 0

    def chunks(self, plaintext: bytes | bytearray | memoryview) -> bytes:
        """Seal whole chunks (a multiple of 64 KiB); all of it comes out at once."""
        view = memoryview(plaintext)
        if len(view) % CHUNK:
            raise ValueError("not whole chunks")
        out = []
        for at in range(0, len(view), CHUNK):
            nonce = _NONCE.pack(self._next, False)
            out.append(self._aead.encrypt(nonce, view[at : at + CHUNK], None))
            self._next += 1
        return b"".join(out)

    def tail(self, plaintext: bytes = TAIL_PLAINTEXT) -> bytes:
        """The final chunk that would end the file here; computing it changes nothing."""
        return self._aead.encrypt(_NONCE.pack(self._next, True), plaintext, None)


def encrypt(data: bytes, recipients: Sequence[Recipient]) -> bytes:
    """A whole small file."""
    encryptor = Encryptor(recipients)
    whole = len(data) // CHUNK * CHUNK
    if data and whole == len(data):
        whole -= CHUNK  # the final chunk may be empty only in an empty file
    return encryptor.header + encryptor.chunks(data[:whole]) + encryptor.tail(data[whole:])


def header_bytes(recipients: int) -> int:
    """Length of the header and payload nonce for this many recipients."""
    return len(_INTRO) + recipients * (10 + 43 + 1 + 43 + 1) + 4 + 43 + 1 + 16


Read = Callable[[int], bytes]


def _line(read: Read, budget: list[int]) -> bytes:
    out = bytearray()
    while True:
        byte = read(1)
        budget[0] -= 1
        if not byte or budget[0] < 0:
            raise RecorderError("age-header", "the age header does not end", remedy="It is damaged")
        if byte == b"\n":
            return bytes(out)
        out += byte


def _word(data: bytes) -> bool:
    """A stanza's argument: not empty, and visible ASCII only."""
    return bool(data) and all(33 <= byte <= 126 for byte in data)


def _open_header(read: Read, keys: Sequence[Identity]) -> bytes:
    """The file key of the header at the reader's place."""
    budget = [_MAX_HEADER]
    bad = RecorderError("age-header", "not an age file, or damaged", remedy="Give an .age file")
    header = bytearray(_line(read, budget) + b"\n")
    if header != _INTRO:
        raise bad
    file_key: bytes | None = None
    line = _line(read, budget)
    while not line.startswith(b"---"):
        header += line + b"\n"
        words = line.split(b" ")
        if words[0] != b"->" or len(words) < 2 or not all(map(_word, words)):
            raise bad
        body = b""
        while True:
            part = _line(read, budget)
            header += part + b"\n"
            body += part
            if len(part) < 64:
                break
        if words[1] == b"scrypt":
            raise bad  # has to be the only one, and is nothing that a custodian's key opens
        try:
            sealed = _unb64(body)
            if words[1] == b"X25519":
                (share,) = map(_unb64, words[2:])
                if len(share) != 32 or len(sealed) != 32:
                    raise ValueError
                for key in keys:
                    file_key = file_key or key.unwrap(share, sealed)
        except ValueError as error:
            raise bad from error
        line = _line(read, budget)
    header += b"---"
    if file_key is None:
        raise RecorderError(
            "age-identity",
            "it is not encrypted to the given key",
            remedy="Give the identity of one of its custodians",
        )
    if line != b"--- " + _b64(_mac(file_key, bytes(header))):
        raise RecorderError("age-header", "the age header was changed", remedy="It is damaged")
    return file_key


def decrypt(read: Read, keys: Sequence[Identity]) -> Iterator[bytes]:
    """Plaintext chunk by chunk. RecorderError at the first chunk that is not what was written,
    or where the file ends without its final chunk."""
    file_key = _open_header(read, keys)
    nonce = read(16)
    aead = ChaCha20Poly1305(_hkdf(file_key, nonce, b"payload"))
    number = 0
    chunk = read(SEALED_CHUNK)
    while True:
        following = read(SEALED_CHUNK) if len(chunk) == SEALED_CHUNK else b""
        last = not following
        try:
            plain = aead.decrypt(_NONCE.pack(number, last), chunk, None)
        except InvalidTag as error:
            what = "is missing its end" if last and len(chunk) == SEALED_CHUNK else "was changed"
            raise RecorderError(
                "age-chunk", f"the age file {what} at chunk {number}", remedy="It is damaged"
            ) from error
        if last and not plain and number:
            raise RecorderError("age-chunk", "empty final chunk", remedy="It is damaged")
        yield plain
        if last:
            return
        chunk = following
        number += 1
