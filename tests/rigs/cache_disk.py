#!/usr/bin/python3
"""A drive with a volatile write cache: ``-m tests.rigs.cache_disk MOUNT BYTES OUT``.

It serves MOUNT/disk (FUSE). What was written waits in the cache until a flush (fsync). Extended
attributes of MOUNT/disk steer it: reading ``user.cut`` writes OUT/cut.img, which is what was
flushed and a random half, in blocks of 4 KiB, of what was not; setting ``user.eio`` to 1 makes
every access fail, ``user.lies`` to 1 makes flushes do nothing. Needs Debian's python3-pyfuse3.
"""

import errno
import os
import random
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

import pyfuse3
import trio

BLOCK = 4096
FILE = 2


class Drive(pyfuse3.Operations):  # type: ignore[misc]
    """One file, whose content is the drive."""

    def __init__(self, size_bytes: int, out: Path) -> None:
        super().__init__()
        self._size = size_bytes
        self._seen = bytearray(size_bytes)
        self._out = out
        self._flushed = os.open(out / "flushed.img", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.ftruncate(self._flushed, size_bytes)
        self._waiting: list[tuple[int, bytes]] = []
        self._eio = self._lies = False

    async def getattr(self, inode: int, ctx: Any = None) -> Any:
        entry = pyfuse3.EntryAttributes()
        entry.st_ino, entry.st_nlink = inode, 1
        entry.st_mode = stat.S_IFREG | 0o600 if inode == FILE else stat.S_IFDIR | 0o755
        entry.st_size = self._size if inode == FILE else 0
        return entry

    async def setattr(self, inode: int, attr: Any, fields: Any, fh: Any, ctx: Any) -> Any:
        return await self.getattr(inode)

    async def lookup(self, parent: int, name: bytes, ctx: Any = None) -> Any:
        if name != b"disk":
            raise pyfuse3.FUSEError(errno.ENOENT)
        return await self.getattr(FILE)

    async def open(self, inode: int, flags: int, ctx: Any) -> Any:
        return pyfuse3.FileInfo(fh=FILE)

    async def read(self, fh: int, offset: int, size: int) -> bytes:
        self._fail()
        return bytes(self._seen[offset : offset + size])

    async def write(self, fh: int, offset: int, data: bytes) -> int:
        self._fail()
        self._seen[offset : offset + len(data)] = data
        self._waiting.append((offset, data))
        return len(data)

    async def fsync(self, fh: int, datasync: bool) -> None:
        self._fail()
        if not self._lies:
            for offset, data in self._waiting:
                os.pwrite(self._flushed, data, offset)
            self._waiting = []

    async def getxattr(self, inode: int, name: bytes, ctx: Any) -> bytes:
        if name != b"user.cut":
            raise pyfuse3.FUSEError(pyfuse3.ENOATTR)
        return self._cut()

    async def setxattr(self, inode: int, name: bytes, value: bytes, ctx: Any) -> None:
        self._eio = bool(int(value)) if name == b"user.eio" else self._eio
        self._lies = bool(int(value)) if name == b"user.lies" else self._lies

    def _fail(self) -> None:
        if self._eio:
            raise pyfuse3.FUSEError(errno.EIO)

    def _cut(self) -> bytes:
        image = self._out / "cut.img"
        image.unlink(missing_ok=True)
        shutil.copyfile(self._out / "flushed.img", image)
        kept = total = 0
        with image.open("r+b") as file:
            for offset, data in self._waiting:
                for at in range(0, len(data), BLOCK):
                    total += 1
                    if random.random() < 0.5:
                        kept += 1
                        os.pwrite(file.fileno(), data[at : at + BLOCK], offset + at)
        return f"{kept} of {total}".encode()


def main() -> None:
    mount, size, out = sys.argv[1:]
    options = set(pyfuse3.default_options) | {"fsname=cache-disk", "allow_other"}
    pyfuse3.init(Drive(int(size), Path(out)), mount, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main()
