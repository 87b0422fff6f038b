"""Lines that a failed sync left at a file's end must be those that the next file repeats.

The chain's reader passes them over; what else stands there would be foreign and unseen.
"""

from collections.abc import Iterator, Sequence

from recorder.evidence import chain
from recorder.evidence.places import Place

_PIECE_BYTES = 1024 * 1024


def leftovers(paths: Sequence[Place]) -> Iterator[chain.Defect]:
    """A defect for each file whose passed-over lines are not how the next file begins."""
    for index, path in enumerate(paths):
        following, takes_over = _next_start(paths[index + 1 :])
        if following is None or takes_over is None:
            continue
        offset = 0
        for place, (raw, ended) in enumerate(chain.raw_lines(path), 1):
            n = chain.number(raw)
            if ended and n is not None and n >= takes_over:
                if not _begins(path, offset, following):
                    yield chain.Defect(
                        path.name, place, "line-foreign", f"not what {following.name} goes on with"
                    )
                break
            offset += len(raw) + 1


def _next_start(paths: Sequence[Place]) -> tuple[Place | None, int | None]:
    """The first file that begins with a line, and that line's number; one may be empty or torn."""
    for path in paths:
        n = chain.number(next(iter(chain.raw_lines(path)), (b"", False))[0])
        if n is not None:
            return path, n
    return None, None


def _begins(path: Place, offset: int, following: Place) -> bool:
    with path.open("rb") as left, following.open("rb") as right:
        left.seek(offset)
        while piece := left.read(_PIECE_BYTES):
            if right.read(len(piece)) != piece:
                return False
    return True
