"""Wakes sync when a recording is sealed, and now and then anyway. It copies nothing itself.

inotify watches the spool's own folder and those of the recordings that are not sealed yet: a
spool of thousands costs no more than an empty one.
"""

import os
import queue
import random
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from recorder.clock import NS, Clock, SystemClock
from recorder.config import Settings
from recorder.errors import RecorderError
from recorder.evidence.seal import SIGNATURE
from recorder.spool import look, number_of, numbered
from recorder.sync.contact import Contact, Dock
from recorder.sync.home import Home
from recorder.sync.live_watch import LiveWatch
from recorder.sync.progress import Progress
from recorder.sync.stores import Sort, StoreError
from recorder.sync.summary import Summary
from recorder.sync.worker import Say, run_once

RESCAN_S = 300.0
_FIRST_BACKOFF_S = 5.0
_LAST_BACKOFF_S = 60.0
_TURN_S = 0.5
_LASTS_NS = 60 * NS
"""A network that has just been plugged in has no address yet."""


class SealWatch(FileSystemEventHandler):
    """Tells which recordings are new or sealed. ``close`` it."""

    def __init__(self, spool: Path, note: Callable[[str], None]) -> None:
        self._spool = spool
        self._note = note
        self._wakes: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._watches: dict[str, ObservedWatch] = {}
        self._sealed: set[str] = set()
        self._observer: BaseObserver = Observer()
        self._observer.start()

    def refresh(self) -> None:
        """Watch what is unsealed now, and nothing else. Then look at the spool, not before."""
        self._watch("", self._spool)
        open_now = self._open_now()
        for name, path in open_now.items():
            self._watch(name, path)
        for name in [name for name in self._watches if name and name not in open_now]:
            self._observer.unschedule(self._watches.pop(name))

    def _open_now(self) -> dict[str, Path]:
        """A sealed recording stays so, and is looked at once."""
        names = numbered(self._spool)
        self._sealed.intersection_update(names)
        found: dict[str, Path] = {}
        for name in names:
            if name in self._sealed or (recording := look(self._spool / name)) is None:
                continue
            if recording.state == "sealed":
                self._sealed.add(name)
            else:
                found[name] = recording.path
        return found

    def _watch(self, name: str, path: Path) -> None:
        if name in self._watches:
            return
        try:
            self._watches[name] = self._observer.schedule(self, str(path), recursive=False)
        except OSError as error:  # gone again, or the system's watches are used up: rescans do it
            self._note(f"cannot watch {path}: {error.strerror}")

    def wait(self, timeout_s: float) -> Path | None:
        """A recording's folder in which something happened; None: nothing in that time."""
        try:
            return self._wakes.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def drain(self) -> None:
        """Forget what is waiting: all of it is seen by the next look at the spool."""
        while self.wait(0.0) is not None:
            continue

    def close(self) -> None:
        """Stop watching."""
        self._observer.stop()
        self._observer.join()

    def on_created(self, event: FileSystemEvent) -> None:
        """A new folder in the spool, or a signature."""
        self._take(event, str(event.src_path))

    def on_moved(self, event: FileSystemEvent) -> None:
        """The signature gets its name by a rename."""
        self._take(event, str(event.dest_path))

    def _take(self, event: FileSystemEvent, path: str) -> None:
        if Path(path).name == SIGNATURE:
            self._wakes.put(Path(path).parent)
        elif (
            event.is_directory
            and Path(path).parent == self._spool
            and number_of(Path(path).name) is not None  # the reserve may not even be entered
        ):
            self._wakes.put(Path(path))


def watch(
    settings: Settings,
    progress: Progress,
    *,
    stop: threading.Event,
    say: Say | None = None,
    dock: Dock | None = None,
    clock: Clock | None = None,
    rescan_s: float = RESCAN_S,
    done: Callable[[Summary], None] | None = None,
) -> None:
    """Run whenever a recording was sealed ``sync.settle_s`` ago, and every ``rescan_s``.

    A store that cannot be reached is tried again with growing pauses. ``say`` hears of a full
    or forbidden store once, until that changes; of a missing one only if it was there before, or
    for a minute with ``sync.only_docked``: a device in the field has none. ``dock``, see Contact,
    hears of it when it ends. Returns when ``stop`` is set. RecorderError where
    trying again cannot help: config, key, spool.
    """
    clock = clock or SystemClock()
    seals = SealWatch(Path(settings.paths.spool), progress.note)
    contact = Contact(dock, Path(settings.paths.spool), clock, progress.note)
    trouble = _Trouble(say, clock, docked=settings.sync.only_docked)
    live = None
    if settings.sync.live:
        home = Home(Path(settings.paths.sync))
        pauses = _Trouble(None, clock, docked=False)
        live = LiveWatch(settings, home, progress, clock, stop, pauses, rescan_s)
    try:
        while not stop.is_set():
            seals.drain()
            _look(seals, settings)
            pause_s = rescan_s
            try:
                summary = run_once(
                    settings, progress, say=trouble.say, dock=dock, clock=clock, stop=stop,
                    live=None if live is None else live.live,
                )  # fmt: skip
                trouble.over()
                if done is not None:
                    done(summary)
            except StoreError as error:
                progress.note(str(error))
                pause_s = trouble.pause_s(error, rescan_s)
                if trouble.lasts():
                    contact.tell("person")
            _sleep(seals, settings, stop, pause_s, live)
    finally:
        seals.close()
        contact.tell("left")


def _look(seals: SealWatch, settings: Settings) -> None:
    try:
        seals.refresh()
    except OSError as error:
        raise RecorderError(
            "spool-unreadable", f"cannot read it: {error.strerror}", where=settings.paths.spool,
            remedy="Check paths.spool, and put sync's user into the spool's group",
        ) from error  # fmt: skip


def _sleep(
    seals: SealWatch,
    settings: Settings,
    stop: threading.Event,
    pause_s: float,
    live: LiveWatch | None,
) -> None:
    """Until a recording is sealed, the pause is over, or ``stop``. What is being recorded travels
    meanwhile."""
    turns = max(1, round(pause_s / _TURN_S))
    while turns > 0 and not stop.is_set():
        if live is not None:
            live.turn()
        folder = seals.wait(min(_TURN_S, pause_s))
        if folder is None:
            turns -= 1
            continue
        _look(seals, settings)  # from here on a seal in it cannot be missed
        if os.path.lexists(folder / SIGNATURE):
            stop.wait(settings.sync.settle_s)
            return


class _Trouble:
    """What was last wrong with the store: said once, and how long to wait."""

    def __init__(self, say: Say | None, clock: Clock, *, docked: bool) -> None:
        self._say, self._clock, self._docked = say, clock, docked
        self._since_ns: int | None = None
        self._said = ""
        self._there = False
        self._backoff_s = _FIRST_BACKOFF_S

    def say(self, phrase: str) -> None:
        """Pass a sentence on if it is news."""
        expected = phrase != "store_gone" or self._there or self.lasts()
        if expected and phrase != self._said:
            self._said = phrase
            if self._say is not None:
                self._say(phrase)

    def lasts(self) -> bool:
        """Plugged in, and yet no run went through for a minute."""
        now_ns = self._clock.boot_ns()
        if self._since_ns is None:
            self._since_ns = now_ns
        return self._docked and now_ns - self._since_ns >= _LASTS_NS

    def over(self) -> None:
        """A run went through."""
        self._said = ""
        self._since_ns = None
        self._there = True
        self._backoff_s = _FIRST_BACKOFF_S

    def pause_s(self, error: StoreError, rescan_s: float) -> float:
        """Later: with growing pauses and jitter. Full or not allowed: a person must come first."""
        self._there = self._there and error.code != "store-gone"
        if error.sort is not Sort.LATER:
            return rescan_s
        self._backoff_s = min(rescan_s, _LAST_BACKOFF_S, self._backoff_s * 2)
        return self._backoff_s * random.uniform(0.5, 1.0)
