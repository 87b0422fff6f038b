"""Receipts: sync's signed word that a store has a recording, every byte of it read back.

``<sync>/receipts/<recording>.jsonl``: lines as in journal and ledger, chained from line 0, signed
by sync's key or, from line 1 on, by a dock's. A receipt that does not verify is none: nothing may
be freed or skipped on it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import NS, Clock, iso, parse_iso
from recorder.evidence import chain
from recorder.shapes import Int
from recorder.sync.home import replace
from recorder.sync.readers import Reader, against, others
from recorder.sync.stores import Kept

FORMAT = "bodycam-receipt/1"
APART_NS = 24 * 3600 * NS
"""The second read-back is at least so much later than the first, by the store's clock."""
_MOST_BYTES = 8 * 1024 * 1024


class Term(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The deadline of Art. 17 as it was counted when the receipt was made. ``due``: last local day,
    None where no clock told or nothing ran; ``kept``: ``in time``, ``possibly overdue``,
    ``overdue`` or ``unknown``; ``returned``: it counted from a return."""

    due: date | None
    kept: str
    provisional: bool
    returned: bool


class Receipt(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag_field="kind",
    tag="receipt",
    forbid_unknown_fields=True,
):
    """``stored``: mtime of the signature, ``read``: when the last byte was read back; both UTC by
    the store's clock, from which ours was ``clock_offset_ms`` away. ``read_back`` counts the
    read-backs of this store. ``left`` names files of the recording's folder that no manifest lists
    and that were not copied. ``term``: was it stored in time? Met when ``read``.

    What the store says of itself: ``versions`` of the files; ``locked_until``, the earliest end of
    their locks ("": one has none); ``hold``, whether all are held; ``digests``, of how many it
    named the SHA-256; ``duplicates``, identical versions beside ours."""

    format: str
    recording: str
    device: str
    store: str
    store_id: str
    files: Int
    bytes: Int
    tagmanifest_sha256: str
    stored: str
    read: str
    read_back: Int
    clock_offset_ms: Int | None = None
    versions: dict[str, str] = {}
    locked_until: str = ""
    hold: bool = False
    digests: Int = 0
    duplicates: Int = 0
    left: tuple[str, ...] = ()
    term: Term | None = None


def as_told(kept: Mapping[str, Kept]) -> dict[str, Any]:
    """What the store says of a recording's files (by their names in the bag), as fields."""
    locks = [told.locked_until_ns for told in kept.values()]
    earliest = [lock for lock in locks if lock is not None]
    return {
        "versions": {name: told.version for name, told in kept.items() if told.version},
        "locked_until": iso(min(earliest)) if len(earliest) == len(locks) else "",
        "hold": all(told.hold for told in kept.values()),
        "digests": sum(told.digest for told in kept.values()),
        "duplicates": sum(told.duplicates for told in kept.values()),
    }


def path_of(folder: Path, recording: str) -> Path:
    """Where a recording's receipts lie."""
    return folder / f"{recording}.jsonl"


def load(folder: Path, recording: str, key: bytes) -> tuple[chain.Line, ...]:
    """The receipts of a recording up to the first thing that is wrong; () where there are none.

    ``folder`` is sync's ``receipts``, ``key`` sync's raw public key; those of before lie beside.
    """
    return vouched(folder, recording, (Reader(key), *others(folder.parent, None)))


def vouched(folder: Path, recording: str, readers: Sequence[Reader]) -> tuple[chain.Line, ...]:
    """The same, each of them signed by one of ``readers``."""
    path = path_of(folder, recording)
    if not path.exists() or path.stat().st_size > _MOST_BYTES:
        return ()
    found: list[chain.Line] = []
    for item in chain.read([path], Receipt, None):
        if isinstance(item, chain.Defect) or item.body.recording != recording:
            break
        if not any(reader.signed(item.raw, item.body) for reader in readers):
            break
        found.append(item)
    return tuple(found)


def uncounted(folder: Path, recording: str, readers: Sequence[Reader]) -> str:
    """Why a recording's receipt, of which ``vouched`` has nothing, is none; "": there is none."""
    path = path_of(folder, recording)
    if not path.exists():
        return ""
    found = next(iter(chain.read([path], Receipt, None)), None)
    if not isinstance(found, chain.Line) or found.body.recording != recording:
        return "it is not as it was signed"
    return against(found.raw, found.body, readers)


def alone(folder: Path, recording: str, readers: Sequence[Reader]) -> Iterator[Receipt]:
    """Each receipt of a recording that one of ``readers`` signed, whoever signed the others."""
    path = path_of(folder, recording)
    if not path.exists() or path.stat().st_size > _MOST_BYTES:
        return
    for item in chain.read([path], Receipt, None):
        if isinstance(item, chain.Defect) or item.body.recording != recording:
            continue
        if any(reader.signed(item.raw, item.body) for reader in readers):
            yield item.body


def twice(found: Sequence[chain.Line], tagmanifest_sha256: str) -> chain.Line | None:
    """The receipt of a second read-back of this very bag, in the store of a first one and far
    enough behind it, the last first one before it; None where there is none."""
    for n, second in enumerate(found):
        before = first(found[:n], second.body.store_id)
        if before is not None and second.body.read_back == 2:
            same = (before.body.tagmanifest_sha256, before.body.files, before.body.bytes) == (
                tagmanifest_sha256, second.body.files, second.body.bytes,
            )  # fmt: skip
            if (
                same
                and second.body.tagmanifest_sha256 == tagmanifest_sha256
                and is_later(before.body.read, second.body.read)
            ):
                return second
    return None


def first(found: Sequence[chain.Line], store_id: str) -> chain.Line | None:
    """The first read-back in that store that counts: the last one, where the store had lost the
    recording and got it again."""
    firsts = (
        line for line in reversed(found)
        if (line.body.read_back, line.body.store_id) == (1, store_id)
    )  # fmt: skip
    return next(firsts, None)


def is_later(first: str, read: str) -> bool:
    """Whether something read then is far enough behind a first read-back to be a second one."""
    try:
        return parse_iso(read) - parse_iso(first) >= APART_NS
    except (ValueError, OverflowError):
        return False


def is_stored(folder: Path, recording: str, key: bytes, store_id: str | None = None) -> bool:
    """Whether a store (any, or the given one) has the whole recording, by sync's signature."""
    return any(
        store_id is None or line.body.store_id == store_id for line in load(folder, recording, key)
    )


def issue(
    folder: Path,
    receipt: Receipt,
    signer: chain.Signer,
    clock: Clock,
    docks: Sequence[Reader] = (),
) -> chain.Written:
    """Sign a receipt and add it. Durable on return; killed on the way, nothing has changed."""
    before = vouched(folder, receipt.recording, (Reader(signer.public), *docks))
    written = after(before[-1] if before else None, receipt, signer, clock)
    add(folder, receipt.recording, before, written.line)
    return written


def after(
    last: chain.Line | None, receipt: Receipt, signer: chain.Signer, clock: Clock
) -> chain.Written:
    """Sign a receipt that follows ``last``; nothing is written."""
    n, prev = (last.header.n + 1, last.sha256) if last is not None else (0, chain.ZERO)
    stamp = clock.stamp()
    header = chain.Header(n, "receipt", stamp.boot_id, stamp.boot_ns, stamp.utc, stamp.clock, prev)
    return chain.encode(header, receipt, signer)


def add(folder: Path, recording: str, before: Sequence[chain.Line], line: bytes) -> None:
    """Put a signed line behind those that are there. Durable on return."""
    path = path_of(folder, recording)
    path.parent.mkdir(mode=0o755, exist_ok=True)
    replace(path, b"".join(each + b"\n" for each in (*(old.raw for old in before), line)))
