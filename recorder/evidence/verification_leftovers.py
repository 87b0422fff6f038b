"""Lines that a failed sync left at a file's end must be those that the next file repeats.

The chain's reader passes them over; what else stands there would be foreign and unseen.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.evidence import chain

_PIECE_BYTES = 1024 * 1024


def leftovers(paths: Sequence[Path]) -> Iterator[chain.Defect]:
    """A defect for each file whose passed-over lines are not how the next file begins."""
    for path, following in itertools.pairwise(paths):
        first = next(iter(chain.raw_lines(following)), (b"", False))[0]
        takes_over = number(first)
        if takes_over is None:
            continue
        offset = 0
        for place, (raw, ended) in enumerate(chain.raw_lines(path), 1):
            n = number(raw)
            if ended and n is not None and n >= takes_over:
                if not _begins(path, offset, following):
                    yield chain.Defect(
                        path.name, place, "line-foreign", f"not what {following.name} goes on with"
                    )
                break
            offset += len(raw) + 1


def number(raw: bytes) -> int | None:
    """A line's number, by its JSON alone; None where it has none."""
    try:
        return msgspec.json.decode(raw.partition(b"\t")[0], type=chain.Header).n
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _begins(path: Path, offset: int, following: Path) -> bool:
    with path.open("rb") as left, following.open("rb") as right:
        left.seek(offset)
        while piece := left.read(_PIECE_BYTES):
            if right.read(len(piece)) != piece:
                return False
    return True
