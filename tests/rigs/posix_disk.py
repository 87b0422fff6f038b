#!/usr/bin/python3
"""A file system that promises no more than POSIX: ``-m tests.rigs.posix_disk MOUNT OUT``.

FUSE, in memory. A file's bytes are durable when it was synced, a name when its folder was.
Reading the extended attribute ``user.cut`` of MOUNT writes OUT/cut: what is left when power fails
now, and nothing of what was not synced. Needs Debian's python3-pyfuse3.
"""

import errno
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pyfuse3
import trio

FREE_BLOCKS = 1 << 20


class Node:
    """A file or a folder, as programs see it and as it is on the medium."""

    def __init__(self, number: int, mode: int) -> None:
        self.number = number
        self.mode = mode
        self.names: dict[bytes, Node] = {}
        self.data = bytearray()
        self.durable_names: dict[bytes, Node] = {}
        self.durable_data = b""
        self.changed_ns = time.time_ns()
        self.links = 1

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def sync(self) -> None:
        """fsync(2) of it alone."""
        self.durable_names = dict(self.names)
        self.durable_data = bytes(self.data)


class Store(pyfuse3.Operations):  # type: ignore[misc]
    """Nodes are never forgotten: a rig lives for minutes."""

    def __init__(self, out: Path) -> None:
        super().__init__()
        self._out = out
        self._nodes: dict[int, Node] = {}
        self._root = self._new(stat.S_IFDIR | 0o755)
        assert self._root.number == pyfuse3.ROOT_INODE

    def _new(self, mode: int) -> Node:
        node = Node(len(self._nodes) + 1, mode)
        self._nodes[node.number] = node
        return node

    def _child(self, parent: int, name: bytes) -> Node:
        try:
            return self._nodes[parent].names[name]
        except KeyError as error:
            raise pyfuse3.FUSEError(errno.ENOENT) from error

    def _entry(self, node: Node) -> Any:
        entry = pyfuse3.EntryAttributes()
        entry.st_ino, entry.st_mode, entry.st_nlink = node.number, node.mode, node.links
        entry.st_uid, entry.st_gid = os.getuid(), os.getgid()
        entry.st_size = len(node.data)
        entry.st_mtime_ns = entry.st_ctime_ns = entry.st_atime_ns = node.changed_ns
        entry.attr_timeout = entry.entry_timeout = 0
        return entry

    async def lookup(self, parent: int, name: bytes, ctx: Any = None) -> Any:
        return self._entry(self._child(parent, name))

    async def getattr(self, inode: int, ctx: Any = None) -> Any:
        return self._entry(self._nodes[inode])

    async def setattr(self, inode: int, attr: Any, fields: Any, fh: Any, ctx: Any) -> Any:
        node = self._nodes[inode]
        if fields.update_size:
            del node.data[attr.st_size :]
            node.data.extend(bytes(attr.st_size - len(node.data)))
        if fields.update_mode:
            node.mode = attr.st_mode
        return self._entry(node)

    async def statfs(self, ctx: Any) -> Any:
        found = pyfuse3.StatvfsData()
        found.f_bsize = found.f_frsize = 4096
        found.f_blocks = found.f_bfree = found.f_bavail = FREE_BLOCKS
        found.f_files = found.f_ffree = found.f_favail = FREE_BLOCKS
        return found

    async def mkdir(self, parent: int, name: bytes, mode: int, ctx: Any) -> Any:
        return self._entry(self._add(parent, name, stat.S_IFDIR | mode))

    async def create(self, parent: int, name: bytes, mode: int, flags: int, ctx: Any) -> Any:
        node = self._add(parent, name, stat.S_IFREG | mode)
        return pyfuse3.FileInfo(fh=node.number), self._entry(node)

    def _add(self, parent: int, name: bytes, mode: int) -> Node:
        names = self._nodes[parent].names
        if name in names:
            raise pyfuse3.FUSEError(errno.EEXIST)
        names[name] = self._new(mode)
        return names[name]

    async def link(self, inode: int, parent: int, name: bytes, ctx: Any) -> Any:
        names = self._nodes[parent].names
        if name in names:
            raise pyfuse3.FUSEError(errno.EEXIST)
        names[name] = self._nodes[inode]
        names[name].links += 1
        return self._entry(names[name])

    async def unlink(self, parent: int, name: bytes, ctx: Any) -> None:
        self._child(parent, name).links -= 1
        del self._nodes[parent].names[name]

    async def rmdir(self, parent: int, name: bytes, ctx: Any) -> None:
        if self._child(parent, name).names:
            raise pyfuse3.FUSEError(errno.ENOTEMPTY)
        del self._nodes[parent].names[name]

    async def rename(
        self, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int, ctx: Any
    ) -> None:
        node = self._child(parent, name)
        del self._nodes[parent].names[name]
        names = self._nodes[new_parent].names
        if new_name in names:
            names[new_name].links -= 1
        names[new_name] = node

    async def open(self, inode: int, flags: int, ctx: Any) -> Any:
        if flags & os.O_TRUNC:
            self._nodes[inode].data.clear()
        return pyfuse3.FileInfo(fh=inode)

    async def read(self, fh: int, offset: int, size: int) -> bytes:
        return bytes(self._nodes[fh].data[offset : offset + size])

    async def write(self, fh: int, offset: int, data: bytes) -> int:
        node = self._nodes[fh]
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset : offset + len(data)] = data
        node.changed_ns = time.time_ns()
        return len(data)

    async def fsync(self, fh: int, datasync: bool) -> None:
        self._nodes[fh].sync()

    async def opendir(self, inode: int, ctx: Any) -> int:
        return inode

    async def fsyncdir(self, fh: int, datasync: bool) -> None:
        self._nodes[fh].sync()

    async def readdir(self, fh: int, start: int, token: Any) -> None:
        for number, (name, node) in enumerate(list(self._nodes[fh].names.items())[start:], start):
            if not pyfuse3.readdir_reply(token, name, self._entry(node), number + 1):
                return

    async def getxattr(self, inode: int, name: bytes, ctx: Any) -> bytes:
        if name != b"user.cut":
            raise pyfuse3.FUSEError(pyfuse3.ENOATTR)
        self._lay_out(self._root, self._out / "cut")
        return b"done"

    def _lay_out(self, folder: Node, path: Path) -> None:
        path.mkdir()
        path.chmod(stat.S_IMODE(folder.mode))
        for name, node in folder.durable_names.items():
            place = path / os.fsdecode(name)
            if node.is_folder:
                self._lay_out(node, place)
            else:
                place.write_bytes(node.durable_data)
                place.chmod(stat.S_IMODE(node.mode))


def main() -> None:
    """Serve until unmounted."""
    mount, out = sys.argv[1:]
    options = set(pyfuse3.default_options) | {"fsname=posix-disk", "allow_other"}
    pyfuse3.init(Store(Path(out)), mount, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main()
