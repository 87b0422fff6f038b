"""What recovery set aside goes to the store as it is, in a bag that any tool can check."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recorder import spool
from recorder.sync import bag, quarantined, receipts, standing
from recorder.sync.home import Home
from recorder.sync.quarantined import key_of, label_of
from tests.unit.sync.spools import DEVICE, Place, tree
from tests.unit.sync.stepped import Days

NAME = f"{DEVICE}-00000007-0abc"


@pytest.fixture
def days(tmp_path: Path) -> Days:
    place = Place(tmp_path)
    bag = place.recording(5000)
    folder = place.spool / "quarantine"
    folder.mkdir()
    bag.rename(folder / NAME)
    return Days(place)


def stored(days: Days, name: str = NAME) -> Path:
    return days.place.store / DEVICE / "quarantine" / key_of(name)


def test_a_quarantined_recording_arrives_whole_is_receipted_and_a_public_tool_is_satisfied(
    days: Days,
) -> None:
    summary = days.sync()
    assert (summary.quarantined, summary.findings) == (1, ())
    there = days.place.spool / "quarantine" / NAME
    assert set(tree(there).values()) <= set(tree(stored(days) / "data").values())
    assert set(days.read) >= {f"{DEVICE}/quarantine/{NAME}/{name}" for name in tree(stored(days))}
    (line,) = receipts.load(days.place.sync / "receipts", label_of(NAME), days.place.key)
    assert line.body.tagmanifest_sha256 == tree(stored(days))["manifest-sha256.txt"]
    assert line.body.files == len(tree(stored(days)))
    checked = subprocess.run(
        [sys.executable, "-m", "bagit", "--validate", str(stored(days))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    before = tree(days.place.store)
    assert days.sync(30).quarantined == 0
    assert {k: v for k, v in tree(days.place.store).items() if k in before} == before


def test_status_counts_what_no_store_has(days: Days) -> None:
    asked = standing.question(days.place.settings)
    found = standing.standing(asked, days.place.clock)
    assert (found.quarantined, found.quarantined_unsent) == (1, 1)
    days.sync()
    found = standing.standing(asked, days.place.clock)
    assert (found.quarantined, found.quarantined_unsent) == (1, 0)


def test_odd_names_single_files_and_links_travel_or_are_named_and_lead_nowhere(days: Days) -> None:
    folder = days.place.spool / "quarantine"
    shutil.rmtree(folder / NAME)
    odd = "bc-001 x\\y_中"
    (folder / odd).mkdir()
    (folder / odd / ".hidden").write_bytes(b"one")
    (folder / odd / "pipe").parent.joinpath("..data").write_bytes(b"two")
    os.symlink("/etc/passwd", folder / odd / "link")
    os.mkfifo(folder / odd / "pipe")
    with (folder / odd / "hollow").open("wb") as file:
        file.truncate(1 << 40)  # larger than any card
    (folder / f"{NAME}.alone").write_bytes(b"three")
    assert days.sync().quarantined == 2
    assert {p.read_bytes() for p in stored(days, odd).rglob("data/*")} == {b"one", b"two"}
    assert [p.read_bytes() for p in stored(days, f"{NAME}.alone").rglob("data/*")] == [b"three"]
    (line,) = receipts.load(days.place.sync / "receipts", label_of(odd), days.place.key)
    assert line.body.left == ("hollow", "link", "pipe")
    assert key_of("a_b") != key_of("a b") != key_of("a/b")
    assert len(key_of("x" * 400)) <= 150 and key_of("x" * 400) != key_of("x" * 401)


def test_another_file_under_its_name_in_the_store_is_set_aside_and_holds_nothing_up(
    days: Days,
) -> None:
    other = days.place.recording()
    path = stored(days) / "data/data/segments/0001.mp4.age"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"another")
    summary = days.sync()
    assert [(f.code, f.recording) for f in summary.findings] == [("store-conflict", label_of(NAME))]
    assert summary.stored == (other.name,) and path.read_bytes() == b"another"
    assert Home(days.place.sync).is_aside(label_of(NAME)) is not None
    path.unlink()
    assert days.sync().quarantined == 1
    assert Home(days.place.sync).is_aside(label_of(NAME)) is None


def test_nothing_of_it_is_read_from_the_card_while_a_recording_is_open(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, waited = [False], [0.0]
    read_at: list[float] = []
    plain = bag.source

    def begins(folder: Path) -> tuple[str, ...]:
        begun[0] = True  # the press comes when it is sync's next work
        days.place.clock.advance(1)
        return tuple(spool.names(folder))

    def source(path: Path) -> Any:
        read_at.append(waited[0])
        return plain(path)

    def sleep(seconds: float) -> None:
        waited[0] += seconds
        days.place.clock.advance(seconds)

    monkeypatch.setattr(quarantined, "names", begins)
    monkeypatch.setattr(bag, "source", source)
    done = days.sync(dock=lambda _: begun[0] and waited[0] < 30, sleep=sleep)
    assert done.quarantined == 1 and read_at and min(read_at) >= 30
