"""Journal and ledger lines: one signature each, one chain, bodies that are what was signed."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.evidence import chain, ledger, lines, recovery
from recorder.evidence.recording import JOURNAL
from recorder.evidence.verification_leftovers import leftovers
from recorder.evidence.verification_lines import declared_key
from recorder.sync import durable
from tests.fuzz import made, world
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.parsers.config import within
from tests.fuzz.targets import Broken, same

WORDS = world.WORDS
MOST_BYTES = 8192
_LOGS = (
    (world.journal(world.world().sealed[1]), lines.Journal),
    (world.ledger(), lines.Ledger),
)
_SIGNED = tuple(frozenset(log.splitlines()) for log, _ in _LOGS)
HEAVY = tuple(b"\0\0" + text for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """Raw lines, edits without the key, edits that are signed again, files that go on in others."""
    raw = [b"\0" + bytes([which]) + b"\n".join(log.splitlines()[:3]) + b"\n"
           for which, (log, _) in enumerate(_LOGS)]  # fmt: skip
    return [
        *raw,
        b"\1\0",
        b"\1\1",
        b"\2\0",
        b"\2\1",
        b"\2\0" + bytes(20),
        b"\3\0",
        b"\3\1" + bytes(9),
    ]


def check(data: bytes) -> None:
    """Lines and Defects; a line that comes out was signed, and says what was signed."""
    choices = Choices(data)
    how, which = choices.number(4), choices.number(2)
    log, bodies = _LOGS[which]
    if how == 2:
        trees: Any = made.trees(log)
        chained = choices.number(4) > 0
        while choices.more:
            trees = edit_tree(trees, choices, WORDS)
        if not isinstance(trees, list):
            return
        raws = [made.sign_log(trees, chained=chained)]
    elif how == 3:
        raws = _split(log, choices)
    else:
        raws = [choices.rest() if how == 0 else log]
        while choices.more:
            raws = [edit_bytes(raws[0], choices)]
    folder = made.place("log")
    (folder / "data").mkdir()
    stem = "" if which else JOURNAL
    for number, raw in enumerate(raws, 1):
        name = chain.file_name(stem, number, plain_first=not which)
        (folder / "data" / name).write_bytes(raw)
    paths = chain.files(folder / "data", stem)
    found = list(chain.read(paths, bodies, made.SIGNER.public))
    for item in found:
        if isinstance(item, chain.Line):
            _says(item)
            if how in (1, 3) and item.raw not in _SIGNED[which]:
                raise Broken("a line that nobody signed")
    if how == 3:
        _whole(log, found)
    list(leftovers(paths))
    declared_key(paths)
    list(chain.read(paths, bodies, None))
    if which:
        list(ledger.entries(folder / "data"))
        list(durable.read(chain.files(folder / "data", ""), 0))
    else:
        recovery.walk(folder)
        recovery.is_sealed(folder)


def _says(line: chain.Line) -> None:
    """What was parsed is what stands there: no field was added, dropped or changed on the way."""
    text = json.loads(line.raw.partition(b"\t")[0])
    again = msgspec.to_builtins(line.header) | msgspec.to_builtins(line.body)
    for key, value in text.items():
        within(json.loads(json.dumps(again[key], default=str)), value, key)


def _split(log: bytes, choices: Choices) -> list[bytes]:
    """As failed syncs leave it: each file repeats lines that the one before has, perhaps torn."""
    rows = log.splitlines(keepends=True)
    out, at = [], 0
    for _ in range(1 + choices.number(3)):
        to = at + choices.number(len(rows) - at + 1)
        beyond = min(len(rows), to + choices.number(4))
        torn = rows[beyond][: choices.number(200)] if beyond < len(rows) else b""
        out.append(b"".join(rows[at:beyond]) + torn)
        at = to
    out.append(b"".join(rows[at:]))
    return out


def _whole(log: bytes, found: Sequence[chain.Line | chain.Defect]) -> None:
    """Whatever files it is spread over: every line once, in order, and nothing but torn ends."""
    same([i.raw for i in found if isinstance(i, chain.Line)], log.splitlines(), "lines")
    codes = {i.code for i in found if isinstance(i, chain.Defect)} - {"line-torn"}
    if codes:
        raise Broken(f"{codes} in a log that is whole")
