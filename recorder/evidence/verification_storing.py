"""``recorder verify``: was each recording stored in time (Art. 17)? Notes beside the verdict.

A late hand-over changes no byte, so it changes no verdict. What counts as the store's word is a
receipt; without receipts, in a store that is a folder, the time of the signature's file there.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from recorder.clock import iso, parse_iso
from recorder.config import CalendarSettings
from recorder.errors import RecorderError
from recorder.evidence import chain, lines, verification_ledger
from recorder.evidence.places import Place
from recorder.evidence.recording import sha256
from recorder.evidence.register import Register
from recorder.evidence.seal import SIGNATURE, TAGMANIFEST
from recorder.evidence.verification_report import Finding, FolderReport, Level, Report, instead
from recorder.sync import away, deadlines, readers, receipts
from recorder.sync.deadlines import Bounds, Deadline, Lateness
from recorder.sync.stores.marker import MARKER
from recorder.sync.terms import Terms

_CODES = {Lateness.OVERDUE: "overdue", Lateness.POSSIBLY: "possibly-overdue"}
_CHECKED = "stored in time: "
_UNCOUNTED = "receipt"


class Storing(msgspec.Struct, frozen=True, kw_only=True):
    """What to judge by. ``receipts``: sync's folder of receipts, ``key`` sync's raw public key;
    ``now``: bounds of the judge's own clock, for what no receipt names."""

    calendar: CalendarSettings
    receipts: Path | None = None
    key: bytes | None = None
    ledger: Path | None = None
    now: Bounds | None = None
    register: Register | None = None
    terms: dict[tuple[Path, int], Terms] = {}
    """What ledgers say of deadlines, by folder and offset: each is read once, however many
    recordings it is about."""

    def add(self, report: Report | FolderReport) -> Report | FolderReport:
        """The report with what there is to say; the verdict stays."""
        if isinstance(report, Report):
            return self.one(report)
        found = tuple(self.one(each) for each in report.recordings)
        return self.around(msgspec.structs.replace(report, recordings=found))

    def around(self, report: FolderReport) -> FolderReport:
        """What the ledgers tell of times away, and by what it was told when each was stored."""
        ledgers = sorted({Path(each.path).parent / "ledger" for each in report.recordings})
        notes = tuple(
            note for ledger in ledgers for note in times_away(self.ledger or ledger)
        )  # fmt: skip
        each = report.recordings
        wrong = Counter(f.text for one in each for f in one.findings if f.code == _UNCOUNTED)
        sums = (Finding(Level.NOTE, _UNCOUNTED, text) for text in _counted(wrong))
        return msgspec.structs.replace(
            report, findings=(*report.findings, *dict.fromkeys(notes), *sums),
            checked=(*report.checked, *_told(one.checked for one in each)),
            not_checked=(*report.not_checked, *_told(one.not_checked for one in each)),
        )  # fmt: skip

    def one(self, report: Report) -> Report:
        """Of one recording."""
        bag = Path(report.path)
        stored, by = _in_store(bag), "the time of its signature's file"
        report = self._kept_good(report, stored, by)
        report, at, by = self._confirmed(report, stored, by)
        opened = line_0(chain.files(bag / "data", "journal"))
        if opened is None or at is None:
            why = f"{_CHECKED}no receipt, and no store that is a folder"
            return msgspec.structs.replace(report, not_checked=(*report.not_checked, why))
        terms = self._terms(self.ledger or bag.parent / "ledger", opened.utc_offset_min)
        end = terms.end(bag)
        return _held_against(report, terms.due(end) if end is not None else None, at, by)

    def in_bucket(
        self, report: Report, ledger: Path | None, offset_min: int, stored_ns: int
    ) -> Report:
        """Of one in a bucket, which has the time at which the signature came. Without a ledger
        nobody knows of times away."""
        end = report.facts.end.bounds_ns() if report.facts else None
        at: Bounds | None = Bounds(stored_ns, stored_ns)
        by = "the time of its signature's object"
        report = self._kept_good(report, at, by)
        report, at, by = self._confirmed(report, at, by)
        if ledger is None or end is None or at is None:
            why = _CHECKED + ("no ledger given" if ledger is None else "no clock tells")
            return msgspec.structs.replace(report, not_checked=(*report.not_checked, why))
        terms = self._terms(ledger, offset_min)
        return _held_against(report, terms.due(Bounds(*end)), at, by)

    def _terms(self, ledger: Path, offset_min: int) -> Terms:
        key = ledger, offset_min
        if key not in self.terms:
            self.terms[key] = Terms(_ledger(ledger), self.calendar, offset_min)
        return self.terms[key]

    def _confirmed(
        self, report: Report, stored: Bounds | None, by: str
    ) -> tuple[Report, Bounds | None, str]:
        """When a store confirmed it, and by what: its receipt, else what the store itself tells.
        (now, "") where the receipts do not name it. A receipt that counts for nothing is noted."""
        if self.receipts is None or self.key is None:
            return report, stored, by
        known = readers.of_sync(self.key, self.receipts.parent, self.register)
        if found := receipts.vouched(self.receipts, report.recording, known):
            read_ns = parse_iso(found[0].body.read)
            wrong = readers.misnamed(found[0].body.device, known)
            stored, by = Bounds(read_ns, read_ns), "its receipt"
        elif not (wrong := receipts.uncounted(self.receipts, report.recording, known)):
            stored, by = self.now, ""
        if wrong:
            note = Finding(Level.NOTE, _UNCOUNTED, f"its receipt: {wrong}")
            report = msgspec.structs.replace(report, findings=(*report.findings, note))
        return report, stored, by

    def _kept_good(self, report: Report, at: Bounds | None, by: str) -> Report:
        """What a store had before the key was revoked stays good. The store's own time counts, or a
        dock's receipt: whoever has the device has its sync's key as well."""
        if self.register is None or report.facts is None or report.facts.desk:
            return report
        entry = self.register.find("device", report.facts.key)
        if entry is None or entry.revoked is None:
            return report
        times = list(self._standing(report))
        if at is not None and at.latest_ns is not None:
            times.append((at.latest_ns, by))
        for time_ns, what in times:
            if time_ns < parse_iso(entry.revoked):
                text = f"the store had it on {iso(time_ns)} by {what}, before the key was revoked"
                wrong = [f for f in report.findings if f.code == "revoked"]
                return instead(report, wrong, Finding(Level.NOTE, "stored-before", text))
        return report

    def _standing(self, report: Report) -> Iterator[tuple[int, str]]:
        """When docks said so that the register knows and did not revoke, of this very bag."""
        if self.receipts is None or self.register is None:
            return
        try:
            tags = sha256((Path(report.path) / TAGMANIFEST).read_bytes())
        except OSError:
            return  # a bucket's, or one that is not sealed
        docks = readers.docks(self.register)
        for receipt in receipts.alone(self.receipts, report.recording, docks):
            if receipt.tagmanifest_sha256 == tags:
                yield parse_iso(receipt.read), "a dock's receipt"


def _told(scopes: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """By what it was told when they were stored, or why it was not."""
    return _counted(Counter(text for each in scopes for text in each if text.startswith(_CHECKED)))


def _counted(texts: Counter[str]) -> Iterator[str]:
    return (f"{text} ({count} recordings)" for text, count in texts.items())


def _in_store(bag: Path) -> Bounds | None:
    """When its signature came into a store that is a folder; None where it lies in none."""
    if not any((place / MARKER).is_file() for place in list(bag.resolve().parents)[:2]):
        return None
    try:
        mtime_ns = (bag / SIGNATURE).stat().st_mtime_ns
    except OSError:
        return None
    return Bounds(mtime_ns, mtime_ns)


def _held_against(report: Report, deadline: Deadline | None, at: Bounds, by: str) -> Report:
    notes: tuple[Finding, ...] = ()
    if deadline is not None:
        lateness = deadlines.judge(deadline, at)
        if lateness in _CODES:
            stored = iso(at.earliest_ns) if by else "not yet"
            until = f"due by {deadline.day}"
            if deadline.provisional:
                until += " (provisional)"
            notes = (Finding(Level.NOTE, _CODES[lateness], f"stored: {stored}; {until}"),)
    return msgspec.structs.replace(
        report,
        findings=(*report.findings, *notes),
        checked=(*report.checked, f"{_CHECKED}by {by or 'its absence among the receipts'}"),
    )


def _ledger(folder: Path) -> list[Path]:
    try:
        return verification_ledger.files(folder)
    except RecorderError:
        return []


def line_0(journal: Sequence[Place]) -> lines.Open | None:
    """What opens a recording, believed; None where it cannot be read."""
    for path in journal[:1]:
        for raw, _ in chain.raw_lines(path):
            try:
                _, body = chain.decode(raw, lines.Journal, None)
            except ValueError:
                return None
            return body if isinstance(body, lines.Open) else None
    return None


def times_away(folder: Path) -> Iterator[Finding]:
    """Declared afterwards, or a return that nobody declared."""
    for each in away.read(_ledger(folder)).all:
        since = _text(each.since)
        if each.afterwards:
            yield Finding(
                Level.NOTE, "away-afterwards",
                f"away since {since} was declared on {_text(each.declared)}",
                file=f"ledger line {each.line}",
            )  # fmt: skip
        if each.back is not None and not each.back_declared:
            yield Finding(
                Level.NOTE, "away-undeclared-return",
                f"away since {since}: the return on {_text(each.back)} was not declared",
                file=f"ledger line {each.line}",
            )  # fmt: skip


def _text(bounds: Bounds) -> str:
    try:
        return f"{datetime.fromtimestamp(bounds.earliest_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError, OSError):
        return "an unknown time"  # the line's error bound is wider than the calendar
