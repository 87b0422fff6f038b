"""Receipts in the store: where a dock finds what it may read back, and a device what a dock read.

``<device>/receipts/<day>/<recording>-1`` and ``-2``: one line each, the day that of the first
read-back (UTC, by the store's clock). Nothing is believed here; who takes one over checks it.
"""

from recorder.evidence import chain
from recorder.sync import transfer
from recorder.sync.receipts import Receipt
from recorder.sync.stores import Conflict, Keep, Store

MOST_A_DAY = 10_000
DAYS = 30
"""A dock looks at the first receipts of so many days; older ones are left to the devices."""
_MOST_BYTES = chain.MAX_LINE + 1


def key_of(first: Receipt, number: int) -> str:
    """A receipt's key: ``first`` is the one of the first read-back, ``number`` 1 or 2."""
    return f"{folder_of(first.device, first.read[:10])}/{first.recording}-{number}"


def folder_of(device: str, day: str) -> str:
    """Where the receipts of a device's day lie."""
    return f"{device}/receipts/{day}"


def put(store: Store, first: Receipt, number: int, line: bytes, keep: Keep) -> None:
    """Put a receipt where there is none. Durable on return; one that is there stays.

    Raises StoreError where the store fails, not where it has another one already: two machines may
    read back at the same time, and either receipt is as good.
    """
    key = key_of(first, number)
    if store.stat(key) is not None:
        return
    try:
        transfer.settle_bytes(store, key, line + b"\n", keep)
    except Conflict:
        return
    store.flush()


def get(store: Store, key: str) -> chain.Line | None:
    """A receipt's line, its signature unchecked; None where there is none or it is no receipt."""
    if store.stat(key) is None:
        return None
    data = bytearray()
    for piece in store.read(key):
        data += piece
        if len(data) > _MOST_BYTES:
            return None
    raw = bytes(data).removesuffix(b"\n")
    try:
        header, body = chain.decode(raw, Receipt, None)
    except ValueError:
        return None
    return chain.Line(header, body, raw, chain.digest(raw), key, 1)
