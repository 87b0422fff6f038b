"""Makes real recordings for tests: PyAV's fragments, the device's own writer, a clock by hand."""

import functools
import shutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from recorder import boxes
from recorder.capture import messages
from recorder.capture.messages import Track, TrackRun, TrackState
from recorder.clock import NS, ManualClock
from recorder.config import Recording as RecordingSettings
from recorder.evidence import lines
from recorder.evidence.age import Identity, Recipient
from recorder.evidence.keys import KeySigner
from recorder.evidence.ledger import open_ledger
from recorder.evidence.recording import RecordingWriter
from recorder.evidence.seal import seal

FPS = 30
_FRAME = 90_000 // FPS
PRIVATE = {
    "place": "张营镇东街12号",
    "officers": [{"name": "王建国", "certificate": "14088100123"}],
    "reason": "占道经营",
    "subject": "李某某",
    "documents": "查封决定书 张执封〔2026〕3号",
}


class Media(msgspec.Struct, frozen=True):
    """A stream's init and its fragments, ticks on the boot clock."""

    init: messages.Init
    data: bytes
    fragments: tuple[tuple[messages.Fragment, bytes], ...]


class _Sink:
    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)


@functools.cache
def media(
    seconds: int, *, at_s: int = 100, stream: int = 1, sound: bool = True, picture: bool = True,
    width: int = 160, noise: bool = True, dropped: int | None = None,
) -> Media:  # fmt: skip
    """``seconds`` of picture and sound that start at ``at_s`` on the boot clock.

    ``dropped``: this frame never came.
    """
    sink = _Sink()
    options = {
        "movflags": "frag_keyframe+empty_moov+default_base_moof+frag_discont"
        if picture
        else "empty_moov+default_base_moof+frag_discont",
        "avoid_negative_ts": "disabled",
    }
    if not picture:
        options["frag_duration"] = "1000000"
    rng = np.random.default_rng(7)
    with av.open(sink, "w", format="mp4", options=options, buffer_size=1 << 22) as out:
        video = audio = None
        if picture:
            video = out.add_stream("libx264", rate=FPS)
            video.width, video.height, video.pix_fmt = width, width * 3 // 4, "yuv420p"
            video.time_base = Fraction(1, 90_000)
            video.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "30",
                             "g": str(FPS), "keyint_min": str(FPS)}  # fmt: skip
        if sound:
            audio = out.add_stream("aac", rate=48_000)
            audio.layout = "mono"
        for second in range(seconds):
            for frame in range(FPS if picture else 0):
                if second * FPS + frame == dropped:
                    continue
                assert video is not None
                shape = (width * 3 // 4, width, 3)
                pixels = (
                    rng.integers(0, 255, shape, np.uint8) if noise else np.full(shape, 90, np.uint8)
                )
                picture_frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                picture_frame.pts = at_s * 90_000 + (second * FPS + frame) * _FRAME
                picture_frame.time_base = Fraction(1, 90_000)
                out.mux(video.encode(picture_frame))
            if audio is not None:
                for block in range(second * 48_000 // 1024, (second + 1) * 48_000 // 1024):
                    tone = np.sin(np.arange(1024) * 0.05).astype(np.float32)[None] * 0.3
                    sound_frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
                    sound_frame.sample_rate = 48_000
                    sound_frame.pts = at_s * 48_000 + block * 1024 + 1024
                    sound_frame.time_base = Fraction(1, 48_000)
                    out.mux(audio.encode(sound_frame))
        for each in (video, audio):
            if each is not None:
                out.mux(each.encode(None))
    return _split(bytes(sink.data), stream)


def _split(data: bytes, stream: int) -> Media:
    init, rest, pieces = b"", b"", []
    for box in boxes.iterate(data):
        piece = data[box.start : box.end]
        if box.type in (b"ftyp", b"moov"):
            init += piece
        elif box.type == b"moof":
            rest = piece
        elif box.type == b"mdat":
            pieces.append(rest + piece)
    found = boxes.parse_init(init)
    tracks = tuple(
        Track(
            t.kind, t.track_id, t.timescale, t.codec, t.width, t.height, t.sample_rate, t.channels
        )
        for t in found
    )
    kinds = {t.track_id: t for t in found}
    has_video = any(t.kind == "video" for t in found)
    fragments = []
    before = 0
    for number, piece in enumerate(pieces):
        runs: dict[str, TrackRun] = {}
        for run in boxes.parse_fragment(piece):
            track = kinds[run.track_id]
            units = len(run.durations) if track.kind == "video" else run.ticks
            gap = 0
            if track.kind == "video":
                gap = max(before, *run.durations[:-1]) * NS // 90_000
                before = run.durations[-1]
            runs[track.kind] = TrackRun(TrackState.OK, run.tfdt, run.ticks, units, gap)
        main = runs["video" if has_video else "audio"]
        scale = 90_000 if has_video else 48_000
        start_ns = main.first_tick * NS // scale
        end_ns = (main.first_tick + main.ticks) * NS // scale
        fragments.append(
            (
                messages.Fragment(
                    stream, number, start_ns, end_ns, runs.get("video"), runs.get("audio")
                ),
                piece,
            )
        )
    period = NS // FPS if has_video else 0
    return Media(messages.Init(stream, tracks, period, "libx264"), init, tuple(fragments))


class Device:
    """A device with its spool, keys and custodian, whose clock a test moves."""

    def __init__(self, folder: Path, name: str = "bc-001", signer: KeySigner | None = None) -> None:
        self.name = name
        self.spool = folder / "spool"
        self.spool.mkdir(parents=True)
        self.clock = ManualClock()
        self.signer = signer or KeySigner(Ed25519PrivateKey.generate())
        self.identity, self.identity_text = Identity.generate()
        self.recipients = (Recipient(self.identity.recipient),)
        self.settings = RecordingSettings(segment_s=5)
        self.ledger = open_ledger(self.spool / "ledger", None, self.signer, self.clock)
        self.number = 0
        self.ledger.append(
            lines.Boot(
                format=lines.LEDGER_FORMAT,
                device=name,
                software="0.1",
                key=self.key_text,
                key_kind=self.signer.kind,
            )
        )
        self.ledger.sync()

    @property
    def key_text(self) -> str:
        """Base64 of the raw public key."""
        import base64

        return base64.b64encode(self.signer.public).decode()

    def begin(self, *, continues: lines.Continues | None = None) -> RecordingWriter:
        """Open the next recording."""
        self.number += 1
        name = f"{self.name}-{self.number:08d}-{self.number:04x}"
        act = lines.Act(id="seal", title="查封", article="第十条（一）", obligation="must",
                        stages=("告知", "清点", "张贴", "交付"), content=("亮证", "封条", "见证人"),
                        retention="30y")  # fmt: skip
        body = lines.Open(
            format=lines.RECORDING_FORMAT, recording=name, device=self.name, officer="P-017",
            software="0.1", key=self.key_text, key_kind=self.signer.kind,
            organisation="张营镇人民政府", entrusted_by="",
            rule="张营镇行政执法全过程记录办法（试行）", rule_version="2026", language="zh",
            utc_offset_min=480, catalogue="2026-1", act=act,
            recipients=tuple(r.text for r in self.recipients), continues=continues, ledger="",
        )  # fmt: skip
        opened = lines.Opened(recording=name, device=self.name, officer="P-017", act="seal",
                              obligation="must", previous="")  # fmt: skip
        writer = RecordingWriter.create(
            self.spool, opened, body, PRIVATE, ledger=self.ledger, signer=self.signer,
            recipients=self.recipients, clock=self.clock, settings=self.settings,
            press_ns=102 * NS,
        )  # fmt: skip
        writer.sync()
        return writer

    def finish(self, writer: RecordingWriter, end_ns: int, *, planned: bool = True) -> Path:
        """End and seal."""
        end = lines.End(end_ns=end_ns, source="button", planned=planned, spoken=True)
        writer.journal(end)
        opened = _opened(writer)
        seal(writer, end, opened, self.ledger)
        return writer.folder


def _opened(writer: RecordingWriter) -> lines.Open:
    from recorder.evidence import chain

    first = next(iter(chain.raw_lines(writer.folder / "data" / "journal.jsonl")))[0]
    body = chain.decode(first, lines.Journal, None)[1]
    assert isinstance(body, lines.Open)
    return body


def batch(made: Media, which: slice = slice(None)) -> list[tuple[Any, bytes, Any, bytes]]:
    """Fragments as the writer takes them."""
    return [(made.init, made.data, fragment, data) for fragment, data in made.fragments[which]]


def say(writer: RecordingWriter, device: Device, bodies: Iterable[lines.Journal]) -> None:
    """Journal lines, the clock moving on between them."""
    for body in bodies:
        device.clock.advance(0.01)
        writer.journal(body)


def plain(device: Device, seconds: int = 6, *, camera: str = "180 frames") -> Path:
    """A sealed recording without anything special: opening, marks, one stretch of media.
    ``camera``: what its check measured."""
    writer = device.begin()
    made = media(seconds)
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.journal(
        lines.Checks(
            officer="P-017",
            results=(
                lines.CheckRecord("camera", "ok", camera, "a frame within 2 s"),
                lines.CheckRecord("battery", "ok", "83 min", "30 min"),
                lines.CheckRecord("storage", "warn", "41 min", "60 min"),
            ),
        )
    )
    writer.fragments(batch(made, slice(0, 3)))
    say(writer, device, _acts())
    for index in range(3, len(made.fragments)):
        writer.fragments(batch(made, slice(index, index + 1)))
    return device.finish(writer, made.fragments[-1][0].end_ns)


def _acts() -> Iterator[Any]:
    yield lines.Arrival(arrived="2026-11-23T09:25:00", source="card", late=False)
    yield lines.Spoken(phrase="time", outcome="spoken", from_ns=102 * NS, to_ns=103 * NS,
                       text="时间：二〇二六年十一月二十三日九时三十分。")  # fmt: skip
    yield lines.Slot(element="time", state="announced", from_ns=102 * NS, to_ns=103 * NS)
    yield lines.Slot(element="time", state="adopted", from_ns=103 * NS, to_ns=104 * NS)
    yield lines.Slot(element="place", state="heard", from_ns=103 * NS, to_ns=104 * NS)
    yield lines.Slot(element="subject", state="missing", from_ns=None, to_ns=None)
    yield lines.Mark(at_ns=104 * NS, item="封条")
    yield lines.Notice(at_ns=104 * NS + NS // 2)
    yield lines.Unmarked(items=("亮证", "见证人"))


def interrupted(device: Device, *, statement: bool = False) -> Path:
    """Two streams with a hole between them that is on record."""
    writer = device.begin()
    first, second = media(4), media(4, at_s=107, stream=2)
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(batch(first))
    gap_ns = first.fragments[-1][0].end_ns
    back_ns = second.fragments[0][0].start_ns
    say(writer, device, [lines.Interruption(interruption=1, from_ns=gap_ns, cause="capture_died",
                                            detail="exit -9")])  # fmt: skip
    writer.fragments(batch(second))
    say(writer, device, [
        lines.Resumed(interruption=1, from_ns=gap_ns, to_ns=back_ns),
        lines.Reason(interruption=1, category="fault", presses=1, heard=not statement,
                     from_ns=108 * NS, to_ns=109 * NS),
    ])  # fmt: skip
    if statement:
        writer.journal(lines.StatementDue(interruption=1, why="no reason heard"))
    return device.finish(writer, second.fragments[-1][0].end_ns)


def cut_off(device: Device) -> Path:
    """A reboot ended it: nobody did, and the next start sealed it."""
    writer = device.begin()
    made = media(4)
    writer.journal(lines.Press(at_ns=102 * NS, source="button"))
    writer.fragments(batch(made))
    end_ns = made.fragments[-1][0].end_ns
    say(writer, device, [
        lines.Interruption(interruption=1, from_ns=end_ns, cause="power", detail="next start"),
        lines.StatementDue(interruption=None, why="power"),
    ])  # fmt: skip
    return device.finish(writer, end_ns, planned=False)


def copy(source: Path, folder: Path) -> Path:
    """A copy of a bag under its own name."""
    target = folder / source.name
    shutil.copytree(source, target, symlinks=True)
    return target
