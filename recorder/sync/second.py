"""The second read-back of what was stored, at least 24 h after the first by the store's clock.

Oldest first, after everything that is new, and only the run's share: a bag of gigabytes is read in
many runs. A dock may have done it already: its receipt is taken over from the store instead. The
first receipt is never changed, and what does not read back as it must has no second one. What the
store lost is sent again, and has a first receipt anew.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from recorder.clock import NS, Clock, iso
from recorder.config import Settings
from recorder.evidence import chain
from recorder.spool import NAME, Held, look
from recorder.sync import bag, keep, receipts, shelf
from recorder.sync.bag import Bag
from recorder.sync.home import Home
from recorder.sync.readers import Reader
from recorder.sync.reading import Reading
from recorder.sync.receipts import Receipt
from recorder.sync.stores import Keep, Kept, Lost, SourceError, Store

Guard = Callable[[str, Callable[[], bool]], bool]
"""Does one recording's work; what is wrong with that one alone is a finding, and False."""

Again = Callable[[str, Bag, Lost], None]
"""Sends a device's bag again, and issues its first receipt anew."""

OLD_MB = 4096
"""A run's share of what no dock looks at any more, where reading is left to the dock."""


class Once(msgspec.Struct, frozen=True):
    """A recording that was read back once, and the receipts that it has."""

    recording: Held
    receipts: tuple[chain.Line, ...]
    first: chain.Line


class Second:
    """One run's second read-backs."""

    def __init__(
        self, settings: Settings, store: Store, home: Home, signer: chain.Signer, clock: Clock,
        reading: Reading, guard: Guard, docks: Sequence[Reader], how_long: Callable[[Bag], Keep],
        lost: Again,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._store = store
        self._home = home
        self._signer = signer
        self._clock = clock
        self._reading = reading
        self._guard = guard
        self._how_long = how_long
        self._lost = lost
        self._before = ""
        self._readers = (Reader(signer.public), *docks)
        self._shelved: dict[str, frozenset[str]] = {}

    def all(self, once: Mapping[str, str]) -> int:
        """How many have their second receipt now. ``once``: recordings that were read back once,
        oldest first, and when. What is not due costs nothing, and what was set aside comes last: it
        must not use up every run's share."""
        now_ns = self._store.time_ns() if once else 0
        now = iso(now_ns)
        self._before = iso(now_ns - shelf.DAYS * 86_400 * NS)[:10] if once else ""
        due = [(name, read[:10]) for name, read in once.items() if receipts.is_later(read, now)]
        due.sort(key=lambda each: self._home.is_aside(each[0]) is not None)
        return sum(
            self._may_do(name, day) and self._guard(name, partial(self._one, name, now))
            for name, day in due
        )

    def _may_do(self, name: str, day: str) -> bool:
        """Whether there is something to do, by the day's list in the store: few of its answers for
        many recordings."""
        if day not in self._shelved:
            match = NAME.match(name)
            device = match["device"] if match else self._settings.device.name
            keys = self._store.list(shelf.folder_of(device, day), shelf.MOST_A_DAY)
            self._shelved[day] = frozenset(key.rpartition("/")[2] for key in keys)
        there = self._shelved[day]
        return self._may_read(day) or f"{name}-1" not in there or f"{name}-2" in there

    def _may_read(self, day: str) -> bool:
        """Of the run's share; without one, only what is too old for a dock."""
        ours = self._settings.sync.read_back_mb > 0 or day < self._before
        return ours and self._reading.left_bytes > 0

    def _one(self, name: str, now: str) -> bool:
        once = self._receipts(name)
        if once is None:
            return False
        first = once.first.body
        shelf.put(self._store, first, 1, once.first.raw, keep.of_ledger(self._settings))
        if self._from_store(once):
            return True
        if not self._may_read(first.read[:10]) or not receipts.is_later(first.read, now):
            return False
        return self._read(once)

    def _receipts(self, name: str) -> Once | None:
        """None where they went away meanwhile, or the recording did."""
        found = receipts.vouched(self._home.receipts, name, self._readers)
        first = receipts.first(found, self._store.id)
        held = look(Path(self._settings.paths.spool) / name)
        return None if first is None or held is None else Once(held, found, first)

    def _from_store(self, once: Once) -> bool:
        """Take over what a dock signed, or an own run that was cut; only sync's folder changes."""
        first = once.first
        line = shelf.get(self._store, shelf.key_of(first.body, 2))
        if line is None or not any(r.signed(line.raw, line.body) for r in self._readers):
            return False
        follows = (line.header.n, line.header.prev) == (
            len(once.receipts), once.receipts[-1].sha256,
        )  # fmt: skip
        tagmanifest = first.body.tagmanifest_sha256
        if not follows or receipts.twice((*once.receipts, line), tagmanifest) is None:
            return False
        receipts.add(self._home.receipts, first.body.recording, once.receipts, line.raw)
        return True

    def _read(self, once: Once) -> bool:
        first = once.first.body
        whole = bag.load(once.recording.path)
        if whole.tagmanifest_sha256 != first.tagmanifest_sha256:
            raise SourceError(
                "bag-differs", "its receipt is for another bag", where=str(whole.folder),
                remedy="Run `recorder verify` on it with the ledger; nothing of it is freed",
            )  # fmt: skip
        files = (*whole.files, whole.signature)
        base = f"{first.device}/{first.recording}"
        try:
            if not self._reading.whole(base, files, once.first.sha256):
                return False
        except Lost as error:
            self._lost(first.device, whole, error)
            return False
        how = self._how_long(whole)
        kept = {
            file.name: self._store.assure(f"{base}/{file.name}", file.size_bytes, file.sha256, how)
            for file in files
        }
        body = again(first, kept[whole.signature.name], self._store, self._clock)
        body = msgspec.structs.replace(body, left=whole.left, **receipts.as_told(kept))
        written = receipts.after(once.receipts[-1], body, self._signer, self._clock)
        shelf.put(self._store, first, 2, written.line, keep.of_ledger(self._settings))
        receipts.add(self._home.receipts, first.recording, once.receipts, written.line)
        self._reading.over()
        return True


def again(first: Receipt, signature: Kept, store: Store, clock: Clock) -> Receipt:
    """What the second receipt says: the first one's words, read now."""
    read_ns, our_ns = store.time_ns(), clock.utc_ns()
    return msgspec.structs.replace(
        first,
        stored=iso(signature.mtime_ns),
        read=iso(read_ns),
        read_back=2,
        clock_offset_ms=round((our_ns - read_ns) / 1_000_000),
    )
