"""What has to be explained in writing (Art. 15): read from journals and ledgers, never guessed.

An interruption whose reason nobody spoke or whose cause was not objective, a recording that
nobody ended, and an act that must be recorded (Art. 10) but could not be started. Believes what
it reads, so a verification goes with it; whether a statement is there already is asked elsewhere.
"""

import msgspec

from recorder.clock import Quality
from recorder.evidence import chain, lines
from recorder.evidence.instants import Where, instant_utc
from recorder.evidence.local import local_day
from recorder.session.interruption import NOT_OBJECTIVE

_STARTS = frozenset({"press", "start"})
_CHINA_MIN = 480
"""Of a ledger's lines: they have no offset from UTC, and the rule's country has one time."""


class Owed(msgspec.Struct, frozen=True, kw_only=True):
    """One statement that is owed. ``about``: the recording, or ``<device>-ledger-<line>``;
    ``interruption`` is None where the whole recording (or the act that was not recorded) is to be
    explained. ``why``: words of ``statement-due`` lines, or not_spoken, not_objective,
    could_not_start. ``cause`` is what the device found, ``chosen`` what the officer pressed.
    ``explains``: SHA-256 of the line that the statement is about. ``due_from``: the local day from
    which the township's term counts, "" where the clock said nothing. ``archived``: statements
    about it that are there and check out. ``due``: its last day in working days, "" where nobody
    counted; ``provisional``: a year's notice that is still to come may move it."""

    about: str
    device: str
    recording: str
    interruption: int | None
    ledger_line: int | None
    why: tuple[str, ...]
    cause: str
    detail: str
    chosen: str | None
    from_utc: str
    to_utc: str
    due_from: str
    explains: str
    archived: tuple[str, ...] = ()
    due: str = ""
    provisional: bool = False

    @property
    def what(self) -> str:
        """For people: which part of the recording it is."""
        if self.ledger_line is not None:
            return "not recorded"
        return "whole" if self.interruption is None else f"interruption {self.interruption}"


class _Gap(msgspec.Struct):
    cause: str
    detail: str
    from_utc: str
    sha256: str
    to_utc: str = ""
    resumed: bool = False
    reason: lines.Reason | None = None
    due: list[str] = []


class Due:
    """Fed with a journal's lines in order; keeps a few words an interruption."""

    def __init__(self) -> None:
        self._open: lines.Open | None = None
        self._gaps: dict[int, _Gap] = {}
        self._whole: list[str] = []
        self._whole_sha256 = ""
        self._start_utc = ""
        self._end: lines.End | None = None
        self._end_utc = ""

    def feed(self, where: Where, body: lines.Journal, sha256: str) -> None:
        """Take a line; ``where`` has the clocks that its instants are on (``Boot.of``)."""
        match body:
            case lines.Open() if self._open is None:
                self._open = body
            case lines.Start():
                self._start_utc = instant_utc(where, body.start_ns)
            case lines.Interruption():
                self._gaps[body.interruption] = _Gap(
                    body.cause, body.detail, instant_utc(where, body.from_ns), sha256
                )
            case lines.Resumed() if body.interruption in self._gaps:
                gap = self._gaps[body.interruption]
                gap.resumed, gap.to_utc = True, instant_utc(where, body.to_ns)
            case lines.Reason() if body.interruption in self._gaps:
                self._gaps[body.interruption].reason = body
            case lines.StatementDue():
                self._due(body, sha256)
            case lines.End():
                self._end, self._end_utc = body, instant_utc(where, body.end_ns)
                if not body.planned:
                    self._whole_sha256 = self._whole_sha256 or sha256

    def _due(self, body: lines.StatementDue, sha256: str) -> None:
        if body.interruption is None:
            self._whole.append(body.why)
            self._whole_sha256 = self._whole_sha256 or sha256
            return
        gap = self._gaps.setdefault(body.interruption, _Gap("", "", "", sha256))
        gap.due.append(body.why)

    def owed(self) -> tuple[Owed, ...]:
        """All that is owed, interruptions first. An interruption that a recording ended in
        without anybody ending it is one with that end: one statement explains both."""
        opened = self._open
        if opened is None:
            return ()
        unplanned = self._end is not None and not self._end.planned
        found = []
        last: _Gap | None = None
        for number, gap in sorted(self._gaps.items()):
            if unplanned and not gap.resumed and not gap.due:
                last = gap
                continue
            why = self._reasons(gap)
            if why:
                found.append(self._owed(opened, gap, number, why))
        if self._whole or unplanned:
            why = self._whole or [self._end.source if self._end else ""]
            ended = self._end.source if self._end and unplanned else ""
            gap = last or _Gap(ended, "", self._end_utc if unplanned else "", "")
            whole = msgspec.structs.replace(gap, sha256=self._whole_sha256)
            found.append(self._owed(opened, whole, None, [*why, *_not_objective(whole, why)]))
        return tuple(found)

    def _reasons(self, gap: _Gap) -> list[str]:
        why = list(dict.fromkeys(gap.due))
        reason = gap.reason
        spoken = reason is not None and reason.heard
        if not why and not spoken and (reason is not None or self._end is not None):
            why.append("not_spoken")
        return [*why, *_not_objective(gap, why)]

    def _owed(self, opened: lines.Open, gap: _Gap, number: int | None, why: list[str]) -> Owed:
        day = local_day(self._end_utc or gap.from_utc, opened.utc_offset_min)
        return Owed(
            about=opened.recording,
            device=opened.device,
            recording=opened.recording,
            interruption=number,
            ledger_line=None,
            why=tuple(dict.fromkeys(why)),
            cause=gap.cause,
            detail=gap.detail,
            chosen=gap.reason.category if gap.reason else None,
            from_utc=gap.from_utc,
            to_utc=gap.to_utc,
            due_from="" if day is None else day.date().isoformat(),
            explains=gap.sha256,
        )


def _not_objective(gap: _Gap, why: list[str]) -> list[str]:
    chosen = gap.reason is not None and gap.reason.category == "not_objective"
    known = {gap.cause, *why} & (NOT_OBJECTIVE | {"storage", "battery"})
    return ["not_objective"] if chosen or known else []


class LedgerDue:
    """Fed with a ledger's lines in order: acts that must be recorded and could not be started.

    Presses that follow one another for the same act, until a recording begins, are one: the first
    line is what the statement attaches to.
    """

    def __init__(self) -> None:
        self._device = ""
        self._found: list[Owed] = []
        self._waiting: tuple[str, str] | None = None

    def feed(self, header: chain.Header, body: lines.Ledger, sha256: str) -> None:
        """Take a line."""
        match body:
            case lines.Boot():
                self._device = body.device
            case lines.Opened():
                if self._waiting is not None and self._found:
                    last = self._found[-1]
                    detail = f"{last.detail}; then recorded as {body.recording}"
                    self._found[-1] = msgspec.structs.replace(
                        last, to_utc=_set_utc(header), detail=detail
                    )
                self._waiting = None
            case lines.LedgerRefused(must=True, event=event) if event in _STARTS:
                here = (header.boot_id, body.act)
                if here != self._waiting:
                    self._found.append(self._owed(header, body, sha256))
                self._waiting = here

    def _owed(self, header: chain.Header, body: lines.LedgerRefused, sha256: str) -> Owed:
        from_utc = _set_utc(header)
        day = local_day(from_utc, _CHINA_MIN)
        return Owed(
            about=ledger_name(self._device, header.n),
            device=self._device,
            recording="",
            interruption=None,
            ledger_line=header.n,
            why=("could_not_start",),
            cause=body.state,
            detail=f"act {body.act}",
            chosen=None,
            from_utc=from_utc,
            to_utc="",
            due_from="" if day is None else day.date().isoformat(),
            explains=sha256,
        )

    def owed(self) -> tuple[Owed, ...]:
        """All of them, oldest first."""
        return tuple(self._found)


def _set_utc(header: chain.Header) -> str:
    """A line's wall time; "" where nobody had set the clock, or it is no time."""
    known = header.clock.quality is not Quality.UNSET and local_day(header.utc, 0) is not None
    return header.utc if known else ""


def ledger_name(device: str, line: int) -> str:
    """What a statement about a ledger's line is filed under."""
    return f"{device}-ledger-{line}"
