"""The file that tells a store from an empty mount point: without it nothing is written there."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence.chain import sync_folder
from recorder.shapes import UNREADABLE
from recorder.sync.stores import Sort, StoreError
from recorder.sync.stores.refusals import sorting, unfit

MARKER = ".bodycam-store"
FORMAT = "bodycam-store/1"


class Marker(msgspec.Struct, frozen=True):
    """``id`` is random and made once; ``name`` is the township's."""

    format: str
    id: str
    name: str


def init_store(path: Path, name: str = "") -> Marker:
    """Make ``path`` a store, durably; an existing one stays what it is.

    Proves on the way that the file system has what sync needs. StoreError where not.
    """
    with sorting(str(path)):
        path.mkdir(parents=True, exist_ok=True)
        if (path / MARKER).exists():
            return read_marker(path)
        probe = path / f".probe-{secrets.token_hex(4)}"
        try:
            new = Marker(FORMAT, secrets.token_hex(8), name or path.resolve().name)
            _write_new(probe, msgspec.json.encode(new) + b"\n")
            with suppress(FileExistsError):  # somebody else made it a store just now
                _link(probe, path / MARKER)
            sync_folder(path)
        finally:
            probe.unlink(missing_ok=True)
    return read_marker(path)


def root_device() -> int:
    """Which file system ``/`` is."""
    return Path("/").stat().st_dev


def off_the_system_disk(path: Path) -> None:
    """RecorderError for a folder on the file system of ``/`` that is no store yet: mostly the
    empty mount point of a disk that is not there."""
    above = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if not (path / MARKER).exists() and above.stat().st_dev == root_device():
        raise RecorderError(
            "store-not-mounted", "it lies on the system's own disk: nothing is mounted there",
            where=str(path),
            remedy="Mount the store's disk or share there first; --here if it is really to be "
            "on the system's disk",
        )  # fmt: skip


def read_marker(root: Path) -> Marker:
    """StoreError (later) where there is none: then nothing is mounted there."""
    with sorting(str(root)):
        try:
            data = (root / MARKER).read_bytes()
        except FileNotFoundError as error:
            raise unmarked(root) from error
    return parse(data, str(root / MARKER))


def unmarked(root: Path) -> StoreError:
    """The error for a folder without the marker."""
    return StoreError(
        Sort.LATER, "store-gone", f"there is no store in it (no {MARKER})", where=str(root),
        remedy="Mount it first. Only a new store, once mounted, is made with "
        f"`recorder provision store {root}`",
        phrase="store_gone",
    )  # fmt: skip


def parse(data: bytes, where: str) -> Marker:
    """StoreError (not allowed) for anything that is no marker of this format."""
    problem = "not a store's marker"
    try:
        marker = msgspec.json.decode(data, type=Marker)
    except UNREADABLE:
        marker = None
    if marker is not None and marker.format == FORMAT:
        return marker
    raise StoreError(
        Sort.NOT_ALLOWED, "store-unfit",
        problem if marker is None else f"unknown format {marker.format!r}",
        where=where, phrase="store_readonly",
        remedy=f"This program knows {FORMAT}; move the file away and provision the store again",
    )  # fmt: skip


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except PermissionError as error:
        raise unfit("its file system has no hard links", str(target.parent)) from error


def _write_new(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
