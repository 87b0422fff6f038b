"""One run of sync: what is sealed and not yet in the store goes there, is read back, is receipted.

Payload first, tag files, signature last, so a bag is in the store when its signature is. Killed
anywhere, run twice or by two at once, the store ends up the same. It never changes the spool,
never overwrites or removes a stored file, and never calls something stored that it did not read.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from recorder.clock import Clock, SystemClock, iso
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence.chain import files
from recorder.spool import LEDGER, NAME, Held, look, numbered
from recorder.sync import bag, keep, lanes, ledger, receipts, second, shelf, transfer
from recorder.sync.bag import Bag, BagFile
from recorder.sync.contact import Contact, Dock
from recorder.sync.deadlines import Lateness
from recorder.sync.home import Aside, Home
from recorder.sync.index import Index
from recorder.sync.live import Live, Sent
from recorder.sync.pace import Manner, Pace, PacedStore, Stopped
from recorder.sync.progress import Progress
from recorder.sync.quarantined import Quarantined
from recorder.sync.readers import Reader, load_register, others
from recorder.sync.reading import Reading
from recorder.sync.stores import Conflict, Keep, Kept, Lost, Sort, SourceError, Store, StoreError
from recorder.sync.stores.directory import DirectoryStore
from recorder.sync.summary import Finding, Summary
from recorder.sync.terms import Terms

Say = Callable[[str], None]
OpenStore = Callable[[Settings, str], Store]


def run_once(
    settings: Settings,
    progress: Progress,
    *,
    say: Say | None = None,
    dock: Dock | None = None,
    clock: Clock | None = None,
    wait_s: float = 600.0,
    stop: threading.Event | None = None,
    open_store: OpenStore | None = None,
    live: Live | None = None,
    sleep: Callable[[float], object] | None = None,
) -> Summary:
    """Copy what is missing. What it calls stored is durable in the store and has its receipt.

    ``say`` gets the key of a sentence (``store_full`` …) before the StoreError is raised that
    it is about; ``dock`` is told of the store's contact, and while it says that a recording is open
    what is sealed waits; ``stop`` ends the run between two files.
    What ``live`` has goes first, and between any two files.
    Raises RecorderError where it cannot run or go on: no store, store full, gone or not allowed,
    spool or key unreadable, another sync still running after ``wait_s``. What concerns one
    recording only is a finding, and the others go on.
    """
    if not settings.sync.store:
        raise RecorderError(
            "no-store", "no store is configured", where="key sync.store",
            remedy="Name the folder in recorder.toml, then `recorder provision store FOLDER`",
        )  # fmt: skip
    ledger.check_device(settings)
    home = Home(Path(settings.paths.sync))
    clock, stop = clock or SystemClock(), stop or threading.Event()
    contact = Contact(dock, Path(settings.paths.spool), clock, progress.note)
    with home.locked(wait_s):
        if settings.sync.live:
            live = live or Live(settings, home, stop)
        run = _Run(settings, home, progress, clock, stop, say, live, contact, sleep)
        try:
            try:
                store = (open_store or partial(open_configured, clock=clock))(settings, home.owner)
            except StoreError as error:
                contact.tell("gone")
                if error.sort is not Sort.LATER:
                    contact.tell("person")
                raise
            with _told(contact, run):
                try:
                    run.all(store)
                finally:
                    store.close()
        except Stopped:
            progress.note("stopped; the rest is copied next time")
        except StoreError as error:
            _speak(say, error.phrase, progress)
            raise
        finally:
            summary = run.summary()
            progress.end(summary)
    return summary


def _speak(say: Say | None, phrase: str | None, progress: Progress) -> None:
    if say is None or phrase is None:
        return
    try:
        say(phrase)
    except RecorderError as unheard:
        progress.note(f"not said aloud: {unheard}")


def open_configured(settings: Settings, owner: str, *, clock: Clock) -> Store:
    """The store of the config. Raises StoreError, RecorderError where it cannot be used."""
    if settings.bucket:
        from recorder.sync.stores.s3 import S3Store  # its library is large, a folder needs none

        return S3Store(settings, clock)
    return open_directory(settings, owner)


@contextmanager
def _told(contact: Contact, run: "_Run") -> Iterator[None]:
    """The recorder hears that its store was reached, and how it ended."""
    contact.tell("reached")
    ending = "person"
    try:
        yield
        done = "done" if run.has_all() else "later"
        ending = "person" if run.summary().findings else done
    except Stopped:
        ending = "left"
        raise
    except StoreError as error:
        ending = "later" if error.sort is Sort.LATER else "person"
        raise
    finally:
        contact.tell(ending)


def open_directory(settings: Settings, owner: str) -> Store:
    """The mounted folder of the config. StoreError where it is gone or no store."""
    try:
        return DirectoryStore(Path(settings.sync.store), settings.device.name, owner)
    except StoreError as error:
        error.where = f"key sync.store: {error.where}"
        raise


class _Run:
    """The state of one run."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        progress: Progress,
        clock: Clock,
        stop: threading.Event,
        say: Say | None,
        live: Live | None,
        contact: Contact,
        sleep: Callable[[float], object] | None,
    ) -> None:
        self._say = say
        self._live = live
        self._contact = contact
        self._late: StoreError | None = None
        self._late_at = 0
        self._settings = settings
        self._spool = Path(settings.paths.spool)
        self._home = home
        self._progress = progress
        self._clock = clock
        self._stop = stop
        self._signer = home.signer()
        self._store: Store
        self._stored: list[str] = []
        self._findings: list[Finding] = []
        self._sum: dict[str, int] = dict.fromkeys(
            ("stored_before", "not_sealed", "sent_files", "sent_bytes", "present_files",
             "present_bytes", "ledger_lines", "live_files", "live_bytes",
             "quarantined", "read_twice", "read_files", "read_bytes", "duplicates"), 0,
        )  # fmt: skip
        self._moved: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._once: dict[str, str] = {}
        self._taken: set[str] = set()
        self._docks = self._known_docks()
        self._notes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.get_ident()
        limit_kbps = settings.sync.limit_kbps
        self._pace = Pace(limit_kbps, contact.occupied, clock, stop, self._note, sleep)
        self._name = ""
        self._terms: Terms | None = None

    def _known_docks(self) -> Sequence[Reader]:
        """Sync's own keys of before, and the register's docks; without one nobody reads for us."""
        try:
            return others(self._home.path, load_register(Path(self._settings.paths.keys)))
        except RecorderError as error:
            self._found("", error)
            return ()

    def summary(self) -> Summary:
        """What was done so far."""
        return Summary(
            store=self._name,
            stored=tuple(self._stored),
            findings=tuple(self._findings),
            **self._sum,
        )

    def all(self, store: Store) -> None:
        """Ledger, recordings, ledger again: the second time with the lines that sealed them."""
        self._store = PacedStore(store, self._pace, self._manner())
        self._name = store.name
        todo = self._todo()
        sizes = [bag.oxum(recording.path) for recording in todo]
        self._progress.begin(
            store.name, len(todo), sum(n for _, n in sizes), sum(size for size, _ in sizes)
        )
        if any(self._home.is_aside(recording.name) is None for recording in todo):
            self._contact.tell("filling")
        self._ledger()
        if self._live is not None:
            self._sent_live(self._live.send(self._store))
        for recording in todo:
            self._patiently(recording)
        self._sum["quarantined"] = len(self._quarantined())
        if todo:
            self._ledger()
        if self._late is not None:
            raise self._late
        if not self._findings and self.has_all():
            self._contact.tell("done")  # the device may go; what follows is only read
        self._read_again()

    def _manner(self) -> Manner:
        """A folder waits for the rest of a file, a PUT does not, and live custody for neither."""
        if self._live is not None:
            return Manner.FINISH
        return Manner.CRAWL if self._settings.bucket else Manner.STAND

    def _todo(self) -> list[Held]:
        todo: list[Held] = []
        try:
            index = Index(self._home.path, self._signer.public, self._docks)
            for name in numbered(self._spool):
                if index.has(name, self._store.id):
                    self._taken.add(name)
                    first, second = index.reads(name, self._store.id)
                    if not second:
                        self._once[name] = first
                    self._sum["stored_before"] += 1
                elif (recording := look(self._spool / name)) is None:
                    continue
                elif recording.state == "open":
                    self._sum["not_sealed"] += 1
                else:
                    todo.append(recording)
        except OSError as error:
            raise RecorderError(
                "spool-unreadable", f"cannot read it: {error.strerror}", where=str(self._spool),
                remedy="Check paths.spool, and put sync's user into the spool's group",
            ) from error  # fmt: skip
        self._taken.update(recording.name for recording in todo)
        try:
            index.save(self._signer)
        except RecorderError as error:
            self._progress.note(f"every receipt is read again next time: {error}")
        return todo

    def has_all(self) -> bool:
        """Whether nothing was sealed since the run looked: that is for the next one."""
        try:
            new = [look(self._spool / n) for n in numbered(self._spool) if n not in self._taken]
        except OSError:
            return False
        return all(recording is None or recording.state == "open" for recording in new)

    def _read_again(self) -> None:
        """Second read-backs, of the run's share."""
        share_bytes = (self._settings.sync.read_back_mb or second.OLD_MB) * 1_000_000
        reading = Reading(
            self._store, self._home, self._stop, self._progress.moved, share_bytes, self._live_turn
        )
        try:
            self._sum["read_twice"] = second.Second(
                self._settings, self._store, self._home, self._signer, self._clock, reading,
                self._guarded, self._docks, self._how_long, self._lost,
            ).all(self._once)  # fmt: skip
        finally:
            self._sum["read_files"], self._sum["read_bytes"] = reading.files, reading.size_bytes

    def _lost(self, device: str, whole: Bag, error: Lost) -> None:
        """The device may have the only copy: it goes there again, with a first receipt anew."""
        self._set_aside(whole.recording, error, error.key)
        self._contact.tell("filling")
        self._progress.recording(whole.recording, len(whole.files) + 1, whole.size_bytes)
        self._copy(device, whole)
        self._home.settle(whole.recording)
        self._stored.append(whole.recording)
        self._progress.stored(whole.recording)

    def _quarantined(self) -> list[str]:
        """What recovery set aside, after all that is whole."""
        return Quarantined(
            self._settings, self._store, self._home, self._signer, self._clock, self._progress,
            self._guarded, self._give_way,
        ).all()  # fmt: skip

    def _patiently(self, recording: Held) -> None:
        """One that the store cannot take now does not hold up the next; two in a row do."""
        done = len(self._stored)
        late = self._late
        try:
            self._one(recording)
        except StoreError as error:
            if error.code != "store-busy" or (late is not None and self._late_at == done):
                raise
            self._progress.note(str(error))
            self._late, self._late_at = error, done

    def _one(self, recording: Held) -> None:
        match = NAME.match(recording.name)
        device = match["device"] if match else self._settings.device.name

        def work() -> bool:
            whole = bag.load(recording.path)
            self._still_aside(device, whole)
            self._progress.recording(recording.name, len(whole.files) + 1, whole.size_bytes)
            self._copy(device, whole)
            return True

        if self._guarded(recording.name, work):
            self._stored.append(recording.name)
            self._progress.stored(recording.name)

    def _guarded(self, recording: str, work: Callable[[], bool]) -> bool:
        """Whether it is done; what is wrong with this one alone is a finding."""
        if self._stop.is_set():
            raise Stopped
        try:
            if not work():
                return False
        except Conflict as error:
            self._set_aside(recording, error, error.key)
        except SourceError as error:
            self._found(recording, error)
        except StoreError as error:
            if error.sort is not Sort.NEVER:
                raise
            self._set_aside(recording, error, "")
        else:
            self._home.settle(recording)
            return True
        return False

    def _copy(self, device: str, whole: Bag) -> None:
        base = f"{device}/{whole.recording}"
        how = self._how_long(whole)
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
        read_ns, our_ns = self._store.time_ns(), self._clock.utc_ns()
        if self._terms is None:
            offset_min = self._settings.device.utc_offset_min
            self._terms = Terms(
                files(self._spool / LEDGER, ""), self._settings.calendar, offset_min
            )
        term = self._terms.kept(whole.folder, read_ns)
        self._issue(
            receipts.Receipt(
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
                term=term,
                **receipts.as_told(kept),
            )
        )
        if term.kept in (Lateness.OVERDUE, Lateness.POSSIBLY):
            self._progress.note(f"{whole.recording}: stored {term.kept}, due by {term.due}")
        if whole.left:
            self._found(whole.recording, _left(whole))

    def _issue(self, receipt: receipts.Receipt) -> None:
        """Here first, then in the store, where a dock finds it."""
        written = receipts.issue(
            self._home.receipts, receipt, self._signer, self._clock, self._docks
        )
        shelf.put(self._store, receipt, 1, written.line, keep.of_ledger(self._settings))

    def _how_long(self, whole: Bag) -> Keep:
        try:
            return keep.of_recording(whole, self._settings)
        except OSError as error:
            raise SourceError(
                "source-unreadable", f"cannot read its journal: {error.strerror}",
                where=str(whole.folder),
                remedy="Run `recorder verify` on it; it stays on the device and is tried again",
            ) from error  # fmt: skip

    def _files(
        self, base: str, files: Sequence[BagFile], folder: Path, how: Keep
    ) -> dict[str, Kept]:
        """Settle them all, those that come first beginning first; what the store says of each."""
        jobs = self._jobs(base, files, folder, how)
        kept: dict[str, Kept] = {}
        for done in lanes.at_once(self._store.lanes, jobs, self._tell_moved):
            if isinstance(done, Sent):
                self._sent_live(done)
                continue
            file, settled = done
            kept[file.name] = settled.kept
            kind = "sent" if settled.sent else "present"
            self._sum[f"{kind}_files"] += 1
            self._sum[f"{kind}_bytes"] += file.size_bytes
            self._sum["duplicates"] += settled.kept.duplicates
            self._progress.file()
        return kept

    def _jobs(
        self, base: str, files: Sequence[BagFile], folder: Path, how: Keep
    ) -> Iterator[Callable[[], Sent | tuple[BagFile, transfer.Settled]]]:
        """Each file; before the next one what is being recorded has its turn, and keeps it."""
        for file in files:
            while self._live is not None:
                if self._live.due(self._clock.boot_ns()):
                    yield partial(self._live.send, self._store)
                if not self._pace.held_up():
                    break
            yield partial(self._file, base, file, folder, how)

    def _live_turn(self) -> None:
        while self._live is not None:
            if self._live.due(self._clock.boot_ns()):
                self._sent_live(self._live.send(self._store))
            if not self._pace.held_up():
                break

    def _give_way(self) -> None:
        """Wait while a recording is open; what it has closed has its turn."""
        self._live_turn()
        while self._live is None and self._pace.held_up():
            continue

    def _sent_live(self, sent: Sent) -> None:
        self._sum["ledger_lines"] += sent.ledger_lines
        self._sum["live_files"] += sent.files
        self._sum["live_bytes"] += sent.size_bytes
        for recording, error in sent.wrong:
            self._found(recording, error)

    def _file(
        self, base: str, file: BagFile, folder: Path, how: Keep
    ) -> tuple[BagFile, transfer.Settled]:
        if self._stop.is_set():
            raise Stopped
        key, source = f"{base}/{file.name}", partial(bag.source, folder / file.name)
        return file, transfer.settle(self._store, key, file, source, self._moved.put, how)

    def _note(self, text: str) -> None:
        """From any thread. What is to be waited for is told before the wait."""
        self._notes.put(text)
        if threading.get_ident() == self._thread:
            self._tell_moved()

    def _tell_moved(self) -> None:
        """Progress hears of it on the run's own thread."""
        size_bytes = 0
        while not self._moved.empty():
            size_bytes += self._moved.get()
        if size_bytes:
            self._progress.moved(size_bytes)
        while not self._notes.empty():
            self._progress.note(self._notes.get())

    def _still_aside(self, device: str, whole: Bag) -> None:
        """What was set aside is looked at first: while nobody mended it, nothing else is read."""
        aside = self._home.is_aside(whole.recording)
        if aside is None or not aside.key:
            return
        base = f"{device}/{whole.recording}"
        for file in (*whole.files, whole.signature):
            if aside.key == f"{base}/{file.name}" and self._store.stat(aside.key) is not None:
                transfer.compare(self._store, aside.key, file, sent=False)
        transfer.nothing_foreign(self._store, base, (*whole.files, whole.signature))

    def _ledger(self) -> None:
        sent, findings = ledger.send(self._settings, self._store, self._home)
        self._sum["ledger_lines"] += sent
        for error in findings:
            self._found("", error)

    def _set_aside(self, recording: str, error: StoreError, key: str) -> None:
        if self._home.is_aside(recording) is None:
            _speak(self._say, error.phrase, self._progress)
        self._home.set_aside(
            Aside(recording, error.code, key, error.problem, self._clock.stamp().utc)
        )
        self._found(recording, error)

    def _found(self, recording: str, error: RecorderError) -> None:
        finding = Finding.of(recording, error)
        if finding not in self._findings:
            self._findings.append(finding)
            self._progress.found(finding)


def _left(whole: Bag) -> SourceError:
    return SourceError(
        "foreign-file", f"not listed and not copied: {', '.join(whole.left[:5])}",
        where=str(whole.folder), remedy="Find out who put it there; the receipt names it, too",
    )  # fmt: skip
