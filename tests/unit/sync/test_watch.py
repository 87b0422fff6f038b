"""Sync wakes when a recording is sealed, by inotify, and keeps its peace about what is no news."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from recorder import config
from recorder.clock import ManualClock
from recorder.errors import RecorderError
from recorder.sync.progress import Quiet
from recorder.sync.stores import Sort, StoreError
from recorder.sync.summary import Summary
from recorder.sync.watch import SealWatch, _Trouble, watch
from tests.unit.sync.field import Field, codes
from tests.unit.sync.spools import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextmanager
def watching(place: Place) -> Iterator["queue.Queue[Summary]"]:
    stop = threading.Event()
    done: queue.Queue[Summary] = queue.Queue()
    thread = threading.Thread(
        target=watch,
        args=(place.settings, Quiet()),
        kwargs={"stop": stop, "clock": place.clock, "rescan_s": 3600.0, "done": done.put},
    )
    thread.start()
    try:
        assert done.get(timeout=10).stored == ()
        yield done
    finally:
        stop.set()
        thread.join(timeout=10)
        assert not thread.is_alive()


def stored(done: "queue.Queue[Summary]") -> str:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        summary = done.get(timeout=10)
        if summary.stored:
            return summary.stored[0]
    raise AssertionError("nothing was stored")


def test_a_folder_that_is_no_recording_is_not_looked_into(tmp_path: Path) -> None:
    seals = SealWatch(tmp_path, lambda text: None)
    try:
        seals.refresh()
        (tmp_path / ".reserve").mkdir(mode=0o700)
        (tmp_path / "cam-01-00000001-5c02").mkdir()
        assert seals.wait(10) == tmp_path / "cam-01-00000001-5c02"
    finally:
        seals.close()


def test_a_seal_wakes_it_though_the_recording_began_long_before(place: Place) -> None:
    folder = place.begin()
    with watching(place) as done:
        place.seal(folder)
        assert stored(done) == folder.name


def test_a_recording_that_begins_and_ends_meanwhile_is_stored(place: Place) -> None:
    with watching(place) as done:
        for _ in range(3):
            folder = place.recording()
            assert stored(done) == folder.name


def test_what_is_closed_travels_without_a_seal_and_a_store_that_is_gone_is_caught_up_with(
    tmp_path: Path,
) -> None:
    field = Field(tmp_path)
    notes: list[str] = []

    class Noted(Quiet):
        def note(self, text: str) -> None:
            notes.append(text)

    writer = field.begin()
    field.record(writer, 7)
    stop = threading.Event()
    thread = threading.Thread(
        target=watch, args=(field.settings, Noted()), kwargs={"stop": stop, "rescan_s": 0.5}
    )
    away = field.store.with_name("away")
    thread.start()
    try:
        wait(lambda: len(field.pieces(writer)) == 2)
        field.store.rename(away)
        field.record(writer, 5)
        wait(lambda: any("behind" in note for note in notes))
        away.rename(field.store)
        wait(lambda: len(field.pieces(writer)) == 3)
    finally:
        stop.set()
        thread.join(timeout=10)
    assert sum("behind" in note for note in notes) == 1
    assert codes(field.judge()) == {"no-seal", "proven-to"}


def wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_spool_that_is_not_there_is_an_error(place: Place, tmp_path: Path) -> None:
    paths = config.Paths(spool=str(tmp_path / "none"), sync=str(place.sync))
    settings = msgspec.structs.replace(place.settings, paths=paths)
    with pytest.raises(RecorderError, match=r"paths\.spool"):
        watch(settings, Quiet(), stop=threading.Event(), clock=place.clock)


def error(sort: Sort, code: str) -> StoreError:
    return StoreError(sort, code, "p", where="w", remedy="r")


def test_a_full_store_is_said_once_until_that_changes() -> None:
    said: list[str] = []
    trouble = _Trouble(said.append, ManualClock(), docked=False)
    trouble.say("store_full")
    trouble.say("store_full")
    trouble.say("store_readonly")
    trouble.over()
    trouble.say("store_full")
    assert said == ["store_full", "store_readonly", "store_full"]


def test_a_store_that_was_never_there_is_no_news_but_one_that_went_is() -> None:
    said: list[str] = []
    trouble = _Trouble(said.append, ManualClock(), docked=False)
    trouble.say("store_gone")
    trouble.pause_s(error(Sort.LATER, "store-gone"), 300)
    assert said == []
    trouble.over()
    trouble.say("store_gone")
    trouble.pause_s(error(Sort.LATER, "store-gone"), 300)
    trouble.say("store_gone")
    assert said == ["store_gone"]


def test_plugged_in_a_store_that_is_not_found_for_a_minute_is_said_once() -> None:
    said: list[str] = []
    clock = ManualClock()
    trouble = _Trouble(said.append, clock, docked=True)
    for _ in range(9):
        trouble.say("store_gone")
        assert not trouble.lasts() and said == []
        clock.advance(6)
    clock.advance(6)
    for _ in range(3):
        trouble.say("store_gone")
        assert trouble.lasts() and said == ["store_gone"]
    trouble.over()
    assert not trouble.lasts()


def test_when_it_ends_the_recorder_hears_that_the_dock_is_left(place: Place) -> None:
    told: list[str] = []
    stop = threading.Event()

    def dock(contact: str) -> bool:
        told.append(contact)
        return False

    def done(_: Summary) -> None:
        stop.set()

    watch(place.settings, Quiet(), stop=stop, clock=place.clock, dock=dock, done=done)
    assert [contact for contact in told if contact != "alive"] == [
        "reached",
        "done",
        "done",
        "left",
    ]


def test_pauses_grow_with_jitter_and_are_bounded() -> None:
    trouble = _Trouble(None, ManualClock(), docked=False)
    pauses = [trouble.pause_s(error(Sort.LATER, "store-gone"), 300) for _ in range(12)]
    assert pauses[0] <= 10 and all(5 <= pause <= 60 for pause in pauses) and pauses[-1] >= 30
    assert trouble.pause_s(error(Sort.FULL, "store-full"), 300) == 300
