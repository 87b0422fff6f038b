"""What a desk added to a dead device's recording: may it, and does nothing signed lie hidden?

A desk closes what the device left open. It adds no second of media, states nothing about the act,
and ends the recording exactly where the device's last fragment does. Whether the desk's key
deserves trust is asked elsewhere.
"""

import re
from collections.abc import Iterable

from recorder.evidence import chain, lines
from recorder.evidence.places import Place
from recorder.evidence.verification_bag import Inventory, signed
from recorder.evidence.verification_lines import signature

CAUSE = "device_lost"
_TAIL = re.compile(r"data/tails/journal[^/]*")


def allowed(body: lines.Journal, *, last_ns: int, ended: bool) -> bool:
    """A desk may add this line. ``last_ns``: where the last fragment ends, or without one the press
    was (0: nor was there one); ``ended``: the device itself journalled the end."""
    match body:
        case lines.SegmentEnd() | lines.Loss() | lines.Close():
            return True
        case lines.Recovered(why=why):
            return why == "desk"
        case lines.Interruption(cause=cause, from_ns=from_ns):
            return not ended and cause == CAUSE and from_ns == last_ns
        case lines.StatementDue(interruption=number_, why=why):
            return not ended and number_ is None and why == CAUSE
        case lines.End(source=source, planned=planned, spoken=spoken, end_ns=end_ns):
            sober = source == "desk" and not planned and not spoken
            return not ended and sober and end_ns == last_ns
        case _:
            return False


def unnamed(found: Inventory, named: Iterable[str]) -> list[str]:
    """Files under ``data/`` that the device's lines do not name. Its own seal vouches for whatever
    it covers; a desk's would let a film pass for one of the recording's."""
    known = set(named)
    return [
        name for name in sorted(found.files)
        if name.startswith("data/") and not name.startswith("data/tails/") and name not in known
    ]  # fmt: skip


def tails(found: Inventory) -> list[Place]:
    """The files in ``data/tails/`` that were cut off a journal."""
    return [found.root / name for name in sorted(found.files) if _TAIL.fullmatch(name)]


def cut_lines(paths: list[Place], key: bytes, since: int) -> int:
    """How many lines with a number from ``since`` on, signed with ``key``, stand in ``paths``.

    OSError where one cannot be read.
    """
    count = 0
    for path in paths:
        with path.open("rb") as file:
            while raw := file.readline(chain.MAX_LINE + 1):
                text, sign = signature(raw.rstrip(b"\n"))
                n = chain.number(raw)
                if n is not None and n >= since and sign is not None and signed(key, sign, text):
                    count += 1
    return count
