"""When was it really? The interval of true time that a log's lines leave for an instant.

Every line has both clocks and says how far its wall clock can be off. Two lines of one boot bound
each other through the boot clock, so what was known later narrows what was written earlier; the
lines themselves are never rewritten. Where two bounds exclude each other, somebody's claim was
wrong, and none of that quality is believed. Pure; memory grows with hours, not with lines.
"""

import bisect
import itertools
from collections.abc import Iterator

import msgspec

from recorder.clock import DRIFT_PPM, NS, Quality, Stamp, iso, parse_iso
from recorder.evidence.chain import Header

_CUT_NS = 1_000_000
"""A line's ``utc`` is cut to milliseconds."""
_BUCKET_NS = 10 * NS
_JUMP_NS = NS // 10
_BEST_FIRST = (Quality.SYNCED, Quality.RTC, Quality.KEPT)
_SCALE = 1_000_000


class Instant(msgspec.Struct, frozen=True):
    """True time lies within ``error_ms`` of ``utc`` if the device's clock told the truth of itself.

    ``error_ms`` None: nothing bounds it, ``utc`` is what the clock showed. ``utc`` "": no line of
    that boot has a time. ``contradicted``: bounds of that quality exclude each other.
    """

    utc: str = ""
    quality: Quality = Quality.UNSET
    error_ms: int | None = None
    contradicted: bool = False

    @property
    def doubtful(self) -> bool:
        """Not to be read as a fact: unset, merely kept, or contradicted."""
        known = self.error_ms is not None or self.quality is Quality.RTC
        return self.contradicted or not self.utc or not known

    def bounds_ns(self) -> tuple[int, int] | None:
        """Earliest and latest true time in ns since 1970; None where nothing bounds it."""
        if self.error_ms is None or not self.utc:
            return None
        utc_ns = parse_iso(self.utc)
        return utc_ns - self.error_ms * _CUT_NS, utc_ns + self.error_ms * _CUT_NS

    def between(self) -> tuple[str, str]:
        """The same as text that can be compared; what no calendar has is before or after all."""
        bounds = self.bounds_ns()
        if bounds is None:
            return self.utc, self.utc
        return _text(bounds[0]) or "0", _text(bounds[1]) or "9999-99"

    def describe(self) -> str:
        """``synced, ±0.02 s``; the quality alone where nothing bounds it."""
        if self.contradicted:
            return "contradictory"
        bound = "" if self.error_ms is None else f", ±{self.error_ms / 1000:g} s"
        return f"{self.quality}{bound}"


class Contradiction(msgspec.Struct, frozen=True):
    """Two claims of one boot that cannot both be true, ``apart_ns`` from each other."""

    boot_id: str
    boot_ns: int
    quality: Quality
    apart_ns: int


class _Bucket(msgspec.Struct):
    """The tightest bounds of ten seconds: (boot_ns, utc - boot_ns) each."""

    low: tuple[int, int]
    high: tuple[int, int]


class _Side(msgspec.Struct):
    """Upper bounds of utc - boot_ns, ready to be asked for any instant (sums in 1e-6 ns)."""

    at_ns: list[int]
    before: list[int]
    after: list[int]

    @classmethod
    def of(cls, bounds: list[tuple[int, int]]) -> "_Side":
        bounds = sorted(bounds)
        before = [value * _SCALE - DRIFT_PPM * at_ns for at_ns, value in bounds]
        after = [value * _SCALE + DRIFT_PPM * at_ns for at_ns, value in bounds]
        return cls(
            [at_ns for at_ns, _ in bounds],
            list(itertools.accumulate(before, min)),
            list(itertools.accumulate(reversed(after), min))[::-1],
        )

    def at(self, at_ns: int) -> int:
        index = bisect.bisect_right(self.at_ns, at_ns)
        found = []
        if index:
            found.append(self.before[index - 1] + DRIFT_PPM * at_ns)
        if index < len(self.at_ns):
            found.append(self.after[index] - DRIFT_PPM * at_ns)
        return -(-min(found) // _SCALE)


class _Claims:
    """What the lines of one boot and one quality say."""

    def __init__(self) -> None:
        self.buckets: dict[int, _Bucket] = {}
        self.shown: list[tuple[int, int]] = []
        self._sides: tuple[_Side, _Side] | None = None

    def feed(self, boot_ns: int, offset_ns: int, error_ms: int | None) -> None:
        if not self.shown or abs(offset_ns - self.shown[-1][1]) > _JUMP_NS:
            self.shown.append((boot_ns, offset_ns))
        if error_ms is None:
            return
        low = (boot_ns, offset_ns - error_ms * _CUT_NS)
        high = (boot_ns, offset_ns + error_ms * _CUT_NS + _CUT_NS)
        self._bound(boot_ns // _BUCKET_NS, low, high)

    def _bound(self, place: int, low: tuple[int, int], high: tuple[int, int]) -> None:
        self._sides = None
        bucket = self.buckets.get(place)
        if bucket is None:
            self.buckets[place] = _Bucket(low, high)
            return
        if low[1] > bucket.low[1]:
            bucket.low = low
        if high[1] < bucket.high[1]:
            bucket.high = high

    def merge(self, other: "_Claims") -> None:
        """Take another log's claims about the same boot."""
        self.shown = sorted({*self.shown, *other.shown})
        for place, bucket in other.buckets.items():
            self._bound(place, bucket.low, bucket.high)

    def offsets(self, at_ns: int) -> tuple[int, int] | None:
        """Bounds of utc - boot_ns at an instant; None without any; low > high: contradicted."""
        if not self.buckets:
            return None
        if self._sides is None:
            self._sides = (
                _Side.of([(at, -value) for at, value in (b.low for b in self.buckets.values())]),
                _Side.of([b.high for b in self.buckets.values()]),
            )
        low, high = self._sides
        return -low.at(at_ns), high.at(at_ns)

    def contradiction(self) -> tuple[int, int] | None:
        """(instant, how far apart) of the widest; None where all claims can be true together.

        Bounds are only kept where they stand, so that is where two can exclude each other first.
        """
        worst: tuple[int, int] | None = None
        for bucket in self.buckets.values():
            for at_ns in (bucket.low[0], bucket.high[0]):
                bounds = self.offsets(at_ns)
                assert bounds is not None
                apart_ns = bounds[0] - bounds[1]
                if apart_ns > 0 and (worst is None or apart_ns > worst[1]):
                    worst = (at_ns, apart_ns)
        return worst

    def nearest(self, at_ns: int) -> int:
        """utc - boot_ns as the clock showed it last before an instant (first after it)."""
        index = bisect.bisect_right(self.shown, at_ns, key=lambda each: each[0])
        return self.shown[max(index - 1, 0)][1]


class WallTime:
    """``feed`` every header in its order; then ask for any instant of any boot."""

    def __init__(self) -> None:
        self._boots: dict[str, dict[Quality, _Claims]] = {}
        self._wrong: dict[tuple[str, Quality], tuple[int, int] | None] = {}

    def feed(self, header: Stamp | Header) -> None:
        """Take a line's clocks. One whose ``utc`` is no time says nothing."""
        quality = header.clock.quality
        qualities = self._boots.setdefault(header.boot_id, {})
        if quality is Quality.UNSET:
            return
        try:
            offset_ns = parse_iso(header.utc) - header.boot_ns
        except (ValueError, OverflowError):
            return
        claims = qualities.setdefault(quality, _Claims())
        claims.feed(header.boot_ns, offset_ns, header.clock.error_ms)
        self._wrong.pop((header.boot_id, quality), None)

    def learn(self, other: "WallTime") -> None:
        """Take what another log (the ledger) says of the boots that this one has lines of."""
        for boot_id, qualities in self._boots.items():
            for quality, claims in other._boots.get(boot_id, {}).items():
                qualities.setdefault(quality, _Claims()).merge(claims)
                self._wrong.pop((boot_id, quality), None)

    def at(self, boot_id: str, at_ns: int) -> Instant:
        """The true time of an instant, as far as all lines together tell it."""
        qualities = self._boots.get(boot_id, {})
        contradicted = False
        for quality in _BEST_FIRST:
            claims = qualities.get(quality)
            bounds = claims.offsets(at_ns) if claims is not None else None
            if bounds is None:
                continue
            if self._contradiction(boot_id, quality) is not None:
                contradicted = True
                continue
            return _between(at_ns + bounds[0], at_ns + bounds[1], quality)
        for quality in _BEST_FIRST:
            claims = qualities.get(quality)
            if claims is not None:
                utc = _text(at_ns + claims.nearest(at_ns))
                return Instant(utc, quality, None, contradicted)
        return Instant()

    def contradictions(self) -> Iterator[Contradiction]:
        """Every boot and quality whose claims exclude each other."""
        for boot_id, qualities in self._boots.items():
            for quality in qualities:
                found = self._contradiction(boot_id, quality)
                if found is not None:
                    yield Contradiction(boot_id, found[0], quality, found[1])

    def _contradiction(self, boot_id: str, quality: Quality) -> tuple[int, int] | None:
        key = (boot_id, quality)
        if key not in self._wrong:
            self._wrong[key] = self._boots[boot_id][quality].contradiction()
        return self._wrong[key]


def claimed(stamp: Stamp | Header) -> Instant:
    """What a clock, or one line, says of its own time."""
    wall = WallTime()
    wall.feed(stamp)
    return wall.at(stamp.boot_id, stamp.boot_ns)


def _between(low_ns: int, high_ns: int, quality: Quality) -> Instant:
    middle_ns = (low_ns + high_ns) // 2 // _CUT_NS * _CUT_NS
    error_ms = -(-max(high_ns - middle_ns, middle_ns - low_ns) // _CUT_NS)
    utc = _text(middle_ns)
    return Instant(utc, quality, error_ms) if utc else Instant("", quality)


def _text(utc_ns: int) -> str:
    try:
        return iso(utc_ns)
    except (ValueError, OverflowError, OSError):
        return ""
