"""What provisioning left, and what people hand in: custodians.txt, PEM keys, identities, drills."""

from collections.abc import Callable, Sequence
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence import age, drill, keys
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes
from tests.fuzz.targets import Broken, same

WORDS = ("age1", "AGE-SECRET-KEY-1", "#", "-----BEGIN PRIVATE KEY-----\n",
         "-----END PRIVATE KEY-----\n", "-----BEGIN PUBLIC KEY-----\n",
         "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "\r\n")  # fmt: skip
_PRIVATE, _PUBLIC = keys.pem_pair(made.SIGNER.private)
_LIST = f"# custodians\n{made.IDENTITY.recipient}\n".encode()
_SECRET = f"# created\n{made.IDENTITY_TEXT}\n".encode()
_DRILL = b"""{"format": "bodycam-drill/1", "custodians": [{"recipient": "age1", "sha256": "0",
"asked": "2026-11-23T00:00:00.000Z", "answered": null}]}"""
_FILES = (_LIST, _PUBLIC, _PRIVATE, _SECRET, _DRILL)


def seeds() -> Sequence[bytes]:
    """Each kind as it is, and as a start for edits."""
    return [*(bytes([kind, 0]) + file for kind, file in enumerate(_FILES)),
            *(bytes([kind, 1]) for kind in range(len(_FILES)))]  # fmt: skip


def check(data: bytes) -> None:
    """RecorderError, or a key that proves something."""
    choices = Choices(data)
    kind = choices.number(len(_FILES))
    if choices.number(2):
        raw = _FILES[kind]
        while choices.more:
            raw = edit_bytes(raw, choices)
    else:
        raw = choices.rest()
    path = made.scratch() / (drill.RECORD if kind == 4 else "key")
    path.write_bytes(raw)
    path.chmod(0o600)
    parse: Callable[[Path], object] = (
        _custodians, _public, keys.load_private, _identities, _drill,
    )[kind]  # fmt: skip
    try:
        parse(path)
    except RecorderError as error:
        if kind != 3 and (not error.remedy or str(path) not in error.where):
            raise Broken(f"an error that does not help: {error!r}") from error


def _custodians(path: Path) -> None:
    found = keys.load_custodians(path)
    for recipient, text in zip(found.keys(), found.recipients, strict=True):
        same(recipient.text, text, "recipient")
        age.encrypt(b"x", [recipient])


def _public(path: Path) -> None:
    if not keys.proves(keys.load_public(path)):
        raise Broken("a key under which signatures fit that nobody made")


def _drill(path: Path) -> None:
    for asked in drill.load(path.parent).custodians:
        drill.unproven(path.parent, [asked.recipient])


def _identities(path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return  # the verb says so
    for identity in age.identities(text, str(path)):
        same(age.Recipient(identity.recipient).public, identity.public, "identity")
