"""``recorder verify`` of a bag: never ``valid`` when a byte differs, never a crash."""

import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import sheet, story
from recorder.evidence.keys import base64_public
from recorder.evidence.sheet_html import as_html
from recorder.evidence.sheet_text import as_text
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Report, Verdict
from recorder.evidence.verification_table import render
from tests.fuzz import made, world
from tests.fuzz.choices import Choices, edit_bytes, edit_tree
from tests.fuzz.targets import Broken

WORDS = (*world.WORDS, "bagit.txt", "data/", "../", "manifest-sha256.txt", "  ", "Payload-Oxum: ")
MOST_BYTES = 1024
_JOURNAL = "data/journal.jsonl"
_GOOD = (Verdict.VALID, Verdict.INTERRUPTIONS)
_STRANGE = ("x", "data/x", "data/segments/0009.mp4.age", "data/private/99.json.age",
            "data/tails/0001.mp4.age", "data/journal-0002.jsonl",
            "manifest-sha512.txt", "fetch.txt", "data/segments/\n", "数据", "data/sub/x",
            "tagmanifest-sha256.txt.sig.part")  # fmt: skip


def _originals() -> tuple[tuple[str, dict[str, bytes]], ...]:
    spool = world.world()
    return tuple(
        (name, {k.partition("/")[2]: v for k, v in spool.files.items() if k.startswith(name + "/")})
        for name in (*spool.sealed, spool.open)
    )


_BAGS = _originals()
_ROOT = made.place("bags")
_LEDGER = _ROOT / "ledger"
made.write(_LEDGER, "0001.jsonl", world.ledger())
for _name, _files in _BAGS:
    for _file, _data in _files.items():
        made.write(_ROOT / _name, _file, _data)


def seeds() -> Sequence[bytes]:
    """Every kind of change to every bag."""
    whole = itertools.product(range(3), range(4), range(2), range(2))
    return [bytes(each) + more for each in whole for more in (b"", bytes(range(1, 12)))]


def check(data: bytes) -> None:
    """A verdict, or RecorderError; no good verdict where the device did not sign what is there."""
    choices = Choices(data)
    name, originals = _BAGS[choices.number(3)]
    signer = choices.number(4)
    full = choices.number(2) == 1
    folder = _ROOT / name
    files = dict(originals)
    try:
        _change(files, choices, signer)
        for file in files.keys() | originals.keys():
            if files.get(file) != originals.get(file):
                _put(folder, file, files.get(file))
        special = _special(folder, choices) if choices.more else ""
        report = _verify(folder, full)
    finally:
        _restore(folder, originals)
    if report is None:
        return
    differs = special or files != originals
    if (
        report.verdict in _GOOD
        and (signer != 3 or _forged(report))
        and (differs or name == _BAGS[2][0])
    ):
        changed = sorted(
            f for f in files.keys() | originals.keys() if files.get(f) != originals.get(f)
        )
        raise Broken(f"{report.verdict.value}, though these differ: {changed or special}")
    if not differs and name != _BAGS[2][0] and report.verdict not in _GOOD:
        raise Broken(f"{report.verdict.value}, though nothing differs: {report.findings[:3]}")


def _forged(report: Report) -> bool:
    """The device signs what it likes; a good verdict still says who the key belongs to."""
    return report.facts is None or report.facts.key != base64_public(made.SIGNER)


def _change(files: dict[str, bytes], choices: Choices, signer: int) -> None:
    """``signer`` 0: a hand without any key; 1: who mends digests; 2: a thief with a key of his own;
    3: the device itself, gone mad."""
    if signer < 2:
        for _ in range(1 + choices.number(3)):
            _tamper(files, choices)
        if signer == 1:
            _manifests(files, None)
        return
    trees: Any = made.trees(files[_JOURNAL])
    key = made.THIEF if signer == 2 else made.SIGNER
    if signer == 2:
        trees[0]["key"] = base64_public(key)
        quoted = json.loads(trees[0]["ledger"].partition("\t")[0])
        trees[0]["ledger"] = made.sign_line(quoted, key).decode()
    for _ in range(choices.number(8)):
        edited = edit_tree(trees, choices, world.WORDS)
        trees = edited if isinstance(edited, list) else trees
    files[_JOURNAL] = made.sign_log(trees, key)
    if choices.number(8) == 7:
        _tamper(files, choices)
    _manifests(files, key)


def _tamper(files: dict[str, bytes], choices: Choices) -> None:
    file = choices.pick(sorted(files)) if files else "bagit.txt"
    match choices.number(7):
        case 0:
            files.pop(file, None)
        case 1:
            strange = choices.pick(_STRANGE)
            if strange not in files:
                files[strange] = choices.text()
        case 2:
            other = choices.pick(sorted(files))
            files[file], files[other] = files[other], files[file]
        case _:
            if file in files:
                files[file] = edit_bytes(files[file], choices)


def _special(folder: Path, choices: Choices) -> str:
    """What is no regular file."""
    path = folder / choices.pick(("x", "data/x", "data/segments/x", "data/private/x"))
    if path.exists() or path.is_symlink():
        return ""
    match choices.number(4):
        case 0:
            path.symlink_to("bagit.txt")
        case 1:
            path.symlink_to(path)
        case 2:
            os.mkfifo(path)
        case _:
            path.mkdir()
    return path.name


def _manifests(files: dict[str, bytes], signer: Any) -> None:
    """Put the digests right again, and sign them if there is something to sign with."""
    if "manifest-sha256.txt" not in files:
        return
    payload = sorted(name for name in files if name.startswith("data/"))
    listing = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in payload)
    files["manifest-sha256.txt"] = listing.encode()
    tags = sorted(n for n in files if not n.startswith("data/") and not n.startswith("tagmanifest"))
    listing = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in tags)
    files["tagmanifest-sha256.txt"] = listing.encode()
    if signer is not None:
        files["tagmanifest-sha256.txt.sig"] = signer.sign(listing.encode())


def _put(folder: Path, file: str, data: bytes | None) -> None:
    path = folder / file
    if data is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _restore(folder: Path, originals: dict[str, bytes]) -> None:
    """As it was: foreign things away, changed files written again."""
    known = {folder / file for file in originals}
    folders = {parent for path in known for parent in path.parents} | {folder / "data" / "tails"}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if path not in folders:
                shutil.rmtree(path)
        elif path not in known:
            path.unlink()
    for file, data in originals.items():
        path = folder / file
        if not path.is_file() or path.read_bytes() != data:
            path.write_bytes(data)


def _verify(folder: Path, full: bool) -> Report | None:
    identities = [world.world().identity] if full else []
    try:
        report = verify_recording(
            folder, key=made.SIGNER.public, identities=identities, ledger=_LEDGER if full else None
        )
    except RecorderError:
        return None
    msgspec.json.encode(report)
    render(report, "en")
    render(report, "zh")
    try:
        told = story.read(folder, identities)
    except RecorderError:
        return report
    made_sheet = sheet.make(told, report)
    as_html(made_sheet)
    as_text(made_sheet)
    return report
