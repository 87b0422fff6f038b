"""The evidence as the supervisor sees it: one ledger, one open recording, jobs on the disk thread.

Public methods return at once and run on the loop; those that start with ``_`` run on the disk
thread, in order, and are the only ones that touch the spool.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from recorder import freeing
from recorder.clock import Clock
from recorder.config import Settings
from recorder.disk import Disk
from recorder.errors import RecorderError
from recorder.evidence import keys, ledger_private, lines
from recorder.evidence.recording import RecordingWriter
from recorder.open_spool import OpenSpool
from recorder.ring import Piece
from recorder.spool import LEDGER, names
from recorder.startup import Last, Ready, Resumed, Startup


class Declaration(msgspec.Struct, frozen=True):
    """A line that somebody waited for. Not ``durable``: the card does not take it yet; it waits in
    memory, is chained, and cannot be taken back."""

    line: int
    durable: bool


class Archive:
    """Owned by the loop; its disk thread is ``disk``."""

    def __init__(self, settings: Settings, clock: Clock, disk: Disk) -> None:
        self._disk = disk
        self._taken = OpenSpool(settings, clock, disk)
        self._writer: RecordingWriter | None = None
        self._opened: lines.Open | None = None
        self.open_name = ""
        """The open recording's name, durable or not. "" without one."""

    # On the loop.

    @property
    def reserve_kept(self) -> bool:
        """False: the room for closing and sealing was given back, and may be kept anew."""
        return self._taken.reserve_kept

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

    def note(self, body: lines.Ledger, then: Callable[[], None] = lambda: None) -> None:
        """A line of the ledger; ``then`` is called once it is durable."""
        self._disk.submit("ledger", lambda: self._taken.note(body), lambda _: then())

    def declare(
        self,
        body: lines.Away | lines.AwayEnd | lines.SelfTest,
        private: Mapping[str, Any] | None,
        then: Callable[[Declaration | RecorderError], None],
    ) -> None:
        """A line of the ledger that somebody waits for, its personal part in an age file. ``then``
        gets it once the card was asked for it, or why there will be none."""
        self._disk.submit("ledger", lambda: self._declare(body, private), then)

    def free_reserve(self) -> None:
        """The card is full: give the room back that was kept for closing and sealing."""
        self._disk.submit("reserve", self._taken.free_reserve)

    def keep_reserve(self) -> None:
        """There is room again: keep the reserve."""
        self._taken.reserve_kept = True
        self._disk.submit("reserve", self._taken.keep_reserve)

    def free(self, name: str, then: Callable[[bool | OSError], None]) -> None:
        """Give a recording's room back, if that is safe; ``then`` hears whether it is on its way,
        or what the card said. ``sweep`` does the rest."""
        self._disk.submit("free", lambda: self._free(name), then)

    def sweep(self, then: Callable[[bool | OSError], None]) -> None:
        """Remove some of what was freed; ``then`` hears whether nothing of it is left."""
        self._disk.submit("sweep", self._sweep, then)

    def unfreed(self, then: Callable[[list[str]], None]) -> None:
        """Those that the ledger says to be freed and that are still there: a life was cut short."""
        self._disk.submit("unfreed", self._unfreed, then)

    def close(self) -> None:
        """Write the ledger's last line and give the spool back."""
        self._disk.submit("close", self._close)

    # On the disk thread.

    def _start(self) -> Ready:
        started = Startup(self._taken).run()
        found = started.going_on
        if found is not None:
            self._writer, self._opened = found.writer, found.opened
            self.open_name = found.writer.name
        return started.ready

    def _begin(
        self,
        opened: Callable[[str], tuple[lines.Opened, lines.Open]],
        private: Mapping[str, Any] | None,
        press: lines.Press,
    ) -> str:
        taken = self._taken
        assert taken.spool is not None and taken.ledger is not None
        name = taken.spool.new_name()
        ledger_line, line0 = opened(name)
        self._writer = RecordingWriter.create(
            taken.spool.path,
            msgspec.structs.replace(ledger_line, previous=taken.last_name),
            msgspec.structs.replace(
                line0,
                key=keys.base64_public(taken.signer),
                key_kind=taken.signer.kind,
                recipients=tuple(r.text for r in taken.recipients),
            ),
            private,
            ledger=taken.ledger,
            signer=taken.signer,
            recipients=taken.recipients,
            clock=taken.clock,
            settings=taken.settings.recording,
            press_ns=press.at_ns,
        )
        self._writer.on_fault = self._disk.told
        self._opened = line0
        taken.last_name = self.open_name = name
        self._writer.journal(press)
        return name

    def _open_writer(self) -> RecordingWriter:
        if self._writer is None:
            raise RecorderError("no-recording", "no recording is open")
        return self._writer

    def _seal(self, end: lines.End) -> lines.Sealed:
        assert self._opened is not None
        sealed = self._taken.seal(self._open_writer(), end, self._opened)
        self._writer = self._opened = None
        self.open_name = ""
        return sealed

    def _declare(
        self, body: lines.Away | lines.AwayEnd | lines.SelfTest, private: Mapping[str, Any] | None
    ) -> Declaration | RecorderError:
        taken = self._taken
        try:
            if taken.ledger is None or taken.spool is None:
                raise RecorderError("starting", "the ledger is not read yet", remedy="Try again")
            taken.ledger.sync()  # a card that fails already refuses it before it is a line
            if isinstance(body, lines.Away) and private is not None:
                record = ledger_private.write(
                    taken.spool.path / LEDGER, taken.ledger.n, private, taken.recipients
                )
                body = msgspec.structs.replace(body, private=record)
        except OSError as error:
            return RecorderError(
                "ledger-unwritable", f"the card refuses it: {error.strerror}", remedy="Try again"
            )
        except RecorderError as error:
            return error
        written = taken.ledger.append(body)
        try:
            taken.ledger.sync()
        except OSError:
            return Declaration(written.n, durable=False)
        return Declaration(written.n, durable=True)

    def _free(self, name: str) -> bool | OSError:
        try:
            return freeing.free(self._taken, name)
        except OSError as error:
            return error

    def _sweep(self) -> bool | OSError:
        assert self._taken.spool is not None
        try:
            return freeing.sweep(self._taken.spool.path)
        except OSError as error:
            return error

    def _unfreed(self) -> list[str]:
        assert self._taken.spool is not None
        return sorted(self._taken.freed & set(names(self._taken.spool.path)))

    def _close(self) -> None:
        self._taken.note(lines.Shutdown(why="stopped"))
        self._taken.close()


__all__ = ["Archive", "Declaration", "Last", "Ready", "Resumed"]
