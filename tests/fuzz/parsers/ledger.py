"""The ledger under ``recorder verify``: whole, or a finding; a recording held against it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import verification_ledger
from recorder.evidence.verification_report import Findings, Level
from tests.fuzz import made, world
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken

WORDS = world.WORDS
MOST_BYTES = 4096
_LOG = world.ledger()
_ROWS = _LOG.splitlines(keepends=True)
_NAMES = (*world.world().sealed, world.world().open)
HEAVY = tuple(b"\0\0" + text for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """As one file and as the store has it, raw, edited, and signed again."""
    return [b"\0\0" + b"".join(_ROWS[:2]), *(bytes([how, stored]) + more for how in (1, 2)
            for stored in range(2) for more in (b"", bytes(9), bytes(range(20))))]  # fmt: skip


def check(data: bytes) -> None:
    """Every change without the key is found, but for lines cut off at the end."""
    choices = Choices(data)
    how, stored = choices.number(3), choices.number(2) == 1
    if how == 2:
        trees: Any = made.trees(_LOG)
        while choices.more:
            trees = edit_tree(trees, choices, WORDS)
        raw = made.sign_log(trees) if isinstance(trees, list) else b""
    else:
        raw = choices.rest() if how == 0 else _LOG
        while choices.more:
            raw = edit_bytes(raw, choices)
    folder = made.place("ledger")
    _lay(folder, raw, stored)
    findings = Findings()
    try:
        known = verification_ledger.read(folder, findings)
    except RecorderError:
        return
    for name in _NAMES:
        quoted = made.trees(world.journal(name))[0]["ledger"]
        verification_ledger.compare(
            known, name, findings, quoted=quoted, journal_lines=9, journal_sha256="0" * 64,
            tagmanifest_sha256="0" * 64, live=False,
        )  # fmt: skip
    list(verification_ledger.absent(known, _NAMES[:1], {}, in_store=False))
    listed = findings.listed()
    msgspec.json.encode(listed)
    prefix = raw == b"".join(_ROWS[: raw.count(b"\n")])
    about_lines = [f for f in listed if f.level is not Level.NOTE and f.code.startswith("line-")]
    if how == 1 and not prefix and not about_lines:
        raise Broken("a changed ledger without a finding")
    if prefix and about_lines:
        raise Broken(f"findings in a ledger that is whole: {about_lines[:2]}")


def _lay(folder: Path, raw: bytes, stored: bool) -> None:
    if not stored:
        (folder / "0001.jsonl").write_bytes(raw)
        return
    for number, row in enumerate(raw.removesuffix(b"\n").split(b"\n") if raw else ()):
        (folder / f"{number:012d}").write_bytes(row + b"\n")
