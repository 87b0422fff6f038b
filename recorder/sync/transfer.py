"""One file into the store: put where it is missing, read back and compared, and kept as it must be.

A file that is there already and the same is done; one that differs is never touched.
"""

import hashlib
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

import msgspec

from recorder.sync.bag import BagFile
from recorder.sync.stores import (
    Conflict,
    Exists,
    Keep,
    Kept,
    Moved,
    Source,
    Store,
    check_key,
)

Opens = Callable[[], AbstractContextManager[Source]]


class Settled(msgspec.Struct, frozen=True):
    """``sent``: now, not earlier. ``kept`` is what the store says of it."""

    sent: bool
    kept: Kept


def settle(
    store: Store, key: str, file: BagFile, source: Opens, moved: Moved, keep: Keep
) -> Settled:
    """Read back, and asked for, whether it was sent now or was there; durable after a flush.

    Raises Conflict where the store holds other bytes, SourceError, StoreError.
    """
    check_key(key)
    sent = False
    if store.stat(key) is None:
        with source() as opened:
            try:
                store.put(key, opened, file.size_bytes, file.sha256, moved, keep)
                sent = True
            except Exists:
                sent = False  # another sync was faster: compared like any other file
    compare(store, key, file, sent=sent, moved=_nothing if sent else moved)
    return Settled(sent, store.assure(key, file.size_bytes, file.sha256, keep))


def settle_bytes(store: Store, key: str, data: bytes, keep: Keep) -> Settled:
    """The same for a small file that is in memory."""
    file = BagFile("", len(data), hashlib.sha256(data).hexdigest())
    return settle(store, key, file, lambda: nullcontext(io.BytesIO(data)), _nothing, keep)


def compare(
    store: Store, key: str, file: BagFile, *, sent: bool, moved: Moved | None = None
) -> None:
    """Fetch every byte of a stored file and hold it against what was signed for."""
    digest = hashlib.sha256()
    count = 0
    for piece in store.read(key):
        digest.update(piece)
        count += len(piece)
        if moved is not None:
            moved(len(piece))
        if count > file.size_bytes:
            break
    if count == file.size_bytes and digest.hexdigest() == file.sha256:
        return
    if sent:
        raise Conflict("store-damaged", key, "it reads back other than it was written")
    raise Conflict("store-conflict", key, "the store has another file of that name")


def nothing_foreign(store: Store, base: str, files: Sequence[BagFile]) -> None:
    """Anything in a stored bag that is not ours makes it a broken bag: a Conflict."""
    ours = {f"{base}/{file.name}" for file in files}
    for key in store.list(base, len(ours) + 1000):
        if key not in ours:
            raise Conflict("store-foreign", key, "a file that is none of the recording's lies "
                           "in its folder in the store")  # fmt: skip


def _nothing(size_bytes: int) -> None:
    """Bytes that no progress bar counts."""
