"""The evidence as the supervisor sees it: one ledger, one open recording, jobs on the disk thread.

Public methods return at once and run on the loop; those that start with ``_`` run on the disk
thread, in order, and are the only ones that touch the spool.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from recorder import __version__
from recorder.clock import Clock
from recorder.config import Settings
from recorder.disk import Disk
from recorder.errors import RecorderError
from recorder.evidence import keys, ledger, ledger_private, lines, provision, recovery
from recorder.evidence.age import Recipient
from recorder.evidence.chain import Log, Signer
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.seal import NO_ROOM, seal
from recorder.ring import Piece
from recorder.spool import LEDGER, Held, Spool, names, number_of, shown

_NAMES = re.compile(rb"[a-z0-9][a-z0-9-]*-[0-9]{8}-[0-9a-f]{4}")
_SEAL_BYTES = 4 * 1024 * 1024
"""With less room than this the reserve is given up to seal."""


class Last(msgspec.Struct, frozen=True):
    """The newest sealed recording, for "continues" (Art. 15)."""

    recording: str
    card: str
    planned: bool
    end_ns: int
    boot_id: str


class Resumed(msgspec.Struct, frozen=True):
    """A recording of this boot that goes on; ``journal`` is all that it says so far."""

    recording: str
    press_ns: int
    opened: lines.Open
    journal: tuple[lines.Journal, ...]


class Ready(msgspec.Struct, frozen=True):
    """What start-up found. ``away``: the ledger's line of a time away that is not over."""

    last: Last | None
    resumed: Resumed | None
    key_kind: Literal["device", "ephemeral"]
    custodians: tuple[str, ...]
    away: int | None
    notes: tuple[str, ...]


class Declaration(msgspec.Struct, frozen=True):
    """A line that somebody waited for. Not ``durable``: the card does not take it yet; it waits in
    memory, is chained, and cannot be taken back."""

    line: int
    durable: bool


class Archive:
    """Owned by the loop; its disk thread is ``disk``."""

    def __init__(self, settings: Settings, clock: Clock, disk: Disk) -> None:
        self._settings = settings
        self._clock = clock
        self._disk = disk
        self._spool: Spool | None = None
        self._ledger: Log | None = None
        self._writer: RecordingWriter | None = None
        self._signer: Signer = keys.ephemeral()
        self._recipients: tuple[Recipient, ...] = ()
        self._opened: lines.Open | None = None
        self._recovered: Last | None = None
        self._last_name = ""
        self.open_name = ""
        """The open recording's name, durable or not. "" without one."""
        self.reserve_kept = True
        """False: the room for closing and sealing was given back, and may be kept anew."""

    # On the loop.

    def start(self, then: Callable[[Ready], None]) -> None:
        """Take the spool, read keys, recover what is open, begin a ledger file."""
        self._disk.submit("start", self._start, then)

    def begin(
        self,
        opened: Callable[[str], tuple[lines.Opened, lines.Open]],
        private: Mapping[str, Any] | None,
        press: lines.Press,
        then: Callable[[str], None],
    ) -> None:
        """Open a recording; ``then`` gets its name once ledger, line 0 and press are durable."""
        self._disk.submit("begin", lambda: self._begin(opened, private, press), then)

    def journal(self, body: lines.Journal, private: Mapping[str, Any] | None = None) -> None:
        """A line of the open recording."""
        self._disk.submit("journal", lambda: self._open_writer().journal(body, private))

    def fragment(self, piece: Piece, *, live: bool) -> bool:
        """A fragment of the open recording. False: the queue is full, it was not taken."""
        return self._disk.write(self._open_writer, piece, live=live)

    def seal(self, end: lines.End, then: Callable[[lines.Sealed], None]) -> None:
        """The last lines, the tag files, the signature, the ledger's line."""
        self._disk.submit("seal", lambda: self._seal(end), then)

    def note(self, body: lines.Ledger) -> None:
        """A line of the ledger."""
        self._disk.submit("ledger", lambda: self._note(body))

    def declare(
        self,
        body: lines.Away | lines.AwayEnd,
        private: Mapping[str, Any] | None,
        then: Callable[[Declaration | RecorderError], None],
    ) -> None:
        """A line of the ledger that somebody waits for, its personal part in an age file. ``then``
        gets it once the card was asked for it, or why there will be none."""
        self._disk.submit("ledger", lambda: self._declare(body, private), then)

    def free_reserve(self) -> None:
        """The card is full: give the room back that was kept for closing and sealing."""
        self._disk.submit("reserve", self._free_reserve)

    def keep_reserve(self) -> None:
        """There is room again: keep the reserve."""
        self.reserve_kept = True
        self._disk.submit("reserve", self._keep_reserve)

    def close(self) -> None:
        """Write the ledger's last line and give the spool back."""
        self._disk.submit("close", self._close)

    # On the disk thread.

    def _start(self) -> Ready:
        settings = self._settings
        notes: list[str] = []
        folder = Path(settings.paths.keys)
        try:
            self._signer = keys.load_private(folder / "device.key")
        except RecorderError as error:
            notes.append(str(error))
            self._signer = keys.ephemeral(Path(settings.paths.run) / "ephemeral.key")
        custodians: tuple[str, ...] = ()
        try:
            found = keys.load_custodians(folder / provision.CUSTODIANS)
            custodians = found.recipients
            self._recipients = found.keys()
        except RecorderError as error:
            notes.append(str(error))
        self._spool = Spool(Path(settings.paths.spool), settings.device.name)
        try:
            return self._take_up(self._spool, custodians, notes)
        except BaseException:
            self._spool.close()  # the start is tried again
            self._spool = self._ledger = None
            raise

    def _take_up(self, spool: Spool, custodians: tuple[str, ...], notes: list[str]) -> Ready:
        """Ledger, recovery, reserve. What the card refuses here does not keep it from recording."""
        settings = self._settings
        spool.free_reserve()  # recovery may need the room; it is kept again at the end
        damaged: list[str] = []

        def unread(raw: bytes, why: str) -> None:
            if why:
                damaged.append(why)
            for found in _NAMES.finditer(raw):
                spool.known(found[0].decode())

        entries = list(ledger.entries(spool.path / LEDGER, unread))
        for name in names(Path(settings.paths.sync) / "receipts"):
            spool.known(name.removesuffix(".json"))
        for entry in entries:
            if isinstance(entry.body, lines.Opened):
                spool.known(entry.body.recording)
                self._last_name = entry.body.recording
        self._ledger = ledger.open_ledger(
            spool.path / LEDGER, entries[-1] if entries else None, self._signer, self._clock
        )
        self._ledger.on_failed = self._ledger_failed
        boot = lines.Boot(
            format=lines.LEDGER_FORMAT,
            device=settings.device.name,
            software=__version__,
            key=keys.base64_public(self._signer),
            key_kind=self._signer.kind,
        )
        if not self._noted(boot):
            notes.append("the ledger cannot be written; its lines wait in memory")
        if damaged:
            notes.append(f"the ledger is damaged, and left as it is: {'; '.join(damaged[:3])}")
            detail = f"{len(damaged)}: {damaged[0]}"[:200]
            self._noted(lines.LedgerFault(part="ledger", code="damaged", detail=detail, over=False))
        for name in spool.moved:
            notes.append(f"{name}: quarantined, it stood in the way")
            self._noted(lines.Quarantined(name=name, why="it stood in a folder's place"))
        for name in spool.strangers():
            notes.append(f"{shown(name)}: {self._quarantine(name, 'it is no folder')}")
        sealed = {e.body.recording for e in entries if _is_seal(e)}
        resumed = self._recover(sealed, sealed | set(_gone(entries)), notes)
        if not self._keep_reserve():
            notes.append("no room for the reserve")
        sealed_before = next(
            (_last(e.body, e.header.boot_id) for e in reversed(entries) if _is_seal(e)), None
        )
        ends = [each for each in (sealed_before, self._recovered) if each is not None]
        last = max(ends, key=lambda each: number_of(each.recording) or 0, default=None)
        return Ready(last, resumed, self._signer.kind, custodians, _away(entries), tuple(notes))

    def _recover(self, sealed: set[str], settled: set[str], notes: list[str]) -> Resumed | None:
        """Open recordings: one of this boot goes on if none was begun after it, the others are
        sealed.

        ``settled``: the ledger says what became of these. What cannot be parsed goes to quarantine
        whole; what the card refuses to mend now is left as it is, for the next start.
        """
        assert self._spool is not None and self._ledger is not None
        if self._last_name and self._last_name not in settled | set(os.listdir(self._spool.path)):
            self._noted(lines.Unbegun(recording=self._last_name))
            notes.append(f"{self._last_name}: opened, but nothing of it was on the card")
        going_on: Resumed | None = None
        waiting = [h for h in self._spool.recordings() if h.name not in sealed]
        own = [h for h in waiting if h.state == "open" and recovery.ours(h.path, self._signer)]
        begun = number_of(self._last_name) or 0
        newest = [h for h in own[-1:] if (number_of(h.name) or 0) >= begun]
        # The one that goes on comes last: it keeps the writer.
        for held in sorted(waiting, key=lambda h: h in newest):
            try:
                found = self._recover_one(held, held in newest, notes)
            except RecorderError as error:
                self._writer = self._opened = None
                notes.append(f"{held.name}: {self._quarantine(held.name, str(error))}")
            except OSError as error:
                self._writer = self._opened = None
                notes.append(f"{held.name}: left as it is: {error}")
                self._noted(
                    lines.LedgerFault(
                        part="recovery", code="left", detail=f"{held.name}: {error.strerror}",
                        over=False,
                    )
                )  # fmt: skip
            else:
                going_on = found or going_on
        return going_on

    def _recover_one(self, held: Held, newest: bool, notes: list[str]) -> Resumed | None:
        assert self._spool is not None
        if held.state == "sealed" and recovery.is_sealed(held.path):
            if not recovery.ours(held.path, self._signer):
                notes.append(f"{held.name}: sealed with another key: left as it is")
                return None  # whole, and none of this device's doing
            body = recovery.resealed(held.path)
            self._noted(body)
            self._recovered = _last(body, "")
            return None
        recovery.same_key(held.path, self._signer)
        for path in recovery.foreign(held.path):
            name = f"{held.name}/{path}"
            notes.append(f"{shown(name)}: {self._quarantine(name, 'not made by the recorder')}")
        found = recovery.reopen(
            held.path,
            signer=self._signer,
            recipients=self._recipients,
            clock=self._clock,
            settings=self._settings.recording,
        )
        found.writer.on_fault = self._disk.told
        same_boot = found.last_boot_id == self._clock.boot_id
        why: recovery.Why = "crash" if same_boot else "reboot"
        self._noted(lines.LedgerRecovered(recording=held.name, why=why))
        if not found.closed:
            self._journal_found(found, why)
        self._writer, self._opened = found.writer, found.opened
        if same_boot and newest and found.ended is None and not found.closed:
            self.open_name = held.name
            return Resumed(held.name, found.writer.press_ns, found.opened, found.journal)
        self._recovered = _last(self._seal(self._end_of(found, why)), found.last_boot_id)
        notes.append(f"{held.name}: sealed after a {why}")
        return None

    def _quarantine(self, name: str, why: str) -> str:
        """Moved aside whole and told; one bad folder does not keep the device from recording."""
        assert self._spool is not None
        try:
            self._spool.quarantine(name)
        except OSError as error:
            return f"{why}; cannot be moved to quarantine: {error.strerror}"
        self._noted(lines.Quarantined(name=shown(name), why=why[:200]))
        return "quarantined"

    def _noted(self, body: lines.Ledger) -> bool:
        """A line of the ledger, at the start. False: it waits in memory for a ledger that works."""
        try:
            self._note(body)
        except OSError:
            return False
        return True

    def _journal_found(self, found: recovery.Found, why: recovery.Why) -> None:
        writer = found.writer
        for line in recovery.missing_ends(found):
            writer.progress.digests[f"data/segments/{line.segment:04d}.mp4.age"] = line.age_sha256
            writer.journal(line, sync=False)
        for name in recovery.short_segments(found):
            writer.progress.digests.pop(f"data/segments/{name}", None)  # what lies there counts
            writer.journal(
                lines.Loss(what=name, detail="shorter than its journal says"), sync=False
            )
        for name in recovery.missing_privates(found):
            writer.journal(lines.Loss(what=name, detail="not there, or not whole"), sync=False)
        writer.journal(
            lines.Recovered(why=why, fragments=writer.progress.fragments, moved=found.moved)
        )

    def _end_of(self, found: recovery.Found, why: recovery.Why) -> lines.End:
        """An end for a recording that nobody ended (Art. 15): a statement falls due."""
        if found.ended is not None:
            return found.ended
        writer = found.writer
        fragments = [b for b in found.journal if isinstance(b, lines.Fragment)]
        end_ns = fragments[-1].end_ns if fragments else writer.press_ns
        cause = "power" if why == "reboot" else "supervisor_died"
        if not recovery.open_gap(found.journal):
            writer.journal(
                lines.Interruption(
                    interruption=writer.progress.interruptions + 1,
                    from_ns=end_ns,
                    cause=cause,
                    detail="found at the next start",
                ),
                sync=False,
            )
        writer.journal(lines.StatementDue(interruption=None, why=cause), sync=False)
        source: Literal["power", "crash"] = "power" if why == "reboot" else "crash"
        end = lines.End(end_ns=end_ns, source=source, planned=False, spoken=False)
        writer.journal(end)
        return end

    def _begin(
        self,
        opened: Callable[[str], tuple[lines.Opened, lines.Open]],
        private: Mapping[str, Any] | None,
        press: lines.Press,
    ) -> str:
        assert self._spool is not None and self._ledger is not None
        name = self._spool.new_name()
        ledger_line, line0 = opened(name)
        self._writer = RecordingWriter.create(
            self._spool.path,
            msgspec.structs.replace(ledger_line, previous=self._last_name),
            msgspec.structs.replace(
                line0,
                key=keys.base64_public(self._signer),
                key_kind=self._signer.kind,
                recipients=tuple(r.text for r in self._recipients),
            ),
            private,
            ledger=self._ledger,
            signer=self._signer,
            recipients=self._recipients,
            clock=self._clock,
            settings=self._settings.recording,
            press_ns=press.at_ns,
        )
        self._writer.on_fault = self._disk.told
        self._opened = line0
        self._last_name = self.open_name = name
        self._writer.journal(press)
        return name

    def _open_writer(self) -> RecordingWriter:
        if self._writer is None:
            raise RecorderError("no-recording", "no recording is open")
        return self._writer

    def _seal(self, end: lines.End) -> lines.Sealed:
        assert self._ledger is not None and self._opened is not None
        writer = self._open_writer()
        if self._spool is not None and self._spool.free_bytes() < _SEAL_BYTES:
            self._free_reserve()
        try:
            sealed = seal(writer, end, self._opened, self._ledger)
        except OSError as error:
            if error.errno in NO_ROOM:
                self._free_reserve()  # for the next try
            raise
        self._writer = self._opened = None
        self.open_name = ""
        return sealed

    def _free_reserve(self) -> None:
        if self._spool is not None:
            self._spool.free_reserve()
            self.reserve_kept = False

    def _keep_reserve(self) -> bool:
        assert self._spool is not None
        size_bytes = self._settings.recording.reserve_mb * 1024 * 1024
        self.reserve_kept = self._spool.make_reserve(size_bytes)
        return self.reserve_kept

    def _note(self, body: lines.Ledger) -> None:
        if self._ledger is None:
            return
        self._ledger.append(body)
        try:
            self._ledger.sync()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self._free_reserve()  # what is refused on a full card goes on record, too
            self._ledger.sync()

    def _ledger_failed(self, error: OSError) -> None:
        """The line about it goes into the ledger's next file, with those that were not durable."""
        assert self._ledger is not None
        detail = str(error.strerror)
        self._ledger.append(
            lines.LedgerFault(part="disk", code="ledger-failed", detail=detail, over=False)
        )
        self._disk.told("ledger-failed", detail)

    def _declare(
        self, body: lines.Away | lines.AwayEnd, private: Mapping[str, Any] | None
    ) -> Declaration | RecorderError:
        try:
            if self._ledger is None or self._spool is None:
                raise RecorderError("starting", "the ledger is not read yet", remedy="Try again")
            self._ledger.sync()  # a card that fails already refuses it before it is a line
            if isinstance(body, lines.Away) and private is not None:
                record = ledger_private.write(
                    self._spool.path / LEDGER, self._ledger.n, private, self._recipients
                )
                body = msgspec.structs.replace(body, private=record)
        except OSError as error:
            return RecorderError(
                "ledger-unwritable", f"the card refuses it: {error.strerror}", remedy="Try again"
            )
        except RecorderError as error:
            return error
        written = self._ledger.append(body)
        try:
            self._ledger.sync()
        except OSError:
            return Declaration(written.n, durable=False)
        return Declaration(written.n, durable=True)

    def _close(self) -> None:
        self._note(lines.Shutdown(why="stopped"))
        if self._ledger is not None:
            self._ledger.close()
        if self._spool is not None:
            self._spool.close()


def _is_seal(entry: ledger.Entry) -> bool:
    return isinstance(entry.body, lines.Sealed)


def _away(entries: Sequence[ledger.Entry]) -> int | None:
    """The time away that is not over."""
    line: int | None = None
    for entry in entries:
        if isinstance(entry.body, lines.Away):
            line = entry.header.n
        elif isinstance(entry.body, lines.AwayEnd):
            line = None
    return line


def _gone(entries: Iterable[ledger.Entry]) -> Iterator[str]:
    """Recordings that the ledger knows to be no more, or never to have been."""
    for entry in entries:
        match entry.body:
            case lines.Quarantined(name=name) | lines.Unbegun(recording=name):
                yield name
            case lines.Freed(recording=name):
                yield name


def _last(body: lines.Sealed, boot_id: str) -> Last:
    return Last(body.recording, body.card, body.planned, body.end_ns, boot_id)
