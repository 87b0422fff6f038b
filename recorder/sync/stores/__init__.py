"""What a store must promise, and how its refusals are sorted. No store lives in this file.

Names in a store are ``/``-separated keys such as ``<device>/<recording>/data/journal.jsonl``.
Every verb may raise StoreError; what it refuses is never mistaken for done.
"""

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Protocol

import msgspec

from recorder.errors import RecorderError

PIECE = 1024 * 1024
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")

Moved = Callable[[int], None]


class Sort(StrEnum):
    """What to do: set aside (never), try later, speak (full), stop and speak (not allowed)."""

    NEVER = "never"
    LATER = "later"
    FULL = "full"
    NOT_ALLOWED = "not-allowed"


class StoreError(RecorderError):
    """The store refused or is not there."""

    def __init__(
        self,
        sort: Sort,
        code: str,
        problem: str,
        *,
        where: str,
        remedy: str,
        phrase: str | None = None,
    ) -> None:
        super().__init__(code, problem, where=where, remedy=remedy, phrase=phrase)
        self.sort = sort


class Exists(StoreError):
    """The key is taken already: by the same bytes or others, ``read`` tells."""

    def __init__(self, where: str) -> None:
        super().__init__(
            Sort.NEVER,
            "store-exists",
            "it is there already",
            where=where,
            remedy="Compare the two",
        )


class SourceError(RecorderError):
    """What should be stored cannot be read, or is not what was signed for."""


class Stat(msgspec.Struct, frozen=True):
    """What the store says of a key. ``mtime_ns`` is by the store's clock, since 1970."""

    size_bytes: int
    mtime_ns: int


class Source(Protocol):
    """An unbuffered file of the spool, or bytes in memory (io.BytesIO)."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer; 0 at the end. OSError where the card fails."""
        ...


class Store(Protocol):
    """Create-only storage. Nothing in it is ever overwritten or removed by us."""

    @property
    def id(self) -> str:
        """Which store it is, wherever it is mounted."""
        ...

    @property
    def name(self) -> str:
        """The township's name for it."""
        ...

    def put(self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved) -> Stat:
        """Make ``key`` out of all of ``source``, or nothing at all.

        The bytes are durable on return, the key is after ``flush``. ``moved`` hears of every
        piece. Raises Exists where the key is taken, SourceError where the source is not as long
        as ``size_bytes`` or has another digest.
        """
        ...

    def stat(self, key: str) -> Stat | None:
        """None: no such key."""
        ...

    def read(self, key: str) -> Iterator[memoryview]:
        """The key's bytes as the medium has them, not a cache. A piece is valid until the next."""
        ...

    def list(self, prefix: str, limit: int) -> tuple[str, ...]:
        """At most ``limit`` keys below ``prefix``, unordered; () where there are none."""
        ...

    def flush(self) -> None:
        """Make every key durable that was put."""
        ...

    def time_ns(self) -> int:
        """Now by the store's clock, ns since 1970."""
        ...

    def close(self) -> None:
        """Let go of it, so that it can be unmounted."""
        ...


def check_key(key: str) -> str:
    """A key that is safe in any store. SourceError for anything that could lead elsewhere."""
    if not _KEY.fullmatch(key) or len(key) > 900:
        raise SourceError(
            "key-unsafe", "the name cannot be stored", where=repr(key)[:200],
            remedy="Only letters, digits, dot, dash and underscore may be in a recording's names",
        )  # fmt: skip
    return key
