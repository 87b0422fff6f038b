"""The device's ledger: is it whole, and what does it say of a recording?

Takes the device's own folder (0001.jsonl …) or the store's (a file a line, named by its number).
Keeps a few words a recording, whatever the ledger's length; decides nothing about trust.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import chain, ledger_private, lines
from recorder.evidence.due import LedgerDue, Owed
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_keys import Key, Keys
from recorder.evidence.verification_leftovers import leftovers
from recorder.evidence.verification_lines import canonical, signature
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.wall_time import Instant, WallTime

_STORED = re.compile(r"[0-9]{12}(\.[a-z]+)?")


class Known(msgspec.Struct):
    """What the ledger says of one recording."""

    n: int
    line: bytes
    body: lines.Opened
    key: bytes | None
    seal: lines.Sealed | None = None
    seal_key: bytes | None = None
    freed: bool = False
    unbegun: bool = False


class Ledger(msgspec.Struct):
    """The whole ledger, condensed."""

    folder: Path
    recordings: dict[str, Known]
    keys: Keys
    quarantined: dict[str, str]
    wall: WallTime
    stored: bool = False
    """A file a line, as a store has it."""
    lines: int = 0
    owed: tuple[Owed, ...] = ()

    def when(self, used: Key) -> Instant:
        """True time of a key's first use, as far as the ledger tells it."""
        return self.wall.at(used.boot_id, used.boot_ns)


def files(folder: Path) -> list[Path]:
    """A ledger's files in order. RecorderError where there is none."""
    if not folder.is_dir():
        raise RecorderError(
            "no-ledger",
            "no such folder",
            where=str(folder),
            remedy="Give the device's ledger folder, or the store's",
        )
    for place in (folder, folder / "ledger"):
        found = sorted(
            p for p in (place.iterdir() if place.is_dir() else ()) if _STORED.fullmatch(p.name)
        )
        found = found or chain.files(place, "")
        if found:
            return found
    raise RecorderError(
        "no-ledger",
        "no ledger in it",
        where=str(folder),
        remedy="Give the folder with 0001.jsonl, or the store's ledger folder",
    )


def read(folder: Path, findings: Findings) -> Ledger:
    """Walk the ledger; defects become findings. RecorderError where none can be read."""
    try:
        return _read(files(folder), findings)
    except OSError as error:
        raise RecorderError(
            "no-ledger",
            f"cannot read it: {error.strerror}",
            where=str(folder),
            remedy="Check the medium and the folder's permissions",
        ) from error


def _read(paths: Sequence[Path], findings: Findings) -> Ledger:
    ledger = Ledger(paths[0].parent, {}, Keys(), {}, WallTime())
    due = LedgerDue()
    stored = ledger.stored = bool(_STORED.fullmatch(paths[0].name))
    for defect in () if stored else leftovers(paths):
        findings.add(
            Level.TAMPERED,
            defect.code,
            defect.text,
            file=f"ledger/{defect.file}",
            line=defect.number,
        )
    for path in paths if stored else ():
        if not _one_line(path):
            findings.add(
                Level.TAMPERED,
                "line-foreign",
                "not one line, of the number that its name says",
                file=f"ledger/{path.name}",
            )
    for item in chain.read(paths, lines.Ledger, None):
        file = f"ledger/{item.file}"
        if isinstance(item, chain.Defect):
            torn = item.code == "line-torn"
            at_end = item.file == paths[-1].name
            level = Level.TAMPERED if not torn else Level.INCOMPLETE if at_end else Level.NOTE
            findings.add(level, item.code, item.text, file=file, line=item.number)
            continue
        body = item.body
        ledger.wall.feed(item.header)
        for level, code, problem in ledger.keys.feed(item):
            findings.add(level, code, problem, file=file, line=item.number)
        key = ledger.keys.signing
        text, sign = signature(item.raw)
        if key is None or sign is None or not signed(key, sign, text) or not canonical(item.raw):
            findings.add(
                Level.TAMPERED,
                "line-damaged",
                "the signature does not fit",
                file=file,
                line=item.number,
            )
        ledger.lines = item.header.n + 1
        due.feed(item.header, body, item.sha256)
        _take(ledger, item, key, findings, file)
    ledger.owed = due.owed()
    return ledger


def _one_line(path: Path) -> bool:
    rows = [raw for raw, ended in chain.raw_lines(path) if ended]
    size = sum(len(raw) + 1 for raw in rows)
    return (
        len(rows) == 1
        and size == path.stat().st_size
        and chain.number(rows[0]) == int(path.name[:12])
    )


def _take(
    ledger: Ledger, item: chain.Line, key: bytes | None, findings: Findings, file: str
) -> None:
    match item.body:
        case lines.Opened() as body:
            if body.recording in ledger.recordings:
                findings.add(
                    Level.TAMPERED,
                    "opened-twice",
                    f"{body.recording} is opened a second time",
                    file=file,
                    line=item.number,
                )
            ledger.recordings[body.recording] = Known(item.header.n, item.raw, body, key)
        case lines.Sealed() as body:
            known = ledger.recordings.get(body.recording)
            if known is None:
                findings.add(
                    Level.TAMPERED,
                    "never-opened",
                    f"{body.recording} is sealed but was never opened",
                    file=file,
                    line=item.number,
                )
            else:
                known.seal, known.seal_key = body, key
        case lines.Freed() as body:
            if body.recording in ledger.recordings:
                ledger.recordings[body.recording].freed = True
        case lines.Away(private=private) if private is not None:
            try:
                ledger_private.read(ledger.folder, private)
            except FileNotFoundError:
                findings.add(
                    Level.TAMPERED, "missing", "the reason of a time away is not there",
                    file=f"ledger/{private.file}",
                )  # fmt: skip
            except (ValueError, OSError) as error:
                findings.add(
                    Level.TAMPERED, "changed", f"the reason of a time away: {error}",
                    file=f"ledger/{private.file}",
                )  # fmt: skip
        case lines.Unbegun() as body:
            if body.recording in ledger.recordings:
                ledger.recordings[body.recording].unbegun = True
        case lines.Quarantined() as body:
            ledger.quarantined[body.name] = body.why


def compare(
    ledger: Ledger,
    recording: str,
    findings: Findings,
    *,
    quoted: str,
    journal_lines: int,
    journal_sha256: str,
    tagmanifest_sha256: str,
    live: bool,
    alone: bool = False,
) -> None:
    """Hold one recording against the ledger: its open line and, if any, its seal line. ``live``: it
    was sent while it was recorded, so what lacks its seal may be all that arrived; ``alone``: the
    bag's own journal is not there. It travels whole: one that is there must be the sealed one."""
    known = ledger.recordings.get(recording)
    if known is None:
        ahead = chain.number(quoted.encode())
        if ahead is not None and ahead >= ledger.lines:
            findings.add(
                Level.NOTE,
                "ledger-short",
                f"the ledger given ends before this recording (line {ahead})",
            )
        else:
            findings.add(Level.TAMPERED, "not-in-ledger", "the ledger never opened this recording")
        return
    if known.line != quoted.encode():
        findings.add(
            Level.TAMPERED,
            "ledger-quote",
            f"the journal quotes another open line than the ledger has (line {known.n})",
            file="data/journal.jsonl",
            line=1,
        )
    seal = known.seal
    if seal is None:
        if tagmanifest_sha256:
            findings.add(Level.NOTE, "no-seal-line", "the ledger given has no seal line for it yet")
        return
    whole = (seal.journal_lines, seal.journal_sha256) == (journal_lines, journal_sha256)
    if not tagmanifest_sha256 and live and (alone or whole):
        findings.add(
            Level.INCOMPLETE,
            "not-arrived",
            f"the ledger says sealed, with {seal.journal_lines} lines: the seal never came here, "
            "or it was taken away",
        )
        if journal_lines < seal.journal_lines:
            return
    elif not tagmanifest_sha256:
        findings.add(Level.TAMPERED, "seal-removed", "the ledger says sealed, but there is no seal")
    elif seal.tagmanifest_sha256 != tagmanifest_sha256:
        findings.add(Level.TAMPERED, "seal-differs", "the ledger's seal line is for another bag")
    if not whole:
        findings.add(
            Level.TAMPERED,
            "journal-differs",
            f"the ledger's seal line is for another journal, of {seal.journal_lines} lines",
        )


def absent(
    ledger: Ledger, there: Collection[str], set_aside: Mapping[str, str], *, in_store: bool
) -> Iterator[tuple[Level, str, str]]:
    """(level, code, text) of every recording that the ledger opened and nobody has. ``set_aside``:
    what a desk could not end, and why; it excuses nothing that the device had sealed. ``in_store``:
    this is where a recording must be that was freed on the device."""
    last = max((known.n for known in ledger.recordings.values()), default=-1)
    for name, known in ledger.recordings.items():
        if name in there:
            continue
        if name in ledger.quarantined:
            yield Level.INCOMPLETE, "quarantined", f"{name}: {ledger.quarantined[name]}"
        elif name in set_aside and known.seal is None:
            yield Level.INCOMPLETE, "quarantined", f"{name}: {set_aside[name]}"
        elif known.freed and known.seal is not None and not in_store:
            yield Level.NOTE, "freed", f"{name} left the device after two read-backs"
        elif known.unbegun and known.seal is None:
            text = f"{name} was opened, but at the next start nothing of it was on the card"
            yield Level.INCOMPLETE, "unbegun", text
        elif known.seal is None and known.n == last:
            yield (
                Level.INCOMPLETE,
                "not-sealed-yet",
                f"{name} is opened but not here",
            )
        else:
            yield Level.TAMPERED, "recording-missing", f"{name} is in the ledger but not here"
