"""One stream: a PyAV container, the fragments that come out of it, and what is said of each.

Fragmented MP4 with ``tfdt`` on the boot clock. A packet's time is that of the first sample or frame
that a decoder gives for it, in both tracks alike, so nothing is shifted here.
"""

import io
import itertools
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
import msgspec
from av.packet import Packet

from recorder import boxes
from recorder.capture.messages import Fragment, Init, Track, TrackRun, TrackState
from recorder.capture.units import (
    AUDIO_SCALE,
    NS,
    VIDEO_SCALE,
    Look,
    Sound,
    Unit,
    tick_ns,
    video_tick,
)

_FLAGS = "frag_keyframe+empty_moov+default_base_moof+frag_discont"
_BUFFER = 16 * 1024 * 1024
_VIDEO_BASE, _AUDIO_BASE = Fraction(1, VIDEO_SCALE), Fraction(1, AUDIO_SCALE)

Emit = Callable[[Init | Fragment, bytes], None]


class Covered(msgspec.Struct, frozen=True):
    """When a picture counts as covered: dark and flat at once."""

    dark_luma: float = 12.0
    flat_contrast: float = 4.0


class _Sink:
    """What PyAV writes into; it hands whole boxes on and never seeks."""

    def __init__(self, box: Callable[[bytes, bytes], None]) -> None:
        self._box = box
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        while len(self._data) >= 8:
            size = int.from_bytes(self._data[:4], "big")
            if size == 1 and len(self._data) >= 16:
                size = int.from_bytes(self._data[8:16], "big")
            if size < 8 or len(self._data) < size:
                break
            box = bytes(self._data[:size])
            del self._data[:size]
            self._box(box[4:8], box)
        return len(data)


class Stream:
    """One PyAV container and what comes out of it."""

    def __init__(
        self,
        number: int,
        first: Unit | None,
        with_sound: bool,
        period_ns: int,
        encoder: str,
        fragment_ms: int,
        emit: Emit,
        covered: Covered,
    ) -> None:
        self._covered = covered
        self.number = number
        self.has_video = first is not None
        self.has_audio = with_sound
        self._period_ns = period_ns if first is not None else 0
        self._encoder = encoder
        self._emit = emit
        self._count = 0
        self._head = b""
        self._moof = b""
        self._track_ids: dict[str, int] = {}
        self._looks: deque[tuple[int, Look]] = deque()
        self._sounds: deque[tuple[int, Sound]] = deque()
        self._last_frame_tick: int | None = None
        self._last_pts = -1
        self._next_audio_tick: int | None = None
        self._waiting: list[Unit | Sound] = []
        self._ending = True
        self._closing = False
        options = {
            "movflags": _FLAGS,
            "avoid_negative_ts": "disabled",
            # How long a fragment waits for sound that is late or dead (us). A sound card's blocks
            # come 80 to 150 ms late; the picture may be held back for half a second at most.
            "max_interleave_delta": "300000",
        }
        if first is None:
            options["frag_duration"] = str(fragment_ms * 1000)
        self._container: Any = av.open(
            _Sink(self._box), "w", format="mp4", options=options, buffer_size=_BUFFER
        )
        self._video: Any = None
        self._audio: Any = None
        if first is not None:
            # The first access unit, parsed, is the template: no second encoder is opened.
            with av.open(io.BytesIO(first.data), format="h264") as parsed:
                video: Any = self._container.add_stream_from_template(parsed.streams.video[0])
            video.time_base = _VIDEO_BASE
            self._video = video
        if with_sound:
            audio: Any = self._container.add_stream("aac", rate=AUDIO_SCALE)
            audio.codec_context.layout = "mono"
            audio.codec_context.time_base = audio.time_base = _AUDIO_BASE
            self._audio = audio
        self._container.start_encoding()

    def picture(self, unit: Unit) -> None:
        """Take a frame."""
        self._ending = self._ending or unit.key
        self._take(unit)

    def sound(self, sound: Sound) -> None:
        """Take an AAC packet."""
        self._take(sound)

    def close(self) -> None:
        """Emit what is left as a last fragment; sound that outlived the picture belongs to it."""
        self._closing = True
        self._flush()
        self._container.close()
        # It writes into this stream, which holds it: apart, both are given back at once.
        self._container = self._video = self._audio = None

    @property
    def sound_end_tick(self) -> int | None:
        """Where the sound of the last fragment ends."""
        return self._next_audio_tick

    def _take(self, item: Unit | Sound) -> None:
        """Most packets wait until a keyframe can end the fragment, which comes out no later for
        it: muxed one by one as they arrive, they cost a multiple of the CPU."""
        self._waiting.append(item)
        if self._ending or not self.has_video:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            self._container.mux_one(
                self._frame(item) if isinstance(item, Unit) else self._sample(item)
            )

    def _frame(self, unit: Unit) -> "Packet[Any]":
        """A frame that shares the tick of the one before, or precedes it, comes a tick after it:
        the muxer takes nothing else, and without the frame the next ones are no picture."""
        packet = Packet(unit.data)
        self._last_pts = max(video_tick(unit.ts_ns), self._last_pts + 1)
        packet.pts = packet.dts = self._last_pts
        packet.duration = video_tick(self._period_ns)
        packet.is_keyframe = unit.key
        packet.time_base = _VIDEO_BASE
        packet.stream = self._video
        if unit.look is not None:
            self._looks.append((packet.pts, unit.look))
        return packet

    def _sample(self, sound: Sound) -> "Packet[Any]":
        packet = Packet(sound.data)
        packet.pts = packet.dts = sound.tick
        packet.duration = sound.samples
        packet.is_keyframe = True
        packet.time_base = _AUDIO_BASE
        packet.stream = self._audio
        self._sounds.append((sound.tick, sound))
        return packet

    def _box(self, type_: bytes, box: bytes) -> None:
        if type_ == b"ftyp":
            self._head = box
        elif type_ == b"moov":
            self._begin(self._head + box)
        elif type_ == b"moof":
            self._moof = box
        elif type_ == b"mdat" and self._moof:
            self._ending = False
            moof, self._moof = self._moof, b""
            self._fragment(moof + box)

    def _begin(self, head: bytes) -> None:
        tracks = boxes.parse_init(head)
        self._track_ids = {track.kind: track.track_id for track in tracks}
        self._emit(
            Init(
                stream=self.number,
                tracks=tuple(
                    Track(
                        track.kind, track.track_id, track.timescale, track.codec,
                        track.width, track.height, track.sample_rate, track.channels,
                    )
                    for track in tracks
                ),
                period_ns=self._period_ns,
                encoder=self._encoder,
            ),
            head,
        )  # fmt: skip

    def _fragment(self, data: bytes) -> None:
        runs = {run.track_id: run for run in boxes.parse_fragment(data)}
        video = runs.get(self._track_ids.get("video", -1))
        audio = runs.get(self._track_ids.get("audio", -1))
        main, scale = (video, VIDEO_SCALE) if video else (audio, AUDIO_SCALE)
        if main is None:
            return
        start_ns = tick_ns(main.tfdt, scale)
        end_ns = tick_ns(main.tfdt + main.ticks, scale)
        if video and audio and self._count == 0:
            start_ns = min(start_ns, tick_ns(audio.tfdt, AUDIO_SCALE))
        if video and audio and self._closing:
            end_ns = max(end_ns, tick_ns(audio.tfdt + audio.ticks, AUDIO_SCALE))
        fragment = Fragment(
            stream=self.number,
            number=self._count,
            start_ns=start_ns,
            end_ns=end_ns,
            video=self._picture_run(video) if self.has_video else None,
            audio=self._sound_run(audio, start_ns, end_ns) if self.has_audio else None,
        )
        self._count += 1
        self._emit(fragment, data)

    def _picture_run(self, run: boxes.Run | None) -> TrackRun:
        if run is None:
            return TrackRun(TrackState.ABSENT, 0, 0, 0, 0)
        starts = [run.tfdt]
        for duration in run.durations[:-1]:
            starts.append(starts[-1] + duration)
        before = [] if self._last_frame_tick is None else [self._last_frame_tick]
        row = before + starts
        gap = max((b - a for a, b in itertools.pairwise(row)), default=0)
        self._last_frame_tick = starts[-1]
        end = run.tfdt + run.ticks
        looks = []
        while self._looks and self._looks[0][0] < end:
            looks.append(self._looks.popleft()[1])
        state = TrackState.OK
        if looks and all(
            look.brightness < self._covered.dark_luma
            and look.contrast < self._covered.flat_contrast
            for look in looks
        ):
            state = TrackState.COVERED
        elif len(looks) > 5 and len({look.fingerprint for look in looks}) == 1:
            state = TrackState.FROZEN
        gap_ns = tick_ns(gap, VIDEO_SCALE)
        return TrackRun(state, run.tfdt, run.ticks, len(run.durations), gap_ns)

    def _sound_run(self, run: boxes.Run | None, start_ns: int, end_ns: int) -> TrackRun:
        if run is None:
            self._next_audio_tick = None
            return TrackRun(TrackState.ABSENT, 0, 0, 0, 0)
        end = run.tfdt + run.ticks
        sounds = []
        while self._sounds and self._sounds[0][0] < end:
            sounds.append(self._sounds.popleft()[1])
        holes = [sound.hole_ns for sound in sounds]
        expected_ns = start_ns
        if self._next_audio_tick is not None:
            expected_ns = tick_ns(self._next_audio_tick, AUDIO_SCALE)
        grid_ns = 2 * 1024 * NS // AUDIO_SCALE
        head_ns = tick_ns(run.tfdt, AUDIO_SCALE) - expected_ns
        if self._next_audio_tick is not None or head_ns > grid_ns:
            holes.append(max(0, head_ns))
        tail_ns = end_ns - tick_ns(end, AUDIO_SCALE)
        if tail_ns > grid_ns:
            holes.append(tail_ns)
        self._next_audio_tick = end
        silent = bool(sounds) and all(sound.silent for sound in sounds)
        state = TrackState.SILENT if silent else TrackState.OK
        samples = sum(sound.samples for sound in sounds) or run.ticks
        return TrackRun(state, run.tfdt, run.ticks, samples, max(holes, default=0))
