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


class Conflict(StoreError):
    """The store has something else under one of our names, or something beside them."""

    def __init__(self, code: str, key: str, problem: str) -> None:
        super().__init__(
            Sort.NEVER, code, problem, where=f"store: {key}", phrase="store_conflict",
            remedy="Compare the two; move the one in the store away if it is the wrong one",
        )  # fmt: skip
        self.key = key


class Lost(Conflict):
    """The store had a file, read back and receipted, and has none of that name now."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__("store-missing", key, problem)
        self.remedy = (
            "Find out who removed it; a device that still has the recording sends it again"
        )


class SourceError(RecorderError):
    """What should be stored cannot be read, or is not what was signed for."""


class Keep(msgspec.Struct, frozen=True):
    """How long a store that locks must hold a file (Art. 4, 20).

    ``years`` count from ``ended_ns``, the latest possible end of the recording in ns since 1970, or
    where that is None from the file's arrival by the store's clock. None years: for ever.
    """

    years: int | None
    hold: bool = False
    ended_ns: int | None = None


class Stat(msgspec.Struct, frozen=True):
    """What the store says of a key. ``mtime_ns`` is by the store's clock, since 1970."""

    size_bytes: int
    mtime_ns: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the store says it holds: which version, locked until when ("" and None: it has none).

    ``digest``: it named the right SHA-256 by itself. ``duplicates``: identical versions beside it.
    """

    mtime_ns: int
    version: str = ""
    locked_until_ns: int | None = None
    hold: bool = False
    digest: bool = False
    duplicates: int = 0


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

    @property
    def lanes(self) -> int:
        """How many threads may use it at once."""
        ...

    def put(
        self, key: str, source: Source, size_bytes: int, sha256: str, moved: Moved, keep: Keep
    ) -> None:
        """Make ``key`` out of all of ``source``, or nothing at all.

        The bytes are durable on return, the key is after ``flush``. ``moved`` hears of every
        piece. Raises Exists where the key is taken, SourceError where the source is not as long
        as ``size_bytes`` or has another digest.
        """
        ...

    def stat(self, key: str) -> Stat | None:
        """None: no such key."""
        ...

    def assure(self, key: str, size_bytes: int, sha256: str, keep: Keep) -> Kept:
        """Ask what the store holds under ``key``, mend what can be mended, ask again.

        For a key whose bytes were read back. Raises Conflict where it says that it holds anything
        else, StoreError where it does not keep it as it must be kept.
        """
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


def read_source(source: Source, view: memoryview) -> int:
    """Bytes read into ``view``; 0 at the end. SourceError where the card fails."""
    try:
        return source.readinto(view) or 0
    except OSError as error:
        raise SourceError(
            "source-unreadable", f"cannot read it: {error.strerror}",
            where=str(getattr(source, "name", "")),
            remedy="The device's card may be failing: keep the device, do not free anything",
        ) from error  # fmt: skip


def check_key(key: str) -> str:
    """A key that is safe in any store. SourceError for anything that could lead elsewhere."""
    if not _KEY.fullmatch(key) or len(key) > 900:
        raise SourceError(
            "key-unsafe", "the name cannot be stored", where=repr(key)[:200],
            remedy="Only letters, digits, dot, dash and underscore may be in a recording's names",
        )  # fmt: skip
    return key
