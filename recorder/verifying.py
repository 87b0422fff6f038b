"""`recorder verify`: what it is asked, and how its answer comes out. Judges nothing itself."""

import argparse
import os
import re
from collections.abc import Sequence
from datetime import date

import msgspec

from recorder import config
from recorder.clock import SystemClock
from recorder.desk_list import vouched_by
from recorder.errors import RecorderError
from recorder.evidence import keys
from recorder.evidence.age import Identity
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_folder import is_one, judge_folder
from recorder.evidence.verification_many import Given
from recorder.evidence.verification_report import FolderReport, Report
from recorder.evidence.verification_storing import Storing
from recorder.evidence.verification_table import in_short, render
from recorder.sync.deadlines import clock_bounds

_BUCKET = re.compile(r"s3:/+(.*)")


def run(options: argparse.Namespace, identities: Sequence[Identity]) -> int:
    """Judge, print, and the exit status. Results of many come as they are there."""
    bucket = _BUCKET.fullmatch(str(options.path))
    if bucket is None and is_one(options.path):
        return _shown(options, _one(options, identities))
    given = _given(options, identities, folder=bucket is None)
    if bucket is not None:
        return _shown(options, _in_bucket(options, bucket[1], given))
    storing = _storing(options)
    given = msgspec.structs.replace(given, also=storing.one)
    report = judge_folder(options.path, given, ledger=options.ledger, device=options.device)
    return _shown(options, storing.around(report))


def _one(options: argparse.Namespace, identities: Sequence[Identity]) -> Report:
    if options.device or options.day:
        raise RecorderError(
            "usage", "one recording has neither devices nor days", where=str(options.path),
            remedy="Give a store with --device and --day",
        )  # fmt: skip
    return _storing(options).one(recording(options, identities))


def recording(options: argparse.Namespace, identities: Sequence[Identity]) -> Report:
    """One recording by whom and what the options name."""
    vouched = vouched_by(options)
    return verify_recording(
        options.path, register=vouched.register, register_signed=vouched.register_signed,
        key=vouched.key, ledger=options.ledger, identities=identities,
        statements=getattr(options, "statements", None),
    )  # fmt: skip


def _in_bucket(options: argparse.Namespace, rest: str, given: Given) -> Report | FolderReport:
    from recorder.evidence.verification_bucket import address, judge_bucket

    settings = config.load(options.config)
    if options.credentials is not None:
        s3 = msgspec.structs.replace(settings.s3, credentials=str(options.credentials))
        settings = msgspec.structs.replace(settings, s3=s3)
    place = address(rest, options.device)
    return judge_bucket(
        place, settings, given, SystemClock(), storing=_storing(options, settings.calendar),
        ledger=options.ledger,
    )  # fmt: skip


def _given(options: argparse.Namespace, identities: Sequence[Identity], *, folder: bool) -> Given:
    """Of a bucket's recordings only those stay in memory that somebody should look at."""
    jobs = len(os.sched_getaffinity(0)) if options.jobs is None else options.jobs
    if jobs < 1:
        raise RecorderError("usage", "nobody to judge", where="--jobs", remedy="Give 1 or more")
    return Given(
        vouched=vouched_by(options), identities=identities, statements=options.statements,
        day=_day(options.day), jobs=jobs, keep_all=folder,
        told=_short if not options.json else None if folder else _line,
    )  # fmt: skip


def _day(text: str) -> str:
    try:
        return f"{date.fromisoformat(text)}" if text else ""
    except ValueError as error:
        raise RecorderError(
            "usage", "not a day", where=f"--day {text}", remedy="Give one such as 2026-11-23"
        ) from error


def _line(report: Report) -> None:
    print(msgspec.json.encode(report).decode(), flush=True)


def _short(report: Report) -> None:
    print(in_short(report), flush=True)


def _storing(
    options: argparse.Namespace, calendar: config.CalendarSettings | None = None
) -> Storing:
    calendar = calendar or config.CalendarSettings()
    if options.calendar is not None:
        calendar = config.load(options.calendar).calendar
    key = None
    if options.receipts is not None:
        key = keys.load_public(options.sync_key or options.receipts.parent / "sync.pem", "sync.pem")
    clock = SystemClock()
    now = clock_bounds(clock.utc_ns(), clock.state())
    return Storing(
        calendar=calendar, receipts=options.receipts, key=key, ledger=options.ledger, now=now,
        register=vouched_by(options).register,
    )  # fmt: skip


def _shown(options: argparse.Namespace, report: Report | FolderReport) -> int:
    print(msgspec.json.encode(report).decode() if options.json else render(report, streamed=True))
    return report.exit_code
