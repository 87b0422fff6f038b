"""Small files that are written whole or not at all: a kill leaves the old or the new one."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recorder.evidence.chain import sync_folder

PART = ".part"


@contextmanager
def alone(*folders: Path | None) -> Iterator[None]:
    """Nobody else who asks changes files in these folders; another run is waited for. What is not
    there yet is nobody's."""
    held: list[int] = []
    try:
        for folder in sorted({each.resolve() for each in folders if each is not None}):
            if folder.is_dir():
                held.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
                fcntl.flock(held[-1], fcntl.LOCK_EX)
        yield
    finally:
        for descriptor in held:
            os.close(descriptor)


def create(path: Path, data: bytes, mode: int) -> None:
    """A new file, durable on return. FileExistsError where there is one: nothing is overwritten."""
    part = _part(path, data, mode)
    try:
        os.link(part, path)
    finally:
        part.unlink()
    sync_folder(path.parent)


def replace(path: Path, data: bytes, mode: int = 0o644) -> None:
    """The new content, with owner and mode of what was there. Durable on return."""
    part = _part(path, data, mode)
    if path.exists():
        status = path.stat()
        os.chown(part, status.st_uid, status.st_gid)
        part.chmod(stat.S_IMODE(status.st_mode))
    os.rename(part, path)
    sync_folder(path.parent)


def _part(path: Path, data: bytes, mode: int) -> Path:
    part = path.with_name(path.name + PART)
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return part
