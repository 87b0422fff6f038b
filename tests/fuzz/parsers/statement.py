"""Statements: never good when a byte differs, never a crash, even if the desk signs nonsense."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec

from recorder.evidence import statement_check
from recorder.evidence.statement import LINE
from recorder.evidence.verification_trust import Vouched
from tests.fuzz import made
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken
from tests.unit.evidence import test_statement

MOST_BYTES = 1024
_STORE = test_statement.Store(made.place("statement"))
_FOLDER = _STORE.archive()
_FILES = made.tree(_FOLDER)
_VOUCHED = Vouched(_STORE.register())
WORDS = (*json.loads(_FILES[LINE].partition(b"\t")[0]), "bagit.txt", "data/", "../", "  ")
HEAVY = tuple(b"\2" + text for text in made.HEAVY)


def seeds() -> Sequence[bytes]:
    """Edits of files, edits of the line that the desk signs, a line of any bytes."""
    return [b"\0", b"\0" + bytes(range(9)), b"\1", b"\1" + bytes(9), b"\2" + _FILES[LINE]]


def check(data: bytes) -> None:
    """Findings and nothing else; none only where all is as it was signed."""
    choices = Choices(data)
    files = dict(_FILES)
    how = choices.number(3)
    if how == 0:
        while choices.more:
            name = choices.pick(sorted(files))
            files[name] = edit_bytes(files[name], choices)
    elif how == 1:
        tree: Any = json.loads(_FILES[LINE].partition(b"\t")[0])
        while choices.more:
            tree = edit_tree(tree, choices, WORDS)
        files[LINE] = made.sign_line(tree, test_statement.DESK) + b"\n"
    else:
        files[LINE] = choices.rest()
    try:
        for name in files:
            made.write(_FOLDER, name, files[name])
        checked = statement_check.check(_FOLDER, _VOUCHED, test_statement.CUSTODIANS)
        shelf = statement_check.Shelf([_STORE.place], _VOUCHED, test_statement.CUSTODIANS)
        list(shelf.about(_STORE.bag.name))
    finally:
        for name in files:
            made.write(_FOLDER, name, _FILES[name])
    msgspec.json.encode(checked.findings)
    if checked.good != (files == _FILES):
        changed = [name for name in files if files[name] != _FILES[name]]
        raise Broken(f"good: {checked.good}, though these differ: {changed}")
