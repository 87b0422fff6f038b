"""How safe each stored recording is, and which may leave the device: the child's other half.

Counts all, names a few: a spool of thousands makes no longer an answer than one of fifty.
"""

from pathlib import Path
from typing import Literal

import msgspec

from recorder.clock import Clock, iso, parse_iso
from recorder.errors import RecorderError
from recorder.evidence import chain, lines
from recorder.spool import LEDGER, names
from recorder.sync import readers, receipts, safe
from recorder.sync.home import aside_of
from recorder.sync.index import Index
from recorder.sync.readers import Reader

Where = Literal["set aside", "stored once", "stored twice", "may be freed"]
SHOWN = 50
"""So many of each kind are named; the others are only counted."""
_FREED = b'"kind":"freed"'


class Stored(msgspec.Struct, frozen=True):
    """A recording that the store has. ``detail``: why it is set aside, when its second read-back
    falls due, or from when it may be freed (UTC, by the store's clock)."""

    recording: str
    where: Where
    detail: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """``stored``: receipts say that a store has them; ``twice`` and ``freeable`` of them were read
    back twice, and may be freed by now. ``named``: the oldest of each kind, ``may_go`` the oldest
    that may; ``freed`` counts those that are gone, ``gone`` names the newest. ``problem``: why no
    receipt counts for freeing."""

    stored: int = 0
    twice: int = 0
    freeable: int = 0
    freed: int = 0
    named: tuple[Stored, ...] = ()
    may_go: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    problem: str = ""


class Shelf:
    """Takes recordings oldest first, then tells. Sync's index says how they stand; those that are
    named are judged in full. ``key``: sync's, None where it was never set up."""

    def __init__(
        self, spool: Path, keys: Path, home: Path, key: bytes | None, hold_days: float, clock: Clock
    ) -> None:
        self._spool = spool
        self._home = home
        self._key = key
        self._hold_days = hold_days
        self._clock = clock
        self._counts: dict[Where, int] = {}
        self._named: list[Stored] = []
        self._asides = {name.removesuffix(".json") for name in names(home / "aside")}
        self._readers: tuple[Reader, ...] = ()
        self._problem = ""
        try:
            self._readers = readers.of_device(keys, home)
        except RecorderError as error:
            self._problem = str(error)
        self._index = None if key is None else Index(home, key, self._readers[1:])
        if self._readers and not self._readers[0].counts:
            self._readers = ()
            self._problem = "the register does not vouch for sync's key"

    def take(self, name: str) -> bool:
        """False: no store has it, by sync's own key."""
        if self._index is None or not self._index.has(name):
            return False
        where = self._by_index(name)
        if self._counts.get(where, 0) < SHOWN:
            stored = self._judged(name)
            where = stored.where
            if self._counts.get(where, 0) < SHOWN:
                self._named.append(stored)
        self._counts[where] = self._counts.get(where, 0) + 1
        return True

    def _by_index(self, name: str) -> Where:
        assert self._index is not None
        _, second = self._index.reads(name)
        if not second or not self._readers:
            return "set aside" if name in self._asides else "stored once"
        over = safe.is_over(
            safe.hold_over_ns(second, self._hold_days), self._clock, self._hold_days
        )
        return "may be freed" if over else "stored twice"

    def _judged(self, name: str) -> Stored:
        folder = self._home / "receipts"
        trusted = receipts.vouched(folder, name, self._readers) if self._readers else ()
        try:
            bag = self._spool / name
            done = safe.judge(bag, trusted, self._hold_days) if len(trusted) > 1 else None
        except OSError:
            done = None  # freed just now, or a card that fails: nobody frees that
        if done is not None:
            over = safe.is_over(done.from_ns, self._clock, self._hold_days)
            where: Where = "may be freed" if over else "stored twice"
            return Stored(name, where, iso(done.from_ns))
        aside = aside_of(self._home / "aside", name)
        if aside is not None:
            return Stored(name, "set aside", f"{aside.code}: {aside.text}")
        assert self._index is not None
        first, _ = self._index.reads(name)
        return Stored(name, "stored once", iso(parse_iso(first) + receipts.APART_NS))

    def told(self) -> Kept:
        """OSError where the ledger cannot be read."""
        there = set(names(self._spool))
        gone = [name for name in _freed(self._spool / LEDGER) if name not in there]
        freeable = self._counts.get("may be freed", 0)
        return Kept(
            stored=sum(self._counts.values()),
            twice=freeable + self._counts.get("stored twice", 0),
            freeable=freeable,
            freed=len(gone),
            named=tuple(self._named),
            may_go=tuple(each.recording for each in self._named if each.where == "may be freed"),
            gone=tuple(gone[-SHOWN:]),
            problem=self._problem,
        )


def _freed(folder: Path) -> list[str]:
    """What the ledger says to be freed, oldest line first."""
    found: dict[str, None] = {}
    for path in chain.files(folder, ""):
        for raw, _ in chain.raw_lines(path):
            if _FREED not in raw:
                continue
            try:
                _, body = chain.decode(raw, lines.Ledger, None)
            except ValueError:
                continue
            if isinstance(body, lines.Freed):
                found[body.recording] = None
    return list(found)
