"""Small evidence out of a bucket into a folder: the ledger's lines, statements, what was sent while
it was recorded. Judges only what would not show there."""

import errno
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from recorder import config
from recorder.evidence import chain, verification_jobs
from recorder.evidence.verification_key import Keys
from recorder.evidence.verification_report import Findings, Level
from recorder.sync.stores import Keep, Sort, SourceError, StoreError, check_key
from recorder.sync.stores.s3_answers import Head
from recorder.sync.stores.s3_read import Reader

_BATCH = 200
_MOST_BYTES = 4 * 1024 * 1024
_LINE = re.compile(r"[0-9]{12}")
_NO_FILE = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


class _Fetched(msgspec.Struct):
    """A batch of lines and what the store says of them; ``failed``: a StoreError's words, which
    cannot come out of another process itself."""

    number: int
    lines: list[tuple[str, bytes]]
    heads: dict[str, Head]
    failed: tuple[Sort, str, str, str, str] | None = None


def fetch_ledger(
    reader: Callable[[], Reader], s3: config.S3, prefix: str, folder: Path, findings: Findings,
    jobs: int,
) -> tuple[Path | None, str]:  # fmt: skip
    """Lines as one file of a ledger, private parts beside it (None where there are no lines), and
    what was asked of their locks. StoreError where the store does not give them."""
    keys = Keys(reader, prefix)
    names = sorted(name for name in keys.listed.versions if _LINE.fullmatch(name))
    if not names:
        return None, ""
    folder.mkdir(parents=True)
    batches = [(n, names[at : at + _BATCH]) for n, at in enumerate(range(0, len(names), _BATCH))]
    with (folder / "0001.jsonl").open("wb") as file:
        for batch in _in_turn(verification_jobs.each(lambda b: _fetch(keys, *b), batches, jobs)):
            keys.learn(batch.heads)
            for name, data in batch.lines:
                if data.find(b"\n") != len(data) - 1 or chain.number(data) != int(name):
                    findings.add(
                        Level.TAMPERED, "line-foreign",
                        "not one line, of the number that its name says", file=f"ledger/{name}",
                    )  # fmt: skip
                    continue
                file.write(data)
    own = Findings()
    for name in sorted(keys.listed.versions):
        if name.startswith("private/"):
            _copy(keys, name, folder / name, own)
    owed = None if s3.lock == "none" else Keep(s3.ledger_years)
    told = keys.told(owed, own, "objects of the ledger")
    _below("ledger/", own, findings)
    return folder, told


def _below(place: str, own: Findings, findings: Findings) -> None:
    for finding in own.listed():
        file = f"{place}{finding.file}".rstrip("/")
        findings.take(msgspec.structs.replace(finding, file=file))


def _fetch(keys: Keys, number: int, names: Sequence[str]) -> _Fetched:
    batch = _Fetched(number, [], {})
    try:
        batch.lines = [(name, _small(keys, name)) for name in names]
    except StoreError as error:
        batch.failed = (error.sort, error.code, error.problem, error.where, error.remedy)
    batch.heads = {name: keys.heads[name] for name in names if name in keys.heads}
    return batch


def _in_turn(batches: Iterator[_Fetched]) -> Iterator[_Fetched]:
    """In their order; StoreError where one failed."""
    early: dict[int, _Fetched] = {}
    following = 0
    for batch in batches:
        if batch.failed is not None:
            sort, code, problem, where, remedy = batch.failed
            raise StoreError(sort, code, problem, where=where, remedy=remedy)
        early[batch.number] = batch
        while following in early:
            yield early.pop(following)
            following += 1


def fetch(
    reader: Callable[[], Reader], device: str, place: str, lead: str, folder: Path,
    findings: Findings, owed: Callable[[], Keep | None] = lambda: None,
) -> str:  # fmt: skip
    """Small files below a device's ``place`` whose names begin with ``lead``, and what was asked of
    their locks. ``owed``: how long they must be locked, asked when they are there. StoreError as
    above."""
    keys = Keys(reader, f"{device}/{place}{lead}")
    own = Findings()
    for name in sorted(keys.listed.versions):
        _copy(keys, name, folder / (lead + name), own)
    told = keys.told(owed() if keys.listed.versions else None, own, f"objects of {place}")
    _below(place + lead, own, findings)
    return told


def _copy(keys: Keys, name: str, target: Path, findings: Findings) -> None:
    """What is too large, or has a name that no program of ours gives, is left out: then the judge
    finds it missing. What cannot be a file beside the others is told as well."""
    try:
        check_key(name)
    except SourceError:
        return
    data = _small(keys, name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        findings.add(
            Level.INCOMPLETE, "name-left-out",
            f"cannot be a file beside the others, so it was not looked at: {error.strerror}. "
            "Nothing of ours gives such names: find out who put it there", file=name,
        )  # fmt: skip


def _small(keys: Keys, name: str) -> bytes:
    version = keys.listed.versions[name][0]
    return b"" if version.size_bytes > _MOST_BYTES else b"".join(keys.pieces(name, version))
