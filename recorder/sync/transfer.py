"""One file into the store: put where it is missing, then read back and compared, always.

A file that is there already and the same is done; one that differs is never touched.
"""

import hashlib
import io
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from recorder.sync.bag import BagFile
from recorder.sync.stores import (
    Exists,
    Moved,
    Sort,
    Source,
    Store,
    StoreError,
    check_key,
)

Opens = Callable[[], AbstractContextManager[Source]]


class Conflict(StoreError):
    """The store has something else under one of our names, or something beside them."""

    def __init__(self, code: str, key: str, problem: str) -> None:
        super().__init__(
            Sort.NEVER, code, problem, where=f"store: {key}",
            remedy="Compare the two; move the one in the store away if it is the wrong one",
        )  # fmt: skip
        self.key = key


def settle(store: Store, key: str, file: BagFile, source: Opens, moved: Moved) -> bool:
    """True: sent now; False: it was there. Read back in either case; durable after a flush.

    Raises Conflict where the store holds other bytes, SourceError, StoreError.
    """
    check_key(key)
    sent = False
    if store.stat(key) is None:
        with source() as opened:
            try:
                store.put(key, opened, file.size_bytes, file.sha256, moved)
                sent = True
            except Exists:
                sent = False  # another sync was faster: compared like any other file
    compare(store, key, file, sent=sent, moved=_nothing if sent else moved)
    return sent


def settle_bytes(store: Store, key: str, data: bytes) -> bool:
    """The same for a small file that is in memory."""
    file = BagFile("", len(data), hashlib.sha256(data).hexdigest())
    return settle(store, key, file, lambda: nullcontext(io.BytesIO(data)), _nothing)


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
    if count == file.size_bytes and digest.hexdigest() == file.sha256:
        return
    if sent:
        raise Conflict("store-damaged", key, "it reads back other than it was written")
    raise Conflict("store-conflict", key, "the store has another file of that name")


def _nothing(size_bytes: int) -> None:
    """Bytes that no progress bar counts."""
