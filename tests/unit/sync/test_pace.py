"""The bandwidth limit by bytes over the clock, and giving way to a recording between two blocks."""

import hashlib
import io
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from recorder.clock import NS, ManualClock
from recorder.errors import RecorderError
from recorder.sync import worker
from recorder.sync.contact import STALLED_NS, Contact
from recorder.sync.pace import CRAWL_KBPS, Manner, Pace, PacedStore, Stopped
from recorder.sync.progress import Quiet
from recorder.sync.stores import Keep, Sort, StoreError
from recorder.sync.stores.directory import PARTS, DirectoryStore
from recorder.sync.stores.marker import init_store
from recorder.sync.summary import Summary
from tests.unit.sync.spools import DEVICE, Place, tree

SIZE = 3_000_000
BYTES_PER_S = 1_000_000
LIMIT_KBPS = BYTES_PER_S * 8 // 1000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


class Rig:
    """A directory store at a pace; what moved, and when by the clock."""

    def __init__(self, root: Path, limit_kbps: int, *, manner: Manner = Manner.STAND) -> None:
        init_store(root, "township")
        self.clock = ManualClock()
        self.open: Callable[[], bool] = lambda: False
        self.sleep: Callable[[float], object] = self.clock.advance
        self.stop = threading.Event()
        self.moved: list[tuple[float, int]] = []
        pace = Pace(
            limit_kbps, lambda: self.open(), self.clock, self.stop, lambda _: None,
            lambda seconds: self.sleep(seconds),
        )  # fmt: skip
        self.store = PacedStore(DirectoryStore(root, DEVICE, "me"), pace, manner)

    @property
    def now_s(self) -> float:
        return self.clock.boot_ns() / NS - 100

    def put(self, size: int = SIZE) -> None:
        data = bytes(size)
        sha256 = hashlib.sha256(data).hexdigest()
        self.store.put("bc-001/x", io.BytesIO(data), size, sha256, self._move, Keep(None))

    def _move(self, size: int) -> None:
        self.moved.append((self.now_s, size))

    def read(self) -> int:
        return sum(len(piece) for piece in self.store.read("bc-001/x"))


def test_no_second_gets_more_than_the_limit_there_and_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path, LIMIT_KBPS)
    rig.put()
    sent = 0
    for at_s, size in rig.moved:
        sent += size
        assert sent <= at_s * BYTES_PER_S + 1
    assert sent == SIZE and len(rig.moved) >= 4 * SIZE / BYTES_PER_S
    assert rig.read() == SIZE
    assert rig.now_s == pytest.approx(2 * SIZE / BYTES_PER_S, abs=0.01)


def test_what_a_pause_left_unused_is_not_made_up_for(tmp_path: Path) -> None:
    rig = Rig(tmp_path, LIMIT_KBPS)
    rig.clock.advance(3600)
    rig.put()
    assert rig.now_s - 3600 == pytest.approx(SIZE / BYTES_PER_S, abs=0.01)


def test_without_a_limit_nothing_waits(tmp_path: Path) -> None:
    rig = Rig(tmp_path, 0)
    rig.put()
    assert rig.read() == SIZE and rig.now_s == 0


def test_a_folder_stands_still_in_the_middle_of_a_file_and_goes_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path, LIMIT_KBPS)
    rig.open = lambda: 1 <= rig.now_s < 600
    rig.put()
    assert sum(size for _, size in rig.moved) == SIZE
    assert not [at_s for at_s, _ in rig.moved if 1.3 < at_s < 600]
    assert [at_s for at_s, _ in rig.moved if at_s <= 1.3] and rig.now_s < 603


def test_a_put_under_way_crawls_and_nothing_new_begins(tmp_path: Path) -> None:
    rig = Rig(tmp_path, 0, manner=Manner.CRAWL)
    asked = 0

    def opened() -> bool:
        nonlocal asked
        asked += 1
        return asked > 2 and rig.now_s < 600

    rig.open = opened
    rig.put()
    assert 0 < rig.moved[-1][0] < 600
    crawled = sum(size for at_s, size in rig.moved if at_s > 0)
    assert rig.now_s == pytest.approx(crawled * 8 / CRAWL_KBPS / 1000, abs=0.5)
    rig.read()
    assert rig.now_s >= 600


def test_the_end_is_not_held_up_by_a_recording(tmp_path: Path) -> None:
    rig = Rig(tmp_path, 0)
    rig.open = lambda: bool(rig.moved)
    rig.sleep = lambda _: rig.stop.set()
    with pytest.raises(Stopped):
        rig.put()
    assert not list((tmp_path / DEVICE / PARTS).iterdir())


class Recorder:
    """The recorder at the other end: what it was told, and whether it has a recording open."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.told: list[str] = []
        self.open_for_s = 0.0
        self.sent_meanwhile: set[int] = set()

    def __call__(self, contact: str) -> bool:
        self.told.append(contact)
        return contact == "alive" and self.open_for_s > 0

    def sleep(self, seconds: float) -> None:
        self.place.clock.advance(seconds)
        self.open_for_s -= seconds
        stored = self.place.store / DEVICE
        self.sent_meanwhile.add(
            sum(path.stat().st_size for path in stored.rglob("*") if path.is_file())
        )

    @property
    def states(self) -> list[str]:
        return [contact for contact in self.told if contact != "alive"]


def run(place: Place, recorder: Recorder, **more: Any) -> Summary:
    return worker.run_once(
        place.settings, Quiet(), clock=place.clock, dock=recorder, sleep=recorder.sleep, **more
    )


class Notes(Quiet):
    """What was told, and after how many seconds."""

    def __init__(self, place: Place) -> None:
        self._clock, self._began_ns = place.clock, place.clock.boot_ns()
        self.told: list[tuple[float, str]] = []

    def note(self, text: str) -> None:
        self.told.append(((self._clock.boot_ns() - self._began_ns) / NS, text))


@pytest.mark.parametrize("live", [False, True])
def test_a_wait_for_a_recording_is_told_when_it_begins_and_when_it_is_over(
    place: Place, live: bool
) -> None:
    place.recording()
    settings = msgspec.structs.replace(
        place.settings, sync=msgspec.structs.replace(place.settings.sync, live=live)
    )
    recorder, notes = Recorder(place), Notes(place)
    recorder.open_for_s = 30
    worker.run_once(settings, notes, clock=place.clock, dock=recorder, sleep=recorder.sleep)
    (began_s, waits), (over_s, goes_on) = notes.told
    assert began_s == 0 and "waits until it has ended" in waits
    assert over_s == 30 and goes_on == "the recording has ended: going on"


def test_a_run_gives_way_to_a_recording_and_sends_every_byte_once(place: Place) -> None:
    bag = place.recording(2_000_000, 400_000)
    recorder = Recorder(place)
    recorder.open_for_s = 30
    summary = run(place, recorder)
    assert len(recorder.sent_meanwhile) == 1  # for half a minute the store stayed as it was
    assert summary.stored == (bag.name,)
    assert summary.sent_bytes == sum(
        path.stat().st_size for path in bag.rglob("*") if path.is_file()
    )
    assert tree(place.stored(bag)) == tree(bag)


def test_the_recorder_hears_how_a_run_goes_and_how_it_ended(place: Place) -> None:
    assert heard(place) == ["reached", "done", "done"]
    place.recording()
    assert heard(place) == ["reached", "filling", "done", "done"]
    foreign = place.stored(place.recording())
    foreign.mkdir()
    (foreign / "foreign").write_bytes(b"x")
    assert heard(place) == ["reached", "filling", "person"]
    place.store.rename(place.store.with_name("elsewhere"))
    assert heard(place) == ["gone"]


@pytest.mark.parametrize("when", ["filling", "done"])
def test_done_is_not_said_over_what_was_sealed_meanwhile(place: Place, when: str) -> None:
    place.recording()
    recorder = Recorder(place)

    def dock(contact: str) -> bool:
        if contact == when and when not in recorder.told:
            place.recording()
        return recorder(contact)

    worker.run_once(place.settings, Quiet(), clock=place.clock, dock=dock, sleep=recorder.sleep)
    assert recorder.states == ["reached", "filling", *["done"] * (when == "done"), "later"]
    assert heard(place)[-1] == "done"


def heard(place: Place, **more: Any) -> list[str]:
    """What the recorder hears of one run, whatever comes of it."""
    recorder = Recorder(place)
    with suppress(StoreError):
        run(place, recorder, **more)
    return recorder.states


@pytest.mark.parametrize(("sort", "ending"), [(Sort.FULL, "person"), (Sort.LATER, "later")])
def test_a_store_that_is_full_needs_a_person_and_one_that_is_busy_does_not(
    place: Place, monkeypatch: pytest.MonkeyPatch, sort: Sort, ending: str
) -> None:
    def refuse(*_: Any) -> None:
        raise StoreError(sort, "store-x", "p", where="w", remedy="r")

    place.recording()
    assert heard(place, open_store=refuse) == ["gone", "person"][: 1 + (ending == "person")]
    monkeypatch.setattr(DirectoryStore, "put", refuse)
    assert heard(place) == ["reached", "filling", ending]


class Silent:
    """No recorder answers."""

    def __call__(self, contact: str) -> bool:
        raise RecorderError("not-running", "p", where="w", remedy="r")


def test_without_an_answer_the_spool_tells_as_long_as_the_recording_grows(place: Place) -> None:
    def contact() -> Contact:
        return Contact(Silent(), place.spool, place.clock, lambda _: None)

    place.recording()
    assert not contact().occupied()
    journal = place.begin() / "data" / "journal.jsonl"
    asks = contact()
    for _ in range(40):
        assert asks.occupied()
        place.clock.advance(1)
        with journal.open("ab") as file:
            file.write(b"a fragment's line\n")
    place.clock.advance(STALLED_NS / NS)
    assert asks.occupied()  # it has grown meanwhile
    place.clock.advance(STALLED_NS / NS)
    assert not asks.occupied()  # its recorder is dead: what is sealed beside it must travel


def test_the_recorder_is_asked_twice_a_second_at_most(place: Place) -> None:
    recorder = Recorder(place)
    asks = Contact(recorder, place.spool, place.clock, lambda _: None)
    for _ in range(1000):
        asks.occupied()
        place.clock.advance(0.01)
    assert 19 <= len(recorder.told) <= 21
