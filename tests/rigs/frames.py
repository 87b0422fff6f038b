"""Which of the sensor's frames a recording has, and what its journal says of the others."""

import bisect
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from recorder.boxes import parse_fragment
from recorder.capture.units import NS, VIDEO_SCALE
from recorder.evidence import lines
from recorder.evidence.age import Identity
from recorder.evidence.chain import Line
from recorder.evidence.plaintext import fragments

_SAME_NS = 1_000_000


def delivered_ns(listed: Path) -> list[int]:
    """Sensor timestamps, as scene.py wrote them."""
    return [ns for (ns,) in struct.iter_unpack("<Q", listed.read_bytes())]


def times_ns(data: bytes, zero_ns: int = 0) -> list[int]:
    """The boot clock's time of each frame in a fragment whose ticks count from ``zero_ns``."""
    found = []
    for run in parse_fragment(data)[:1]:
        tick = run.tfdt
        for duration in run.durations:
            found.append(zero_ns + tick * NS // VIDEO_SCALE)
            tick += duration
    return found


class Frames(msgspec.Struct, frozen=True):
    """``delivered`` by the sensor between the recording's first and last frame, ``recorded`` in the
    file; ``gaps`` and ``interruptions`` are the journal's; ``untold``: dropped without either."""

    delivered: int
    recorded: int
    dropped: int
    untold: int
    gaps: int
    interruptions: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{self.delivered} delivered, {self.recorded} in the file, {self.dropped} dropped, "
            f"{self.untold} dropped and not journalled; {self.gaps} gaps and "
            f"{self.interruptions} interruptions journalled"
        )


def _recorded(
    bag: Path, written: Sequence[lines.Fragment], zero_ns: int, keys: Sequence[Identity]
) -> Iterator[tuple[int, lines.Fragment]]:
    """(time on the boot clock, its fragment) of each frame that the files have."""
    for segment in sorted({line.segment for line in written}):
        own = [line for line in written if line.segment == segment]
        path = bag / "data" / "segments" / f"{segment:04d}.mp4.age"
        for line, data in fragments(path, own, keys):
            if line.video is not None and line.video.units:
                yield from ((at_ns, line) for at_ns in times_ns(data, zero_ns))


def account(bag: Path, journal: Sequence[Line], listed: Path, keys: Sequence[Identity]) -> Frames:
    """Compare what the sensor delivered with what was recorded, frame by frame."""
    bodies = [line.body for line in journal]
    written = [body for body in bodies if isinstance(body, lines.Fragment)]
    start = next(body for body in bodies if isinstance(body, lines.Start))
    kept = list(_recorded(bag, written, start.zero_ns, keys))
    times = [at_ns for at_ns, _ in kept]
    period_ns = NS // 30
    seen = [ns for ns in delivered_ns(listed) if times[0] - _SAME_NS < ns < times[-1] + _SAME_NS]
    away = [(body.from_ns, body.to_ns) for body in bodies if isinstance(body, lines.Resumed)]
    dropped = untold = 0
    for at_ns in seen:
        after = bisect.bisect_left(times, at_ns - _SAME_NS)
        if times[after] <= at_ns + _SAME_NS:
            continue
        dropped += 1
        video = kept[after][1].video
        assert video is not None
        interrupted = any(from_ns - _SAME_NS < at_ns < to_ns + _SAME_NS for from_ns, to_ns in away)
        untold += video.gap_ns <= 1.5 * period_ns and not interrupted
    gaps = sum(1 for f in written if f.video is not None and f.video.gap_ns > 1.5 * period_ns)
    return Frames(
        delivered=len(seen),
        recorded=len(kept),
        dropped=dropped,
        untold=untold,
        gaps=gaps,
        interruptions=sum(isinstance(body, lines.Interruption) for body in bodies),
        bytes=sum(line.bytes for line in written),
    )
