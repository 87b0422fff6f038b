"""Live custody: what an open recording has closed goes to the store while it goes on.

The journal travels in pieces, each an object of its own: line 0, then what follows up to each
``segment-end``. Behind a piece go the files that it vouches for, and then the next piece: so what
all pieces but the last one speak of is in the store, whenever the device is destroyed. Where the
pieces are cut follows from the journal alone, so nothing is ever sent in two ways. Reads only what
the card has for certain, holds up nothing, says nothing aloud; the sealed bag travels as ever.
"""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from recorder.clock import NS
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence import chain, lines
from recorder.evidence.named import named
from recorder.spool import NAME, look, numbered
from recorder.sync import bag, durable, keep, ledger, transfer
from recorder.sync.bag import BagFile
from recorder.sync.home import Home, Passed
from recorder.sync.progress import Quiet
from recorder.sync.stores import Keep, Sort, SourceError, Store, StoreError

FOLDER = "live"
_END = b'"kind":"segment-end"'
_HINDERED = b'"kind":"obstruction"'
_NAMING = (_END, b'"private":{')
_REMEDY = (
    "Run `recorder verify` on it; it stays on the device, and its bag travels once it is sealed"
)
_LOOK_NS = 2 * NS
_moved = Quiet().moved


class Piece(msgspec.Struct, frozen=True):
    """Lines ``first`` to ``last`` with their newlines, the files that they vouch for, and how far
    the recording has come with it."""

    first: int
    last: int
    data: bytes
    files: tuple[BagFile, ...]
    after: Passed


class Sent(msgspec.Struct):
    """What a turn did. ``wrong``: (recording, "" the ledger; what store or spool refuse for it)."""

    ledger_lines: int = 0
    files: int = 0
    size_bytes: int = 0
    wrong: list[tuple[str, RecorderError]] = msgspec.field(default_factory=list)


def pieces(folder: Path, passed: Passed, *, settle: bool = True) -> Iterator[Piece]:
    """What waits of a recording. SourceError where its journal cannot be read on."""
    journal = folder / "data"
    rows: list[bytes] = []
    files: list[BagFile] = []
    held = passed.held
    try:
        for entry in durable.read(
            chain.files(journal, "journal"), passed.next, (passed.file, passed.offset),
            settle=settle,
        ):  # fmt: skip
            if isinstance(entry, durable.Damaged) or entry.n != passed.next + len(rows):
                raise _damaged(journal, passed.next + len(rows))
            rows.append(entry.raw + b"\n")
            files += _vouched(journal, entry)
            held = held or _HINDERED in entry.raw
            if entry.n == 0 or _END in entry.raw:
                first = passed.next
                passed = Passed(passed.store, entry.n + 1, entry.file, entry.end, held)
                yield Piece(first, entry.n, b"".join(rows), tuple(files), passed)
                rows, files = [], []
    except OSError as error:
        raise SourceError(
            "source-unreadable", f"cannot read its journal: {error.strerror}", where=str(journal),
            remedy=_REMEDY,
        ) from error  # fmt: skip


def _vouched(journal: Path, entry: durable.Durable) -> list[BagFile]:
    if not any(word in entry.raw for word in _NAMING):
        return []
    try:
        file = named(chain.decode(entry.raw, lines.Journal, None)[1])
    except ValueError as error:
        raise _damaged(journal, entry.n) from error
    if file is None:
        return []
    if not file.file.startswith(("data/segments/", "data/private/")):
        raise _damaged(journal, entry.n)
    return [BagFile(file.file, file.size_bytes, file.sha256)]


def _damaged(journal: Path, n: int) -> SourceError:
    return SourceError(
        "journal-damaged", f"line {n} cannot be read", where=str(journal), remedy=_REMEDY
    )


class Live:
    """The open recordings of a spool. Lives as long as sync does, and looks at a sealed one once.

    One thread at a time works in it, others find nothing to do. ``send`` under the home's lock.
    """

    def __init__(self, settings: Settings, home: Home, stop: threading.Event) -> None:
        self._settings = settings
        self._spool = Path(settings.paths.spool)
        self._home = home
        self._stop = stop
        self._known: set[str] = set()
        self._open: dict[str, Path] = {}
        self._refused: dict[str, RecorderError] = {}
        self._busy = threading.Lock()
        self._next_ns = 0

    def due(self, now_ns: int) -> bool:
        """Whether there is anything to send, by a glance every two seconds of the boot clock."""
        if now_ns < self._next_ns or not self._busy.acquire(blocking=False):
            return False
        try:
            self._next_ns = now_ns + _LOOK_NS
            return self._waiting()
        finally:
            self._busy.release()

    def wait(self, until_ns: int) -> None:
        """Nothing is due before then."""
        self._next_ns = until_ns

    def _waiting(self) -> bool:
        for name, folder in self._look():
            try:
                if next(pieces(folder, self._home.passed(name), settle=False), None) is not None:
                    return True
            except SourceError as error:
                if _passes(error):
                    return True  # the turn tries it, and says so
                self._refused[name] = error
        return False

    def send(self, store: Store) -> Sent:
        """Send what waits: the ledger, then the newest recording first. Durable on return.

        What concerns one recording only is in ``wrong``, now and in every later turn, and that
        recording waits for its seal; what the card did not give is tried again.
        StoreError where the store can take nothing now.
        """
        if not self._busy.acquire(blocking=False):
            return Sent()
        try:
            return self._send(store)
        finally:
            self._busy.release()

    def _send(self, store: Store) -> Sent:
        ledger_lines, wrong = ledger.send(self._settings, store, self._home)
        sent = Sent(ledger_lines, wrong=[("", error) for error in wrong])
        for name, folder in self._look():
            try:
                self._recording(store, name, folder, sent)
            except SourceError as error:
                if _passes(error):
                    sent.wrong.append((name, error))
                else:
                    self._refused[name] = error
            except StoreError as error:
                if error.sort is not Sort.NEVER:
                    raise
                self._refused[name] = error
        sent.wrong += self._refused.items()
        return sent

    def _look(self) -> list[tuple[str, Path]]:
        """The open recordings that can be sent, newest first."""
        try:
            names = set(numbered(self._spool))
        except OSError:
            return []  # the ordinary run says so
        for name in names - self._known:
            self._open[name] = self._spool / name
        self._known |= names
        for name, folder in list(self._open.items()):
            recording = look(folder)
            if recording is None or recording.state == "sealed":
                del self._open[name]
                self._refused.pop(name, None)
        left = self._open.keys() - self._refused.keys()
        return [(name, self._open[name]) for name in sorted(left, reverse=True)]

    def _recording(self, store: Store, name: str, folder: Path, sent: Sent) -> None:
        passed = self._home.passed(name)
        if passed.store != store.id:
            passed = Passed(store.id)
        for piece in pieces(folder, passed):
            if self._stop.is_set():
                return
            self._piece(store, name, folder, piece, sent)
            self._home.set_passed(name, piece.after)

    def _piece(self, store: Store, name: str, folder: Path, piece: Piece, sent: Sent) -> None:
        header, opened = bag.line_0(folder)
        how = self._how_long(opened, piece)
        match = NAME.match(name)
        device = match["device"] if match else self._settings.device.name
        key = f"{device}/{FOLDER}/{name}/{piece.first:012d}-{piece.last:012d}.jsonl"
        _count(sent, transfer.settle_bytes(store, key, piece.data, how).sent, len(piece.data))
        store.flush()
        for file in piece.files:
            source = partial(bag.source, folder / file.name)
            key = f"{device}/{name}/{file.name}"
            settled = transfer.settle(store, key, file, source, _moved, how)
            _count(sent, settled.sent, file.size_bytes)
        if piece.first == 0:
            day = f"{device}/days/{bag.day_of(header, opened)}/{name}"
            transfer.settle_bytes(store, day, b"", how)
        store.flush()

    def _how_long(self, opened: lines.Open, piece: Piece) -> Keep:
        if not self._settings.bucket:
            return Keep(None)
        retention = bag.retention_of(opened)
        return keep.of_act(retention, self._settings.s3, obstructed=piece.after.held)


def _passes(error: SourceError) -> bool:
    """A read error may be over at the next turn; damage is not."""
    return error.code == "source-unreadable"


def _count(sent: Sent, now: bool, size_bytes: int) -> None:
    sent.files += now
    sent.size_bytes += size_bytes * now
