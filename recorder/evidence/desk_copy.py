"""Copies files off a dead device's card, as much of them as the card still gives back.

Opens nothing but regular files, for reading only, follows no link, and writes only where it is
told to, exclusively. It does not know what a file means: that is desk_recovery.py's.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from recorder.errors import RecorderError

_PIECE_BYTES = 1024 * 1024
_BLOCK_BYTES = 4096
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
NAMES = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR})
"""The target's disk does not take this name, or not the name of the folder above it."""
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_ODD = re.compile(r"[^A-Za-z0-9._-]")
Kind = Literal["file", "folder", "link", "special"]


class Hole(msgspec.Struct, frozen=True):
    """Bytes that the card did not give back; in the copy they are zeros."""

    offset: int
    bytes: int


class Copied(msgspec.Struct, frozen=True):
    """A copy. ``sha256`` is of the copy, holes included."""

    bytes: int
    sha256: str
    holes: tuple[Hole, ...]

    @property
    def lost_bytes(self) -> int:
        """Bytes that the card did not give back."""
        return sum(hole.bytes for hole in self.holes)

    @property
    def unread(self) -> str:
        """The same for people, where there are holes."""
        at = self.holes[0].offset
        return f"{self.lost_bytes} of {self.bytes} bytes cannot be read, the first at byte {at}"


class Found(msgspec.Struct, frozen=True):
    """Something on the card; ``error`` where the card did not even say what it is."""

    path: Path
    name: str
    kind: Kind
    error: str = ""


def shown(name: str) -> str:
    """A name from the card for people and logs: what is no printable UTF-8 is escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain(name: str) -> str:
    """A name that any file system and manifest takes; the same where it is one, else one that no
    other name gives."""
    if _PLAIN.fullmatch(name):
        return name
    return (
        f"_{_ODD.sub('_', shown(name))[-150:]}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    )


def entries(folder: Path) -> Iterator[Found]:
    """What lies in ``folder``, by name, no link followed. OSError where it cannot be listed."""
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        path = folder / entry.name
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError as error:
            yield Found(path, entry.name, "special", str(error.strerror))
            continue
        kind: Kind = "special"
        if stat.S_ISREG(mode):
            kind = "file"
        elif stat.S_ISDIR(mode):
            kind = "folder"
        elif stat.S_ISLNK(mode):
            kind = "link"
        yield Found(path, entry.name, kind)


def tree(folder: Path) -> Iterator[Found]:
    """All that lies below ``folder``, ``name`` relative to it; folders come before their contents.
    A folder that cannot be listed comes out a second time, with ``error``."""
    waiting = [""]
    while waiting:
        base = waiting.pop()
        try:
            for found in entries(folder / base):
                name = f"{base}/{found.name}" if base else found.name
                yield Found(found.path, name, found.kind, found.error)
                if found.kind == "folder" and not found.error:
                    waiting.append(name)
        except OSError as error:
            yield Found(folder / base, base, "folder", str(error.strerror))


def copy(source: Path, target: Path) -> Copied:
    """Copy one regular file, block by block where the card fails. Durable on return, but its name.

    Runs of zeros that the card holds as a hole stay one. OSError where ``source`` cannot be opened
    or is no regular file (then there is no ``target``), or where ``target`` exists; RecorderError
    ``no-room`` where the target's disk is full.
    """
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(source))
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        try:
            written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        except OSError as error:
            if error.errno in NAMES:
                raise  # a name that this disk does not take: told, like a file that cannot be read
            raise refused(error, target) from error
        try:
            copied = _copy(descriptor, written, status.st_size)
            os.fsync(written)
        except OSError as error:  # the card's own are holes by now
            raise refused(error, target) from error
        finally:
            os.close(written)
    finally:
        os.close(descriptor)
    return copied


def refused(error: OSError, target: Path) -> RecorderError:
    """What the desk's own disk answered."""
    full = error.errno in _FULL
    todo = "Make room there, or mount a larger disk" if full else "Check the disk that it is on"
    return RecorderError(
        "no-room" if full else "out-failed",
        "no room left" if full else f"cannot write there: {error.strerror}",
        where=str(target),
        remedy=f"{todo}, then run the same command again: what is complete stays, the rest follows",
    )


def _copy(source: int, target: int, size: int) -> Copied:
    digest = hashlib.sha256()
    holes: list[Hole] = []
    offset = 0
    while offset < size:
        data_at = _data(source, offset, size)
        while offset < data_at:
            zeros = min(_PIECE_BYTES, data_at - offset)
            digest.update(bytes(zeros))
            offset += zeros
        if offset >= size:
            break
        data = _piece(source, offset, min(_PIECE_BYTES, size - offset), holes)
        if not data:
            holes.append(Hole(offset, size - offset))  # the file is shorter than its inode says
            break
        digest.update(data)
        _write(target, data, offset)
        offset += len(data)
    os.ftruncate(target, offset)  # a hole at the end is part of it
    return Copied(offset, digest.hexdigest(), tuple(_joined(holes)))


def _data(source: int, offset: int, size: int) -> int:
    """Where data goes on from ``offset``: ahead of it lies a hole of the file system."""
    try:
        return min(size, os.lseek(source, offset, os.SEEK_DATA))
    except OSError as error:
        return size if error.errno == errno.ENXIO else offset


def _piece(source: int, offset: int, size: int, holes: list[Hole]) -> bytes:
    """Up to ``size`` bytes; blocks that cannot be read are zeros."""
    try:
        return os.pread(source, size, offset)
    except OSError:
        if size <= _BLOCK_BYTES:
            holes.append(Hole(offset, size))
            return bytes(size)
    parts = bytearray()
    smaller = max(_BLOCK_BYTES, size // 16 // _BLOCK_BYTES * _BLOCK_BYTES)
    while len(parts) < size:
        part = _piece(source, offset + len(parts), min(smaller, size - len(parts)), holes)
        if not part:
            break
        parts += part
    return bytes(parts)


def _joined(holes: list[Hole]) -> Iterator[Hole]:
    last: Hole | None = None
    for hole in holes:
        if last is not None and last.offset + last.bytes == hole.offset:
            last = Hole(last.offset, last.bytes + hole.bytes)
            continue
        if last is not None:
            yield last
        last = hole
    if last is not None:
        yield last


def _write(target: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(target, view, offset)
        view, offset = view[done:], offset + done
