"""A store that is a folder: a mounted disk or a share.

A file is written under another name, synced, given its own name with link(2) (which never
replaces anything), and the folder is synced: after a kill or a power cut a name either has all
of its bytes or is not there. Everything is reached through one descriptor of the root, so that a
disk unmounted meanwhile is an error and not a folder on the device's own card being filled.
"""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from recorder.sync.stores import (
    PIECE,
    Conflict,
    Exists,
    Keep,
    Kept,
    Moved,
    Source,
    SourceError,
    Stat,
    read_source,
)
from recorder.sync.stores.marker import MARKER, Marker, parse, unmarked
from recorder.sync.stores.refusals import sorting

PARTS = ".parts"
_BUFFER = 256 * 1024
"""What fits a core's cache is hashed and written from there."""
_TRIES = 5
_STALE_NS = 24 * 3600 * 1_000_000_000


class DirectoryStore:
    """An open store. One thread; ``owner`` is this sync's own word for its unfinished files."""

    def __init__(self, path: Path, device: str, owner: str) -> None:
        """Raises StoreError where it is gone, forbidden or no store. Removes dead unfinished files.

        ``device`` is the folder that unfinished files lie in (``<device>/.parts``).
        """
        self.path = path
        self._owner = owner
        self._run = secrets.token_hex(4)
        self._count = 0
        self._buffer = bytearray(_BUFFER)
        self._unsynced: dict[str, None] = {}
        self._made: set[str] = set()
        with sorting(str(path)):
            self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._mark = self._read_mark()
            self._parts = f"{device}/{PARTS}"
            with sorting(str(path / self._parts)):
                self._folder(self._parts)
            self._sweep()
        except BaseException:
            os.close(self._root)
            raise

    @property
    def id(self) -> str:
        """Which store it is, wherever it is mounted."""
        return self._mark.id

    @property
    def name(self) -> str:
        """The township's name for it."""
        return self._mark.name

    @property
    def lanes(self) -> int:
        """One."""
        return 1

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        """Create ``key``; see Store. The bytes are durable on return, the name after ``flush``."""
        where = str(self.path / key)
        folder, _, _ = key.rpartition("/")
        with sorting(where):
            self._folder(folder)
            part = self._new_part()
            try:
                descriptor = self._create(part)
                try:
                    with suppress(OSError):  # a share without locks: then only its age tells
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._fill(descriptor, source, size_bytes, sha256, moved)
                    os.fsync(descriptor)
                    try:
                        os.link(part, key, src_dir_fd=self._root, dst_dir_fd=self._root)
                    except FileExistsError as error:
                        raise Exists(where) from error
                finally:
                    os.close(descriptor)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=self._root)
            self._named(key)

    def _fill(
        self,
        descriptor: int,
        source: Source,
        size_bytes: int,
        sha256: str,
        moved: Moved,
    ) -> None:
        digest = hashlib.sha256()
        copied = begun = 0
        view = memoryview(self._buffer)
        while count := read_source(source, view):
            piece = view[:count]
            digest.update(piece)
            while piece:
                piece = piece[os.write(descriptor, piece) :]
            copied += count
            if copied > size_bytes:
                break
            if copied - begun >= PIECE:
                _write_back(descriptor, begun, copied - begun)
                begun = copied
            moved(count)
        if copied != size_bytes or digest.hexdigest() != sha256:
            raise SourceError(
                "source-differs", "it is not the file that was signed for",
                where=str(getattr(source, "name", "")),
                remedy="Run `recorder verify` on the recording; the device's card may be failing",
            )  # fmt: skip

    def stat(self, key: str) -> Stat | None:
        """Size and time; None where there is no such key."""
        with sorting(str(self.path / key)):
            try:
                status = os.stat(key, dir_fd=self._root, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                self._still_there()
                return None
        self._named(key)  # its maker may have died before the flush
        return Stat(status.st_size, status.st_mtime_ns)

    def assure(self, key: str, size_bytes: int, sha256: str, keep: Keep) -> Kept:
        """A folder locks nothing and knows no digests: that it is there is all it can say."""
        stat = self.stat(key)
        if stat is None or stat.size_bytes != size_bytes:
            raise Conflict("store-conflict", key, "it vanished or changed again")
        return Kept(mtime_ns=stat.mtime_ns)

    def read(self, key: str) -> Iterator[memoryview]:
        """The bytes from a fresh descriptor, the page cache dropped first."""
        with sorting(str(self.path / key)):
            descriptor = os.open(key, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._root)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
                view = memoryview(self._buffer)
                while count := os.readv(descriptor, [view]):
                    yield view[:count]
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

    def list(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Files (and whatever else is no folder) below the folder ``prefix``, at any depth."""
        found: list[str] = []
        folders = [prefix]
        with sorting(str(self.path / prefix)):
            while folders and len(found) < limit:
                folder = folders.pop()
                try:
                    descriptor = os.open(
                        folder,
                        os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW,
                        dir_fd=self._root,
                    )
                except (FileNotFoundError, NotADirectoryError):
                    continue
                try:
                    with os.scandir(descriptor) as entries:
                        for entry in entries:
                            name = f"{folder}/{entry.name}"
                            if entry.is_dir(follow_symlinks=False):
                                folders.append(name)
                            else:
                                found.append(name)
                            if len(found) >= limit:
                                break
                finally:
                    os.close(descriptor)
        return tuple(found)

    def flush(self) -> None:
        """fsync every folder that got a name since the last flush."""
        while self._unsynced:
            folder = next(iter(self._unsynced))
            with sorting(str(self.path / folder)):
                descriptor = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=self._root)
                try:
                    os.fsync(descriptor)
                except OSError as error:
                    if error.errno != errno.EINVAL:  # a share that has no fsync of folders
                        raise
                finally:
                    os.close(descriptor)
            del self._unsynced[folder]

    def time_ns(self) -> int:
        """The time that the store gives a new file."""
        with sorting(str(self.path)):
            part = self._new_part()
            descriptor = self._create(part)
            try:
                return os.fstat(descriptor).st_mtime_ns
            finally:
                os.close(descriptor)
                os.unlink(part, dir_fd=self._root)

    def close(self) -> None:
        """Leave no empty folder of ours, and let go of the root."""
        try:
            os.rmdir(self._parts, dir_fd=self._root)
        except OSError:
            return  # somebody else's file is in it, or the store is gone: nothing of ours is lost
        finally:
            os.close(self._root)

    def _create(self, part: str) -> int:
        """Open a new file in the hidden folder, which another run may remove when it is done."""
        for attempt in range(_TRIES):
            try:
                return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640, dir_fd=self._root)
            except FileNotFoundError:
                if attempt == _TRIES - 1:
                    raise
                self._still_there()
                with suppress(FileExistsError):
                    os.mkdir(self._parts, 0o750, dir_fd=self._root)
        raise AssertionError("unreachable")

    def _new_part(self) -> str:
        self._count += 1
        return f"{self._parts}/{self._owner}-{self._run}-{self._count}.part"

    def _folder(self, folder: str) -> None:
        """Make a folder and those above it."""
        if not folder or folder in self._made:
            return
        above, _, _ = folder.rpartition("/")
        self._folder(above)
        with suppress(FileExistsError):
            os.mkdir(folder, 0o750, dir_fd=self._root)
        self._made.add(folder)

    def _named(self, key: str) -> None:
        """The folders that must be synced for this key to be durable."""
        while key:
            key = key.rpartition("/")[0]
            self._unsynced[key] = None

    def _read_mark(self) -> Marker:
        path = self.path / MARKER
        with sorting(str(path)):
            try:
                descriptor = os.open(MARKER, os.O_RDONLY, dir_fd=self._root)
            except FileNotFoundError as error:
                raise unmarked(self.path) from error
            with os.fdopen(descriptor, "rb") as file:
                return parse(file.read(65536), str(path))

    def _still_there(self) -> None:
        """A missing name on a store that is gone is no missing name."""
        os.stat(MARKER, dir_fd=self._root)

    def _sweep(self) -> None:
        """Remove unfinished files whose writer is dead.

        Our own always are (one run at a time holds sync's lock). Another machine's are when
        nobody holds their lock and they are a day old by the store's clock.
        """
        with sorting(str(self.path / self._parts)):
            now_ns: int | None = None
            for key in self.list(self._parts, 10_000):
                if not key.endswith(".part"):
                    continue
                if not key.rpartition("/")[2].startswith(self._owner + "-"):
                    now_ns = self.time_ns() if now_ns is None else now_ns
                    if not self._dead(key, now_ns):
                        continue
                with suppress(FileNotFoundError):
                    os.unlink(key, dir_fd=self._root)

    def _dead(self, key: str, now_ns: int) -> bool:
        try:
            descriptor = os.open(key, os.O_WRONLY | os.O_NOFOLLOW, dir_fd=self._root)
        except (FileNotFoundError, PermissionError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return now_ns - os.fstat(descriptor).st_mtime_ns > _STALE_NS
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)


def _write_back(descriptor: int, offset: int, size_bytes: int) -> None:
    """Have the kernel begin to write these bytes now, while the next are read: it does so for pages
    that nobody wants. Else all of a file waits for the fsync at its end (twice the time here)."""
    os.posix_fadvise(descriptor, offset, size_bytes, os.POSIX_FADV_DONTNEED)
