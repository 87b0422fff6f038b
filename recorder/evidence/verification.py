"""``recorder verify`` of one recording, and its verdict.

Reads only, in pieces, and needs no private key; what was not given (ledger, custodian's key) is
listed as not checked and changes nothing. Each kind of question has a module beside this one.
"""

from collections.abc import Sequence
from pathlib import Path

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import chain, lines, verification_ledger, verification_live
from recorder.evidence.age import Identity
from recorder.evidence.instants import instant, wall_time
from recorder.evidence.picture import Picture
from recorder.evidence.places import Place
from recorder.evidence.register import Register
from recorder.evidence.statement_check import Shelf, explain
from recorder.evidence.verification_bag import (
    SIGNATURE,
    TAGMANIFEST,
    Bag,
    Digests,
    Inventory,
    inventory,
)
from recorder.evidence.verification_handover import cut_lines, tails, unnamed
from recorder.evidence.verification_journal import Journal
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_lines import declared_key, raw_key
from recorder.evidence.verification_report import (
    Facts,
    Findings,
    Level,
    Report,
    Verdict,
)
from recorder.evidence.verification_trust import Vouched, trust, trust_desk
from recorder.evidence.wall_time import Instant, WallTime

DESK_UNCHECKED = "statements: the desk's key (give --register)"
_MARKS = ("bagit.txt", "data/journal.jsonl", "manifest-sha256.txt", TAGMANIFEST, SIGNATURE)


def verify_recording(
    bag: Path,
    *,
    register: Register | None = None,
    register_signed: bool = True,
    key: bytes | None = None,
    ledger: Path | None = None,
    identities: Sequence[Identity] | None = None,
    statements: Path | None = None,
) -> Report:
    """Check one recording's folder against everything that is signed for (promises 1, 3, 5).

    ``register`` or ``key`` (raw Ed25519) say whom to trust, ``register_signed`` that the
    township's signature of the register was checked; ``ledger`` is a folder of ledger files,
    ``identities`` a custodian's age keys, ``statements`` a folder of statements that are not
    beside it. Raises RecorderError where ``bag`` is no bag.
    """
    known = None
    findings = Findings()
    if ledger is not None:
        known = verification_ledger.read(ledger, findings)
    judge = Vouched(register, register_signed, key)
    places = (bag.resolve().parent, *(() if statements is None else (statements,)))
    shelf = Shelf(places, judge, identities or ())
    return verify(bag_at(bag), findings, judge, known, identities or (), shelf)


def is_bag(found: Inventory) -> bool:
    """It has what only a recording has."""
    return any(name in found.files for name in _MARKS) or "data/segments" in found.folders


def is_recording(path: Path) -> bool:
    """``path`` looks like one recording's folder rather than a spool or a store; what a damaged
    card does not show looks like nothing."""
    try:
        inside = any((path / name).is_file() for name in _MARKS)
        inside = inside or (path / "data" / "segments").is_dir()
    except OSError:
        return False
    return inside or bool(verification_live.pieces(path))


def verify(
    found: Inventory,
    findings: Findings,
    vouched: Vouched,
    ledger: Ledger | None,
    identities: Sequence[Identity],
    shelf: Shelf,
) -> Report:
    """The same of a bag wherever it lies, with the ledger already read; ``findings`` may hold the
    ledger's own."""
    sent = verification_live.pieces(found.apart)
    digests = Digests(found.root)
    sealed = found.files.get(SIGNATURE, 0) > 0
    alone = bool(sent) and not sealed and "data/journal.jsonl" not in found.files
    receipt = "" if sealed else verification_live.receipt(found.apart)
    picture = Picture(found.root, identities, findings) if identities else None
    own = found.journal()
    paths: Sequence[Place] = sent if alone else own
    wall = _wall_time(paths, ledger, findings)
    journal = Journal(found, digests, findings, identities, picture.feed if picture else None, wall)
    public = _declared(paths)
    if not alone and "data/journal.jsonl" not in found.files:
        findings.add(
            Level.TAMPERED, "missing", "the journal is not there", file="data/journal.jsonl"
        )
    elif public is None:
        findings.add(
            Level.TAMPERED, "no-device-key", "line 0 names no key that could have signed",
            file="data/journal.jsonl", line=1,
        )  # fmt: skip
    try:
        journal.walk(
            paths, public, sealed=sealed,
            folder=verification_live.FOLDER if alone else "data",
            late_n=verification_live.first_of(sent[-1]) if alone and not receipt else None,
        )  # fmt: skip
        verification_live.check(found.apart, findings)
        if not alone:
            handover_n = journal.handover_n if journal.handover else None
            verification_live.compare(sent, paths, findings, handover_n)
    except OSError as error:
        findings.add(
            Level.TAMPERED,
            "unreadable",
            f"the journal cannot be read: {error.strerror}",
            file="data/journal.jsonl",
        )
    folder = Bag(found, findings, digests)
    named = [*journal.privates, *journal.segments.files, *(f"data/{p.name}" for p in own)]
    if sealed:
        folder.seal(raw_key(journal.handover[1].key) if journal.handover else public)
    else:
        folder.seal(None)
        folder.unsealed(named)
    if receipt:
        findings.add(
            Level.TAMPERED, "seal-removed",
            "the store has a receipt for the whole recording, but there is no seal", file=receipt,
        )  # fmt: skip
    for name in unnamed(found, named) if journal.handover else ():
        findings.add(Level.TAMPERED, "foreign", "no line of the journal names it", file=name)
    _identity(findings, journal, found.name, public)
    checked = [
        "files, manifests, chain, signatures, coverage"
        if sealed
        else "files, chain, signatures, coverage"
    ]
    unchecked = []
    opened = journal.open
    if opened is not None and public is not None:
        first = journal.first
        when = Instant() if first is None else instant(first, first.boot_ns)
        checked += trust(
            findings,
            public,
            kind=opened.key_kind,
            device=opened.device,
            when=when,
            recording=opened.recording,
            vouched=vouched,
        )
        _handover(findings, journal, found, public, vouched)
    unchecked += vouched.unchecked()
    if ledger is None:
        unchecked.append("ledger: none given")
    elif opened is not None:
        checked.append(f"ledger: {ledger.lines} lines")
        verification_ledger.compare(
            ledger,
            opened.recording,
            findings,
            quoted=opened.ledger,
            journal_lines=journal.lines,
            journal_sha256=journal.last_sha256,
            tagmanifest_sha256=folder.tagmanifest_sha256,
            live=bool(sent) and not receipt,
            alone=alone,
        )
        _seal_line(findings, ledger, opened.recording, public, vouched)
        sealed_at = ledger.recordings.get(opened.recording)
        if journal.handover is not None and sealed_at is not None and sealed_at.seal is not None:
            findings.add(
                Level.NOTE,
                "two-bags",
                "the device sealed this recording itself: its own bag is the one to go by",
            )
    if picture is None:
        unchecked.append("custodian's key: none given, the encrypted contents were not opened")
    elif picture.foreign_identity or journal.foreign_identity:
        unchecked.append("custodian's key: the one given is not one of this recording's custodians")
    else:
        checked.append(
            f"encrypted contents: {picture.fragments} fragments, "
            f"{len(journal.privates)} private records opened"
        )
    _endings(findings, journal, sealed)
    if sent and not sealed and not receipt and journal.last is not None:
        verification_live.proven(findings, journal.last, journal.lines)
    verdict = findings.verdict
    if verdict is Verdict.VALID and journal.time.interruptions():
        verdict = Verdict.INTERRUPTIONS
    beside = Findings()
    owed = journal.due.owed()
    if opened is not None:
        owed = explain(owed, shelf, opened.recording, beside, folder.tagmanifest_sha256)
    if (beside.listed() or any(o.archived for o in owed)) and vouched.register is None:
        unchecked.append(DESK_UNCHECKED)
    return Report(
        recording=opened.recording if opened else found.name,
        path=str(found.root),
        verdict=verdict,
        exit_code=verdict.exit_code,
        findings=findings.listed(),
        degraded=journal.time.degraded(),
        interruptions=journal.time.interruptions(),
        facts=_facts(journal, folder.sealed),
        checked=tuple(checked),
        not_checked=tuple(unchecked),
        owed=owed,
        beside=beside.listed(),
    )


def _wall_time(paths: Sequence[Place], ledger: Ledger | None, findings: Findings) -> WallTime:
    """All lines' clocks, before the first is judged: later ones narrow what earlier ones say."""
    try:
        wall = wall_time(paths)
    except OSError:
        return WallTime()  # the walk says so
    if ledger is not None:
        wall.learn(ledger.wall)
    for each in wall.contradictions():
        findings.add(
            Level.NOTE,
            "clock-contradicts",
            f"two {each.quality} times of one boot are {each.apart_ns / NS:.3f} s farther apart "
            "than their error bounds allow: neither is believed",
            at_ns=each.boot_ns,
        )
    return wall


def bag_at(bag: Path) -> Inventory:
    """What lies in a recording's folder. RecorderError where it is none, or cannot be read."""
    remedy = "Give a recording's folder: it has data/journal.jsonl in it"
    sent = verification_live.pieces(bag)
    if sent and not bag.is_dir():
        return Inventory(bag, {}, frozenset(), (), bag)  # nothing but pieces of its journal arrived
    try:
        found = inventory(bag)
    except OSError as error:
        raise RecorderError(
            "no-bag", f"cannot read it: {error.strerror}", where=str(bag), remedy=remedy
        ) from error
    if not is_bag(found) and not sent:
        raise RecorderError("no-bag", "this is no recording", where=str(bag), remedy=remedy)
    return found


def _declared(paths: Sequence[Place]) -> bytes | None:
    try:
        return declared_key(paths)
    except OSError:
        return None  # the walk says so


def _identity(findings: Findings, journal: Journal, name: str, public: bytes | None) -> None:
    """The journal, the folder and the quoted ledger line must speak of the same recording."""
    opened = journal.open
    if opened is None:
        findings.add(
            Level.TAMPERED,
            "no-open",
            "no line says which recording this is",
            file="data/journal.jsonl",
            line=1,
        )
        return
    if opened.recording != name:
        findings.add(
            Level.TAMPERED,
            "name",
            f"the folder is named {name}, the journal is of {opened.recording}",
            file="data/journal.jsonl",
            line=1,
        )
    if opened.format != lines.RECORDING_FORMAT:
        findings.add(
            Level.INCOMPLETE,
            "format",
            f"written in format {opened.format}, this program knows {lines.RECORDING_FORMAT}",
        )
    try:
        _, quoted = chain.decode(opened.ledger.encode(), lines.Ledger, public)
    except ValueError as error:
        findings.add(
            Level.TAMPERED,
            "ledger-quote",
            f"the quoted ledger line: {error}",
            file="data/journal.jsonl",
            line=1,
        )
        return
    if not isinstance(quoted, lines.Opened) or (
        (quoted.recording, quoted.device) != (opened.recording, opened.device)
    ):
        findings.add(
            Level.TAMPERED,
            "ledger-quote",
            "the quoted ledger line opens another recording",
            file="data/journal.jsonl",
            line=1,
        )


def _seal_line(
    findings: Findings, ledger: Ledger, recording: str, public: bytes | None, vouched: Vouched
) -> None:
    """A later boot may have sealed it under another key: that one must be vouched for, too."""
    known = ledger.recordings.get(recording)
    used = ledger.keys.first.get(known.seal_key) if known and known.seal_key else None
    if used is not None and used.public != public:
        trust(
            findings, used.public, kind=used.kind, device=used.device, when=ledger.when(used),
            recording="",
            vouched=vouched,
        )  # fmt: skip


def _handover(
    findings: Findings, journal: Journal, found: Inventory, public: bytes, vouched: Vouched
) -> None:
    """A desk closed it: who, and whether it left lines out that the device had signed."""
    if journal.handover is None:
        return
    where, body = journal.handover
    desk = raw_key(body.key)
    name = (
        ""
        if desk is None
        else trust_desk(findings, desk, when=journal.handover_at, vouched=vouched)
    )
    by = f"desk {name}" if name else "a desk"
    findings.add(
        Level.NOTE,
        "desk",
        f"ended by {by}, not by the device, whose last line is {journal.handover_n - 1}; "
        "whether it had written more, only ledger and store can tell",
        file=where.file,
        line=where.line,
    )
    try:
        count = cut_lines(tails(found), public, journal.handover_n)
    except OSError as error:
        findings.add(
            Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", file="data/tails"
        )
        return
    if count:
        findings.add(
            Level.INCOMPLETE,
            "cut-lines",
            f"{count} lines that the device signed stand in data/tails/ behind damaged ones",
        )


def _endings(findings: Findings, journal: Journal, sealed: bool) -> None:
    if sealed and journal.close is None and journal.open is not None:
        findings.add(Level.INCOMPLETE, "no-close", "sealed, but the journal has no close line")
    if sealed and journal.end is None and journal.open is not None:
        findings.add(Level.INCOMPLETE, "no-end", "sealed, but the journal has no end")
    if journal.start is None and journal.open is not None:
        findings.add(Level.INCOMPLETE, "no-fragment", "nothing was recorded")


def _facts(journal: Journal, sealed: bool) -> Facts | None:
    opened = journal.open
    if opened is None:
        return None
    start, press, end = journal.start, journal.press, journal.end
    start_ns = start[1].start_ns if start else None
    end_ns = end[1].end_ns if end else journal.time.last_end_ns
    where = end[0] if end else journal.time.last_where
    press_ns = press[1].at_ns if press else None
    unknown = Instant()
    started = instant(start[0], start[1].start_ns) if start else unknown
    pressed = instant(press[0], press[1].at_ns) if press else unknown
    ended = instant(where, end_ns) if where and end_ns is not None else unknown
    return Facts(
        device=opened.device,
        officer=opened.officer,
        organisation=opened.organisation,
        act=opened.act.title if opened.act else "",
        obligation=opened.act.obligation if opened.act else "",
        software=opened.software,
        key=opened.key,
        key_kind=opened.key_kind,
        start=started,
        press=pressed,
        end=ended,
        start_utc=started.utc,
        press_utc=pressed.utc,
        end_utc=ended.utc,
        start_ns=start_ns,
        end_ns=end_ns,
        duration_s=round((end_ns - start_ns) / NS, 3)
        if start_ns is not None and end_ns is not None
        else 0.0,
        pre_recorded_s=round((press_ns - start_ns) / NS, 3)
        if start_ns is not None and press_ns is not None
        else 0.0,
        planned=end[1].planned if end else None,
        sealed=sealed,
        continues=opened.continues.recording if opened.continues else "",
        desk=journal.handover[1].key if journal.handover else "",
        journal_lines=journal.lines,
        segments=journal.segment_count,
        fragments=journal.fragments,
        frames=journal.time.frames,
        samples=journal.time.samples,
        media_bytes=journal.segments.media_bytes,
    )
