#!/usr/bin/python3
"""A file system that fails as it is told: ``-m tests.rigs.faulty_disk MOUNT OUT``.

FUSE, in memory. OUT/faults.json steers it, read anew whenever it was replaced; OUT/hits.jsonl tells
what was refused or held up, when and where. A sync that fails loses what it was to make durable:
from then on those bytes read as zeros, so whoever believes a second sync of the same file is found
out. Needs Debian's python3-pyfuse3.
"""

import contextlib
import errno
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

import pyfuse3
import trio

from tests.rigs.posix_disk import Node, Store

BLOCK = 4096
_POLL_S = 0.01


class Faults:
    """What OUT/faults.json asks for: rules, the first that fits counts, and the disk's size."""

    def __init__(self, out: Path) -> None:
        self._path = out / "faults.json"
        self._hits = (out / "hits.jsonl").open("ab", buffering=0)
        self._version = (-1, -1)
        self._rules: list[dict[str, Any]] = []
        self._used: dict[str, int] = {}
        self.size_bytes: int | None = None
        self.files: int | None = None

    def refresh(self) -> None:
        """Read the control file again if it is another one."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return
        version = (found.st_ino, found.st_mtime_ns)
        if version == self._version:
            return
        self._version = version
        told = json.loads(self._path.read_text())
        self.size_bytes, self.files = told["size_bytes"], told["files"]
        self._rules = told["rules"]

    def find(self, operation: str, path: str) -> dict[str, Any] | None:
        """The rule that this operation meets."""
        self.refresh()
        for rule in self._rules:
            times = rule["times"]
            if (
                operation in rule["operations"]
                and re.search(rule["paths"], path)
                and (times is None or self._used.get(rule["id"], 0) < times)
            ):
                return rule
        return None

    def hit(self, rule: str, operation: str, path: str) -> None:
        """Write down that a rule was met."""
        self._used[rule] = self._used.get(rule, 0) + 1
        at_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        line = {"rule": rule, "operation": operation, "path": path, "at_ns": at_ns}
        self._hits.write(json.dumps(line).encode() + b"\n")


class FaultyStore(Store):
    """Its nodes are those of the POSIX disk, without a second, durable copy."""

    def __init__(self, out: Path) -> None:
        self._faults = Faults(out)
        self._places: dict[int, str] = {}
        self._synced: dict[int, int] = {}
        self._blocks = 0
        super().__init__(out)
        self._places[self._root.number] = ""

    async def _gate(self, operation: str, path: str) -> None:
        waited = ""
        while (rule := self._faults.find(operation, path)) is not None:
            if not rule["stall"]:
                self._faults.hit(rule["id"], operation, path)
                raise pyfuse3.FUSEError(rule["errno"])
            if rule["id"] != waited:
                waited = rule["id"]
                self._faults.hit(waited, operation, path)
            await trio.sleep(_POLL_S)

    def _place(self, parent: int, name: bytes) -> str:
        return f"{self._places[parent]}/{os.fsdecode(name)}".lstrip("/")

    def _room(self, size_bytes: int, node: Node, path: str) -> None:
        """ENOSPC where a file may not grow to this size."""
        more = -(-size_bytes // BLOCK) - -(-len(node.data) // BLOCK)
        self._faults.refresh()
        limit = self._faults.size_bytes
        if more > 0 and limit is not None and (self._blocks + more) * BLOCK > limit:
            self._faults.hit("size", "write", path)
            raise pyfuse3.FUSEError(errno.ENOSPC)
        self._blocks += more

    async def _new_name(self, operation: str, parent: int, name: bytes) -> str:
        path = self._place(parent, name)
        await self._gate(operation, path)
        limit = self._faults.files
        if limit is not None and len(self._places) >= limit:
            self._faults.hit("files", operation, path)
            raise pyfuse3.FUSEError(errno.ENOSPC)
        return path

    async def access(self, inode: int, mode: int, ctx: Any) -> bool:
        if mode & os.W_OK:
            await self._gate("access", self._places[inode])
        return True

    async def statfs(self, ctx: Any) -> Any:
        await self._gate("statfs", "")
        found = await super().statfs(ctx)
        if self._faults.size_bytes is not None:
            found.f_blocks = self._faults.size_bytes // BLOCK
        if self._faults.files is not None:
            found.f_files = self._faults.files
        found.f_bfree = found.f_bavail = max(0, found.f_blocks - self._blocks)
        found.f_ffree = found.f_favail = max(0, found.f_files - len(self._places))
        return found

    async def setattr(self, inode: int, attr: Any, fields: Any, fh: Any, ctx: Any) -> Any:
        if fields.update_size:
            await self._gate("truncate", self._places.get(inode, ""))
            node = self._nodes[inode]
            self._room(attr.st_size, node, self._places.get(inode, ""))
            self._synced[inode] = min(self._synced.get(inode, 0), attr.st_size)
        return await super().setattr(inode, attr, fields, fh, ctx)

    async def mkdir(self, parent: int, name: bytes, mode: int, ctx: Any) -> Any:
        path = await self._new_name("create", parent, name)
        entry = await super().mkdir(parent, name, mode, ctx)
        self._places[entry.st_ino] = path
        return entry

    async def create(self, parent: int, name: bytes, mode: int, flags: int, ctx: Any) -> Any:
        path = await self._new_name("create", parent, name)
        info, entry = await super().create(parent, name, mode, flags, ctx)
        self._places[entry.st_ino] = path
        return info, entry

    async def link(self, inode: int, parent: int, name: bytes, ctx: Any) -> Any:
        await self._gate("create", self._place(parent, name))
        return await super().link(inode, parent, name, ctx)

    async def unlink(self, parent: int, name: bytes, ctx: Any) -> None:
        await self._gate("remove", self._place(parent, name))
        node = self._child(parent, name)
        await super().unlink(parent, name, ctx)
        self._forgotten(node)

    async def rmdir(self, parent: int, name: bytes, ctx: Any) -> None:
        await self._gate("remove", self._place(parent, name))
        node = self._child(parent, name)
        await super().rmdir(parent, name, ctx)
        self._places.pop(node.number, None)

    async def rename(
        self, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int, ctx: Any
    ) -> None:
        await self._gate("rename", self._place(new_parent, new_name))
        replaced = self._nodes[new_parent].names.get(new_name)
        await super().rename(parent, name, new_parent, new_name, flags, ctx)
        if replaced is not None:
            self._forgotten(replaced)
        self._moved(self._child(new_parent, new_name), self._place(new_parent, new_name))

    def _moved(self, node: Node, path: str) -> None:
        self._places[node.number] = path
        for name, child in node.names.items():
            self._moved(child, f"{path}/{os.fsdecode(name)}")

    def _forgotten(self, node: Node) -> None:
        if node.links == 0:
            self._blocks -= -(-len(node.data) // BLOCK)
            node.data.clear()
            self._places.pop(node.number, None)

    async def open(self, inode: int, flags: int, ctx: Any) -> Any:
        if flags & (os.O_WRONLY | os.O_RDWR):
            await self._gate("open-write", self._places.get(inode, ""))
        if flags & os.O_TRUNC:
            self._room(0, self._nodes[inode], "")
        return await super().open(inode, flags, ctx)

    async def read(self, fh: int, offset: int, size: int) -> bytes:
        await self._gate("read", self._places.get(fh, ""))
        return await super().read(fh, offset, size)

    async def write(self, fh: int, offset: int, data: bytes) -> int:
        path = self._places.get(fh, "")
        await self._gate("write", path)
        node = self._nodes[fh]
        self._room(max(len(node.data), offset + len(data)), node, path)
        return await super().write(fh, offset, data)

    async def fsync(self, fh: int, datasync: bool) -> None:
        node = self._nodes[fh]
        try:
            await self._gate("sync", self._places.get(fh, ""))
        except pyfuse3.FUSEError:
            kept = self._synced.get(fh, 0)
            node.data[kept:] = bytes(len(node.data) - kept)
            with contextlib.suppress(OSError):
                pyfuse3.invalidate_inode(fh)
            raise
        self._synced[fh] = len(node.data)

    async def fsyncdir(self, fh: int, datasync: bool) -> None:
        await self._gate("sync-folder", self._places.get(fh, ""))


def main() -> None:
    """Serve until unmounted. The server decides on permissions, which it grants."""
    mount, out = sys.argv[1:]
    options = (set(pyfuse3.default_options) - {"default_permissions"}) | {
        "fsname=faulty-disk", "allow_other",
    }  # fmt: skip
    pyfuse3.init(FaultyStore(Path(out)), mount, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main()
