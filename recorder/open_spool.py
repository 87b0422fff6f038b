"""The spool while the recorder runs on it: its lock, its ledger, the keys, the room kept for ends.

Handed from start-up (startup.py) to the archive (archive.py), and only used on the disk thread. It
knows nothing of the recording that is open.
"""

import os
from pathlib import Path

from recorder.clock import Clock
from recorder.config import Settings
from recorder.disk import Disk
from recorder.errors import RecorderError
from recorder.evidence import keys, ledger, lines
from recorder.evidence.age import Recipient
from recorder.evidence.chain import Log, Signer
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.seal import NO_ROOM, seal
from recorder.spool import LEDGER, Spool

_SEAL_BYTES = 4 * 1024 * 1024
"""With less room than this the reserve is given up to seal."""


class OpenSpool:
    """``spool`` and ``ledger`` are None until start-up took them, and after a start that failed."""

    def __init__(self, settings: Settings, clock: Clock, disk: Disk) -> None:
        self.settings = settings
        self.clock = clock
        self.told = disk.told
        self.spool: Spool | None = None
        self.ledger: Log | None = None
        self.signer: Signer = keys.ephemeral()
        self.recipients: tuple[Recipient, ...] = ()
        self.freed: set[str] = set()
        """Recordings that the ledger says to be freed, whether or not they are gone already."""
        self.last_name = ""
        """The recording that was begun last, "" before the first one."""
        self.reserve_kept = True
        """False: the room for closing and sealing was given back, and may be kept anew."""

    def take(self) -> Spool:
        """The folder and its lock. RecorderError where it cannot be had."""
        settings = self.settings
        mount = settings.paths.mount
        if mount and not os.path.ismount(mount):
            raise RecorderError(
                "spool-not-mounted", "the spool's card is not mounted there", where=mount,
                remedy="Put the card in and mount it; without one of its own empty paths.mount",
                phrase="storage_fault",
            )  # fmt: skip
        self.spool = Spool(Path(settings.paths.spool), settings.device.name)
        return self.spool

    def begin_ledger(self, last: ledger.Entry | None) -> None:
        """A new file that goes on after ``last``; the first line makes it."""
        assert self.spool is not None
        self.ledger = ledger.open_ledger(self.spool.path / LEDGER, last, self.signer, self.clock)
        self.ledger.on_failed = self._ledger_failed
        self.ledger.on_well = self._ledger_well

    def give_up(self) -> None:
        """The start failed and is tried again."""
        if self.spool is not None:
            self.spool.close()
        self.spool = self.ledger = None

    def close(self) -> None:
        """Ledger and lock."""
        if self.ledger is not None:
            self.ledger.close()
        if self.spool is not None:
            self.spool.close()

    def note(self, body: lines.Ledger) -> None:
        """A line of the ledger, durable on return; none before there is a ledger. OSError: the card
        refuses it, it waits in memory."""
        if self.ledger is None:
            return
        self.ledger.append(body)
        try:
            self.ledger.sync()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.free_reserve()  # what is refused on a full card goes on record, too
            self.ledger.sync()

    def seal(self, writer: RecordingWriter, end: lines.End, opened: lines.Open) -> lines.Sealed:
        """End, sign and note a recording, in the reserve where there is no other room. Durable on
        return; after an OSError it may be called again."""
        assert self.ledger is not None
        if self.spool is not None and self.spool.free_bytes() < _SEAL_BYTES:
            self.free_reserve()
        try:
            return seal(writer, end, opened, self.ledger)
        except OSError as error:
            if error.errno in NO_ROOM:
                self.free_reserve()  # for the next try
            raise

    def free_reserve(self) -> None:
        """Give back the room that was kept for closing and sealing."""
        if self.spool is not None:
            self.spool.free_reserve()
            self.reserve_kept = False

    def keep_reserve(self) -> bool:
        """Keep it (anew). False: there is no room."""
        assert self.spool is not None
        size_bytes = self.settings.recording.reserve_mb * 1024 * 1024
        self.reserve_kept = self.spool.make_reserve(size_bytes)
        return self.reserve_kept

    def _ledger_failed(self, error: OSError) -> None:
        """The line about it goes into the ledger's next file, with those that were not durable."""
        self._ledger_fault(str(error.strerror), over=False)

    def _ledger_well(self) -> None:
        """What waited is durable."""
        self._ledger_fault("", over=True)

    def _ledger_fault(self, detail: str, *, over: bool) -> None:
        assert self.ledger is not None
        code = "ledger-failed"
        self.ledger.append(lines.LedgerFault(part="disk", code=code, detail=detail, over=over))
        self.told(code, detail, over=over)
