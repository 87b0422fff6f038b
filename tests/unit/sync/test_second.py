"""The second read-back: when, in which order, how much a run, and what it does about a store that
lost or changed something."""

import os
import shutil
import tempfile
import threading
from pathlib import Path

import msgspec
import pytest

from recorder.config import Sync
from recorder.evidence import chain
from recorder.sync import receipts, shelf
from recorder.sync.home import Aside, Home
from recorder.sync.stores import Keep
from tests.rigs.killed_at import fork_and_kill
from tests.unit.sync.spools import DEVICE, Place, tree
from tests.unit.sync.stepped import Days, Stepped


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(Place(tmp_path))


def lines(days: Days, bag: Path) -> tuple[chain.Line, ...]:
    return receipts.load(days.place.sync / "receipts", bag.name, days.place.key)


def is_twice(days: Days, bag: Path) -> bool:
    digest = tree(bag)["tagmanifest-sha256.txt"]
    return receipts.twice(lines(days, bag), digest) is not None


def test_a_day_later_every_byte_is_read_again_and_a_second_receipt_follows_the_first(
    days: Days,
) -> None:
    bag = days.place.recording(5000, 7000)
    days.sync()
    first = receipts.path_of(days.place.sync / "receipts", bag.name).read_bytes()
    assert days.sync(23.9).read_twice == 0
    assert not any(bag.name in key for key in days.read) and not is_twice(days, bag)
    assert days.sync(0.1).read_twice == 1
    inside = {key.partition(f"{bag.name}/")[2] for key in days.read}
    assert set(tree(bag)) <= inside
    both = receipts.path_of(days.place.sync / "receipts", bag.name).read_bytes()
    assert both.startswith(first) and is_twice(days, bag)
    one, two = lines(days, bag)
    assert (two.body.read_back, two.body.read) == (2, "2026-11-24T12:00:00.000Z")
    assert (two.body.files, two.body.bytes) == (one.body.files, one.body.bytes)
    shelved = sorted((days.place.store / DEVICE / "receipts" / "2026-11-23").iterdir())
    assert b"".join(path.read_bytes() for path in shelved) == both
    assert days.sync(24).read_twice == 0


def test_what_is_new_goes_first_and_then_the_oldest_as_far_as_the_share_goes(days: Days) -> None:
    old = [days.place.recording(*sizes) for sizes in ((600_000,), (600_000,), (1_100_000, 9))]
    days.sync()
    new = days.place.recording(600_000)
    settings = msgspec.structs.replace(
        days.place.settings, sync=Sync(store=str(days.place.store), read_back_mb=1)
    )
    assert days.sync(25, settings=settings).stored == (new.name,)
    named = list(dict.fromkeys(key.split("/")[1] for key in days.read if "/data/" in key))
    assert named == [new.name, old[0].name, old[1].name]
    assert [is_twice(days, bag) for bag in old] == [True, False, False]
    days.sync(0.1, settings=settings)
    assert f"{DEVICE}/{old[1].name}/data/segments/0001.mp4.age" not in days.read
    assert [is_twice(days, bag) for bag in old] == [True, True, False]


def test_without_a_share_reading_is_left_to_the_dock_for_as_long_as_it_looks(days: Days) -> None:
    bag = days.place.recording()
    days.sync()
    settings = msgspec.structs.replace(
        days.place.settings, sync=Sync(store=str(days.place.store), read_back_mb=0)
    )
    assert days.sync(100, settings=settings).read_twice == 0 and not is_twice(days, bag)
    assert days.sync(shelf.DAYS * 24 - 100, settings=settings).read_twice == 0
    assert days.sync(24, settings=settings).read_twice == 1 and is_twice(days, bag)


@pytest.mark.parametrize("lost", ["a file", "all"])
def test_what_the_store_lost_is_a_finding_and_sent_again_and_both_read_backs_begin_anew(
    days: Days, lost: str
) -> None:
    bag = days.place.recording(5000, 7000)
    days.sync()
    there = days.place.stored(bag)
    if lost == "all":
        shutil.rmtree(there)
    else:
        (there / "data/segments/0001.mp4.age").unlink()
    said: list[str] = []
    summary = days.sync(25, say=said.append)
    assert [(f.code, f.recording) for f in summary.findings] == [("store-missing", bag.name)]
    assert "sends it again" in summary.findings[0].remedy and said == ["store_conflict"]
    assert summary.stored == (bag.name,) and tree(there) == tree(bag)
    assert Home(days.place.sync).is_aside(bag.name) is None
    assert [line.body.read_back for line in lines(days, bag)] == [1, 1]
    assert days.sync(23).read_twice == 0  # two days after the first, not one after the second
    assert days.sync(1).read_twice == 1 and is_twice(days, bag)
    assert days.sync(25).findings == ()


def test_a_second_read_back_counts_from_the_last_first_one(days: Days) -> None:
    bag = days.place.recording()
    days.sync()
    (days.place.stored(bag) / "data/segments/0001.mp4.age").unlink()
    days.sync(25)
    one, two = lines(days, bag)
    body = msgspec.structs.replace(two.body, read_back=2)
    early = receipts.after(two, body, Home(days.place.sync).signer(), days.place.clock)
    receipts.add(days.place.sync / "receipts", bag.name, (one, two), early.line)
    assert len(lines(days, bag)) == 3 and not is_twice(days, bag)


@pytest.mark.parametrize("harm", ["changed", "shorter", "added"])
def test_what_the_store_changed_is_a_finding_is_set_aside_and_has_no_second_receipt(
    days: Days, harm: str
) -> None:
    bag, other = days.place.recording(5000), days.place.recording(5000)
    days.sync()
    path = days.place.stored(bag) / "data/segments/0001.mp4.age"
    good = path.read_bytes()
    match harm:
        case "changed":
            path.write_bytes(bytes(len(good)))
        case "shorter":
            path.write_bytes(good[:-1])
        case "added":
            path.with_name("0009.mp4.age").write_bytes(good)
    said: list[str] = []
    summary = days.sync(25, say=said.append)
    code = "store-foreign" if harm == "added" else "store-conflict"
    assert [(f.code, f.recording) for f in summary.findings] == [(code, bag.name)]
    assert said == ["store_conflict"]
    assert not is_twice(days, bag) and is_twice(days, other)
    assert Home(days.place.sync).is_aside(bag.name) is not None
    path.write_bytes(good)
    path.with_name("0009.mp4.age").unlink(missing_ok=True)
    assert days.sync(1).read_twice == 1
    assert Home(days.place.sync).is_aside(bag.name) is None


def test_what_was_set_aside_does_not_use_up_the_share_of_the_others(days: Days) -> None:
    bad, good = days.place.recording(900_000, 900_000), days.place.recording(900_000)
    days.sync()
    path = days.place.stored(bad) / "data/segments/0002.mp4.age"
    path.write_bytes(bytes(900_000))
    settings = msgspec.structs.replace(
        days.place.settings, sync=Sync(store=str(days.place.store), read_back_mb=1)
    )
    Home(days.place.sync).set_aside(Aside(bad.name, "store-conflict", "k", "differs", ""))
    assert days.sync(25, settings=settings).read_twice == 1
    assert is_twice(days, good) and not is_twice(days, bad)


def test_a_stopped_run_goes_on_where_it_was(days: Days) -> None:
    bag = days.place.recording(*[100_000] * 4)
    days.sync()
    stop = threading.Event()
    plain = Stepped.read

    def read(store: Stepped, key: str) -> object:
        if key.endswith("0003.mp4.age"):
            stop.set()
        return plain(store, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stepped, "read", read)
        assert days.sync(25, stop=stop).read_twice == 0
    assert not is_twice(days, bag)
    assert days.sync().read_twice == 1
    assert not any(key.endswith(("1.mp4.age", "3.mp4.age")) for key in days.read)
    assert any(key.endswith("4.mp4.age") for key in days.read)


def test_killed_at_every_step_the_first_receipt_stays_and_the_next_run_makes_the_second(
    tmp_path: Path,
) -> None:
    step, done = 0, None
    with tempfile.TemporaryDirectory(dir="/dev/shm") as here:
        while done is None:
            step += 1
            days = Days(Place(Path(here) / str(step)))
            bag = days.place.recording(1000)
            days.sync()
            first = receipts.path_of(days.place.sync / "receipts", bag.name).read_bytes()
            done = fork_and_kill(lambda d=days: d.sync(25), step, here)  # type: ignore[misc]
            found = receipts.path_of(days.place.sync / "receipts", bag.name).read_bytes()
            assert found == first or (found.startswith(first) and is_twice(days, bag)), step
            days.sync(25)
            assert is_twice(days, bag) and len(lines(days, bag)) == 2, step
            shelved = list((days.place.store / DEVICE / "receipts").rglob("bc-*"))
            assert len(shelved) == 2, (step, shelved)
    print(f"{step - 1} steps")
    assert step > 10


def test_another_machines_word_without_a_dock_in_the_register_is_not_taken(days: Days) -> None:
    bag = days.place.recording()
    days.sync()
    (first,) = lines(days, bag)
    forged = msgspec.structs.replace(first.body, read="2026-11-25T00:00:00.000Z", read_back=2)
    written = receipts.after(first, forged, days.place.signer, days.place.clock)
    store = days.open(days.place.settings, os.urandom(8).hex())
    shelf.put(store, first.body, 2, written.line, Keep(None))
    store.close()
    assert days.sync(25).read_twice == 1
    assert any("/data/" in key for key in days.read)
    assert lines(days, bag)[1].raw != written.line
