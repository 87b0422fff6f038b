"""What the disk thread does first: take the spool, read keys and ledger, recover what is open.

It judges nothing and gives nothing up: what cannot be understood is set aside whole, what the card
refuses is left for the next start, and all of it is told.
"""

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from recorder import __version__, provisioned
from recorder.errors import RecorderError
from recorder.evidence import ending, keys, ledger, lines, provision, recovery
from recorder.open_spool import OpenSpool
from recorder.spool import LEDGER, Held, Spool, names, number_of, shown
from recorder.succession import Succession

_NAMES = re.compile(rb"[a-z0-9][a-z0-9-]*-[0-9]{8}-[0-9a-f]{4}")


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
    """What start-up found. ``away``: the ledger's line of a time away that is not over.
    ``pressed_ns``: a press of this boot whose recording had come no further than the ledger.
    ``unvouched``: the code of what keeps the register from vouching for the device's key.
    ``unprovisioned``: why there is no device key, or no custodian."""

    last: Last | None
    resumed: Resumed | None
    key_kind: Literal["device", "ephemeral"]
    custodians: tuple[str, ...]
    away: int | None
    notes: tuple[str, ...]
    pressed_ns: int | None = None
    unvouched: str = ""
    unprovisioned: tuple[RecorderError, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """``going_on`` is the recording that ``ready.resumed`` tells of, to be written on."""

    ready: Ready
    going_on: recovery.Found | None


class Startup:
    """One try to start; for the next one make another."""

    def __init__(self, taken: OpenSpool) -> None:
        self._taken = taken
        self._notes: list[str] = []
        self._unprovisioned: list[RecorderError] = []
        self._recovered: Last | None = None
        self._opened_ns: int | None = None
        self._pressed_ns: int | None = None
        self._left = False
        self._unvouched = ""

    def run(self) -> Started:
        """Ledger begun, open recordings sealed or ready to be gone on with: durable on return, but
        for what ``Ready.notes`` says of it. After an error the spool is free again."""
        settings = self._taken.settings
        folder = Path(settings.paths.keys)
        try:
            self._taken.signer = keys.load_private(folder / "device.key")
        except RecorderError as error:
            self._unprovisioned.append(error)
            self._taken.signer = keys.ephemeral(Path(settings.paths.run) / "ephemeral.key")
        custodians: tuple[str, ...] = ()
        try:
            found = keys.load_custodians(folder / provision.CUSTODIANS)
            custodians = found.recipients
            self._taken.recipients = found.keys()
        except RecorderError as error:
            self._unprovisioned.append(error)
        self._notes += map(str, self._unprovisioned)
        wrong = provisioned.unregistered(
            folder, settings.device.name, self._taken.signer, self._taken.clock
        )
        self._unvouched = wrong.code if wrong is not None else ""
        self._notes += provisioned.notes(folder, wrong, custodians)
        self._spool = self._taken.take()
        try:
            return self._take_up(self._spool, custodians)
        except BaseException:
            self._taken.give_up()  # the start is tried again
            raise

    def _take_up(self, spool: Spool, custodians: tuple[str, ...]) -> Started:
        """Ledger, recovery, reserve. What the card refuses here does not keep it from recording."""
        taken, settings = self._taken, self._taken.settings
        spool.free_reserve()  # recovery may need the room; it is kept again at the end
        damaged: list[str] = []

        def unread(raw: bytes, why: str) -> None:
            if why:
                damaged.append(why)
            for found in _NAMES.finditer(raw):
                spool.known(found[0].decode())

        entries = list(ledger.entries(spool.path / LEDGER, unread))
        for name in names(Path(settings.paths.sync) / "receipts"):
            spool.known(name.removesuffix(".jsonl"))
        for entry in entries:
            if isinstance(entry.body, lines.Freed):
                taken.freed.add(entry.body.recording)
            if isinstance(entry.body, lines.Opened):
                spool.known(entry.body.recording)
                taken.last_name = entry.body.recording
                same_boot = entry.header.boot_id == taken.clock.boot_id
                self._opened_ns = entry.header.boot_ns if same_boot else None
        succession = Succession(taken, entries, self._notes)
        taken.begin_ledger(entries[-1] if entries else None)
        boot = lines.Boot(
            format=lines.LEDGER_FORMAT,
            device=settings.device.name,
            software=__version__,
            key=keys.base64_public(taken.signer),
            key_kind=taken.signer.kind,
        )
        if not self._noted(boot):
            self._notes.append("the ledger cannot be written; its lines wait in memory")
        if custodians and custodians != _custodians(entries):
            self._noted(lines.Custodians(recipients=custodians))
        if damaged:
            told = "; ".join(damaged[:3])
            self._notes.append(f"the ledger is damaged, and left as it is: {told}")
            detail = f"{len(damaged)}: {damaged[0]}"[:200]
            self._noted(lines.LedgerFault(part="ledger", code="damaged", detail=detail, over=False))
        for name in spool.moved:
            self._notes.append(f"{name}: quarantined, it stood in the way")
            self._noted(lines.Quarantined(name=name, why="it stood in a folder's place"))
        for name in spool.strangers():
            self._notes.append(f"{shown(name)}: {self._quarantine(name, 'it is no folder')}")
        sealed = {e.body.recording for e in entries if _is_seal(e)}
        going_on = self._recover(sealed, sealed | set(_gone(entries)))
        succession.complete(boot, open_left=self._left or going_on is not None)
        if not taken.keep_reserve():
            self._notes.append("no room for the reserve")
        sealed_before = next(
            (_last(e.body, e.header.boot_id) for e in reversed(entries) if _is_seal(e)), None
        )
        ends = [each for each in (sealed_before, self._recovered) if each is not None]
        last = max(ends, key=lambda each: number_of(each.recording) or 0, default=None)
        resumed = None if going_on is None else _resumed(going_on)
        ready = Ready(
            last,
            resumed,
            taken.signer.kind,
            custodians,
            _away(entries),
            tuple(self._notes),
            self._pressed_ns,
            self._unvouched,
            tuple(self._unprovisioned),
        )
        return Started(ready, going_on)

    def _recover(self, sealed: set[str], settled: set[str]) -> recovery.Found | None:
        """Open recordings: one of this boot goes on if none was begun after it, the others are
        sealed.

        ``settled``: the ledger says what became of these. What cannot be parsed goes to quarantine
        whole; what the card refuses to mend now is left as it is, for the next start.
        """
        last_name = self._taken.last_name
        if last_name and last_name not in settled | set(os.listdir(self._spool.path)):
            self._noted(lines.Unbegun(recording=last_name))
            self._pressed_ns = self._opened_ns
            self._notes.append(f"{last_name}: opened, but nothing of it was on the card")
        going_on: recovery.Found | None = None
        waiting = [h for h in self._spool.recordings() if h.name not in sealed]
        own = [h for h in waiting if h.state == "open" and self._is_ours(h)]
        begun = number_of(last_name) or 0
        newest = [h for h in own[-1:] if (number_of(h.name) or 0) >= begun]
        # The one that goes on comes last: the others are done with before it stays open.
        for held in sorted(waiting, key=lambda h: h in newest):
            try:
                found = self._recover_one(held, held in newest)
            except RecorderError as error:
                self._notes.append(f"{held.name}: {self._quarantine(held.name, str(error))}")
                if held.name == last_name:
                    self._pressed_ns = self._opened_ns
            except OSError as error:
                self._left = True
                self._notes.append(f"{held.name}: left as it is: {error}")
                self._noted(
                    lines.LedgerFault(
                        part="recovery", code="left", detail=f"{held.name}: {error.strerror}",
                        over=False,
                    )
                )  # fmt: skip
            else:
                going_on = found or going_on
        return going_on

    def _is_ours(self, held: Held) -> bool:
        """A folder that a damaged card does not show keeps no device from starting."""
        try:
            return recovery.ours(held.path, self._taken.signer) is True
        except OSError:
            return False

    def _recover_one(self, held: Held, newest: bool) -> recovery.Found | None:
        taken = self._taken
        if held.state == "sealed" and recovery.is_sealed(held.path):
            if not recovery.ours(held.path, taken.signer):
                self._notes.append(f"{held.name}: sealed with another key: left as it is")
                return None  # whole, and none of this device's doing
            body = recovery.resealed(held.path)
            self._noted(body)
            self._recovered = _last(body, "")
            return None
        if recovery.waits(held.path, taken.signer):
            raise OSError(errno.ENOKEY, "the device's key, which began it, is not there")
        recovery.same_key(held.path, taken.signer)
        for path in recovery.foreign(held.path):
            name = f"{held.name}/{path}"
            done = self._quarantine(name, "not made by the recorder")
            self._notes.append(f"{shown(name)}: {done}")
        found = recovery.reopen(
            held.path,
            signer=taken.signer,
            recipients=taken.recipients,
            clock=taken.clock,
            settings=taken.settings.recording,
        )
        found.writer.on_fault = taken.told
        same_boot = found.last_boot_id == taken.clock.boot_id
        why: recovery.Why = "crash" if same_boot else "reboot"
        self._noted(lines.LedgerRecovered(recording=held.name, why=why))
        if not found.closed:
            _journal_found(found, why)
        if same_boot and newest and found.ended is None and not found.closed:
            return found
        sealed = taken.seal(found.writer, _end_of(found, why), found.opened)
        self._recovered = _last(sealed, found.last_boot_id)
        self._notes.append(f"{held.name}: sealed after a {why}")
        return None

    def _quarantine(self, name: str, why: str) -> str:
        """Moved aside whole and told; one bad folder does not keep the device from recording."""
        try:
            self._spool.quarantine(name)
        except OSError as error:
            return f"{why}; cannot be moved to quarantine: {error.strerror}"
        self._noted(lines.Quarantined(name=shown(name), why=why[:200]))
        return "quarantined"

    def _noted(self, body: lines.Ledger) -> bool:
        """A line of the ledger, at the start. False: it waits in memory for a ledger that works."""
        try:
            self._taken.note(body)
        except OSError:
            return False
        return True


def _journal_found(found: recovery.Found, why: recovery.Why) -> None:
    writer = found.writer
    for line in recovery.missing_ends(found):
        writer.progress.digests[f"data/segments/{line.segment:04d}.mp4.age"] = line.age_sha256
        writer.journal(line, sync=False)
    for name in recovery.short_segments(found):
        writer.progress.digests.pop(f"data/segments/{name}", None)  # what lies there counts
        writer.journal(lines.Loss(what=name, detail="shorter than its journal says"), sync=False)
    for name in recovery.missing_privates(found):
        writer.journal(lines.Loss(what=name, detail="not there, or not whole"), sync=False)
    if (loss := recovery.unlisted(found)) is not None:
        writer.journal(loss, sync=False)
    writer.journal(lines.Recovered(why=why, fragments=writer.progress.fragments, moved=found.moved))


def _end_of(found: recovery.Found, why: recovery.Why) -> lines.End:
    return ending.end(
        found,
        source="power" if why == "reboot" else "crash",
        cause="power" if why == "reboot" else "supervisor_died",
        why=why,
        detail="found at the next start",
        sync=True,
    )


def _resumed(found: recovery.Found) -> Resumed:
    return Resumed(found.writer.name, found.writer.press_ns, found.opened, found.journal)


def _is_seal(entry: ledger.Entry) -> bool:
    return isinstance(entry.body, lines.Sealed)


def _custodians(entries: Sequence[ledger.Entry]) -> tuple[str, ...]:
    """The ledger's newest list of them."""
    listed = (e.body.recipients for e in reversed(entries) if isinstance(e.body, lines.Custodians))
    return next(listed, ())


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
