"""Many recordings: each one judged, held against its device's ledger, and what only the ledger has.

A recording that is gone, or that stands in another's place, shows here and only here. Where they
lie is a yard's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import verification_jobs, verification_ledger
from recorder.evidence.age import Identity
from recorder.evidence.due import Owed
from recorder.evidence.statement_check import Shelf, explain
from recorder.evidence.verification import DESK_UNCHECKED, verify
from recorder.evidence.verification_bag import Inventory
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_report import Findings, FolderReport, Level, Report, Verdict
from recorder.evidence.verification_trust import Vouched, trust
from recorder.evidence.verification_yard import Yard
from recorder.sync.stores import StoreError

_SHORT = "ledger-short"
_UNOPENED = "custodian's key"
_PATIENCE = 5
"""So many recordings in a row that the store does not give, and the rest is not asked for."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge has, and how it goes to work. ``day``: only what began then, "" all.
    ``told`` hears of each report as it comes; ``keep_all`` False: only those that somebody should
    look at stay, so that memory does not grow with a store in which all is well."""

    vouched: Vouched
    identities: Sequence[Identity] = ()
    statements: Path | None = None
    day: str = ""
    jobs: int = 1
    told: Callable[[Report], None] | None = None
    also: Callable[[Report], Report] | None = None
    keep_all: bool = True


class Refused(msgspec.Struct, frozen=True):
    """A recording that could not be judged, and why; ``store``: its store did not give it."""

    recording: str
    code: str
    text: str
    store: bool


class _GivenUp(Exception):
    """The store answers nothing any more."""


def judge_all(where: str, yards: Iterable[Yard], given: Given) -> FolderReport:
    """Every recording of every yard. RecorderError where there is no yard, or none can be seen, or
    nothing to judge on the day."""
    bench = _Bench(given)
    try:
        _all(bench, yards)
    except _GivenUp:
        bench.findings.add(
            Level.INCOMPLETE, "given-up",
            f"the store failed {_PATIENCE} times in a row: what comes after was not looked at",
        )  # fmt: skip
    if not bench.yards:
        raise RecorderError(
            "no-recordings",
            "neither recordings nor a ledger in it",
            where=where,
            remedy="Give a recording's folder, a spool, or a store",
        )
    if given.day and bench.empty:
        raise RecorderError(
            "no-recordings", f"no recording is listed there that began on {given.day}", where=where,
            remedy="Give another day, or leave --day out: against the ledger a recording that is "
            "missing would show",
        )  # fmt: skip
    return bench.report(where)


def _all(bench: "_Bench", yards: Iterable[Yard]) -> None:
    """What a store does not tell of one device holds up no other."""
    try:
        for yard in yards:
            try:
                bench.yard(yard)
            except StoreError as error:
                bench.broken_off(error)
    except StoreError as error:
        if not bench.yards:
            raise
        bench.broken_off(error)


class _Bench:
    """What was found so far."""

    def __init__(self, given: Given) -> None:
        self._given = given
        self._reports: list[Report] = []
        self._judged: Counter[Verdict] = Counter()
        self._checked: list[str] = []
        self._unchecked = given.vouched.unchecked()
        self._unopened: Counter[str] = Counter()
        self._owed: list[Owed] = []
        self._failed = 0
        self.findings = Findings()
        self.yards = 0

    @property
    def empty(self) -> bool:
        """Nothing was judged, and nothing found that would say why."""
        return not self._judged and not self.findings.listed()

    def yard(self, yard: Yard) -> None:
        """One device."""
        self.yards += 1
        given, findings = self._given, self.findings
        known = self._ledger(yard)
        own = yard.statements(findings)
        places = [*own, *(() if given.statements is None else (given.statements,))]
        shelf = Shelf(places, given.vouched, given.identities)
        aside = yard.aside(findings, given.vouched, self._unchecked)

        def look(recording: str) -> Report | Refused:
            def judge(found: Inventory) -> Report:
                return verify(found, Findings(), given.vouched, known, given.identities, shelf)

            try:
                report = yard.look(recording, judge)
            except RecorderError as error:
                return _refused(recording, error)
            return report if given.also is None else given.also(report)

        there: set[str] = set()
        behind: list[str] = []
        names = self._names(yard, there)
        try:
            for report in verification_jobs.each(look, names, given.jobs):
                if isinstance(report, Refused):
                    self._unjudged(report, known)
                else:
                    self._take(report)
                    if any(f.code == _SHORT for f in report.findings):
                        behind.append(report.recording)
        except StoreError as error:
            self.broken_off(error)
            return
        if given.day:
            return
        if known is not None:
            absent = verification_ledger.absent(
                known, there, aside, in_store=yard.in_store or known.stored
            )
            self._against(known, shelf, absent, sorted(behind))
        if given.vouched.register is None and shelf.all_about():
            self._unchecked.append(DESK_UNCHECKED)
        _strangers(Shelf(own, given.vouched), there, known, findings)

    def _names(self, yard: Yard, there: set[str]) -> Iterator[str]:
        day = self._given.day
        for name in yard.of_day(day) if day else yard.recordings(self.findings):
            there.add(name)
            yield name

    def _ledger(self, yard: Yard) -> Ledger | None:
        """Its whole ledger; a day's recordings are judged without."""
        if self._given.day:
            self._unchecked.append(
                f"ledger: {yard.name}: a day alone; without --day a missing recording would show"
            )
            return None
        try:
            known = yard.ledger(self.findings, self._checked)
        except StoreError as error:
            self.broken_off(error)
            known = None
        if known is None:
            self._unchecked.append(
                f"ledger: {yard.name}: none given, a missing recording would not show"
            )
            return None
        self._checked.append(
            f"ledger of {yard.name}: {known.lines} lines, {len(known.recordings)} recordings"
        )
        for used in known.keys.used():
            trust(
                self.findings,
                used.public,
                kind=used.kind,
                device=used.device,
                when=known.when(used),
                recording="",
                vouched=self._given.vouched,
            )
        return known

    def _take(self, report: Report) -> None:
        self._failed = 0
        self._judged[report.verdict] += 1
        self._unopened.update(text for text in report.not_checked if text.startswith(_UNOPENED))
        for finding in report.beside:
            self.findings.take(finding)
        if self._given.told is not None:
            self._given.told(report)
        if self._given.keep_all or report.findings or report.owed:
            self._reports.append(report)

    def _unjudged(self, refused: Refused, known: Ledger | None) -> None:
        opened = None if known is None else known.recordings.get(refused.recording)
        sealed = opened is not None and opened.seal is not None
        excused = refused.store or not (sealed or known is None)
        level = Level.INCOMPLETE if excused else Level.TAMPERED
        self.findings.add(level, refused.code, refused.text, file=refused.recording)
        if refused.store:
            self._fails()

    def _against(
        self, known: Ledger, shelf: Shelf, absent: Iterable[tuple[Level, str, str]],
        behind: Sequence[str],
    ) -> None:  # fmt: skip
        """What the ledger has beyond the recordings that are there."""
        if behind:
            self.findings.add(
                Level.INCOMPLETE,
                _SHORT,
                f"the ledger here ends at line {known.lines - 1}, but {', '.join(behind[:3])} "
                "quote later ones",
            )
        for level, code, text in absent:
            self.findings.add(level, code, text)
        for each in known.owed:
            self._owed += explain((each,), shelf, each.about, self.findings)

    def broken_off(self, error: StoreError) -> None:
        """The store did not tell all: nothing that is not here may be called missing."""
        refused = _refused("", error)
        self.findings.add(Level.INCOMPLETE, refused.code, refused.text)
        self._fails()

    def _fails(self) -> None:
        self._failed += 1
        if self._failed >= _PATIENCE:
            raise _GivenUp

    def report(self, where: str) -> FolderReport:
        """All of it; the worst decides."""
        verdict = max([self.findings.verdict, *self._judged], key=lambda v: v.rank)
        return FolderReport(
            path=where,
            verdict=verdict,
            exit_code=verdict.exit_code,
            findings=self.findings.listed(),
            recordings=tuple(sorted(self._reports, key=lambda r: (r.path, r.recording))),
            judged={v.value: self._judged[v] for v in Verdict if self._judged[v]},
            checked=tuple(self._checked),
            not_checked=(
                *self._unchecked,
                *(f"{text} ({count} recordings)" for text, count in self._unopened.items()),
            ),
            owed=tuple(self._owed),
        )


def _refused(recording: str, error: RecorderError) -> Refused:
    store = isinstance(error, StoreError)
    text = f"{error.problem} ({error.where}). {error.remedy}" if store else error.problem
    return Refused(recording, error.code if store else "no-bag", text, store)


def _strangers(shelf: Shelf, there: set[str], known: Ledger | None, findings: Findings) -> None:
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
