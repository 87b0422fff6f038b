"""age headers and chunks: what we open, pyrage opens, to the same bytes."""

import base64
import io
from collections.abc import Sequence

import pyrage
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from recorder.errors import RecorderError
from recorder.evidence import age
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes
from tests.fuzz.targets import Broken

WORDS = ("age-encryption.org/v1\n", "-> X25519 ", "-> scrypt ", "-> grease ", "--- ", "\n", "=",
         "AAAA", "age1", "AGE-SECRET-KEY-1", "# ")  # fmt: skip
_ORACLE = pyrage.x25519.Identity.from_str(made.IDENTITY_TEXT)
_RECIPIENT = age.Recipient(made.IDENTITY.recipient)
_OTHER = age.Recipient(age.Identity.generate()[0].recipient)
_FILES = (
    age.encrypt(b"", [_RECIPIENT]),
    age.encrypt(b"personal", [_OTHER, _RECIPIENT]),
    pyrage.encrypt(b"theirs", [_ORACLE.to_public()]),
)
_KEY = bytes(16)


def seeds() -> Sequence[bytes]:
    """Raw files, starts for edits, headers to put together, keys."""
    return [*(b"\0" + file for file in _FILES), *(bytes([1, i]) for i in range(3)),
            b"\2\0\1", b"\2\3\1\0\2x\0", b"\3" + made.IDENTITY_TEXT.encode(),
            b"\3" + made.IDENTITY.recipient.encode()]  # fmt: skip


def check(data: bytes) -> None:
    """RecorderError, or the plaintext that pyrage finds, too."""
    choices = Choices(data)
    match choices.number(4):
        case 0:
            raw = choices.rest()
        case 1:
            raw = choices.pick(_FILES)
            while choices.more:
                raw = edit_bytes(raw, choices)
        case 2:
            raw = _built(choices)
        case _:
            _keys(choices.rest())
            return
    try:
        ours: bytes | None = b"".join(age.decrypt(io.BytesIO(raw).read, [made.IDENTITY]))
    except RecorderError:
        ours = None
    theirs = _theirs(raw)
    if ours is not None and ours != theirs:  # we may be stricter with stanzas that nobody writes
        raise Broken(f"ours {ours!r:.80}, pyrage {theirs!r:.80}")


def _theirs(raw: bytes) -> bytes | None:
    try:
        return bytes(pyrage.decrypt(raw, [_ORACLE]))
    except (pyrage.DecryptError, ValueError):
        return None


def _built(choices: Choices) -> bytes:
    """A header whose MAC is right, of stanzas that need not be; then a payload."""
    head = b"age-encryption.org/v1\n"
    for _ in range(choices.number(5)):
        match choices.number(4):
            case 0 | 1:
                head += _RECIPIENT.wrap(_KEY)
            case 2:
                body = base64.b64encode(choices.text()).rstrip(b"=")
                rows = [body[at : at + 64] for at in range(0, len(body), 64)]
                if not rows or len(rows[-1]) == 64:
                    rows.append(b"")
                words = choices.pick(
                    (b"X25519 AAAA", b"grease", b"scrypt x 1", b"X25519", b"x y z")
                )
                head += b"-> " + words + b"\n" + b"\n".join(rows) + b"\n"
            case _:
                head += edit_bytes(_RECIPIENT.wrap(_KEY), choices)
    head += b"---"
    nonce = bytes(16)
    mac = base64.b64encode(age._mac(_KEY, head)).rstrip(b"=")
    whole = head + b" " + mac + b"\n" + nonce
    aead = ChaCha20Poly1305(age._hkdf(_KEY, nonce, b"payload"))
    return whole + aead.encrypt(age._NONCE.pack(0, choices.number(4) > 0), choices.text(), None)


def _keys(raw: bytes) -> None:
    text = raw.decode("utf-8", "replace")
    for parse in (age.Recipient, age.Identity, lambda t: age.identities(t, "file")):
        try:
            parse(text)
        except RecorderError:
            continue
    try:
        ours: str | None = age.Recipient(text).text
    except RecorderError:
        ours = None
    try:
        theirs: str | None = str(pyrage.x25519.Recipient.from_str(text))
    except pyrage.RecipientError:
        theirs = None
    if ours is not None and ours != theirs:
        raise Broken(f"recipient {ours} where pyrage has {theirs}")
