"""Lays runs of fragments and captions into one MP4 by PyAV. Knows nothing of journals or keys.

Copies packets wherever one decoder setting fits the whole recording; where an encoder changed on
the way, that track is encoded anew, because an MP4 track has one setting. Holes in the sound are
filled with silence, so that players which ignore gaps stay in step with the picture.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import msgspec

from recorder.errors import RecorderError
from recorder.evidence.captions import Caption
from recorder.evidence.export_source import Run

_AAC_FRAME = 1024
_MS = Fraction(1, 1000)
_TICK = Fraction(1, 90_000)
_STYLE = b"""[Script Info]\r
ScriptType: v4.00+\r
PlayResX: 384\r
PlayResY: 288\r
\r
[V4+ Styles]\r
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding\r
Style: Default,Sans,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\r
\r
[Events]\r
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\r
"""

Kind = Literal["video", "audio"]


class _Setting(msgspec.Struct, frozen=True):
    """What a decoder has to know of a track."""

    codec: str
    extradata: bytes
    width: int
    height: int
    rate: int
    channels: int


class _Track:
    """One track of the MP4: ``put`` takes the packets of a run's track, in order."""

    def __init__(self, out: Any, kind: Kind, settings: Sequence[_Setting], template: Any) -> None:
        self.kind = kind
        self.copies = all(setting == settings[0] for setting in settings)
        self._out = out
        self._last: int | None = None
        self._next: int | None = None
        self._silence: bytes | None = None
        self._resampler: Any = None
        if self.copies:
            self._stream = out.add_stream_from_template(template)
            if kind == "audio":
                self._silence = _silence(settings[0])
        elif kind == "video":
            largest = max(settings, key=lambda s: s.width * s.height)
            self._stream = out.add_stream("libx264", rate=30)
            self._stream.width, self._stream.height = largest.width, largest.height
            self._stream.pix_fmt = "yuv420p"
            self._stream.codec_context.time_base = _TICK
            self._stream.options = {"preset": "veryfast", "crf": "20"}
        else:
            self._stream = out.add_stream("aac", rate=settings[0].rate)
            self._stream.layout = "mono" if settings[0].channels == 1 else "stereo"

    def put(self, packet: Any) -> None:
        """A packet of a run, its times on the recording's time line."""
        if not self.copies:
            for frame in packet.decode():
                self._encode(frame)
            return
        if packet.dts is None:
            return
        if self._last is not None and packet.dts <= self._last:
            return
        self._fill(packet)
        self._last = packet.dts
        self._next = packet.pts + (packet.duration or 0)
        packet.stream = self._stream
        self._out.mux(packet)

    def end_run(self, stream: Any) -> None:
        """What a run's decoder still holds."""
        if not self.copies:
            for frame in stream.decode(None):
                self._encode(frame)

    def finish(self) -> None:
        """What the encoder still holds."""
        if not self.copies:
            self._out.mux(self._stream.encode(None))

    def _fill(self, packet: Any) -> None:
        if self._silence is None or self._next is None:
            return
        while packet.pts - self._next >= _AAC_FRAME:
            quiet = av.Packet(self._silence)
            quiet.pts = quiet.dts = self._next
            quiet.duration = _AAC_FRAME
            quiet.time_base = packet.time_base
            quiet.stream = self._stream
            self._out.mux(quiet)
            self._next += _AAC_FRAME

    def _encode(self, frame: Any) -> None:
        if frame.pts is None:
            return
        if self.kind == "video":
            context = self._stream.codec_context
            at = int(frame.pts * frame.time_base / _TICK)
            frame = frame.reformat(context.width, context.height, "yuv420p")
            frame.pts, frame.time_base = at, _TICK
            frame.pict_type = av.video.frame.PictureType.NONE
        else:
            at = frame.pts
        if self._last is not None and at <= self._last:
            return
        self._last = at
        self._out.mux(self._stream.encode(frame))


class Mux:
    """``write`` once; what came of it is then in the attributes."""

    def __init__(self, path: Path, metadata: Mapping[str, str], language: str) -> None:
        self._path = path
        self._metadata = metadata
        self._language = language
        self.fragments = 0
        self.length_s = 0.0
        self.left_out: list[str] = []
        self.re_encoded: list[str] = []

    def write(self, runs: Sequence[Run], told: Sequence[Caption]) -> None:
        """The whole MP4. RecorderError where the media cannot be read as what it should be."""
        try:
            with av.open(
                str(self._path), "w", format="mp4", options={"movflags": "faststart"}
            ) as out:
                out.metadata.update(self._metadata)
                self._write(out, runs, told)
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise RecorderError(
                "export-media", f"FFmpeg cannot put it together: {error}", where=str(self._path),
                remedy="Run recorder verify on the recording",
            ) from error  # fmt: skip
        for run in runs:
            self.fragments += run.fragments
            self.left_out += run.left_out

    def _write(self, out: Any, runs: Sequence[Run], told: Sequence[Caption]) -> None:
        tracks = self._tracks(out, runs)
        if not tracks:
            return
        subtitles = self._subtitles(out)
        for packet in _texts(told):
            packet.stream = subtitles
            out.mux(packet)
        for run in runs:
            with _opened(run) as source:
                streams = [s for s in source.streams if s.type in tracks]
                for packet in source.demux(streams):
                    if packet.pts is None:
                        continue
                    end = packet.pts + (packet.duration or 0)
                    self.length_s = max(self.length_s, float(end * packet.time_base))
                    tracks[packet.stream.type].put(packet)
                for stream in streams:
                    tracks[stream.type].end_run(stream)
        for track in tracks.values():
            track.finish()

    def _tracks(self, out: Any, runs: Sequence[Run]) -> "dict[Kind, _Track]":
        """One track a kind, made after a look at every run's init."""
        found: dict[Kind, list[_Setting]] = {}
        first: dict[Kind, Any] = {}
        sources = [_opened(run.again()) for run in runs]
        try:
            for source in sources:
                for kind, streams in _by_kind(source):
                    found.setdefault(kind, []).append(_setting(streams))
                    first.setdefault(kind, streams)
            tracks: dict[Kind, _Track] = {
                kind: _Track(out, kind, found[kind], first[kind])
                for kind in ("video", "audio")
                if kind in found
            }
        finally:
            for source in sources:
                source.close()
        self.re_encoded += [kind for kind, track in tracks.items() if not track.copies]
        return tracks

    def _subtitles(self, out: Any) -> Any:
        stream = out.add_stream("mov_text")
        stream.codec_context.subtitle_header = _STYLE
        stream.time_base = stream.codec_context.time_base = _MS
        stream.metadata["language"] = self._language
        return stream


def _opened(run: Run) -> Any:
    """The run as PyAV reads it; without a fragment that opens, an empty container."""
    return av.open(run, "r", format="mov", options={"ignore_editlist": "1"})


def _by_kind(source: Any) -> Iterator[tuple[Kind, Any]]:
    for stream in source.streams:
        if stream.type == "video" or stream.type == "audio":
            yield stream.type, stream


def _setting(stream: Any) -> _Setting:
    context = stream.codec_context
    video = stream.type == "video"
    return _Setting(
        codec=context.name,
        extradata=bytes(context.extradata or b""),
        width=context.width if video else 0,
        height=context.height if video else 0,
        rate=0 if video else context.sample_rate,
        channels=0 if video else context.layout.nb_channels,
    )


def _silence(setting: _Setting) -> bytes | None:
    """An AAC packet of nothing that the track's decoder takes; None where there is none."""
    if setting.codec != "aac" or setting.channels not in (1, 2):
        return None
    encoder: Any = av.CodecContext.create("aac", "w")
    encoder.sample_rate = setting.rate
    encoder.layout = "mono" if setting.channels == 1 else "stereo"
    encoder.format = "fltp"
    encoder.time_base = Fraction(1, setting.rate)
    packets: list[bytes] = []
    for number in range(4):
        frame = av.AudioFrame("fltp", encoder.layout.name, _AAC_FRAME)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = setting.rate, number * _AAC_FRAME
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets[-1] if packets else None


def _texts(told: Sequence[Caption]) -> Iterator[Any]:
    """Caption after caption, with empty ones between them, as mov_text packets."""
    at_ms = 0
    for caption in told:
        from_ms, to_ms = round(caption.from_s * 1000), round(caption.to_s * 1000)
        if from_ms > at_ms:
            yield _text("", at_ms, from_ms)
        yield _text(caption.text, from_ms, to_ms)
        at_ms = to_ms
    if told:
        yield _text("", at_ms, at_ms + 1)


def _text(text: str, from_ms: int, to_ms: int) -> Any:
    data = text.encode()[:4000].decode(errors="ignore").encode()
    packet = av.Packet(len(data).to_bytes(2, "big") + data)
    packet.pts = packet.dts = from_ms
    packet.duration = to_ms - from_ms
    packet.time_base = _MS
    return packet
