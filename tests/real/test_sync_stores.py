"""Real file systems as stores: full, read-only, unmounted, not ours. Mounts need root or sudo."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from recorder.evidence.verification import verify_recording
from recorder.sync import receipts, worker
from recorder.sync.progress import Quiet
from recorder.sync.stores import Keep, Moved, Sort, Source, StoreError
from recorder.sync.stores.directory import DirectoryStore
from recorder.sync.stores.marker import init_store
from recorder.sync.summary import Summary
from tests.rigs.privileged import as_root
from tests.unit.evidence.bags import Device, plain
from tests.unit.sync.spools import DEVICE, Place, settings, tree


def mount(*arguments: str) -> None:
    as_root("mount", *arguments)


def tmpfs(*options: str) -> tuple[str, ...]:
    """Arguments for a file system in memory that belongs to whoever runs the tests."""
    owner = (f"uid={os.getuid()}", f"gid={os.getgid()}", "mode=755")
    return ("-t", "tmpfs", "-o", ",".join((*options, *owner)), "tmpfs")


@contextmanager
def mounted(path: Path, *arguments: str) -> Iterator[Path]:
    path.mkdir(exist_ok=True)
    mount(*arguments, str(path))
    try:
        yield path
    finally:
        if path.is_mount():
            as_root("umount", "-l", str(path))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", *tmpfs("size=4m")) as path:
        yield path


@pytest.fixture
def place(tmp_path: Path, disk: Path) -> Place:
    return Place(tmp_path, disk)


def run(place: Place, said: list[str], **more: Any) -> Summary:
    return worker.run_once(place.settings, Quiet(), say=said.append, clock=place.clock, **more)


def refused(place: Place, **more: Any) -> tuple[StoreError, list[str]]:
    said: list[str] = []
    with pytest.raises(StoreError) as caught:
        run(place, said, **more)
    return caught.value, said


def test_a_full_store_is_said_keeps_what_fitted_and_takes_the_rest_later(
    place: Place, disk: Path
) -> None:
    small, large = place.recording(500_000), place.recording(*[900_000] * 8)
    error, said = refused(place)
    assert (error.sort, said) == (Sort.FULL, ["store_full"])
    assert str(disk) in error.where and error.remedy
    assert receipts.is_stored(place.sync / "receipts", small.name, place.key)
    assert not (place.stored(large) / "tagmanifest-sha256.txt.sig").exists()
    assert not (disk / DEVICE / ".parts").exists()
    mount("-o", "remount,size=20m", str(disk))
    assert run(place, []).stored == (large.name,)
    assert tree(place.stored(large)) == tree(large)


def test_a_read_only_store_is_not_allowed_and_said(place: Place, disk: Path) -> None:
    place.recording()
    mount("-o", "remount,ro", str(disk))
    error, said = refused(place)
    assert (error.code, error.sort) == ("store-readonly", Sort.NOT_ALLOWED)
    assert said == ["store_readonly"]


def test_an_unmounted_store_leaves_the_mount_point_empty(place: Place, disk: Path) -> None:
    place.recording()
    as_root("umount", str(disk))
    error, said = refused(place)
    assert (error.code, error.sort, said) == ("store-gone", Sort.LATER, ["store_gone"])
    assert list(disk.iterdir()) == []


def test_a_store_that_is_unmounted_while_we_write_never_fills_the_device(
    place: Place, disk: Path
) -> None:
    bags = [place.recording(200_000) for _ in range(3)]

    class Pulled(DirectoryStore):
        puts = 0

        def put(
            self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
        ) -> None:
            Pulled.puts += 1
            if Pulled.puts == 12:
                as_root("umount", "-l", str(disk))
            super().put(key, source, size_bytes, sha256, moved, keep)

    run(place, [], open_store=lambda s, owner: Pulled(disk, DEVICE, owner))
    assert Pulled.puts > 12 and list(disk.iterdir()) == []
    assert all(receipts.is_stored(place.sync / "receipts", b.name, place.key) for b in bags)


def test_a_store_of_somebody_else_is_forbidden(place: Place, disk: Path, tmp_path: Path) -> None:
    place.recording()
    for path in (tmp_path, place.spool, place.sync):
        os.chmod(path, 0o755)
    os.chmod(disk, 0)
    child = os.fork()
    if child == 0:
        if os.geteuid() == 0:
            os.setegid(65534)
            os.seteuid(65534)
        try:
            DirectoryStore(disk, DEVICE, "me")
        except StoreError as error:
            os._exit(7 if error.code == "store-forbidden" else 8)
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_another_disk_in_the_same_place_gets_everything_again(
    place: Place, disk: Path, tmp_path: Path
) -> None:
    bag = place.recording()
    run(place, [])
    as_root("umount", str(disk))
    with mounted(disk, *tmpfs()):
        init_store(disk, "second")
        summary = run(place, [])
        assert summary.stored == (bag.name,) and summary.ledger_lines == 2
    first, second = receipts.load(place.sync / "receipts", bag.name, place.key)
    assert (first.body.store, second.body.store) == ("township", "second")


def test_the_marker_that_went_in_the_middle_of_a_run_stops_it(place: Place, disk: Path) -> None:
    place.recording()
    place.recording()
    stop = threading.Event()

    class Gone(DirectoryStore):
        def flush(self) -> None:
            super().flush()
            (disk / ".bodycam-store").unlink(missing_ok=True)

    error, _ = refused(place, stop=stop, open_store=lambda s, owner: Gone(disk, DEVICE, owner))
    assert error.code == "store-gone"


def test_what_arrives_in_the_store_verifies_there(tmp_path: Path) -> None:
    device = Device(tmp_path, DEVICE)
    bag = plain(device)
    place = Place(tmp_path / "other", tmp_path / "store")
    found = settings(device.spool, place.store, place.sync)
    summary = worker.run_once(found, Quiet(), clock=place.clock)
    assert summary.stored == (bag.name,) and summary.exit_code == 0
    ledger = place.store / DEVICE / "ledger"
    report = verify_recording(place.stored(bag), key=device.signer.public, ledger=ledger)
    assert report.verdict == "valid" and report.findings == ()
