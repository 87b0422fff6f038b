"""ISO-BMFF boxes: what capture hands over and what a custodian's key opens."""

import contextlib
from collections.abc import Sequence

from recorder import boxes
from recorder.errors import RecorderError
from tests.fuzz.choices import Choices, edit_bytes
from tests.fuzz.targets import Broken, same
from tests.unit import pieces

WORDS = ("ftyp", "moov", "trak", "tkhd", "mdia", "mdhd", "hdlr", "vide", "soun", "minf", "stbl",
         "stsd", "moof", "traf", "tfhd", "tfdt", "trun", "mdat", "free",
         "\x00\x00\x00\x01", "\x00\x00\x00\x08")  # fmt: skip
_BASES = (pieces.init_bytes(), pieces.media(90_000, frames=2, size=4), boxes.free(12))


def seeds() -> Sequence[bytes]:
    """Whole ones, as raw bytes and as a start for edits."""
    return [*(b"\0" + base for base in _BASES), b"\1", b"\2", b"\2" + bytes(20)]


def check(data: bytes) -> None:
    """Read, or RecorderError; a shift changes time and nothing else."""
    choices = Choices(data)
    which = choices.number(1 + len(_BASES))
    if which == 0:
        raw = choices.rest()
    else:
        raw = _BASES[which - 1]
        while choices.more:
            raw = edit_bytes(raw, choices)
    with contextlib.suppress(RecorderError):
        found = list(boxes.iterate(raw))
        same(b"".join(raw[b.start : b.end] for b in found), raw, "boxes")
    with contextlib.suppress(RecorderError):
        boxes.parse_init(raw)
    with contextlib.suppress(RecorderError):
        boxes.parse_init(memoryview(raw))
    try:
        runs = boxes.parse_fragment(raw)
    except RecorderError:
        runs = ()
    if len({run.track_id for run in runs}) == len(runs):
        _shift(raw, runs)


def _shift(raw: bytes, runs: Sequence[boxes.Run]) -> None:
    zero = {run.track_id: run.tfdt // 2 for run in runs}
    try:
        moved = bytes(boxes.rebase(raw, zero))
    except RecorderError:
        return
    if len(moved) != len(raw):
        raise Broken("a shift changed the length")
    after = {run.track_id: run for run in boxes.parse_fragment(moved)}
    for run in runs:
        other = after[run.track_id]
        same(other.tfdt, run.tfdt - zero[run.track_id], "tfdt")
        same((other.durations, other.sizes, other.offsets),
             (run.durations, run.sizes, run.offsets), "samples")  # fmt: skip
