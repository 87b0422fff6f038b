"""A log whose card fails: what was not durable is written again elsewhere, never on top."""

import base64
import os
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder.clock import ManualClock
from recorder.evidence import chain, lines
from recorder.evidence.keys import KeySigner
from recorder.evidence.verification_leftovers import leftovers

SIGNER = KeySigner(Ed25519PrivateKey.generate())


class Card:
    """The next ``failing`` writes or syncs fail, each after ``part`` of a write went through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.failing = 0
        for name in ("fsync", "fdatasync"):
            real = getattr(os, name)
            monkeypatch.setattr(os, name, lambda fd, real=real: self._sync(fd, real))

    def _sync(self, descriptor: int, real: object) -> None:
        if self.failing:
            self.failing -= 1
            size = os.fstat(descriptor).st_size
            if self.tears and size:
                os.ftruncate(descriptor, size - 7)
            raise OSError(5, "Input/output error")
        assert callable(real)
        real(descriptor)

    tears = False


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    return Card(monkeypatch)


@pytest.mark.parametrize("tears", [False, True], ids=["whole", "torn"])
@pytest.mark.parametrize("failures", [1, 2, 3, 4])
def test_whatever_fails_the_chain_that_is_read_back_is_whole(
    card: Card, tmp_path: Path, failures: int, tears: bool
) -> None:
    card.tears = tears
    log = chain.Log.create(tmp_path, "journal", SIGNER, ManualClock())
    for at in range(3):
        log.append(lines.Notice(at_ns=at))
    log.sync()
    card.failing = failures
    for at in range(3, 9):
        log.append(lines.Notice(at_ns=at))
        try:
            log.sync()
        except OSError:
            continue
    log.sync()
    log.close()
    paths = chain.files(tmp_path, "journal")
    found = list(chain.read(paths, lines.Journal, SIGNER.public))
    assert [i.body.at_ns for i in found if isinstance(i, chain.Line)] == list(range(9))
    wrong = [i for i in found if isinstance(i, chain.Defect)]
    assert all(d.code == "line-torn" and d.file != paths[-1].name for d in wrong), wrong
    assert list(leftovers(paths)) == []


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_a_card_that_fails_and_one_that_works_again_are_each_told_once(
    card: Card, tmp_path: Path, failures: int
) -> None:
    log = chain.Log.create(tmp_path, "", SIGNER, ManualClock())

    def tell(over: bool) -> None:
        log.append(lines.LedgerFault(part="disk", code="ledger-failed", detail="", over=over))

    log.on_failed, log.on_well = lambda _: tell(False), lambda: tell(True)
    for failing in (0, failures, 0, 0):
        card.failing = failing or card.failing
        log.append(lines.Shutdown(why="x"))
        with suppress(OSError):
            log.sync()
    found = chain.read(chain.files(tmp_path, ""), lines.Ledger, SIGNER.public)
    bodies = [item.body for item in found if isinstance(item, chain.Line)]
    told = [body.over for body in bodies if isinstance(body, lines.LedgerFault)]
    assert told == [False, True]
    assert sum(isinstance(body, lines.Shutdown) for body in bodies) == 4


def resigned(body: lines.Journal, *edits: tuple[bytes, bytes]) -> bytes:
    """A line whose JSON was edited and signed by the device itself."""
    header = chain.Header(0, "", "b", 1, "u", ManualClock().state(), chain.ZERO)
    header = msgspec.structs.replace(header, kind=body.__struct_config__.tag)
    text = chain.encode(header, body, SIGNER).line.partition(b"\t")[0]
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text + b"\t" + base64.b64encode(SIGNER.sign(text))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**400], ids=["over", "under", "far"])
@pytest.mark.parametrize("field", ["at_ns", "boot_ns", "n", "error_ms"])
def test_a_number_that_64_bits_do_not_hold_is_no_line(number: int, field: str) -> None:
    value = {"at_ns": b"7", "boot_ns": b"1", "n": b"0", "error_ms": b"20"}[field]
    name = f'"{field}":'.encode()
    raw = resigned(lines.Notice(at_ns=7), (name + value, name + str(number).encode()))
    with pytest.raises(ValueError, match="not a line of this log"):
        chain.decode(raw, lines.Journal, SIGNER.public)


@pytest.mark.parametrize(
    ("body", "inside"),
    [(lines.Notice(at_ns=7), b'"quality":'),
     (lines.Arrival(arrived="", source="card", late=False, private=lines.Private("f", 1, "0")),
      b'"file":'),
     (lines.Checks(officer="", results=(lines.CheckRecord("n", "ok", "v", "l"),)), b'"level":')],
    ids=["clock", "private", "checks"],
)  # fmt: skip
def test_a_field_that_the_format_does_not_have_is_refused_wherever_it_stands(
    body: lines.Journal, inside: bytes
) -> None:
    chain.decode(resigned(body), lines.Journal, SIGNER.public)
    raw = resigned(body, (inside, b'"more":1,' + inside))
    with pytest.raises(ValueError, match="unknown field"):
        chain.decode(raw, lines.Journal, SIGNER.public)


@pytest.mark.parametrize("deep", [b'{"x":' + b"[" * 100_000, b'{"a":' * 100_000], ids=["[", "{"])
def test_brackets_without_end_are_a_damaged_line_wherever_they_stand(
    tmp_path: Path, deep: bytes
) -> None:
    log = chain.Log.create(tmp_path, "journal", SIGNER, ManualClock())
    log.append(lines.Notice(at_ns=1))
    log.close()
    (tmp_path / "journal-0002.jsonl").write_bytes(deep + b"\tAAAA\n")
    paths = chain.files(tmp_path, "journal")
    found = list(chain.read(paths, lines.Journal, SIGNER.public))
    assert [type(item) for item in found] == [chain.Line, chain.Defect]
    assert list(leftovers(paths)) == []
    assert chain.number(deep) is None


def test_a_signature_has_one_spelling() -> None:
    """The last digit of its base64 has four spare bits: setting one changes an unsigned byte."""
    raw = resigned(lines.Notice(at_ns=7))
    assert raw[-3:-2] in b"AQgw" and raw.endswith(b"==")
    with pytest.raises(ValueError, match="does not fit"):
        chain.decode(raw[:-3] + bytes([raw[-3] + 1]) + b"==", lines.Journal, SIGNER.public)
