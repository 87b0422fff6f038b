"""Our age files open with others' tools wherever they are ended, and others' with ours."""

import base64
import hmac
import io
import os

import pyrage
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings, strategies as st

from recorder.errors import RecorderError
from recorder.evidence.age import (
    CHUNK,
    TAIL_BYTES,
    Encryptor,
    Identity,
    Recipient,
    decrypt,
    encrypt,
    header_bytes,
    identities,
)

IDENTITY, TEXT = Identity.generate()
RECIPIENT = Recipient(IDENTITY.recipient)
ORACLE = pyrage.x25519.Identity.from_str(TEXT)


def opened(data: bytes) -> bytes:
    return b"".join(decrypt(io.BytesIO(data).read, [IDENTITY]))


def test_a_public_key_is_what_others_derive_from_the_private_one() -> None:
    assert str(ORACLE.to_public()) == IDENTITY.recipient


@settings(max_examples=30, deadline=None)
@given(
    st.one_of(
        st.integers(0, 3), st.integers(-1, 1).map(lambda d: 2 * CHUNK + d), st.integers(0, 200_000)
    )
)
def test_files_of_any_length_open_with_pyrage_and_pyrages_with_ours(length: int) -> None:
    data = os.urandom(length)
    assert pyrage.decrypt(encrypt(data, [RECIPIENT]), [ORACLE]) == data
    assert opened(pyrage.encrypt(data, [ORACLE.to_public()])) == data


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3))
def test_a_file_can_be_ended_after_any_fragment(sizes: list[int], recipients: int) -> None:
    """Also by somebody without any key, because the tail was computed ahead."""
    encryptor = Encryptor([RECIPIENT] * recipients)
    assert len(encryptor.header) == header_bytes(recipients)
    data, plain = encryptor.header, b""
    for size in sizes:
        chunk = os.urandom(size * CHUNK)
        data += encryptor.chunks(chunk)
        plain += chunk
        tail = encryptor.tail()
        assert len(tail) == TAIL_BYTES
        assert pyrage.decrypt(data + tail, [ORACLE]) == plain + b"\0\0\0\x08free"
        assert opened(data + tail) == plain + b"\0\0\0\x08free"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_is_refused(data: st.DataObject) -> None:
    good = bytearray(encrypt(os.urandom(CHUNK + 100), [RECIPIENT]))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(RecorderError):
        opened(bytes(good))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 66_000))
def test_a_cut_file_is_refused(length: int) -> None:
    good = encrypt(os.urandom(CHUNK + 100), [RECIPIENT])
    with pytest.raises(RecorderError):
        opened(good[: min(length, len(good) - 1)])


@given(st.binary(max_size=300))
def test_nonsense_is_an_error(data: bytes) -> None:
    with pytest.raises(RecorderError):
        opened(data)


OTHER_END = "q" if IDENTITY.recipient.endswith("x") else "x"
# 32 zero bytes: no secret comes out of it.
LOW_ORDER = "age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq5cu47z"


@pytest.mark.parametrize(
    "text",
    ["", "age1", "age1qqqq", IDENTITY.recipient[:-1] + OTHER_END, TEXT, LOW_ORDER],
    ids=["nothing", "prefix", "short", "checksum", "private", "low-order"],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(RecorderError):
        Recipient(text)


def test_an_identity_file_names_its_bad_line() -> None:
    with pytest.raises(RecorderError) as caught:
        identities(f"# comment\n{TEXT}\nnonsense\n", "custodian.key")
    assert caught.value.where == "custodian.key:3"


def test_somebody_elses_key_opens_nothing() -> None:
    other, _ = Identity.generate()
    with pytest.raises(RecorderError, match="not encrypted to the given key"):
        b"".join(decrypt(io.BytesIO(encrypt(b"x", [RECIPIENT])).read, [other]))


def stanza_beside_ours(stanza: bytes) -> bytes:
    """A file with another stanza beside ours, the header's MAC right."""
    file_key, nonce = bytes(16), bytes(16)
    head = b"age-encryption.org/v1\n" + RECIPIENT.wrap(file_key) + stanza + b"---"

    def key(salt: bytes | None, info: bytes) -> bytes:
        return HKDF(hashes.SHA256(), 32, salt, info).derive(file_key)

    mac = hmac.digest(key(None, b"header"), head, "sha256")
    body = ChaCha20Poly1305(key(nonce, b"payload")).encrypt(bytes(11) + b"\1", b"x", None)
    return head + b" " + base64.b64encode(mac).rstrip(b"=") + b"\n" + nonce + body


def test_a_stanza_that_is_somebody_elses_is_passed_over() -> None:
    data = stanza_beside_ours(b"-> other arg\nAAAA\n")
    assert opened(data) == pyrage.decrypt(data, [ORACLE]) == b"x"


@pytest.mark.parametrize(
    "stanza",
    [b"-> other\nAB\n", b"-> other\nAA==\n", b"-> other\n!!\n", b"-> other\nA\n",
     b"-> other  x\nAA\n", b"-> other \nAA\n", b"-> other\xff\nAA\n",
     b"-> scrypt AAAAAAAAAAAAAAAAAAAAAA 1\n" + b"A" * 43 + b"\n"],
    ids=["spare-bits", "padded", "no-base64", "length", "empty", "end", "no-ascii", "scrypt"],
)  # fmt: skip
def test_a_header_that_others_refuse_is_refused(stanza: bytes) -> None:
    data = stanza_beside_ours(stanza)
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(data, [ORACLE])
    with pytest.raises(RecorderError, match="not an age file"):
        opened(data)
