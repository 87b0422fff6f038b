"""``recorder verify`` of a spool or a store: every recording, and what only the ledger has.

A recording that is gone, or that stands in another's place, shows here and only here.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence import verification_ledger, verification_live, verification_note
from recorder.evidence.age import Identity
from recorder.evidence.due import Owed
from recorder.evidence.register import Register
from recorder.evidence.statement_check import STATEMENTS, Shelf, explain, is_statement
from recorder.evidence.verification import (
    DESK_UNCHECKED,
    is_recording,
    verify,
    verify_recording,
)
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_report import Findings, FolderReport, Level, Report
from recorder.evidence.verification_trust import Vouched, trust
from recorder.spool import number_of
from recorder.sync.stores.marker import MARKER

_SHORT = "ledger-short"
_BESIDE = frozenset(
    {"ledger", "quarantine", "days", verification_live.FOLDER, STATEMENTS, "receipts", "recovery"}
)


def verify_path(
    path: Path,
    *,
    register: Register | None = None,
    register_signed: bool = True,
    key: bytes | None = None,
    ledger: Path | None = None,
    identities: Sequence[Identity] | None = None,
    statements: Path | None = None,
) -> Report | FolderReport:
    """``verify_recording`` or ``verify_folder``, whichever ``path`` calls for. RecorderError for a
    statement, which is judged with what it lies beside."""
    if is_statement(path) and number_of(path.resolve().name) is None:
        raise RecorderError(
            "no-bag", "this is a statement, no recording", where=str(path),
            remedy="Give the folder of the device that it is about, or `recorder statement read`",
        )  # fmt: skip
    check = verify_recording if is_recording(path) or not path.is_dir() else verify_folder
    return check(
        path, register=register, register_signed=register_signed, key=key, ledger=ledger,
        identities=identities, statements=statements,
    )  # fmt: skip


def verify_folder(
    folder: Path,
    *,
    register: Register | None = None,
    register_signed: bool = True,
    key: bytes | None = None,
    ledger: Path | None = None,
    identities: Sequence[Identity] | None = None,
    statements: Path | None = None,
) -> FolderReport:
    """Check a spool, a device's folder in a store, or a whole store: every recording, each held
    against the ledger, and every recording that the ledger has and the folder has not.

    Raises RecorderError where there is neither a recording nor a ledger in it.
    """
    vouched = Vouched(register, register_signed, key)
    findings = Findings()
    reports: list[Report] = []
    checked: list[str] = []
    unchecked = vouched.unchecked()
    owed: list[Owed] = []
    devices = list(devices_in(folder, ledger))
    if not devices:
        raise RecorderError(
            "no-recordings",
            "neither recordings nor a ledger in it",
            where=str(folder),
            remedy="Give a recording's folder, a spool, or a store",
        )
    for place in devices:
        known = _ledger_of(place, ledger, findings, vouched)
        if known is None:
            unchecked.append(
                f"ledger: {place.name}: none given, a missing recording would not show"
            )
        else:
            checked.append(
                f"ledger of {place.name}: {known.lines} lines, {len(known.recordings)} recordings"
            )
        shelf = Shelf(
            (place, *(() if statements is None else (statements,))), vouched, identities or ()
        )
        set_aside = verification_note.read(place, findings, vouched, unchecked)
        there = []
        for bag in _bags(place, findings):
            there.append(bag.name)
            own = Findings()
            try:
                reports.append(verify(bag, own, vouched, known, identities or (), shelf))
                for finding in reports[-1].beside:
                    findings.take(finding)
            except RecorderError as error:
                sealed = (
                    known is not None
                    and bag.name in known.recordings
                    and (known.recordings[bag.name].seal is not None)
                )
                level = Level.TAMPERED if sealed or known is None else Level.INCOMPLETE
                findings.add(level, "no-bag", error.problem, file=bag.name)
        behind = [r.recording for r in reports if _SHORT in {f.code for f in r.findings}]
        if known is not None and any(name in there for name in behind):
            findings.add(
                Level.INCOMPLETE,
                _SHORT,
                f"the ledger here ends at line {known.lines - 1}, but {', '.join(behind[:3])} "
                "quote later ones",
            )
        if known is not None:
            in_store = any((folder / MARKER).is_file() for folder in (place, place.parent))
            for level, code, text in verification_ledger.absent(
                known, there, set_aside, in_store=in_store or known.stored
            ):
                findings.add(level, code, text)
            for each in known.owed:
                owed += explain((each,), shelf, each.about, findings)
        if vouched.register is None and shelf.all_about():
            unchecked.append(DESK_UNCHECKED)
        _strangers(Shelf((place,), vouched), there, known, findings)
    verdict = max([findings.verdict, *(r.verdict for r in reports)], key=lambda v: v.rank)
    return FolderReport(
        path=str(folder),
        verdict=verdict,
        exit_code=verdict.exit_code,
        findings=findings.listed(),
        recordings=tuple(reports),
        checked=tuple(checked),
        not_checked=tuple(unchecked),
        owed=tuple(owed),
    )


def _strangers(
    shelf: Shelf, there: Sequence[str], known: Ledger | None, findings: Findings
) -> None:
    """Statements about what nobody knows: neither a recording here nor one in the ledger."""
    about = set(there)
    if known is not None:
        about |= {*known.recordings, *(owed.about for owed in known.owed)}
    for name, paths in sorted(shelf.all_about().items()):
        for path in paths if name not in about else ():
            findings.add(
                Level.INCOMPLETE, "statement-unknown",
                "a statement about a recording that is neither here nor in the ledger",
                file=path.name,
            )  # fmt: skip


def devices_in(folder: Path, ledger: Path | None) -> Iterator[Path]:
    """The folders that hold one device's recordings: itself, or its children in a store."""
    if not folder.is_dir():
        return
    inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if (
        ledger is not None
        or (folder / "ledger").is_dir()
        or any(_may_be_recording(p) for p in inside)
    ):
        yield folder
        return
    for child in inside:
        if (child / "ledger").is_dir() or any(
            _may_be_recording(p) for p in child.iterdir() if p.is_dir()
        ):
            yield child


def _ledger_of(
    place: Path,
    given: Path | None,
    findings: Findings,
    vouched: Vouched,
) -> Ledger | None:
    folder = given
    if folder is None:
        folder = next((p for p in (place / "ledger", place.parent / "ledger") if p.is_dir()), None)
    if folder is None:
        return None
    known = verification_ledger.read(folder, findings)
    for used in known.keys.values():
        trust(
            findings,
            used.public,
            kind=used.kind,
            device=used.device,
            when=known.when(used),
            recording="",
            vouched=vouched,
        )
    return known


def _may_be_recording(path: Path) -> bool:
    """By its name, or by what is in it; a statement's bag is none."""
    return number_of(path.name) is not None or (is_recording(path) and not is_statement(path))


def bags_in(place: Path) -> Iterator[Path]:
    """A device's recordings, by name."""
    return _bags(place, Findings())


def _bags(place: Path, findings: Findings) -> Iterator[Path]:
    sent = {place / name for name in verification_live.recordings(place)}
    for path in sorted({*place.iterdir(), *sent}):
        if path in sent and not os.path.lexists(path):
            yield path
            continue
        if path.name.startswith(".") or (path.name in _BESIDE and not is_recording(path)):
            if path.name == "quarantine" and path.is_dir():
                for each in sorted(path.iterdir()):
                    findings.add(
                        Level.INCOMPLETE,
                        "quarantined",
                        "could not be parsed",
                        file=f"quarantine/{each.name}",
                    )
            continue
        if path.is_symlink() or not path.is_dir():
            findings.add(Level.NOTE, "beside", "no recording", file=path.name)
        elif _may_be_recording(path):
            yield path
        elif is_statement(path):
            continue
        else:
            findings.add(Level.NOTE, "beside", "no recording", file=path.name)
