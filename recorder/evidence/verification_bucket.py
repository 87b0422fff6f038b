"""``recorder verify s3://BUCKET[/DEVICE[/RECORDING]]``: the township's store, judged where it lies.

Recordings are streamed. The ledger's lines, statements and what was sent of a journal while it was
written, all small, are fetched into a folder that is gone afterwards, and judged like any folder's.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from recorder import config
from recorder.clock import Clock
from recorder.errors import RecorderError
from recorder.evidence import verification_ledger
from recorder.evidence.statement_check import STATEMENTS, Shelf
from recorder.evidence.verification import is_bag, verify
from recorder.evidence.verification_bag import SIGNATURE, Inventory
from recorder.evidence.verification_fetch import fetch, fetch_ledger
from recorder.evidence.verification_key import Keys
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_live import FOLDER, RECEIPTS, pieces
from recorder.evidence.verification_many import Given, judge_all
from recorder.evidence.verification_report import Findings, FolderReport, Level, Report, Verdict
from recorder.evidence.verification_storing import Storing, line_0, times_away
from recorder.evidence.verification_trust import Vouched
from recorder.evidence.verification_yard import BESIDE, Yard
from recorder.spool import number_of
from recorder.sync import keep
from recorder.sync.stores import Keep, StoreError
from recorder.sync.stores.s3_read import Reader

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}/")
_DEVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class Address(msgspec.Struct, frozen=True):
    """What was asked for; "" below which all is meant."""

    bucket: str
    device: str = ""
    recording: str = ""


def address(text: str, device: str = "") -> Address:
    """Of ``BUCKET[/DEVICE[/RECORDING]]``; ``device`` is another way to say which. RecorderError
    where it names anything else."""
    parts = text.strip("/").split("/")
    if device and len(parts) == 1:
        parts.append(device)
    plain = all(map(_DEVICE.fullmatch, parts))
    if not plain or len(parts) > 3 or (device and parts[1] != device):
        raise RecorderError(
            "usage", "no bucket, device or recording", where=f"s3://{text}",
            remedy="Give s3://BUCKET, s3://BUCKET/DEVICE or s3://BUCKET/DEVICE/RECORDING",
        )  # fmt: skip
    return Address(*parts)


class Readers:
    """One connection for this process, one that a process forked from it opens for itself."""

    def __init__(self, s3: config.S3, bucket: str, clock: Clock) -> None:
        self._pid = os.getpid()
        self._own = Reader(s3, bucket, clock)
        self._forked = Reader(s3, bucket, clock)

    def here(self) -> Reader:
        """This process's own."""
        return self._own if os.getpid() == self._pid else self._forked

    def close(self) -> None:
        """Let go of it."""
        self._own.close()
        self._forked.close()


class BucketYard:
    """A device's prefix. ``folder``: room for what is fetched; ``given``: a ledger from elsewhere;
    ``about``: the one recording whose statements matter, "" all; ``opened``: the judge has a
    custodian's key, and looks into what is encrypted when it has its digest."""

    def __init__(
        self, readers: Readers, device: str, folder: Path, given: Path | None, jobs: int,
        storing: Storing, about: str = "", *, opened: bool = False,
    ) -> None:  # fmt: skip
        self._readers = readers
        self._device = device
        self._room = folder
        self._folder = folder / device
        self._known = given
        self._jobs = jobs
        self._storing = storing
        self._about = about
        self._opened = opened
        self._fetched = False

    @property
    def name(self) -> str:
        """The device's."""
        return self._device

    @property
    def in_store(self) -> bool:
        """A bucket is one."""
        return True

    def recordings(self, findings: Findings) -> Iterator[str]:
        """By name, those too of which nothing came but what was sent while they were recorded;
        what is none is noted."""
        sent = {key.removesuffix("/") for key in self._below(f"{FOLDER}/")}
        for key in self._below(""):
            name = key.removesuffix("/")
            if key.endswith("/") and number_of(name) is not None:
                sent.discard(name)
                yield name
            elif name == "quarantine":
                for each in self._below(key):
                    findings.add(
                        Level.INCOMPLETE, "quarantined", "could not be parsed", file=key + each
                    )
            elif name not in BESIDE:
                findings.add(Level.NOTE, "beside", "no recording", file=name)
        yield from sorted(sent)

    def _below(self, prefix: str) -> Iterator[str]:
        return self._readers.here().below(f"{self._device}/{prefix}")

    def of_day(self, day: str) -> Iterator[str]:
        """By the empty keys below ``days/``."""
        return self._below(f"days/{day}/")

    def ledger(self, findings: Findings, checked: list[str]) -> Ledger | None:
        """The one given, or the lines in the bucket."""
        if self._known is None:
            self._known, told = fetch_ledger(
                self._readers.here, self._readers.here().s3, f"{self._device}/ledger/",
                self._folder / "ledger", findings, self._jobs,
            )  # fmt: skip
            checked += [f"{self._device}: {told}"] if told else []
        if self._known is None:
            return None
        for note in times_away(self._known):
            findings.take(note)
        return verification_ledger.read(self._known, findings)

    def aside(
        self, findings: Findings, vouched: Vouched, unchecked: list[str]
    ) -> Mapping[str, str]:
        """Sync carries no desk's record."""
        return {}

    def statements(self, findings: Findings) -> list[Path]:
        """A folder with those that lie in the bucket."""
        if not self._fetched:
            self._fetched = True
            self._folder.mkdir(exist_ok=True)
            place = f"{STATEMENTS}/"
            lead = f"{self._about}-" if self._about else ""
            fetch(
                self._readers.here, self._device, place, lead, self._folder / STATEMENTS, findings
            )  # a desk puts them, so sync owes them no lock
        return [self._folder]

    def look(self, recording: str, judge: Callable[[Inventory], Report]) -> Report:
        """Streamed; what the store says of versions and locks is added."""
        if number_of(recording) is None:  # a store's word, which becomes a path below
            raise _no_bag(f"{self._readers.here().where}/{self._device}/{recording}")
        reader = self._readers.here()
        place = f"{self._device}/{recording}/"
        keys = Keys(self._readers.here, place, twice=self._opened)
        findings = Findings()
        with tempfile.TemporaryDirectory(dir=self._room) as beside:
            apart = Path(beside) / recording
            live_told = self._beside(apart, keys, findings)
            found = keys.inventory(apart)
            if not is_bag(found) and not pieces(apart):
                raise _no_bag(keys.where)
            report = judge(found)
        locks = reader.s3.lock != "none"
        owed = keep.of_journal(found.journal(), reader.s3) if locks else None
        told = keys.told(owed, findings)
        if keys.failure is not None:
            raise keys.failure  # whatever the judge made of it: it did not see the bytes
        told = "; ".join(filter(None, (told, live_told)))
        report = _with(report, findings, told or "locks: the config asks for none", checked=locks)
        opened, sealed = line_0(found.journal()), keys.heads.get(SIGNATURE)
        if opened is None or sealed is None:
            return report
        return self._storing.in_bucket(report, self._known, opened.utc_offset_min, sealed.mtime_ns)

    def _beside(self, apart: Path, keys: Keys, findings: Findings) -> str:
        """What was sent of a recording's journal and, where its seal is not here, its receipts."""
        s3 = self._readers.here().s3
        place = f"{FOLDER}/{apart.name}/"
        target = apart.parent / FOLDER / apart.name

        def owed() -> Keep | None:
            """From each one's arrival; what an obstruction had held came later than some."""
            opened = line_0(pieces(apart))
            act = None if opened is None else opened.act
            retention = "" if act is None else act.retention
            return None if s3.lock == "none" else keep.of_act(retention, s3, obstructed=False)

        told = fetch(self._readers.here, self._device, place, "", target, findings, owed)
        if SIGNATURE in keys.listed.versions:
            return told
        for day in self._below(f"{RECEIPTS}/"):
            if _DAY.fullmatch(day):
                fetch(
                    self._readers.here, self._device, f"{RECEIPTS}/{day}", f"{apart.name}-",
                    apart.parent / RECEIPTS / day, findings,
                )  # fmt: skip
        return told


def _no_bag(where: str) -> RecorderError:
    return RecorderError(
        "no-bag", "this is no recording", where=where, remedy="Give s3://BUCKET/DEVICE/RECORDING"
    )


def _with(report: Report, more: Findings, told: str, *, checked: bool) -> Report:
    for finding in report.findings:
        more.take(finding)
    verdict = max(report.verdict, more.verdict, key=lambda v: v.rank)
    return msgspec.structs.replace(
        report,
        verdict=verdict,
        exit_code=verdict.exit_code,
        findings=more.listed(),
        checked=(*report.checked, told) if checked else report.checked,
        not_checked=(*report.not_checked, *(() if checked else (told,))),
    )


def judge_bucket(
    place: Address, settings: config.Settings, given: Given, clock: Clock, *,
    storing: Storing, ledger: Path | None = None,
) -> Report | FolderReport:  # fmt: skip
    """Judge what the address names. RecorderError where the bucket is not there, or no store."""
    readers = Readers(settings.s3, place.bucket, clock)
    try:
        readers.here().marker()
        if place.recording:
            return _one(readers, place, given, ledger, storing)
        where = f"{readers.here().where}/{place.device}".rstrip("/")
        report = judge_all(where, _yards(readers, place, given, ledger, storing), given)
        return _locking(report, readers.here())
    finally:
        readers.close()


def _yards(
    readers: Readers, place: Address, given: Given, ledger: Path | None, storing: Storing
) -> Iterator[Yard]:
    """Prefixes that no device could have are none."""
    for key in (f"{place.device}/",) if place.device else readers.here().below(""):
        name = key.removesuffix("/")
        if key != name and _DEVICE.fullmatch(name):
            with tempfile.TemporaryDirectory(prefix="recorder-verify-") as folder:
                yield BucketYard(
                    readers, name, Path(folder), ledger, given.jobs, storing,
                    opened=bool(given.identities),
                )  # fmt: skip


def _locking(report: FolderReport, reader: Reader) -> FolderReport:
    """Whether the bucket itself locks what comes."""
    problem = reader.unlocked()
    if not problem:
        return report
    findings = Findings()
    findings.add(Level.DEGRADED, "bucket-unlocked", problem)
    return msgspec.structs.replace(report, findings=(*report.findings, *findings.listed()))


def _one(
    readers: Readers, place: Address, given: Given, ledger: Path | None, storing: Storing
) -> Report:
    """Nothing else of the store is looked at: neither its ledger nor other recordings."""
    findings = Findings()
    known = None if ledger is None else verification_ledger.read(ledger, findings)
    with tempfile.TemporaryDirectory(prefix="recorder-verify-") as folder:
        yard = BucketYard(
            readers, place.device, Path(folder), ledger, 1, storing, place.recording,
            opened=bool(given.identities),
        )  # fmt: skip
        try:
            more = () if given.statements is None else (given.statements,)
            shelf = Shelf((*yard.statements(findings), *more), given.vouched, given.identities)
            return yard.look(
                place.recording,
                lambda found: verify(
                    found, findings, given.vouched, known, given.identities, shelf
                ),
            )
        except StoreError as error:
            return _not_had(place, error, readers.here().where)


def _not_had(place: Address, error: StoreError, where: str) -> Report:
    findings = Findings()
    text = f"{error.problem} ({error.where}). {error.remedy}"
    findings.add(Level.INCOMPLETE, error.code, text)
    return Report(
        recording=place.recording, path=f"{where}/{place.device}/{place.recording}",
        verdict=Verdict.INCOMPLETE, exit_code=Verdict.INCOMPLETE.exit_code,
        findings=findings.listed(), degraded=(), interruptions=(), facts=None, checked=(),
        not_checked=("anything: the store did not give the recording",),
    )  # fmt: skip
