"""One sealed recording on its way: its files in their order, compared where they are there already,
and its receipt when the store has been asked what it kept."""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import msgspec

from recorder.clock import Clock, iso
from recorder.config import Settings
from recorder.evidence.chain import Signer, files
from recorder.spool import LEDGER
from recorder.sync import bag, keep, lanes, receipts, shelf, transfer
from recorder.sync.bag import Bag, BagFile
from recorder.sync.deadlines import Lateness
from recorder.sync.home import Home
from recorder.sync.live import Sent
from recorder.sync.pace import Stopped
from recorder.sync.readers import Reader
from recorder.sync.stores import Keep, Kept, SourceError, Store
from recorder.sync.tally import Tally
from recorder.sync.terms import Terms
from recorder.sync.turns import Turns


class Means(msgspec.Struct, frozen=True):
    """What a run works with. ``others``: whose receipts count beside its own."""

    settings: Settings
    home: Home
    signer: Signer
    others: Sequence[Reader]
    clock: Clock
    stop: threading.Event


class Upload:
    """A run's. What concerns one bag alone is raised: Conflict, SourceError, StoreError."""

    def __init__(self, means: Means, store: Store, turns: Turns, tally: Tally) -> None:
        self._settings = means.settings
        self._ledger = Path(means.settings.paths.spool) / LEDGER
        self._home = means.home
        self._signer = means.signer
        self._others = means.others
        self._clock = means.clock
        self._stop = means.stop
        self._store = store
        self._turns = turns
        self._tally = tally
        self._terms: Terms | None = None

    def copy(self, device: str, whole: Bag) -> None:
        """All of it is durable in the store on return, the signature last, and has its receipt."""
        base = f"{device}/{whole.recording}"
        how = self.how_long(whole)
        before, rest = whole.stages
        kept = self._files(base, before, whole.folder, how)
        self._store.flush()
        kept |= self._files(base, rest, whole.folder, how)
        day = f"{device}/days/{whole.day}/{whole.recording}"
        transfer.settle_bytes(self._store, day, b"", how)
        self._store.flush()
        kept |= self._files(base, (whole.signature,), whole.folder, how)
        self._store.flush()
        transfer.nothing_foreign(self._store, base, (*whole.files, whole.signature))
        receipt = self._receipt(device, whole, kept)
        self._issue(receipt)
        term = receipt.term
        if term is not None and term.kept in (Lateness.OVERDUE, Lateness.POSSIBLY):
            self._tally.note(f"{whole.recording}: stored {term.kept}, due by {term.due}")
        if whole.left:
            self._tally.found(whole.recording, _left(whole))

    def _receipt(self, device: str, whole: Bag, kept: dict[str, Kept]) -> receipts.Receipt:
        read_ns, our_ns = self._store.time_ns(), self._clock.utc_ns()
        if self._terms is None:
            offset_min = self._settings.device.utc_offset_min
            self._terms = Terms(files(self._ledger, ""), self._settings.calendar, offset_min)
        return receipts.Receipt(
            format=receipts.FORMAT,
            recording=whole.recording,
            device=device,
            store=self._store.name,
            store_id=self._store.id,
            files=len(whole.files) + 1,
            bytes=whole.size_bytes,
            tagmanifest_sha256=whole.tagmanifest_sha256,
            stored=iso(kept[whole.signature.name].mtime_ns),
            read=iso(read_ns),
            read_back=1,
            clock_offset_ms=round((our_ns - read_ns) / 1_000_000),
            left=whole.left,
            term=self._terms.kept(whole.folder, read_ns),
            **receipts.as_told(kept),
        )

    def _issue(self, receipt: receipts.Receipt) -> None:
        """Here first, then in the store, where a dock finds it."""
        written = receipts.issue(
            self._home.receipts, receipt, self._signer, self._clock, self._others
        )
        shelf.put(self._store, receipt, 1, written.line, keep.of_ledger(self._settings))

    def how_long(self, whole: Bag) -> Keep:
        """For how long the store has to keep it. SourceError where its journal does not tell."""
        try:
            return keep.of_recording(whole, self._settings)
        except OSError as error:
            raise SourceError(
                "source-unreadable", f"cannot read its journal: {error.strerror}",
                where=str(whole.folder),
                remedy="Run `recorder verify` on it; it stays on the device and is tried again",
            ) from error  # fmt: skip

    def still_aside(self, device: str, whole: Bag) -> None:
        """What was set aside is looked at first: while nobody mended it, nothing else is read."""
        aside = self._home.is_aside(whole.recording)
        if aside is None or not aside.key:
            return
        base = f"{device}/{whole.recording}"
        for file in (*whole.files, whole.signature):
            if aside.key == f"{base}/{file.name}" and self._store.stat(aside.key) is not None:
                transfer.compare(self._store, aside.key, file, sent=False)
        transfer.nothing_foreign(self._store, base, (*whole.files, whole.signature))

    def _files(
        self, base: str, files: Sequence[BagFile], folder: Path, how: Keep
    ) -> dict[str, Kept]:
        """Settle them all, those that come first beginning first; what the store says of each."""
        jobs = self._turns.between(partial(self._file, base, file, folder, how) for file in files)
        kept: dict[str, Kept] = {}
        for done in lanes.at_once(self._store.lanes, jobs, self._tally.tell):
            if isinstance(done, Sent):
                self._tally.live(done)
                continue
            file, settled = done
            kept[file.name] = settled.kept
            self._tally.file(file.size_bytes, settled.kept, sent=settled.sent)
        return kept

    def _file(
        self, base: str, file: BagFile, folder: Path, how: Keep
    ) -> tuple[BagFile, transfer.Settled]:
        if self._stop.is_set():
            raise Stopped
        key, source = f"{base}/{file.name}", partial(bag.source, folder / file.name)
        return file, transfer.settle(self._store, key, file, source, self._tally.moved, how)


def _left(whole: Bag) -> SourceError:
    return SourceError(
        "foreign-file", f"not listed and not copied: {', '.join(whole.left[:5])}",
        where=str(whole.folder), remedy="Find out who put it there; the receipt names it, too",
    )  # fmt: skip
