"""One run of sync: what is sealed and not yet in the store goes there, is read back, is receipted.

Payload first, tag files, signature last, so a bag is in the store when its signature is. Killed
anywhere, run twice or by two at once, the store ends up the same. It never changes the spool,
never overwrites or removes a stored file, and never calls something stored that it did not read.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from recorder.clock import Clock, SystemClock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.spool import NAME, Held
from recorder.sync import bag, ledger, second
from recorder.sync.bag import Bag
from recorder.sync.configured import open_configured
from recorder.sync.contact import Contact, Dock
from recorder.sync.home import Aside, Home
from recorder.sync.live import Live
from recorder.sync.pace import Manner, Pace, PacedStore, Stopped
from recorder.sync.progress import Progress
from recorder.sync.quarantined import Quarantined
from recorder.sync.readers import Reader, load_register, others, unvouched
from recorder.sync.reading import Reading
from recorder.sync.stores import Conflict, Lost, Sort, SourceError, Store, StoreError
from recorder.sync.summary import Summary
from recorder.sync.tally import Tally
from recorder.sync.todo import Todo
from recorder.sync.turns import Turns
from recorder.sync.upload import Means, Upload

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
            remedy="Name the folder in recorder.toml and mount it; a new one is made with "
            "`recorder provision store FOLDER`",
        )  # fmt: skip
    ledger.check_device(settings)
    home = Home(Path(settings.paths.sync))
    clock, stop = clock or SystemClock(), stop or threading.Event()
    contact = Contact(dock, Path(settings.paths.spool), clock, progress.note)
    tally = Tally(progress)
    with home.locked(wait_s, progress.note):
        if settings.sync.live:
            live = live or Live(settings, home, stop)
        means = Means(settings, home, home.signer(), _others(home, settings, tally), clock, stop)
        _judge_key(settings, home, means.signer.public, clock, tally)
        pace = Pace(settings.sync.limit_kbps, contact.occupied, clock, stop, tally.note, sleep)
        try:
            store = _opened(open_store or partial(open_configured, clock=clock), means, contact)
            tally.store = store.name
            paced = PacedStore(store, pace, _manner(settings, live))
            turns = Turns(live, paced, pace, clock, tally)
            todo = Todo(means, tally)
            with _told(contact, todo, tally):
                try:
                    _Run(means, paced, todo, turns, tally, contact, say).all()
                finally:
                    store.close()
        except Stopped:
            progress.note("stopped; the rest is copied next time")
        except StoreError as error:
            _speak(say, error.phrase, progress)
            if not tally.store:
                Todo(means, tally).of(None)  # none was reached: what waits is still to be told
            raise
        finally:
            summary = tally.summary()
            progress.end(summary)
    return summary


def _others(home: Home, settings: Settings, tally: Tally) -> tuple[Reader, ...]:
    """Sync's own keys of before, and the register's docks; without one nobody reads for us."""
    try:
        return others(home.path, load_register(Path(settings.paths.keys)))
    except RecorderError as error:
        tally.found("", error)
        return ()


def _judge_key(settings: Settings, home: Home, public: bytes, clock: Clock, tally: Tally) -> None:
    """Receipts by a key for which the register does not vouch free nothing: a person must know."""
    folder = Path(settings.paths.keys)
    try:
        wrong = unvouched(folder, "sync", home.path, settings.device.name, public, clock)
    except RecorderError:
        return  # a finding already, by whose word no dock is believed
    if wrong is not None:
        tally.found("", wrong)


def _opened(open_store: OpenStore, means: Means, contact: Contact) -> Store:
    try:
        return open_store(means.settings, means.home.owner)
    except StoreError as error:
        contact.tell("gone")
        if error.sort is not Sort.LATER:
            contact.tell("person")
        raise


def _manner(settings: Settings, live: Live | None) -> Manner:
    """A folder waits for the rest of a file, a PUT does not, and live custody for neither."""
    if live is not None:
        return Manner.FINISH
    return Manner.CRAWL if settings.bucket else Manner.STAND


def _speak(say: Say | None, phrase: str | None, progress: Progress) -> None:
    if say is None or phrase is None:
        return
    try:
        say(phrase)
    except RecorderError as unheard:
        progress.note(f"not said aloud: {unheard}")


@contextmanager
def _told(contact: Contact, todo: Todo, tally: Tally) -> Iterator[None]:
    """The recorder hears that its store was reached, and how it ended."""
    contact.tell("reached")
    ending = "person"
    try:
        yield
        done = "done" if todo.has_all() else "later"
        ending = "person" if tally.findings else done
    except Stopped:
        ending = "left"
        raise
    except StoreError as error:
        ending = "later" if error.sort is Sort.LATER else "person"
        raise
    finally:
        contact.tell(ending)


class _Run:
    """The state of one run."""

    def __init__(
        self, means: Means, store: Store, todo: Todo, turns: Turns, tally: Tally,
        contact: Contact, say: Say | None,
    ) -> None:  # fmt: skip
        self._means = means
        self._settings = means.settings
        self._home = means.home
        self._store = store
        self._todo = todo
        self._turns = turns
        self._tally = tally
        self._progress = tally.progress
        self._contact = contact
        self._say = say
        self._upload = Upload(means, store, turns, tally)
        self._late: StoreError | None = None
        self._late_at = 0

    def all(self) -> None:
        """Ledger, recordings, ledger again: the second time with the lines that sealed them."""
        todo = self._todo.of(self._store.id)
        sizes = [bag.oxum(recording.path) for recording in todo]
        self._progress.begin(
            self._store.name, len(todo), sum(n for _, n in sizes), sum(size for size, _ in sizes)
        )
        if any(self._home.is_aside(recording.name) is None for recording in todo):
            self._contact.tell("filling")
        self._ledger()
        self._turns.begin()
        for recording in todo:
            self._patiently(recording)
        self._tally.sums["quarantined"] = len(self._quarantined())
        if todo:
            self._ledger()
        if self._late is not None:
            raise self._late
        if not self._tally.findings and self._todo.has_all():
            self._contact.tell("done")  # the device may go; what follows is only read
        self._read_again()

    def _read_again(self) -> None:
        """Second read-backs, of the run's share."""
        share_bytes = (self._settings.sync.read_back_mb or second.OLD_MB) * 1_000_000
        reading = Reading(
            self._store, self._home, self._means.stop, self._progress.moved, share_bytes,
            self._turns.live,
        )  # fmt: skip
        try:
            self._tally.sums["read_twice"] = second.Second(
                self._settings, self._store, self._home, self._means.signer, self._means.clock,
                reading, self._guarded, self._means.others, self._upload.how_long, self._lost,
            ).all(self._todo.once)  # fmt: skip
        finally:
            self._tally.sums["read_files"] = reading.files
            self._tally.sums["read_bytes"] = reading.size_bytes

    def _lost(self, device: str, whole: Bag, error: Lost) -> None:
        """The device may have the only copy: it goes there again, with a first receipt anew."""
        self._set_aside(whole.recording, error, error.key)
        self._contact.tell("filling")
        self._progress.recording(whole.recording, len(whole.files) + 1, whole.size_bytes)
        self._upload.copy(device, whole)
        self._home.settle(whole.recording)
        self._tally.done(whole.recording)

    def _quarantined(self) -> list[str]:
        """What recovery set aside, after all that is whole."""
        return Quarantined(
            self._settings, self._store, self._home, self._means.signer, self._means.clock,
            self._progress, self._guarded, self._turns.give_way,
        ).all()  # fmt: skip

    def _patiently(self, recording: Held) -> None:
        """One that the store cannot take now does not hold up the next; two in a row do."""
        done = len(self._tally.stored)
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
            self._upload.still_aside(device, whole)
            self._progress.recording(recording.name, len(whole.files) + 1, whole.size_bytes)
            self._upload.copy(device, whole)
            return True

        if self._guarded(recording.name, work):
            self._tally.done(recording.name)

    def _guarded(self, recording: str, work: Callable[[], bool]) -> bool:
        """Whether it is done; what is wrong with this one alone is a finding."""
        if self._means.stop.is_set():
            raise Stopped
        try:
            if not work():
                return False
        except Conflict as error:
            self._set_aside(recording, error, error.key)
        except SourceError as error:
            self._tally.found(recording, error)
        except StoreError as error:
            if error.sort is not Sort.NEVER:
                raise
            self._set_aside(recording, error, "")
        else:
            self._home.settle(recording)
            return True
        return False

    def _ledger(self) -> None:
        sent, findings = ledger.send(self._settings, self._store, self._home)
        self._tally.sums["ledger_lines"] += sent
        for error in findings:
            self._tally.found("", error)

    def _set_aside(self, recording: str, error: StoreError, key: str) -> None:
        if self._home.is_aside(recording) is None:
            _speak(self._say, error.phrase, self._progress)
        self._home.set_aside(
            Aside(recording, error.code, key, error.problem, self._means.clock.stamp().utc)
        )
        self._tally.found(recording, error)
