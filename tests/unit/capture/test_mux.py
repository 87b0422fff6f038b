"""Streams and fragments out of encoded pieces: no device is opened, and time is handed in."""

import itertools
from collections.abc import Iterator
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from recorder import boxes
from recorder.capture.codecs import SoundEncoder, VideoEncoder
from recorder.capture.look import look
from recorder.capture.messages import Fragment, Init, TrackRun, TrackState
from recorder.capture.mux import Mux
from recorder.capture.units import AUDIO_SCALE, NS, VIDEO_SCALE, Sound, Unit
from tests.rigs.capture import breaks

FPS = 30
PERIOD_NS = NS // FPS
START_NS = 7_000_123_456_789
MS = 1_000_000


@cache
def pictures(count: int, jitter_ns: int = 0, seed: int = 0) -> tuple[Unit, ...]:
    """Encoded frames whose timestamps jitter as a sensor's do."""
    rng = np.random.default_rng(seed)
    encoder = VideoEncoder(160, 120, FPS, 300, 1000)
    units: list[Unit] = []
    for number in range(count):
        yuv = rng.integers(16, 235, (180, 160), np.uint8)
        late = int(rng.integers(0, jitter_ns + 1))
        units += encoder.encode(yuv, START_NS + number * NS // FPS + late, look(yuv[:120]))
    return tuple(units)


@cache
def sounds(seconds: float, late_ns: int = 0) -> tuple[Sound, ...]:
    """Encoded sound that starts ``late_ns`` after the picture."""
    encoder = SoundEncoder(64)
    samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * AUDIO_SCALE))
    tick = (START_NS + late_ns) * AUDIO_SCALE // NS
    return tuple(encoder.encode(samples.astype(np.float32), tick))


class Bench:
    """A mux fed in the order of time."""

    def __init__(self, *, sound_wanted: bool = True) -> None:
        self.inits: list[tuple[Init, bytes]] = []
        self.fragments: list[tuple[Fragment, bytes]] = []
        self.at_ns: list[int] = []
        self.now_ns = START_NS
        self.mux = Mux(PERIOD_NS, 1000, self._out)
        self.mux.sound_wanted = sound_wanted

    def _out(self, message: Init | Fragment, data: bytes) -> None:
        if isinstance(message, Init):
            self.inits.append((message, data))
        else:
            self.fragments.append((message, data))
            self.at_ns.append(self.now_ns)

    def feed(self, units: tuple[Unit, ...], packets: tuple[Sound, ...], lag_ns: int = 0) -> None:
        """Pieces arrive when they are whole, sound ``lag_ns`` later."""
        arrivals: list[tuple[int, Unit | Sound | None]] = [(u.ts_ns + MS, u) for u in units]
        arrivals += [((p.tick + 2048) * NS // AUDIO_SCALE + lag_ns, p) for p in packets]
        last_ns = max(at for at, _ in arrivals)
        arrivals += [(at, None) for at in range(START_NS, last_ns, 50 * MS)]
        for at_ns, piece in sorted(arrivals, key=lambda arrival: arrival[0]):
            self.now_ns = at_ns
            if isinstance(piece, Unit):
                self.mux.picture(piece, at_ns)
            elif isinstance(piece, Sound):
                self.mux.sound(piece, at_ns)
            self.mux.tick(at_ns)

    def messages(self, stream: int = 1) -> list[Fragment]:
        """A stream's fragments."""
        return [fragment for fragment, _ in self.fragments if fragment.stream == stream]


def runs(fragments: list[Fragment], kind: str) -> Iterator[TrackRun]:
    for fragment in fragments:
        run = getattr(fragment, kind)
        assert run is not None
        yield run


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 8 * MS), st.integers(0, 150 * MS))
def test_each_track_chains_without_a_tick_of_gap_whatever_the_sensors_jitter(
    jitter_ns: int, lag_ns: int
) -> None:
    bench = Bench()
    bench.feed(pictures(150, jitter_ns, 1), sounds(5), lag_ns)
    bench.mux.end()
    fragments = bench.messages()
    assert len(bench.inits) == 1
    assert breaks(fragments) == []
    assert sum(run.units for run in runs(fragments, "video")) == 150
    for fragment in fragments:
        assert fragment.video is not None
        assert fragment.video.gap_ns <= PERIOD_NS + jitter_ns + MS


@pytest.mark.parametrize("lag_ms", [0, 150, 270])
def test_sound_that_arrives_late_still_lies_in_its_pictures_fragment(lag_ms: int) -> None:
    bench = Bench()
    bench.feed(pictures(180), sounds(6), lag_ms * MS)
    fragments = bench.messages()
    assert len(fragments) == 5
    for fragment in fragments:
        assert fragment.audio is not None
        assert abs(fragment.audio.first_tick * NS // AUDIO_SCALE - fragment.start_ns) < 22 * MS
        assert fragment.audio.gap_ns < 22 * MS


def test_every_frame_keeps_its_own_time() -> None:
    units = pictures(100, 8 * MS, 2)
    bench = Bench(sound_wanted=False)
    bench.feed(units, ())
    bench.mux.end()
    times: list[int] = []
    for _, data in bench.fragments:
        (run,) = boxes.parse_fragment(data)
        at = run.tfdt
        for duration in run.durations:
            times.append(at)
            at += duration
    assert len(times) == len(units)
    for tick, unit in zip(times, units, strict=True):
        assert abs(tick * NS // VIDEO_SCALE - unit.ts_ns) < 12_000


def test_frames_of_one_instant_are_muxed_a_tick_apart() -> None:
    units = list(pictures(70))
    for number in (10, 11, 40, 69):
        back_ns = 20 * MS if number == 40 else 0
        same_ns = units[number - 1].ts_ns - back_ns
        units[number] = msgspec.structs.replace(units[number], ts_ns=same_ns)
    bench = Bench(sound_wanted=False)
    for unit in units:
        bench.mux.picture(unit, unit.ts_ns)
    bench.mux.end()
    assert sum(run.units for run in runs(bench.messages(), "video")) == 70
    assert breaks(bench.messages()) == []


def test_a_lost_frame_shows_as_a_gap_and_breaks_no_chain() -> None:
    units = pictures(90)
    bench = Bench(sound_wanted=False)
    bench.feed(units[:40] + units[42:59] + units[60:], ())
    bench.mux.end()
    fragments = bench.messages()
    assert breaks(fragments) == []
    gaps = [run.gap_ns for run in runs(fragments, "video")]
    assert max(gaps) == pytest.approx(3 * PERIOD_NS, rel=0.01)
    assert sum(gap > 1.5 * PERIOD_NS for gap in gaps) == 2


def test_a_dying_microphone_holds_nothing_back_and_is_absent_after() -> None:
    bench = Bench()
    bench.feed(pictures(210), sounds(3))
    fragments = bench.messages()
    assert len(bench.inits) == 1
    assert breaks(fragments) == []
    for fragment, at_ns in zip(fragments, bench.at_ns, strict=True):
        assert at_ns - fragment.end_ns < NS // 2
    states = [run.state for run in runs(fragments, "audio")]
    assert states == [TrackState.OK] * 3 + [TrackState.ABSENT] * 3
    assert all(run.state == TrackState.OK for run in runs(fragments, "video"))


def test_a_microphone_that_returns_goes_on_in_the_same_stream() -> None:
    back = tuple(p for p in sounds(4, 6 * NS) if p.tick > 0)
    bench = Bench()
    bench.feed(pictures(300), sounds(3) + back)
    fragments = bench.messages()
    assert len(bench.inits) == 1
    assert breaks(fragments) == []
    states = [run.state for run in runs(fragments, "audio")]
    assert states[:3] == [TrackState.OK] * 3
    assert TrackState.ABSENT in states[3:6]
    assert states[-2:] == [TrackState.OK] * 2
    for fragment in fragments[7:]:
        assert fragment.audio is not None
        assert abs(fragment.audio.first_tick * NS / AUDIO_SCALE - fragment.start_ns) < 22 * MS


def test_a_microphone_that_comes_late_begins_a_stream_with_both() -> None:
    bench = Bench()
    bench.feed(pictures(240), sounds(5, 3 * NS))
    kinds = [[track.kind for track in init.tracks] for init, _ in bench.inits]
    assert kinds == [["video"], ["video", "audio"]]
    first, second = bench.messages(1), bench.messages(2)
    assert breaks(first) == breaks(second) == []
    # Nothing lies between the two streams.
    assert abs(second[0].start_ns - first[-1].end_ns) < 20_000


def test_a_dying_camera_leaves_a_stream_of_sound_within_a_second() -> None:
    bench = Bench()
    bench.feed(pictures(90), sounds(8))
    kinds = [[track.kind for track in init.tracks] for init, _ in bench.inits]
    assert kinds == [["video", "audio"], ["audio"]]
    both, sound = bench.messages(1), bench.messages(2)
    assert breaks(both) == breaks(sound) == []
    assert sound[0].start_ns - both[-1].end_ns < NS
    for fragment in sound[:-1]:
        assert fragment.video is None
        assert abs(fragment.end_ns - fragment.start_ns - NS) < 50 * MS


def test_the_first_tick_of_both_tracks_is_the_boot_clock() -> None:
    bench = Bench()
    units, packets = pictures(60), sounds(2)
    bench.feed(units, packets)
    fragment = bench.messages()[0]
    assert fragment.video is not None
    assert fragment.audio is not None
    assert abs(fragment.video.first_tick * NS // VIDEO_SCALE - units[0].ts_ns) < 12_000
    # A packet's time is that of the samples that a decoder gives for it.
    assert fragment.audio.first_tick in {packet.tick for packet in packets}


def test_a_camera_that_dies_and_comes_back_leaves_no_uncovered_instant() -> None:
    units, packets = pictures(240), sounds(8)
    gone = tuple(u for u in units if not 3 * NS <= u.ts_ns - START_NS < 5 * NS)
    bench = Bench()
    bench.feed(gone, packets, lag_ns=120 * MS)
    bench.mux.end()
    fragments = [fragment for fragment, _ in bench.fragments]
    assert len({fragment.stream for fragment in fragments}) == 3
    for before, after in itertools.pairwise(fragments):
        assert abs(after.start_ns - before.end_ns) < 1.5 * 1024 * NS / AUDIO_SCALE
    for fragment in fragments:
        assert fragment.audio is not None
        end_ns = (fragment.audio.first_tick + fragment.audio.ticks) * NS // AUDIO_SCALE
        assert end_ns <= fragment.end_ns + 2 * 1024 * NS // AUDIO_SCALE
