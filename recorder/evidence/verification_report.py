"""What verification found, and the one verdict that follows. Shapes and arithmetic, no I/O.

A ``Report`` is what the CLI prints as JSON; ``verification_table.py`` prints it for people. It
holds nothing personal: personal data is only looked at for whether it opens, never quoted.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from recorder.evidence.due import Owed
from recorder.evidence.wall_time import Instant
from recorder.spool import shown

_KEEP = 50


class Level(StrEnum):
    """How much a finding weighs. All but NOTE and DEGRADED change the verdict."""

    NOTE = "note"
    DEGRADED = "degraded"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"
    UNTRUSTED = "untrusted"
    TAMPERED = "tampered"


class Verdict(StrEnum):
    """The answer, best first; the first two are exit 0."""

    VALID = "valid"
    INTERRUPTIONS = "valid with interruptions"
    INCOMPLETE = "incomplete"
    UNTRUSTED = "untrusted"
    TAMPERED = "tampered"

    @property
    def exit_code(self) -> int:
        """0: nothing is missing or wrong. 1: something is."""
        return 0 if self in (Verdict.VALID, Verdict.INTERRUPTIONS) else 1

    @property
    def rank(self) -> int:
        """0 is best."""
        return list(Verdict).index(self)


_VERDICT = {
    Level.NOTE: Verdict.VALID,
    Level.DEGRADED: Verdict.VALID,
    Level.INTERRUPTED: Verdict.INTERRUPTIONS,
    Level.INCOMPLETE: Verdict.INCOMPLETE,
    Level.UNTRUSTED: Verdict.UNTRUSTED,
    Level.TAMPERED: Verdict.TAMPERED,
}


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be. ``line`` counts from 1 in ``file``; ``at_ns`` and
    ``utc`` are the instant in the recording that it touches, ``into_s`` the same on its media."""

    level: Level
    code: str
    text: str
    file: str = ""
    line: int | None = None
    at_ns: int | None = None
    utc: str = ""
    into_s: float | None = None


class Stretch(msgspec.Struct, frozen=True):
    """A time that is covered, but not well. ``what``: one word of track and state."""

    from_ns: int
    to_ns: int
    from_s: float
    to_s: float
    from_utc: str
    what: str


class Gap(msgspec.Struct, frozen=True):
    """An interruption (Art. 15). ``cause``: the device's; ``category``: the officer's presses."""

    number: int
    from_ns: int
    to_ns: int | None
    from_s: float | None
    to_s: float | None
    from_utc: str
    cause: str
    detail: str
    category: str | None
    reason_heard: bool
    reason_from_s: float | None
    statement_due: bool


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the recording says of itself, for the head of a report. ``start``, ``press`` and ``end``
    are intervals of true time, ``*_utc`` their middles as text. ``desk``: the key of the desk that
    closed it for a dead device, else ""."""

    device: str
    officer: str
    organisation: str
    act: str
    obligation: str
    software: str
    key: str
    key_kind: str
    start: Instant
    press: Instant
    end: Instant
    start_utc: str
    press_utc: str
    end_utc: str
    start_ns: int | None
    end_ns: int | None
    duration_s: float
    pre_recorded_s: float
    planned: bool | None
    sealed: bool
    continues: str
    desk: str
    journal_lines: int
    segments: int
    fragments: int
    frames: int
    samples: int
    media_bytes: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All of one recording's verification. ``exit_code`` follows from the verdict. ``owed``: what
    has to be explained in writing, with the statements that are there; ``beside``: what is wrong
    with statements. Neither changes the verdict."""

    recording: str
    path: str
    verdict: Verdict
    exit_code: int
    findings: tuple[Finding, ...]
    degraded: tuple[Stretch, ...]
    interruptions: tuple[Gap, ...]
    facts: Facts | None
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    owed: tuple[Owed, ...] = ()
    beside: tuple[Finding, ...] = ()

    @property
    def demo(self) -> bool:
        """Its camera or microphone made things up: whatever the verdict, it is no evidence."""
        return any(finding.code == "demo" for finding in self.findings)


def instead(report: Report, wrong: Sequence[Finding], note: Finding) -> Report:
    """The report with ``note`` in the place of findings that do not hold; nothing where there are
    none of them. Judged anew."""
    if not wrong:
        return report
    findings = Findings()
    for each in report.findings:
        if each not in wrong:
            findings.take(each)
    findings.take(note)
    verdict = findings.verdict
    if verdict is Verdict.VALID and report.interruptions:
        verdict = Verdict.INTERRUPTIONS
    return msgspec.structs.replace(
        report, findings=findings.listed(), verdict=verdict, exit_code=verdict.exit_code
    )


class FolderReport(msgspec.Struct, frozen=True, kw_only=True):
    """A spool's or a store's verification: every recording, and what the ledger misses. ``judged``:
    how many have which verdict; ``recordings``: all of them, or those to look at. ``owed``: acts
    that must be recorded and could not be started, as the ledger has them."""

    path: str
    verdict: Verdict
    exit_code: int
    findings: tuple[Finding, ...]
    recordings: tuple[Report, ...]
    judged: dict[str, int]
    checked: tuple[str, ...]
    not_checked: tuple[str, ...]
    owed: tuple[Owed, ...] = ()


class Findings:
    """Collects findings; keeps the first 50 of a kind and counts the others, so that a file of
    random bytes makes neither memory nor report grow."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._count: Counter[tuple[Level, str]] = Counter()

    def add(
        self,
        level: Level,
        code: str,
        text: str,
        *,
        file: str = "",
        line: int | None = None,
        at_ns: int | None = None,
        utc: str = "",
        into_s: float | None = None,
    ) -> None:
        """Take one finding; a foreign file's name may hold anything, and is shown escaped."""
        self.take(Finding(level, code, shown(text), shown(file), line, at_ns, utc, into_s))

    def take(self, finding: Finding) -> None:
        """Take one that is made already."""
        kind = (finding.level, finding.code)
        self._count[kind] += 1
        if self._count[kind] <= _KEEP:
            self._kept.append(finding)

    @property
    def verdict(self) -> Verdict:
        """The worst that any finding means."""
        return max(
            (_VERDICT[level] for level, _ in self._count),
            key=lambda v: v.rank,
            default=Verdict.VALID,
        )

    def listed(self) -> tuple[Finding, ...]:
        """Worst first; within a level in the order in which they were found."""
        more = [
            Finding(level, code, f"{count - _KEEP} more of the same kind")
            for (level, code), count in self._count.items()
            if count > _KEEP
        ]
        order = list(Level)
        return tuple(sorted(self._kept + more, key=lambda f: -order.index(f.level)))
