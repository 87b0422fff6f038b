"""The directory store: create-only, all or nothing, and what its refusals are sorted into."""

import errno
import fcntl
import hashlib
import io
import os
from pathlib import Path

import pytest

from recorder.cli import run
from recorder.sync.stores import Exists, Keep, Sort, SourceError, StoreError, check_key, marker
from recorder.sync.stores.directory import PARTS, DirectoryStore
from recorder.sync.stores.marker import MARKER, init_store, read_marker
from recorder.sync.stores.refusals import sorted_error

DAY_S = 24 * 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "store"
    init_store(path, "township")
    return path


def put(store: DirectoryStore, key: str, data: bytes, *, sha256: str | None = None) -> None:
    digest = sha256 or hashlib.sha256(data).hexdigest()
    store.put(key, io.BytesIO(data), len(data), digest, lambda size_bytes: None, Keep(None))


def test_what_was_put_is_read_back_and_has_a_time(root: Path) -> None:
    store = DirectoryStore(root, "bc-001", "me")
    data = os.urandom(3 * 1024 * 1024 + 5)
    put(store, "bc-001/r/data/x", data)
    store.flush()
    assert b"".join(bytes(piece) for piece in store.read("bc-001/r/data/x")) == data
    stat = store.stat("bc-001/r/data/x")
    assert stat is not None and stat.size_bytes == len(data)
    assert stat.mtime_ns <= store.time_ns()
    assert store.list("bc-001/r", 10) == ("bc-001/r/data/x",)
    assert store.list("bc-001/none", 10) == ()
    store.close()
    assert not (root / "bc-001" / PARTS).exists()


def test_a_name_that_is_taken_is_never_replaced(root: Path) -> None:
    store = DirectoryStore(root, "bc-001", "me")
    put(store, "bc-001/x", b"first")
    with pytest.raises(Exists):
        put(store, "bc-001/x", b"second")
    assert (root / "bc-001/x").read_bytes() == b"first"
    assert list((root / "bc-001" / PARTS).iterdir()) == []


@pytest.mark.parametrize("length", [0, 3, 4, 6])
def test_a_source_that_differs_from_its_digest_leaves_nothing(root: Path, length: int) -> None:
    store = DirectoryStore(root, "bc-001", "me")
    with pytest.raises(SourceError):
        store.put("bc-001/x", io.BytesIO(b"abcde"[:length] if length < 5 else b"abcdef"), 5,
                  hashlib.sha256(b"abcde").hexdigest(), lambda size_bytes: None,
                  Keep(None))  # fmt: skip
    assert store.stat("bc-001/x") is None
    assert list((root / "bc-001" / PARTS).iterdir()) == []


def test_a_source_that_cannot_be_read_is_not_the_store_s_fault(root: Path) -> None:
    class Failing:
        def readinto(self, buffer: memoryview, /) -> int | None:
            raise OSError(errno.EIO, "bad sector")

    store = DirectoryStore(root, "bc-001", "me")
    with pytest.raises(SourceError) as caught:
        store.put("bc-001/x", Failing(), 5, "0" * 64, lambda size_bytes: None, Keep(None))
    assert caught.value.code == "source-unreadable"


def test_own_unfinished_files_go_and_those_of_the_living_stay(root: Path) -> None:
    parts = root / "bc-001" / PARTS
    parts.mkdir(parents=True)
    names = ("me-1.part", "you-1.part", "you-2.part", "you-3.part", "note.txt")
    for name in names:
        (parts / name).write_bytes(b"half")
    old = os.stat(root).st_mtime - 2 * DAY_S
    for name in ("you-2.part", "you-3.part", "note.txt"):
        os.utime(parts / name, (old, old))
    with (parts / "you-3.part").open("rb") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        DirectoryStore(root, "bc-001", "me").close()
    assert sorted(path.name for path in parts.iterdir()) == ["note.txt", "you-1.part", "you-3.part"]


def test_a_store_that_is_unmounted_under_our_hands_is_gone_and_not_empty(root: Path) -> None:
    store = DirectoryStore(root, "bc-001", "me")
    (root / MARKER).unlink()
    with pytest.raises(StoreError) as caught:
        store.stat("bc-001/x")
    assert caught.value.sort is Sort.LATER


def test_something_in_a_folder_s_place_is_a_conflict_of_that_name_only(root: Path) -> None:
    store = DirectoryStore(root, "bc-001", "me")
    (root / "bc-001" / "r").write_bytes(b"a file")
    with pytest.raises(StoreError) as caught:
        put(store, "bc-001/r/data", b"")
    assert caught.value.sort is Sort.NEVER


def test_making_a_store_twice_keeps_the_first(tmp_path: Path) -> None:
    first = init_store(tmp_path / "s", "one")
    assert init_store(tmp_path / "s", "two") == first == read_marker(tmp_path / "s")
    assert [path.name for path in (tmp_path / "s").iterdir()] == [MARKER]


def test_a_mount_point_with_nothing_mounted_becomes_a_store_only_where_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = os.stat(tmp_path).st_dev
    for root, empty in ((here, True), (here + 1, False)):
        monkeypatch.setattr(marker, "root_device", lambda root=root: root)
        place = tmp_path / f"{root}" / "store"
        command = ["provision", "store", str(place)]
        if empty:
            assert run(command) == 2 and not place.exists()
            assert "Mount the store's disk or share there first" in capsys.readouterr().err
            assert run([*command, "--here"]) == 0
        assert run(command) == 0 and (place / MARKER).is_file()


def test_a_file_system_without_hard_links_is_refused_when_the_store_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*names: object) -> None:
        raise PermissionError(errno.EPERM, "as vfat says it")

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StoreError, match="hard links") as caught:
        init_store(tmp_path / "fat")
    assert caught.value.code == "store-unfit"
    assert list((tmp_path / "fat").iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"format":"other/9","id":"","name":""}'])
def test_a_marker_of_something_else_is_no_store(root: Path, data: bytes) -> None:
    (root / MARKER).write_bytes(data)
    with pytest.raises(StoreError) as caught:
        DirectoryStore(root, "bc-001", "me")
    assert caught.value.code == "store-unfit"


@pytest.mark.parametrize(
    ("number", "sort", "phrase"),
    [
        (errno.ENOSPC, Sort.FULL, "store_full"),
        (errno.EDQUOT, Sort.FULL, "store_full"),
        (errno.EROFS, Sort.NOT_ALLOWED, "store_readonly"),
        (errno.EACCES, Sort.NOT_ALLOWED, "store_readonly"),
        (errno.EPERM, Sort.NOT_ALLOWED, "store_readonly"),
        (errno.EOPNOTSUPP, Sort.NOT_ALLOWED, "store_readonly"),
        (errno.EFBIG, Sort.NOT_ALLOWED, "store_readonly"),
        (errno.ENOENT, Sort.LATER, "store_gone"),
        (errno.EIO, Sort.LATER, "store_gone"),
        (errno.ESTALE, Sort.LATER, "store_gone"),
        (errno.ENODEV, Sort.LATER, "store_gone"),
        (errno.ENOTDIR, Sort.NEVER, None),
    ],
)
def test_refusals_are_sorted(number: int, sort: Sort, phrase: str | None) -> None:
    error = sorted_error(OSError(number, "x"), "/mnt/store/f")
    assert (error.sort, error.phrase, error.where) == (sort, phrase, "/mnt/store/f")
    assert error.remedy


@pytest.mark.parametrize(
    "key", ["", "/x", "x/", "a//b", "../x", "a/../b", "a/.hid", "a b", "a\nb", "ä", "x" * 901, "-x"]
)
def test_a_name_that_could_lead_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(SourceError):
        check_key(key)


def test_names_of_recordings_are_safe() -> None:
    key = "bc-001/bc-001-00000042-a1b2/data/private/12.json.age"
    assert check_key(key) == key
