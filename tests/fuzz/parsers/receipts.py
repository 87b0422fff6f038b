"""Receipts and the rest of sync's own folder, the store's marker included."""

import contextlib
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import keys
from recorder.sync import receipts
from recorder.sync.home import Aside, Home, Sent
from recorder.sync.stores import marker
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken, same

NAME = "cam-01-00000001-abcd"
WORDS = ("format", "recording", "device", "store", "store_id", "files", "bytes",
         "tagmanifest_sha256", "stored", "read", "read_back", "left", "n", "kind", "receipt",
         "boot_id", "boot_ns", "utc", "clock", "quality", "error_ms", "prev", "id", "next",
         NAME)  # fmt: skip
_HOME = Home(made.scratch() / "sync")
(_HOME.path / "sync.key").write_bytes(keys.pem_pair(made.SIGNER.private)[0])
(_HOME.path / "sync.key").chmod(0o600)


def _log() -> bytes:
    receipt = receipts.Receipt(
        format=receipts.FORMAT, recording=NAME, device="cam-01", store="/srv", store_id="a",
        files=9, bytes=10, tagmanifest_sha256="0" * 64, stored="2026-11-23T01:30:00.000Z",
        read="2026-11-23T01:31:00.000Z", read_back=1,
    )  # fmt: skip
    for number in (1, 2):
        receipts.issue(
            _HOME.receipts,
            msgspec.structs.replace(receipt, read_back=number),
            made.SIGNER,
            made.clock(),
        )
    return receipts.path_of(_HOME.receipts, NAME).read_bytes()


_LOG = _log()
_LINES = frozenset(_LOG.splitlines())
HEAVY = tuple(how + text for how in (b"\0", b"\3") for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """Raw logs, edits without the key, edits that are signed, and the small files."""
    return [b"\0" + _LOG, b"\1", b"\2\0", b"\2\1" + bytes(9),
            b"\3" + msgspec.json.encode(Sent("a", 7)),
            b"\3" + msgspec.json.encode(Aside(NAME, "c", "k", "t", "u")),
            b"\3" + msgspec.json.encode(marker.Marker(marker.FORMAT, "a", "t"))]  # fmt: skip


def check(data: bytes) -> None:
    """Only what sync's key signed for this recording counts, from the first line on, unbroken."""
    choices = Choices(data)
    which = choices.number(4)
    if which == 3:
        _small(choices.rest())
        return
    if which == 2:
        chained = choices.number(2) == 0
        lines: list[Any] = made.trees(_LOG)
        while choices.more:
            lines = edit_tree(lines, choices, WORDS)
        raw = made.sign_log(lines, chained=chained) if isinstance(lines, list) else b""
    else:
        raw = choices.rest() if which == 0 else _LOG
        while choices.more:
            raw = edit_bytes(raw, choices)
    path = receipts.path_of(_HOME.receipts, NAME)
    path.write_bytes(raw)
    found = receipts.load(_HOME.receipts, NAME, made.SIGNER.public)
    if which == 1 and not {line.raw for line in found} <= _LINES:
        raise Broken("a receipt that sync never signed")
    same([line.raw for line in found], raw.split(b"\n")[: len(found)], "receipts")
    for n, line in enumerate(found):
        same((line.header.n, line.body.recording), (n, NAME), "receipt")
    if receipts.load(_HOME.receipts, NAME, made.THIEF.public):
        raise Broken("a receipt under another key")
    stored = receipts.is_stored(_HOME.receipts, NAME, made.SIGNER.public, "a")
    if stored and not any(line.body.store_id == "a" for line in found):
        raise Broken("stored without a receipt of that store")
    if found:
        body = msgspec.structs.replace(found[-1].body, recording=NAME)
        receipts.issue(_HOME.receipts, body, made.SIGNER, made.clock())
        same(len(receipts.load(_HOME.receipts, NAME, made.SIGNER.public)), len(found) + 1, "issued")


def _small(raw: bytes) -> None:
    (_HOME.path / "ledger.json").write_bytes(raw)
    _HOME.sent("a")
    (_HOME.aside / f"{NAME}.json").write_bytes(raw)
    _HOME.is_aside(NAME)
    (_HOME.path / "owner").write_bytes(raw)
    if not Home(_HOME.path).owner.isalnum():
        raise Broken("an owner's name that is none")
    with contextlib.suppress(RecorderError):
        marker.parse(raw, str(made.scratch()))
