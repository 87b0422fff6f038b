"""``recorder statement list``: everything that is owed in writing, and what is there already.

Reads journals and ledgers and believes them: whether they are as they were written is verify's
question.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from recorder import config
from recorder.errors import RecorderError
from recorder.evidence import (
    chain,
    keys,
    lines,
    register as registers,
    statement_check,
    verification_ledger,
)
from recorder.evidence.due import Due, LedgerDue, Owed
from recorder.evidence.instants import Boot, Where, wall_time
from recorder.evidence.verification import is_recording
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.verification_trust import Vouched
from recorder.evidence.verification_yard import bags_in, devices_in
from recorder.evidence.words import word
from recorder.sync.terms import statement
from recorder.sync.working_days import Calendar


class Open(msgspec.Struct, frozen=True):
    """What `list` answers: every statement that is owed, and statements that do not check out."""

    owed: tuple[Owed, ...]
    open: int
    problems: tuple[str, ...]


def of_recording(bag: Path) -> tuple[Owed, ...]:
    """What a recording's journal says is owed. RecorderError where there is no journal."""
    due, boot = Due(), Boot()
    paths = _journal(bag)
    wall = wall_time(paths)
    for item in chain.read(paths, lines.Journal, None):
        if isinstance(item, chain.Defect):
            continue  # verify names it
        header = item.header
        where = Where(item.file, item.number, header.boot_id, header.boot_ns, wall)
        boot.feed(where, item.body)
        due.feed(boot.of(where, item.body), item.body, item.sha256)
    return due.owed()


def of_ledger(folder: Path) -> tuple[Owed, ...]:
    """The same of a ledger, the device's own or the store's. RecorderError where there is none."""
    due = LedgerDue()
    for item in chain.read(verification_ledger.files(folder), lines.Ledger, None):
        if not isinstance(item, chain.Defect):
            due.feed(item.header, item.body, item.sha256)
    return due.owed()


def list_owed(options: argparse.Namespace) -> int:
    """`recorder statement list`: 1 where something is owed that no statement explains yet."""
    findings = Findings()
    vouched = vouched_by(options)
    owed: dict[tuple[str, int | None], Owed] = {}
    for place, found in _owed(options.path, options.ledger):
        extra = () if options.statements is None else (options.statements,)
        shelf = statement_check.Shelf((place, *extra), vouched)
        for about in dict.fromkeys(each.about for each in found):
            mine = [each for each in found if each.about == about]
            for each in statement_check.explain(mine, shelf, about, findings):
                owed[each.about, each.interruption] = each
    problems = tuple(f"{f.file}: {f.text}" for f in findings.listed() if f.level is not Level.NOTE)
    settings = config.CalendarSettings()
    if options.calendar is not None:
        settings = config.load(options.calendar).calendar
    calendar = Calendar(settings)
    owed = {key: _counted(each, calendar, settings) for key, each in owed.items()}
    waiting = sum(not each.archived for each in owed.values())
    answer = Open(tuple(owed.values()), waiting, problems)
    print(msgspec.json.encode(answer).decode() if options.json else "\n".join(_table(answer)))
    return 1 if waiting or problems else 0


def _counted(each: Owed, calendar: Calendar, settings: config.CalendarSettings) -> Owed:
    if not each.due_from:
        return each
    try:
        day, certain = statement(date.fromisoformat(each.due_from), calendar, settings)
    except OverflowError:  # at the end of the calendar, as a damaged line may say
        return each
    return msgspec.structs.replace(each, due=day.isoformat(), provisional=not certain)


def _owed(paths: Sequence[Path], ledger: Path | None) -> Iterator[tuple[Path, tuple[Owed, ...]]]:
    """(folder whose statements count, what is owed) for everything in ``paths``."""
    for path in paths:
        if is_recording(path):
            yield path.resolve().parent, of_recording(path)
            continue
        places = list(devices_in(path, ledger))
        if not places:
            raise RecorderError(
                "no-recordings", "neither recordings nor a ledger in it", where=str(path),
                remedy="Give a recording's folder, a spool, a device's folder, or a store",
            )  # fmt: skip
        for place in places:
            found = [o for bag in bags_in(place) if _has_journal(bag) for o in of_recording(bag)]
            known = next(
                (p for p in (place / "ledger", place.parent / "ledger") if p.is_dir()), None
            )
            if known is not None and ledger is None:
                found += of_ledger(known)
            yield place, tuple(found)
    if ledger is not None:
        yield paths[0].resolve().parent if is_recording(paths[0]) else paths[0], of_ledger(ledger)


def _has_journal(bag: Path) -> bool:
    return bool(chain.files(bag / "data", "journal"))


def _journal(bag: Path) -> list[Path]:
    paths = chain.files(bag / "data", "journal")
    if not paths:
        raise RecorderError(
            "no-bag", "this is no recording", where=str(bag),
            remedy="Give a recording's folder: it has data/journal.jsonl in it",
        )  # fmt: skip
    return paths


def _table(answer: Open) -> Iterator[str]:
    if not answer.owed:
        yield "no statement is owed"
    rows = [
        ("ABOUT", "WHAT", "WHY", "FOUND", "CHOSEN", "FROM", "TO", "DUE", "STATEMENT"),
        *(
            (
                each.about, each.what, ", ".join(each.why),
                word("cause", each.cause, "en") or "-",
                word("category", each.chosen, "en") if each.chosen else "-",
                each.from_utc or "-", each.to_utc or "-",
                (each.due or "-") + (" (provisional)" if each.provisional else ""),
                ", ".join(each.archived) or "none yet",
            )
            for each in answer.owed
        ),
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows if answer.owed else ():
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    for problem in answer.problems:
        yield f"problem  {problem}"
    if answer.owed:
        yield f"{len(answer.owed)} owed, {answer.open} of them not explained yet"


def vouched_by(options: argparse.Namespace) -> Vouched:
    """Whom the options say to trust."""
    register = None
    if options.register is not None:
        township = None
        if options.township is not None:
            township = keys.load_public(options.township, "township.pem")
        register = registers.load(options.register, township)
    key = getattr(options, "key", None)
    return Vouched(
        register, options.township is not None, None if key is None else keys.load_public(key)
    )
