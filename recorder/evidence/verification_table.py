"""A verification for people: the verdict first, then why, then what was and was not looked at."""

from collections.abc import Iterator

from recorder.clock import NS
from recorder.evidence.due import Owed
from recorder.evidence.verification_report import Finding, FolderReport, Level, Report
from recorder.evidence.wall_time import Instant
from recorder.evidence.words import Language, place, span, word

_SHOWN = 40


def render(
    report: Report | FolderReport, language: Language = "en", *, streamed: bool = False
) -> str:
    """The report as text; no line needs more than the report itself. ``streamed``: the recordings'
    own lines (``in_short``) came before."""
    if isinstance(report, FolderReport):
        return "\n".join(_folder(report, language, streamed=streamed))
    return "\n".join(_recording(report, language))


def in_short(report: Report, language: Language = "en") -> str:
    """A recording's line among many."""
    length = span(report.facts.duration_s, language) if report.facts else "-"
    return f"  {report.recording}  {report.verdict.value:24}  {length}{_demo(report, language)}"


def _demo(report: Report, language: Language) -> str:
    return f"  ({word('finding', 'demo', language)})" if report.demo else ""


def _folder(report: FolderReport, language: Language, *, streamed: bool) -> Iterator[str]:
    yield f"{report.verdict.upper()}  {report.path}"
    for each in () if streamed else report.recordings:
        yield in_short(each, language)
    judged = ", ".join(f"{count} {verdict}" for verdict, count in report.judged.items())
    yield f"  recordings: {judged or 'none'}"
    yield from _findings(report.findings)
    for each in report.recordings:
        if each.exit_code or any(f.level is Level.DEGRADED for f in each.findings):
            yield ""
            yield from _recording(each, language)
        elif each.owed:
            yield f"  {each.recording}"
            yield from _statements(each.owed)
    yield from _statements(report.owed, named=True)
    yield from _scope(report.checked, report.not_checked)


def _recording(report: Report, language: Language) -> Iterator[str]:
    yield f"{report.verdict.upper()}  {report.recording}{_demo(report, language)}"
    facts = report.facts
    if facts is not None:
        for label, value in (
            ("device", f"{facts.device}, worn by {facts.officer}"),
            ("act", facts.act),
            ("from", _time(facts.start)),
            (
                "press",
                f"{_time(facts.press)} ({span(facts.pre_recorded_s, language)} recorded before it)",
            ),
            ("to", _time(facts.end)),
            ("length", span(facts.duration_s, language)),
            (
                "media",
                f"{facts.segments} segments, {facts.fragments} fragments, "
                f"{facts.frames} frames, {facts.media_bytes / 1e6:.1f} MB",
            ),
            ("key", f"{facts.key} ({facts.key_kind})"),
            ("sealed", "yes" if facts.sealed else "no"),
            ("ended by", f"the desk, for a dead device, with {facts.desk}" if facts.desk else ""),
            ("continues", facts.continues),
        ):
            if value:
                yield f"  {label:10}  {value}"
    yield from _findings(report.findings)
    if report.interruptions:
        yield f"  interruptions ({len(report.interruptions)})"
    for gap in report.interruptions:
        lasted = (
            "never resumed" if gap.to_ns is None else span((gap.to_ns - gap.from_ns) / NS, language)
        )
        chosen = word("category", gap.category, language) if gap.category else "no category"
        reason = (
            f"reason heard at {place(gap.reason_from_s)}" if gap.reason_heard else "no reason heard"
        )
        due = ", statement due" if gap.statement_due else ""
        cause = word("cause", gap.cause, language)
        head = f"    {gap.number}  at {place(gap.from_s)}  {lasted}"
        yield f"{head}  {cause}; {chosen}; {reason}{due}"
    yield from _statements(report.owed)
    for finding in report.beside:
        yield f"    statement {finding.file}: {finding.code}: {finding.text}"
    if report.degraded:
        yield f"  degraded ({len(report.degraded)})"
    for stretch in report.degraded[:_SHOWN]:
        what = word("state", stretch.what, language)
        yield f"    {place(stretch.from_s)} - {place(stretch.to_s)}  {what}"
    if len(report.degraded) > _SHOWN:
        yield f"    {len(report.degraded) - _SHOWN} more"
    yield from _scope(report.checked, report.not_checked)


def _statements(owed: tuple[Owed, ...], *, named: bool = False) -> Iterator[str]:
    """What has to be explained in writing, and whether it is (Art. 15)."""
    if owed:
        yield f"  statements owed ({len(owed)})"
    for each in owed:
        there = ", ".join(each.archived) or "none yet"
        what = f"{each.about}, {each.what}" if named else each.what
        yield f"    {what}  {', '.join(each.why)}: {there}"


def _time(at: Instant) -> str:
    """A time with what is known of it, or that it is not known."""
    return f"{at.utc or 'unknown'}  {at.describe()}{', doubtful' if at.doubtful else ''}"


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if findings:
        yield f"  findings ({len(findings)})"
    for each in findings:
        where = each.file + (f":{each.line}" if each.line is not None else "")
        at = f" at {place(each.into_s)}" if each.into_s is not None else ""
        when = f" ({each.utc})" if each.utc else ""
        head = f"{where}{at}{when}"
        yield (
            f"    {each.level.value:11}  {each.code:16}  "
            + (f"{head}: " if head else "")
            + each.text
        )


def _scope(checked: tuple[str, ...], not_checked: tuple[str, ...]) -> Iterator[str]:
    for item in checked:
        yield f"  checked      {item}"
    for item in not_checked:
        yield f"  not checked  {item}"
