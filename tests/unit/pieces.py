"""Pieces of a stream for tests that need no codec."""

import struct

from recorder.capture.messages import Fragment, Init, Track, TrackRun, TrackState
from recorder.clock import NS
from recorder.ring import Piece, Stream

PERIOD_NS = NS // 30
INIT = Init(stream=1, tracks=(Track("video", 1, 90_000, "avc1", 640, 360),), period_ns=PERIOD_NS,
            encoder="test")  # fmt: skip


def box(type_: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), type_) + body


def init_bytes() -> bytes:
    """A ``ftyp`` + ``moov`` that says what INIT says."""
    entry = box(b"avc1", bytes(24), struct.pack(">HH", 640, 360), bytes(50))
    stbl = box(b"stbl", box(b"stsd", struct.pack(">II", 0, 1), entry))
    mdia = box(
        b"mdia",
        box(b"mdhd", struct.pack(">IIIIII", 0, 0, 0, 90_000, 0, 0)),
        box(b"hdlr", struct.pack(">II", 0, 0), b"vide", bytes(13)),
        box(b"minf", stbl),
    )
    trak = box(b"trak", box(b"tkhd", struct.pack(">IIII", 0, 0, 0, 1), bytes(68)), mdia)
    return box(b"ftyp", b"iso5", bytes(4)) + box(b"moov", trak)


def media(tick: int, frames: int = 30, size: int = 100) -> bytes:
    """A real ``moof`` + ``mdat`` with one video track."""
    samples = b"".join(struct.pack(">II", 3000, size) for _ in range(frames))
    moof = box(
        b"moof",
        box(b"mfhd", struct.pack(">II", 0, 1)),
        box(
            b"traf",
            box(b"tfhd", struct.pack(">II", 0x020000, 1)),
            box(b"tfdt", struct.pack(">IQ", 1 << 24, tick)),
            box(b"trun", struct.pack(">III", 0x000301, frames, 0), samples),
        ),
    )
    return moof + box(b"mdat", bytes(frames * size))


def piece(second: int, *, stream: int = 1, offset_ns: int = 0, size: int = 100) -> Piece:
    """The fragment that covers one second of the boot clock."""
    start_ns = second * NS + offset_ns
    tick = start_ns * 90_000 // NS
    run = TrackRun(TrackState.OK, tick, 90_000, 30, PERIOD_NS)
    init = Init(stream, INIT.tracks, PERIOD_NS, "test")
    fragment = Fragment(stream, second, start_ns, start_ns + NS, run, None)
    return Piece(Stream(init, init_bytes()), fragment, media(tick, size=size))
