"""Sync killed anywhere, run twice, run by two at once: the store ends up the same."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from recorder.sync import receipts
from tests.unit.sync.spools import DEVICE, Place, tree

KILLS = 25
SIGNATURE = "tagmanifest-sha256.txt.sig"


def start(place: Place, sync: Path | None = None) -> "subprocess.Popen[bytes]":
    return start_with(*map(str, (place.spool, place.store, sync or place.sync)))


def start_with(*words: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.real.sync_run", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": "."})


def expected(place: Place, bags: list[Path]) -> dict[str, str]:
    found: dict[str, str] = {}
    for bag in bags:
        found |= {f"{bag.name}/{name}": digest for name, digest in tree(bag).items()}
    return found


def recordings(place: Place) -> dict[str, str]:
    return {
        name: digest
        for name, digest in tree(place.store / DEVICE).items()
        if name.startswith(DEVICE)
    }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_killed_at_random_instants_no_bag_ever_looks_whole_that_is_not(place: Place) -> None:
    bags = [place.recording(*[400_000] * 12) for _ in range(KILLS)]
    whole = expected(place, bags)
    first = start(place)
    assert first.stdout is not None
    first.stdout.readline()  # "begin": imports are done
    first.kill()
    first.communicate()
    chance = random.Random(23)
    killed = 0
    for _ in range(KILLS * 3):
        process = start(place)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.06))
        process.kill()
        process.communicate()
        killed += process.returncode == -9
        there = recordings(place)
        for bag in bags:
            if f"{bag.name}/{SIGNATURE}" in there:
                missing = {n for n in whole if n.startswith(bag.name)} - set(there)
                assert not missing
            if receipts.is_stored(place.sync / "receipts", bag.name, place.key):
                assert f"{bag.name}/{SIGNATURE}" in there
        assert all(whole[name] == digest for name, digest in there.items())
        if killed >= KILLS:
            break
    assert killed >= KILLS
    last = start(place)
    last.communicate(timeout=60)
    assert last.returncode == 0
    assert recordings(place) == whole
    lines = (place.spool / "ledger/0001.jsonl").read_bytes().splitlines(keepends=True)
    kept = sorted((place.store / DEVICE / "ledger").iterdir())
    assert [path.read_bytes() for path in kept] == lines
    assert not (place.store / DEVICE / ".parts").exists()
    before = tree(place.store)
    again = start(place)
    again.communicate(timeout=60)
    assert again.returncode == 0 and tree(place.store) == before


def test_two_syncs_of_one_device_and_one_of_the_dock_do_no_harm(
    place: Place, tmp_path: Path
) -> None:
    bags = [place.recording(*[300_000] * 6) for _ in range(6)]
    dock = tmp_path / "dock"
    dock.mkdir()
    (dock / "sync.key").write_bytes((place.sync / "sync.key").read_bytes())
    (dock / "sync.key").chmod(0o600)
    processes = [start(place), start(place), start(place, dock)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert recordings(place) == expected(place, bags)
    for folder in (place.sync, dock):
        for bag in bags:
            assert receipts.is_stored(folder / "receipts", bag.name, place.key)
    assert not (place.store / DEVICE / ".parts").exists()


def test_four_devices_at_one_dock_fill_one_store_each_with_its_own(tmp_path: Path) -> None:
    store = tmp_path / "store"
    names = [f"bc-{number:03d}" for number in range(1, 5)]
    places = [Place(tmp_path / name, store, name) for name in names]
    bags = {place.device: [place.recording(*[300_000] * 4) for _ in range(4)] for place in places}
    processes = []
    for place in places:
        told = tmp_path / f"{place.device}.json"
        told.write_bytes(msgspec.json.encode(place.settings))
        processes.append(start_with(str(told)))
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out
        end = json.loads(out.splitlines()[-1])
        assert len(end["stored"]) == 4 and not end["findings"]
        assert end["present_bytes"] == 0  # nobody sent what another one had sent
    for place in places:
        there = tree(store / place.device)
        bag_files = {n: d for n, d in there.items() if n.startswith(place.device)}
        assert bag_files == expected(place, bags[place.device])
        lines = (place.spool / "ledger/0001.jsonl").read_bytes().splitlines(keepends=True)
        assert len([name for name in there if name.startswith("ledger/")]) == len(lines)
        for bag in bags[place.device]:
            assert receipts.is_stored(place.sync / "receipts", bag.name, place.key)
    assert sorted(path.name for path in store.iterdir() if path.is_dir()) == names
