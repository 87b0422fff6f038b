"""Are the statements that lie beside recordings what the desk signed (Art. 15)?

Checks each statement's bag, line, chain and key, and which of the things that are owed it
explains. Needs no private key; changes no recording's verdict, for a statement is never part of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import chain, plaintext
from recorder.evidence.age import Identity
from recorder.evidence.due import Owed
from recorder.evidence.statement import (
    FORMAT,
    LINE,
    TEXT,
    Content,
    Statement,
    line_sha256,
    number_in,
)
from recorder.evidence.verification_bag import SIGNATURE, Bag, Digests, Inventory, inventory
from recorder.evidence.verification_lines import canonical, raw_key
from recorder.evidence.verification_report import Finding, Findings, Level
from recorder.evidence.verification_trust import Vouched, registered
from recorder.evidence.wall_time import claimed
from recorder.shapes import UNREADABLE
from recorder.spool import number_of

STATEMENTS = "statements"
_NOTES = (Level.NOTE, Level.DEGRADED)


class Checked(msgspec.Struct, frozen=True):
    """A statement as it lies there. ``line`` is None where there is none that can be read."""

    name: str
    path: Path
    header: chain.Header | None
    line: Statement | None
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Nothing is wrong with it."""
        return self.line is not None and all(f.level in _NOTES for f in self.findings)


class Shelf:
    """The statements in a device's folder (``statements/``, or beside the recordings) and, where
    given, in another folder. Names are read once; each statement is checked when it is asked for.
    RecorderError where a folder is not there.
    """

    def __init__(
        self, places: Sequence[Path], vouched: Vouched, identities: Sequence[Identity] = ()
    ) -> None:
        self._vouched = vouched
        self._identities = identities
        self._known: dict[str, list[Path]] = {}
        for place in places[1:]:
            if not place.is_dir():
                raise RecorderError(
                    "no-statements", "no such folder", where=str(place),
                    remedy="Give with --statements the folder in which statements lie",
                )  # fmt: skip
        folders = [folder for place in places for folder in (place / STATEMENTS, place)]
        for folder in {f.resolve(): f for f in folders if f.is_dir() and not f.is_symlink()}:
            self._read(folder)

    def _read(self, folder: Path) -> None:
        own = folder.name == STATEMENTS
        for path in folder.iterdir():
            split = number_in(path.name)
            if split is not None and number_of(path.name) is None and (own or is_statement(path)):
                self._known.setdefault(split[0], []).append(path)

    def about(self, about: str) -> Iterator[Checked]:
        """All statements about a recording or a ledger line, by number."""
        for path in sorted(self._known.get(about, ()), key=lambda p: (len(p.name), p.name)):
            yield check(path, self._vouched, self._identities)

    def all_about(self) -> dict[str, list[Path]]:
        """What there are statements about, and where they lie."""
        return self._known


def is_statement(path: Path) -> bool:
    """A statement's folder, and no recording's."""
    try:
        return (path / LINE).is_file() and not (path / "data" / "journal.jsonl").exists()
    except OSError:
        return False  # a damaged card does not show it


def explain(
    owed: Sequence[Owed], shelf: Shelf, about: str, findings: Findings, seal: str = ""
) -> tuple[Owed, ...]:
    """What is owed with the statements that are there for it; what is wrong with statements about
    ``about`` goes to ``findings``. ``seal``: the digest of its bag's tagmanifest, where known."""
    there: dict[tuple[int | None, str], list[str]] = {}
    for each in shelf.about(about):
        for finding in each.findings:
            findings.take(finding)
        if not each.good or each.line is None:
            continue
        key = (each.line.interruption, each.line.explains)
        fits = [o for o in owed if o.about == about and (o.interruption, o.explains) == key]
        if not fits:
            findings.add(
                Level.INCOMPLETE, "statement-unowed",
                "it explains nothing that is owed there", file=each.name,
            )  # fmt: skip
            continue
        told = _differs(each.line, fits[0])
        if told:
            findings.add(Level.INCOMPLETE, "statement-differs", told, file=each.name)
            continue
        if seal and each.line.tagmanifest_sha256 not in ("", seal):
            # The desk's own bag of a card, perhaps, before the device's was there.
            findings.add(
                Level.NOTE, "statement-other-seal",
                "when it was written, another bag of this recording lay there", file=each.name,
            )  # fmt: skip
        there.setdefault(key, []).append(each.name)
    return tuple(
        msgspec.structs.replace(o, archived=tuple(there.get((o.interruption, o.explains), ())))
        if o.about == about
        else o
        for o in owed
    )


def _differs(line: Statement, owed: Owed) -> str:
    """Where a statement says other words for the device than the device has on record; else ""."""
    early = line.chosen is None and not line.tagmanifest_sha256 and line.recording != ""
    for what, said, is_ in (
        ("device", line.device, owed.device),
        ("recording", line.recording, owed.recording),
        ("ledger line", line.ledger_line, owed.ledger_line),
        ("cause that was found", line.found, owed.cause),
        # Written while the recording was still open, it may be older than the presses.
        ("category that was chosen", line.chosen, None if early else owed.chosen),
    ):
        if said != is_:
            return f"it says {said or 'none'} for the {what}, which is {is_ or 'none'} on record"
    return ""


def check(path: Path, vouched: Vouched, identities: Sequence[Identity] = ()) -> Checked:
    """One statement: its bag, its signatures, its key, its place among the others. Never raises
    for what is wrong with it."""
    findings = Findings()
    try:
        if path.is_symlink():
            raise NotADirectoryError(0, "it is a link")
        found = inventory(path)
    except OSError as error:
        findings.add(Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}")
        return Checked(path.name, path, None, None, _of(path, findings))
    header, line, raw = _line(path, found, findings)
    public = raw_key(line.key) if line is not None else None
    if line is not None and public is None:
        findings.add(Level.TAMPERED, "no-desk-key", "its line names no key that could have signed")
    elif line is not None and header is not None:
        try:
            chain.decode(raw, Statement, public)
        except ValueError as error:
            findings.add(Level.TAMPERED, "line-damaged", str(error), file=LINE, line=1)
        _fits(path, found, header, line, findings)
        _trusted(header, line, vouched, findings)
    _bag(path, found, public, findings)
    if line is not None and identities:
        _opens(path, identities, findings)
    return Checked(path.name, path, header, line, _of(path, findings))


def _of(path: Path, findings: Findings) -> tuple[Finding, ...]:
    """The findings, each with the statement's name before its file's."""
    return tuple(
        msgspec.structs.replace(f, file=f"{path.name}/{f.file}".rstrip("/"))
        for f in findings.listed()
    )


def _line(
    path: Path, found: Inventory, findings: Findings
) -> tuple[chain.Header | None, Statement | None, bytes]:
    if LINE not in found.files:
        findings.add(Level.TAMPERED, "missing", "its line is not there", file=LINE)
        return None, None, b""
    try:
        rows = list(chain.raw_lines(path / LINE))[:2]
    except OSError as error:
        findings.add(Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", file=LINE)
        return None, None, b""
    raw = rows[0][0] if rows else b""
    if [ended for _, ended in rows] != [True] or not canonical(raw):
        findings.add(Level.TAMPERED, "line-damaged", "not one whole line", file=LINE, line=1)
    try:
        header, line = chain.decode(raw, Statement, None)
    except ValueError as error:
        findings.add(Level.TAMPERED, "line-damaged", str(error), file=LINE, line=1)
        return None, None, raw
    return header, line, raw


def _fits(
    path: Path, found: Inventory, header: chain.Header, line: Statement, findings: Findings
) -> None:
    if line.format != FORMAT:
        findings.add(
            Level.INCOMPLETE, "format",
            f"written in format {line.format}, this program knows {FORMAT}", file=LINE,
        )  # fmt: skip
    if line.statement != path.name or path.name != f"{line.about}-{header.n + 1}":
        findings.add(
            Level.TAMPERED, "name", f"the folder is named {path.name}, the line is of "
            f"{line.statement}, number {header.n + 1}", file=LINE, line=1,
        )  # fmt: skip
    earlier = number_in(line.corrects) or ("", 0)
    if line.corrects and (earlier[0] != line.about or earlier[1] > header.n):
        findings.add(
            Level.INCOMPLETE, "statement-unknown",
            f"it corrects {line.corrects}, which is no earlier statement about the same",
            file=LINE, line=1,
        )  # fmt: skip
    before = path.parent / f"{line.about}-{header.n}"
    # What calls itself something that is no name follows from nothing that could lie here.
    named = number_in(before.name) == (line.about, header.n)
    follows = line_sha256(before) if header.n and named else chain.ZERO
    if header.prev != follows:
        findings.add(
            Level.TAMPERED, "line-chain",
            f"it does not follow from {before.name}, which was changed or is gone"
            if header.n else "the first one follows from nothing", file=LINE, line=1,
        )  # fmt: skip
    private = line.private
    if private.file != TEXT or set(found.files) & {TEXT} != {TEXT}:
        findings.add(Level.TAMPERED, "missing", "its text is not there", file=TEXT)
        return
    try:
        same = (found.files[TEXT], Digests(path).of(TEXT)) == (private.bytes, private.sha256)
    except OSError as error:
        findings.add(Level.TAMPERED, "unreadable", f"cannot be read: {error.strerror}", file=TEXT)
        return
    if not same:
        findings.add(Level.TAMPERED, "changed", f"differs from what {LINE} says", file=TEXT)


def _trusted(header: chain.Header, line: Statement, vouched: Vouched, findings: Findings) -> None:
    """The register must know the desk's key. A device's key given by hand says nothing of it."""
    if vouched.register is None:
        return
    wrong = registered(vouched.register, "desk", line.key, when=claimed(header))
    if wrong is not None:
        findings.add(Level.UNTRUSTED, *wrong)


def _bag(path: Path, found: Inventory, public: bytes | None, findings: Findings) -> None:
    if not found.files.get(SIGNATURE):
        findings.add(Level.TAMPERED, "missing", "the statement was never signed", file=SIGNATURE)
        return
    Bag(found, findings, Digests(path)).seal(public)
    for name in sorted(n for n in found.files if n.startswith("data/") and n not in (LINE, TEXT)):
        findings.add(Level.TAMPERED, "foreign", "no part of a statement", file=name)


def _opens(path: Path, identities: Sequence[Identity], findings: Findings) -> None:
    try:
        content(path, identities)
    except RecorderError as error:
        if error.code != "age-identity":
            findings.add(Level.INCOMPLETE, "private", error.problem, file=TEXT)


def content(path: Path, identities: Sequence[Identity]) -> Content:
    """A statement's text and what the device says. RecorderError where it does not open."""
    data = plaintext.private(path / TEXT, identities)
    try:
        return msgspec.json.decode(data, type=Content)
    except UNREADABLE as error:
        raise RecorderError(
            "statement-broken", "what is encrypted is no statement", where=str(path / TEXT),
            remedy="Run `recorder verify` on the folder that it lies in",
        ) from error  # fmt: skip
