"""The only module that knows ISO-BMFF: boxes, what a ``moov`` and a ``moof`` say, and time shifts.

Shared by capture, supervisor and verifier; pure, and light enough for the supervisor.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from recorder.errors import RecorderError

_CONTAINERS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"mvex", b"edts", b"dinf"}
)
_MOST_SAMPLES = 100_000
"""In one fragment; a box of a few bytes may claim any number."""
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_HEAD = struct.Struct(">I4s")


class Box(msgspec.Struct, frozen=True):
    """A box: its type, where it starts, where its content starts, where it ends."""

    type: bytes
    start: int
    content: int
    end: int


class TrackInit(msgspec.Struct, frozen=True):
    """A track as ``moov`` describes it; ``codec`` is the sample entry's type."""

    track_id: int
    kind: Literal["video", "audio"]
    timescale: int
    codec: str
    width: int = 0
    height: int = 0
    sample_rate: int = 0
    channels: int = 0


class Run(msgspec.Struct, frozen=True):
    """One track of a fragment: ticks are of the track's timescale; offsets count from the moof."""

    track_id: int
    tfdt: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    offsets: tuple[int, ...]

    @property
    def ticks(self) -> int:
        """Length of the run."""
        return sum(self.durations)


def _broken(what: str) -> RecorderError:
    return RecorderError("mp4-broken", f"not a fragmented MP4: {what}", remedy="It is damaged")


def iterate(data: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes side by side in ``data[start:end]``. RecorderError where they do not add up."""
    end = len(data) if end is None else end
    while start < end:
        if end - start < 8:
            raise _broken(f"{end - start} stray bytes at {start}")
        size, type_ = _HEAD.unpack_from(data, start)
        content = start + 8
        if size == 1 and end - start >= 16:
            (size,) = _U64.unpack_from(data, content)
            content += 8
        if size < content - start or start + size > end:
            raise _broken(f"a box of {size} bytes at {start}")
        yield Box(type_, start, content, start + size)
        start += size


def find(data: bytes | memoryview, parent: Box, *path: bytes) -> Box | None:
    """The first box at ``path`` below ``parent``."""
    for type_ in path:
        for box in iterate(data, parent.content, parent.end):
            if box.type == type_:
                parent = box
                break
        else:
            return None
    return parent


def _need(data: bytes | memoryview, parent: Box, *path: bytes) -> Box:
    box = find(data, parent, *path)
    if box is None:
        raise _broken(f"no {b'/'.join(path).decode('latin-1')}")
    return box


def _u32(data: bytes | memoryview, at: int, box: Box) -> int:
    if at + 4 > box.end:
        raise _broken(f"a cut {box.type.decode('latin-1')}")
    return int(_U32.unpack_from(data, at)[0])


def parse_init(data: bytes | memoryview) -> tuple[TrackInit, ...]:
    """The tracks of an ``ftyp`` + ``moov``."""
    moov = next((b for b in iterate(data) if b.type == b"moov"), None)
    if moov is None:
        raise _broken("no moov")
    tracks = []
    for trak in iterate(data, moov.content, moov.end):
        if trak.type != b"trak":
            continue
        tkhd = _need(data, trak, b"tkhd")
        wide = data[tkhd.content] == 1 if tkhd.content < tkhd.end else False
        track_id = _u32(data, tkhd.content + (20 if wide else 12), tkhd)
        mdhd = _need(data, trak, b"mdia", b"mdhd")
        wide = data[mdhd.content] == 1 if mdhd.content < mdhd.end else False
        timescale = _u32(data, mdhd.content + (20 if wide else 12), mdhd)
        handler = _need(data, trak, b"mdia", b"hdlr")
        kind = bytes(data[handler.content + 8 : handler.content + 12])
        stsd = _need(data, trak, b"mdia", b"minf", b"stbl", b"stsd")
        entry = next(iterate(data, stsd.content + 8, stsd.end), None)
        if entry is None or entry.end - entry.content < 28:
            raise _broken("no sample entry")
        codec = entry.type.decode("latin-1")
        if kind == b"vide":
            size = _u32(data, entry.content + 24, entry)
            tracks.append(TrackInit(track_id, "video", timescale, codec, size >> 16, size & 0xFFFF))
        elif kind == b"soun":
            channels = _u32(data, entry.content + 16, entry) >> 16
            rate = _u32(data, entry.content + 24, entry) >> 16
            tracks.append(
                TrackInit(track_id, "audio", timescale, codec, sample_rate=rate, channels=channels)
            )
    return tuple(tracks)


def _traf(data: bytes | memoryview, moof: Box, traf: Box, most: int) -> Run:
    tfhd = _need(data, traf, b"tfhd")
    flags = _u32(data, tfhd.content, tfhd) & 0xFFFFFF
    track_id = _u32(data, tfhd.content + 4, tfhd)
    at = tfhd.content + 8
    at += 8 if flags & 0x01 else 0
    at += 4 if flags & 0x02 else 0
    default_duration = default_size = 0
    if flags & 0x08:
        default_duration = _u32(data, at, tfhd)
        at += 4
    if flags & 0x10:
        default_size = _u32(data, at, tfhd)
    tfdt = _need(data, traf, b"tfdt")
    if tfdt.end - tfdt.content < 12 or data[tfdt.content] != 1:
        raise _broken("a tfdt that is not 64 bits wide")
    (first,) = _U64.unpack_from(data, tfdt.content + 4)
    durations: list[int] = []
    sizes: list[int] = []
    offsets: list[int] = []
    for trun in iterate(data, traf.content, traf.end):
        if trun.type != b"trun":
            continue
        flags = _u32(data, trun.content, trun) & 0xFFFFFF
        count = _u32(data, trun.content + 4, trun)
        at = trun.content + 8
        offset = 0
        if flags & 0x01:
            offset = _u32(data, at, trun)
            at += 4
        at += 4 if flags & 0x04 else 0
        fields = [bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800)]
        if at + count * 4 * sum(fields) > trun.end or len(sizes) + count > most:
            raise _broken("a cut trun")
        width = sum(fields)
        values = struct.unpack_from(f">{count * width}I", data, at)
        for sample in range(count):
            row = values[sample * width : (sample + 1) * width]
            durations.append(row[0] if fields[0] else default_duration)
            size = row[fields[0]] if fields[1] else default_size
            sizes.append(size)
            offsets.append(offset)
            offset += size
    return Run(track_id, first, tuple(durations), tuple(sizes), tuple(offsets))


def parse_fragment(data: bytes | memoryview) -> tuple[Run, ...]:
    """The runs of a ``moof`` + ``mdat``, one a track that has samples in it."""
    moof = next((b for b in iterate(data) if b.type == b"moof"), None)
    if moof is None:
        raise _broken("no moof")
    runs: list[Run] = []
    most = _MOST_SAMPLES
    for traf in iterate(data, moof.content, moof.end):
        if traf.type == b"traf":
            runs.append(_traf(data, moof, traf, most))
            most -= len(runs[-1].sizes)
    return tuple(run for run in runs if run.durations)


def rebase(data: bytes, zero: Mapping[int, int]) -> bytearray:
    """``data`` (``moof`` + ``mdat``) with ``zero[track_id]`` ticks taken off each track's tfdt."""
    out = bytearray(data)
    moof = next((b for b in iterate(data) if b.type == b"moof"), None)
    if moof is None:
        raise _broken("no moof")
    for traf in iterate(data, moof.content, moof.end):
        if traf.type != b"traf":
            continue
        tfhd = _need(data, traf, b"tfhd")
        tfdt = _need(data, traf, b"tfdt")
        track_id = _u32(data, tfhd.content + 4, tfhd)
        if tfdt.end - tfdt.content < 12 or data[tfdt.content] != 1 or track_id not in zero:
            raise _broken("a track without a 64 bit tfdt or without a zero")
        (ticks,) = _U64.unpack_from(data, tfdt.content + 4)
        if ticks < zero[track_id]:
            raise _broken(f"track {track_id} starts {zero[track_id] - ticks} ticks before zero")
        _U64.pack_into(out, tfdt.content + 4, ticks - zero[track_id])
    return out


def free(size: int) -> bytes:
    """A ``free`` box of ``size`` bytes (8 at least)."""
    if size < 8:
        raise ValueError("a box has 8 bytes at least")
    return _HEAD.pack(size, b"free") + bytes(size - 8)
