"""One walk over a recording's journal: chain, signatures, private files, order, counts, time.

Every line is looked at once, in order, and handed on to those who judge coverage and segments, so
that memory does not grow with the recording. Whether the key deserves trust is asked elsewhere.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import chain, lines, plaintext
from recorder.evidence.age import Identity
from recorder.evidence.continuity import Continuity
from recorder.evidence.due import Due
from recorder.evidence.instants import Where
from recorder.evidence.named import named
from recorder.evidence.places import Place
from recorder.evidence.verification_bag import Digests, Inventory
from recorder.evidence.verification_handover import allowed
from recorder.evidence.verification_leftovers import leftovers
from recorder.evidence.verification_lines import canonical, heir
from recorder.evidence.verification_report import Findings, Level
from recorder.evidence.verification_segments import Piece, Segments, Written
from recorder.evidence.wall_time import Instant, WallTime, claimed

_GONE = frozenset({"missing", "cut", "unreadable"})
"""What a ``loss`` line can account for: a file that is not there, never one that differs."""
_SET_ASIDE = re.compile(r"data/tails/([0-9]{4})\.mp4\.age(\.[0-9]+)?")


class Journal:
    """``walk`` once; what the recording says of itself is then in the attributes."""

    def __init__(
        self,
        found: Inventory,
        digests: Digests,
        findings: Findings,
        keys: Sequence[Identity],
        picture: Callable[[Written], None] | None,
        wall: WallTime,
    ) -> None:
        self._found = found
        self._digests = digests
        self._findings = findings
        self._keys = keys
        self._picture = picture
        self.wall = wall
        self._written: Written | None = None
        self._waiting: dict[int, Written] = {}
        self._numbers: set[int] = set()
        self._lost: set[str] = set()
        self._on_files = Findings()
        self._signed = False
        self._late_n: int | None = None
        self._vouched: set[str] = set()
        self._ended = False
        self.time = Continuity(findings)
        self.due = Due()
        self.segments = Segments(found, digests, self._on_files)
        self.privates: set[str] = set()
        self.foreign_identity = False
        self.open: lines.Open | None = None
        self.first: Where | None = None
        self.last: Where | None = None
        self.start: tuple[Where, lines.Start] | None = None
        self.press: tuple[Where, lines.Press] | None = None
        self.end: tuple[Where, lines.End] | None = None
        self.close: lines.Close | None = None
        self.handover: tuple[Where, lines.Handover] | None = None
        self.handover_n = 0
        self.handover_at = Instant()
        self.lines = 0
        self.fragments = 0
        self.last_sha256 = ""
        self.statements = 0
        self.interruptions = 0
        self.segment_count = 0

    def walk(
        self,
        paths: Sequence[Place],
        key: bytes | None,
        *,
        sealed: bool,
        folder: str = "data",
        late_n: int | None = None,
    ) -> None:
        """``sealed``: there is a seal, so nothing may be unfinished. ``folder``: that of ``paths``.
        ``late_n``: files that no line before it vouches for may not have arrived yet."""
        self._signed = key is not None
        self._late_n = late_n
        last = paths[-1].name if paths else ""
        for item in chain.read(paths, lines.Journal, key, heir=heir):
            file = f"{folder}/{item.file}"
            if isinstance(item, chain.Defect):
                level = Level.TAMPERED
                if item.code == "line-torn" and item.file != last:
                    level = Level.NOTE  # a failed write; the chain goes on in the next file
                elif item.code == "line-torn" and not sealed:
                    level = Level.INCOMPLETE
                self._findings.add(level, item.code, item.text, file=file, line=item.number)
                continue
            if not canonical(item.raw):
                self._findings.add(
                    Level.TAMPERED,
                    "line-damaged",
                    "the signature's text was changed",
                    file=file,
                    line=item.number,
                )
            header = item.header
            where = Where(file, item.number, header.boot_id, header.boot_ns, self.wall)
            self._line(where, item)
        # A seal vouches for what was passed over, but a desk's does not for a device's lines.
        for defect in () if sealed and self.handover is None else leftovers(paths):
            self._findings.add(
                Level.TAMPERED,
                defect.code,
                defect.text,
                file=f"{folder}/{defect.file}",
                line=defect.number,
            )
        self._segment_done(self._written)
        for written in self._waiting.values():
            self._segment_done(written)
        self._weigh_losses()
        self._finish()

    def _line(self, where: Where, item: chain.Line) -> None:
        body: Any = item.body
        if item.header.n == 0 and not isinstance(body, lines.Open):
            self._wrong("order", "line 0 is not the recording's open line", where)
        if self.close is not None and not isinstance(
            body, lines.Close | lines.Recovered | lines.Handover
        ):
            self._wrong("order", "a line behind the close line", where)
        self.lines = item.header.n + 1
        self.last_sha256 = item.sha256
        self.first = self.first or where
        self.last = where
        file = None if self._late_n is None else named(body)
        if file is not None and item.header.n < (self._late_n or 0):
            self._vouched.add(file.file)
        private = getattr(body, "private", None)
        if private is not None:
            self._private(where, private)
        if self.handover is not None and not allowed(
            body, last_ns=self._last_ns(), ended=self._ended
        ):
            kind = type(body).__struct_config__.tag
            self._add_handover(f"a desk may not add this {kind} line", where)
        self.time.feed(where, body)
        self.due.feed(self.time.boot.of(where, body), body, item.sha256)
        match body:
            case lines.Handover():
                if self.handover is None:
                    self.handover, self.handover_n = (where, body), item.header.n
                    self.handover_at = claimed(item.header)
                    self._ended, self.close = self.end is not None, None
            case lines.Open():
                if self.open is not None:
                    self._wrong("order", "a second open line", where)
                self.open = body
            case lines.Start():
                self.start = (where, body)
            case lines.Press():
                self.press = (where, body)
            case lines.Checks():
                if any(each.value.startswith(lines.DEMO) for each in body.results):
                    self._findings.add(
                        Level.NOTE, "demo", "camera or microphone made up: no evidence",
                        file=where.file, line=where.line,
                    )  # fmt: skip
            case lines.End():
                self.end = (self.time.boot.of(where, body), body)
            case lines.Segment():
                self._begins(where, body)
            case lines.Fragment():
                self.fragments += 1
                if self._written is not None:
                    self._written.pieces.append(Piece(where, body))
            case lines.SegmentEnd():
                self._ends(where, body)
            case lines.Interruption():
                self.interruptions += 1
            case lines.StatementDue():
                self.statements += 1
            case lines.Loss():
                self._lost.add(body.what)
                who = "the device lost" if self.handover is None else "the desk did not find"
                self._findings.add(
                    Level.INCOMPLETE,
                    "loss",
                    f"{who} {body.what}: {body.detail}",
                    file=where.file,
                    line=where.line,
                )
            case lines.Close():
                self.close = body

    def _last_ns(self) -> int:
        if self.time.last_end_ns is not None:
            return self.time.last_end_ns
        return 0 if self.press is None else self.press[1].at_ns

    def _begins(self, where: Where, body: lines.Segment) -> None:
        """A segment that had no end yet may get it later, from recovery."""
        if self._written is not None:
            self._waiting[self._written.line.segment] = self._written
        before = max(self._numbers, default=0)
        if body.segment <= before:
            self._wrong("sequence", f"segment {body.segment} comes after {before}", where)
        for number in range(before + 1, min(body.segment, before + 100)):
            if number not in self._set_aside():
                self._wrong("sequence", f"segment {number} was expected", where)
                break
        self._numbers.add(body.segment)
        self.segment_count += 1
        self._written = Written(where, body, [])

    def _ends(self, where: Where, body: lines.SegmentEnd) -> None:
        written = self._waiting.pop(body.segment, None)
        if written is None and self._written is not None:
            written, self._written = self._written, None
        if written is None or written.line.segment != body.segment:
            self._wrong("order", f"segment {body.segment} ends but was not open", where)
            self._written = self._written or written
            return
        written.end = body
        self._segment_done(written)

    def _segment_done(self, written: Written | None) -> None:
        if written is not None and self.segments.feed(written) and self._picture is not None:
            self._picture(written)

    def _set_aside(self) -> set[int]:
        """Segments of which nothing was durable: recovery or a failed write moved them."""
        found = (_SET_ASIDE.fullmatch(name) for name in self._found.files)
        return {int(match[1]) for match in found if match} - self._numbers

    def _weigh_losses(self) -> None:
        """What was found lost before the seal is incomplete, not tampered with; nor is what had not
        arrived yet when the device sent its last."""
        for finding in self._on_files.listed():
            absent = finding.code == "missing" and finding.file not in self._vouched
            if self._late_n is not None and absent:
                finding = msgspec.structs.replace(
                    finding, level=Level.INCOMPLETE, code="not-arrived"
                )
            name = finding.file.rpartition("/")[2]
            told = name in self._lost and finding.code in _GONE
            if finding.level is Level.TAMPERED and told:
                finding = msgspec.structs.replace(finding, level=Level.INCOMPLETE)
            self._findings.take(finding)

    def _private(self, where: Where, private: lines.Private) -> None:
        file = private.file
        if not file.startswith("data/private/") or ".." in file or file in self.privates:
            self._findings.add(
                Level.TAMPERED,
                "order",
                f"private record named {file!r}",
                file=where.file,
                line=where.line,
            )
            return
        self.privates.add(file)
        if file not in self._found.files:
            self._tampered(
                "missing", f"the personal part of {where.file}:{where.line} is gone", file
            )
            return
        try:
            same = (self._found.files[file], self._digests.of(file)) == (
                private.bytes,
                private.sha256,
            )
        except OSError as error:
            self._tampered("unreadable", f"cannot be read: {error.strerror}", file)
            return
        if not same:
            self._tampered("changed", f"differs from what {where.file}:{where.line} says", file)
        elif self._keys and not self.foreign_identity:
            self._opens(file)

    def _opens(self, file: str) -> None:
        try:
            data = plaintext.private(self._found.root / file, self._keys)
            if not isinstance(msgspec.json.decode(data), dict):
                raise ValueError("not an object")
        except RecorderError as error:
            if error.code == "age-identity":
                self.foreign_identity = True
                return
            self._findings.add(Level.INCOMPLETE, "private", error.problem, file=file)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            self._findings.add(Level.INCOMPLETE, "private", "not a JSON object inside", file=file)

    def _finish(self) -> None:
        self.time.finish()
        close = self.close
        if self.open is None or close is None:
            return
        for what, said, counted in (
            ("segments", close.segments, self.segment_count),
            ("fragments", close.fragments, self.fragments),
            ("interruptions", close.interruptions, self.interruptions),
            ("statements due", close.statements_due, self.statements),
        ):
            if said != counted:
                self._findings.add(
                    Level.INCOMPLETE,
                    "count",
                    f"the close line has {said} {what}, the journal {counted}",
                )

    def _tampered(self, code: str, text: str, file: str) -> None:
        self._on_files.add(Level.TAMPERED, code, text, file=file)

    def _add_handover(self, text: str, where: Where) -> None:
        self._findings.add(Level.TAMPERED, "handover", text, file=where.file, line=where.line)

    def _wrong(self, code: str, text: str, where: Where) -> None:
        level = Level.INCOMPLETE if self._signed else Level.TAMPERED
        self._findings.add(level, code, text, file=where.file, line=where.line)
