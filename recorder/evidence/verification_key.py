"""A recording's folder in a bucket, as verification reads it: listed once, streamed, never stored.

Of a key with several versions the first is judged: it is the one that was put and locked when the
recording came. What the store then says of versions and locks is asked here, too.
"""

import errno
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Literal, cast

from recorder.clock import iso
from recorder.evidence.places import Place
from recorder.evidence.verification_bag import Inventory
from recorder.evidence.verification_report import Findings, Level
from recorder.sync.stores import Keep, StoreError
from recorder.sync.stores.s3_answers import Head, Version, holds
from recorder.sync.stores.s3_bucket import owed_ns
from recorder.sync.stores.s3_read import Listed, Reader
from recorder.sync.stores.s3_refusals import nonsense

_BUFFER = 256 * 1024
_KEEP_BYTES = 16 * 1024 * 1024
_OFTEN = re.compile(r"data/journal[^/]*\.jsonl|[^/]+")
"""Read more than once: journal and tag files. They are kept, as long as they are small."""
_LAST_BYTES = 32 * 1024 * 1024
"""Of a segment that stays until the next one: 20 s at twice the usual rate."""


class Keys:
    """All that lies below one prefix. ``failure``: what the store did not give, if anything."""

    def __init__(self, reader: Callable[[], Reader], prefix: str, *, twice: bool = False) -> None:
        """``reader``: this process's; ``twice``: each file is read twice in a row, so one that is
        not large is fetched once. StoreError where it cannot be listed."""
        self._reader = reader
        self._prefix = prefix
        self.listed: Listed = reader().versions(prefix)
        self._kept: dict[str, bytes] = {}
        self._room = _KEEP_BYTES
        self._twice = twice
        self._last = "", b""
        self.heads: dict[str, Head] = {}
        """What the store said of each first version when it gave it."""
        self.failure: StoreError | None = None

    @property
    def where(self) -> str:
        """As a person writes it."""
        return f"{self._reader().where}/{self._prefix}".rstrip("/")

    def inventory(self, apart: Path) -> Inventory:
        """The first version of everything. What ends with a slash is nothing that we put."""
        files = {n: v[0].size_bytes for n, v in self.listed.versions.items() if not n.endswith("/")}
        folders = {name[:at] for name in files for at, c in enumerate(name) if c == "/"}
        others = sorted(set(self.listed.versions) - set(files))
        return Inventory(Key(self, ""), files, frozenset(folders), tuple(others), apart)

    def open(self, name: str, buffering: int) -> BinaryIO:
        """A file's bytes as they come; FileNotFoundError where it was not listed."""
        versions = self.listed.versions.get(name)
        if versions is None:
            raise FileNotFoundError(errno.ENOENT, "no such key", f"{self.where}/{name}")
        often = _OFTEN.fullmatch(name) and versions[0].size_bytes <= self._room
        if often and name not in self._kept:
            self._kept[name] = b"".join(self.pieces(name, versions[0]))
            self._room -= versions[0].size_bytes
        if name in self._kept:
            return io.BytesIO(self._kept[name])
        if self._twice and versions[0].size_bytes <= _LAST_BYTES:
            if self._last[0] != name:
                self._last = name, b"".join(self.pieces(name, versions[0]))
            return io.BytesIO(self._last[1])
        stream = _Stream(lambda: self.pieces(name, versions[0]))
        return cast(BinaryIO, io.BufferedReader(stream, _BUFFER) if buffering else stream)

    def pieces(self, name: str, version: Version) -> Iterator[memoryview]:
        """One version's bytes; StoreError unless it is as long as it was listed."""
        try:
            head, pieces = self._reader().get(self._prefix + name, version.id)
            if head.size_bytes != version.size_bytes:
                raise nonsense("it lists another size than it sends", f"{self.where}/{name}")
            if version is self.listed.versions[name][0]:
                self.heads[name] = head
            yield from pieces
        except StoreError as error:
            self.failure = self.failure or error
            raise

    def learn(self, heads: Mapping[str, Head]) -> None:
        """What another process was told."""
        self.heads.update(heads)

    def told(self, keep: Keep | None, findings: Findings, what: str = "objects") -> str:
        """What the store says beyond the bytes, as findings and a line for the report. ``keep``:
        how long they must be locked, None where nothing has to be."""
        for name in sorted(self.listed.hidden):
            findings.add(
                Level.TAMPERED, "hidden", "somebody put a delete marker over it", file=name
            )
        self._versions(findings)
        if keep is None:
            return ""
        short: list[str] = []
        until: list[int] = []
        held = True
        for name, versions in self.listed.versions.items():
            head = self.heads.get(name) or self._reader().head(self._prefix + name, versions[0].id)
            wanted_ns = owed_ns(keep, head.mtime_ns, self._reader().s3.max_years)
            until.append(head.until_ns or 0)
            held = held and head.hold
            if not holds(head, wanted_ns, keep):
                short.append(f"{name} {_lock(head)}, owed until {iso(wanted_ns)[:10]}"
                             f"{' and a legal hold' if keep.hold else ''}")  # fmt: skip
        if short:
            findings.add(
                Level.DEGRADED, "lock-short",
                f"{len(short)} of {len(until)} {what} not locked long enough: {short[0]}",
            )  # fmt: skip
        earliest = f"until {iso(min(until))[:10]} at the earliest" if until else "none"
        return f"locks of {len(until)} {what}: {earliest}{', held' if until and held else ''}"

    def _versions(self, findings: Findings) -> None:
        more = 0
        for name, versions in self.listed.versions.items():
            if len(versions) == 1:
                continue
            more += len(versions) - 1
            if len({self._digest(name, version) for version in versions}) > 1:
                findings.add(
                    Level.TAMPERED, "versions-differ",
                    f"somebody put other bytes over it ({len(versions)} versions; the first one "
                    "was judged)", file=name,
                )  # fmt: skip
        if more:
            findings.add(
                Level.NOTE, "more-versions", f"{more} versions beside the first ones of their keys"
            )

    def _digest(self, name: str, version: Version) -> str:
        digest = hashlib.sha256()
        for piece in self.pieces(name, version):
            digest.update(piece)
        return digest.hexdigest()


def _lock(head: Head) -> str:
    if head.until_ns is None:
        return "is not locked"
    held = ", held" if head.hold else ""
    return f"is locked ({head.mode.lower()}) until {iso(head.until_ns)[:10]}{held}"


class Key:
    """A place among them; ``name`` "" is their folder."""

    def __init__(self, keys: Keys, name: str) -> None:
        self._keys = keys
        self._name = name

    @property
    def name(self) -> str:
        """What is behind the last slash."""
        return str(self).rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self._keys.where}/{self._name}".rstrip("/")

    def __truediv__(self, key: str, /) -> Place:
        return Key(self._keys, f"{self._name}/{key}".lstrip("/"))

    def open(self, mode: Literal["rb"], buffering: int = -1) -> BinaryIO:
        """See Place."""
        return self._keys.open(self._name, buffering)

    def read_bytes(self) -> bytes:
        """See Place."""
        with self.open("rb") as file:
            return file.read()


class _Stream(io.RawIOBase):
    """Pieces as a file that is read once, from front to back. Nothing is asked for before that."""

    def __init__(self, start: Callable[[], Iterator[memoryview]]) -> None:
        self._start = start
        self._pieces: Iterator[memoryview] | None = None
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        """What has come; 0 at the end."""
        self._pieces = self._pieces or self._start()
        if not self._held:
            self._held = next(self._pieces, self._held)
        count = min(len(buffer), len(self._held))
        buffer[:count] = self._held[:count]
        self._held = self._held[count:]
        return count

    def close(self) -> None:
        if self._pieces is not None:
            self._pieces.close()  # type: ignore[attr-defined]
        super().close()
