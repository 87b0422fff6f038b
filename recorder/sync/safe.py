"""May a recording's copy on the device go? Judged from signed receipts and the bag itself; pure
reading, used by the child that looks (standing.py) and again by who frees (freeing.py).
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder.clock import NS, Clock, parse_iso
from recorder.evidence import chain
from recorder.evidence.seal import TAGMANIFEST
from recorder.sync import deadlines, receipts
from recorder.sync.readers import Reader

_DAY_NS = 24 * 3600 * NS
_MOST_BYTES = 64 * 1024


class Safe(msgspec.Struct, frozen=True):
    """Two read-backs of this very bag have matched. ``receipt_sha256``: the line of the second;
    ``from_ns``: when the local hold is over, since 1970."""

    receipt_sha256: str
    from_ns: int


def is_over(from_ns: int, clock: Clock, hold_days: float) -> bool:
    """Whether the hold is over for certain: by the earliest time that the clock may mean."""
    if hold_days == 0:
        return True
    now = deadlines.clock_bounds(clock.utc_ns(), clock.state())
    return now is not None and now.earliest_ns >= from_ns


def judge(bag: Path, found: Sequence[chain.Line], hold_days: float) -> Safe | None:
    """None where it must stay. OSError where the bag cannot be read.

    ``found``: its receipts that verify (``receipts.vouched``). What lies in its folder and was not
    copied keeps it.
    """
    second = receipts.twice(found, _tagmanifest_sha256(bag))
    if second is None or second.body.left:
        return None
    return Safe(second.sha256, hold_over_ns(second.body.read, hold_days))


def hold_over_ns(read: str, hold_days: float) -> int:
    """When the local hold is over: so long after the second read-back. Since 1970."""
    return parse_iso(read) + round(hold_days * _DAY_NS)


def judge_on_disk(
    bag: Path, folder: Path, readers: Sequence[Reader], hold_days: float
) -> Safe | None:
    """The same with the receipts in sync's ``folder``."""
    return judge(bag, receipts.vouched(folder, bag.name, readers), hold_days)


def _tagmanifest_sha256(bag: Path) -> str:
    with chain.open_plain(bag / TAGMANIFEST) as file:
        return hashlib.sha256(file.read(_MOST_BYTES)).hexdigest()
