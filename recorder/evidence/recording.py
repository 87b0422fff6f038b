"""Writes one open recording: ledger line, folder, journal, private records, segments.

Owned by one thread, which may be stalled by the card. What a method's docstring calls durable has
been synced when it returns; what was not synced stays in memory and is written again elsewhere
after a failure. Sealing is seal.py's, finding it again after a crash recovery.py's.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from recorder import boxes
from recorder.capture import messages
from recorder.clock import NS, Clock
from recorder.config import Recording as RecordingSettings
from recorder.errors import RecorderError
from recorder.evidence import age, lines
from recorder.evidence.chain import Log, Signer, Written, sync_folder
from recorder.evidence.ledger import Ledger
from recorder.evidence.segment import SegmentFile

Batch = Sequence[tuple[messages.Init, bytes, messages.Fragment, bytes]]

JOURNAL = "journal"
SEGMENTS = "data/segments"
PRIVATE = "data/private"
TAILS = "data/tails"
_KEEP = 60


def ticks(ns: int, timescale: int) -> int:
    """A time as whole ticks, rounded down."""
    return ns * timescale // NS


class Progress(msgspec.Struct):
    """What the journal says so far, as far as the writer needs it.

    ``number`` is the newest segment file's; a file that never held a durable fragment has a
    number but is no segment.
    """

    number: int = 0
    segments: int = 0
    fragments: int = 0
    start_ns: int | None = None
    zero_ns: int | None = None
    interruptions: int = 0
    statements_due: int = 0
    digests: dict[str, str] = {}
    closed: bool = False


class RecordingWriter:
    """Appends to one recording until it is sealed."""

    def __init__(
        self,
        folder: Path,
        log: Log,
        signer: Signer,
        recipients: Sequence[age.Recipient],
        settings: RecordingSettings,
        press_ns: int,
        progress: Progress | None = None,
    ) -> None:
        self.folder = folder
        self.name = folder.name
        self.log = log
        self.signer = signer
        self.recipients = recipients
        self.press_ns = press_ns
        self.progress = progress or Progress()
        self._segment_ns = round(settings.segment_s * NS)
        self._segment: SegmentFile | None = None
        self._in_segment = 0
        self._segment_start_ns = 0
        self._stream = -1
        self._kept: list[tuple[messages.Init, bytes, messages.Fragment, bytes]] = []

    @classmethod
    def create(
        cls,
        spool: Path,
        opened: lines.Opened,
        body: lines.Open,
        private: Mapping[str, Any] | None,
        *,
        ledger: Ledger,
        signer: Signer,
        recipients: Sequence[age.Recipient],
        clock: Clock,
        settings: RecordingSettings,
        press_ns: int,
    ) -> "RecordingWriter":
        """Open a recording (Art. 13-15). Durable on return, in this order: the ledger's ``open``
        line, the folder, the journal's line 0, which quotes it (``body.ledger`` is replaced)."""
        quoted = ledger.append(opened)
        ledger.sync()
        folder = spool / opened.recording
        for sub in ("", "data", SEGMENTS, PRIVATE):
            (folder / sub).mkdir(mode=0o750)
        log = Log.create(folder / "data", JOURNAL, signer, clock)
        writer = cls(folder, log, signer, recipients, settings, press_ns)
        writer.journal(msgspec.structs.replace(body, ledger=quoted.line.decode()), private)
        sync_folder(folder)
        sync_folder(spool)
        return writer

    def journal(
        self, body: lines.Journal, private: Mapping[str, Any] | None = None, *, sync: bool = True
    ) -> Written:
        """Append a line; its personal part goes into an age file first. Durable with ``sync``."""
        if private is not None:
            record = self._private(private)
            body = msgspec.structs.replace(body, private=record)
        match body:
            case lines.Interruption():
                self.progress.interruptions += 1
            case lines.StatementDue():
                self.progress.statements_due += 1
            case _:
                pass
        written = self.log.append(body)
        if sync:
            self.log.sync()
        return written

    def _private(self, record: Mapping[str, Any]) -> lines.Private:
        name = f"{PRIVATE}/{self.log.n}.json.age"
        data = age.encrypt(msgspec.json.encode(record), self.recipients)
        digest = write_new(self.folder / name, data)
        sync_folder(self.folder / PRIVATE)
        self.progress.digests[name] = digest
        return lines.Private(name, len(data), digest)

    def fragments(self, batch: Batch) -> None:
        """Write fragments in their order; durable on return, media before lines.

        A segment ends where the stream changes or its length is reached. After a failed write or
        sync all that was not durable is written once more, into a new file. OSError where that
        fails too: then it is kept and goes before the next batch (or the seal).
        """
        batch = [*self._kept, *batch]
        self._kept = []
        start = 0
        for index in range(1, len(batch) + 1):
            if index == len(batch) or self._turns(batch[start : index + 1]):
                try:
                    self._group(batch[start:index])
                except OSError:
                    self._keep(batch[start:])
                    raise
                except RecorderError as error:
                    self._refuse(index - start, error)
                start = index
        self.log.sync()

    def _refuse(self, count: int, error: RecorderError) -> None:
        """Fragments that are none cannot be recorded; those after them can."""
        self._abandon(error.code)
        detail = f"{count} fragments: {error.problem}"
        self.journal(lines.Loss(what="fragments", detail=detail[:200]), sync=False)

    def _keep(self, batch: Batch) -> None:
        """Not durable: try again later, but not without bound."""
        self._kept = list(batch[-_KEEP:])
        lost = len(batch) - len(self._kept)
        if lost:
            self.journal(
                lines.Loss(what="fragments", detail=f"{lost} could not be written"), sync=False
            )

    def _turns(self, group: Batch) -> bool:
        """The last of ``group`` belongs into another segment than the first."""
        (init, _, first, _), (other, _, last, _) = group[0], group[-1]
        starts_ns = first.start_ns
        if self._segment is not None and self._stream == init.stream:
            starts_ns = self._segment_start_ns
            if first.end_ns - starts_ns > self._segment_ns + NS // 2:
                starts_ns = first.start_ns
        return init.stream != other.stream or (last.end_ns - starts_ns > self._segment_ns + NS // 2)

    def _group(self, group: Batch) -> None:
        """Fragments that go into one segment."""
        init, _, first, _ = group[0]
        if self._segment is not None and (
            init.stream != self._stream
            or first.end_ns - self._segment_start_ns > self._segment_ns + NS // 2
        ):
            self.end_segment()
        try:
            places = self._media(group)
        except OSError as error:
            self._abandon(str(error.strerror))
            try:
                places = self._media(group)
            except OSError as again:
                self._abandon(str(again.strerror))
                raise
        self._lines(group, places)

    def _media(self, group: Batch) -> list[tuple[messages.Fragment, Any]]:
        init, init_bytes, first, _ = group[0]
        fresh = self._segment is None
        if fresh:
            if self.progress.zero_ns is None:
                self.progress.zero_ns = _zero_ns(init, first)
                self.progress.start_ns = first.start_ns
            self.progress.number += 1
            name = f"{self.progress.number:04d}.mp4.age"
            self._segment = SegmentFile(self.folder / SEGMENTS / name, self.recipients)
            self._segment_start_ns = first.start_ns
            self._stream = init.stream
            self._in_segment = 0
        segment = self._segment
        assert segment is not None and self.progress.zero_ns is not None
        zero = {t.track_id: ticks(self.progress.zero_ns, t.timescale) for t in init.tracks}
        by_kind = {t.kind: zero[t.track_id] for t in init.tracks}
        places = []
        for index, (_, _, fragment, media) in enumerate(group):
            shifted = boxes.rebase(media, zero)
            parts: list[bytes | bytearray] = (
                [init_bytes, shifted] if fresh and index == 0 else [shifted]
            )
            moved = msgspec.structs.replace(
                fragment,
                video=_moved(fragment.video, by_kind.get("video", 0)),
                audio=_moved(fragment.audio, by_kind.get("audio", 0)),
            )
            places.append((moved, segment.add(parts)))
        segment.sync()
        return places

    def _lines(self, group: Batch, places: list[tuple[messages.Fragment, Any]]) -> None:
        init, init_bytes, _, _ = group[0]
        progress = self.progress
        if progress.fragments == 0:
            assert progress.start_ns is not None and progress.zero_ns is not None
            self.journal(
                lines.Start(
                    start_ns=progress.start_ns,
                    zero_ns=progress.zero_ns,
                    pre_recorded_ns=max(0, self.press_ns - progress.start_ns),
                ),
                sync=False,
            )
        if self._in_segment == 0:
            progress.segments += 1
            self.journal(
                lines.Segment(
                    segment=progress.number,
                    file=f"{SEGMENTS}/{progress.number:04d}.mp4.age",
                    stream=init.stream,
                    init_bytes=len(init_bytes),
                    init_sha256=sha256(init_bytes),
                    period_ns=init.period_ns,
                    encoder=init.encoder,
                    tracks=init.tracks,
                ),
                sync=False,
            )
        for fragment, place in places:
            self._in_segment += 1
            progress.fragments += 1
            self.journal(
                lines.Fragment(
                    segment=progress.number,
                    fragment=self._in_segment,
                    start_ns=fragment.start_ns,
                    end_ns=fragment.end_ns,
                    video=fragment.video,
                    audio=fragment.audio,
                    offset=place.offset,
                    bytes=place.bytes,
                    sha256=place.sha256,
                    age_bytes=place.age_bytes,
                    age_sha256=place.age_sha256,
                    age_tail=place.age_tail,
                ),
                sync=False,
            )

    def end_segment(self) -> None:
        """Finish the segment's file, durably; its line is durable with the next sync."""
        segment, self._segment = self._segment, None
        if segment is None or self._in_segment == 0:
            return
        try:
            size, digest = segment.finish()
        except OSError as error:
            self._segment = segment
            self._abandon(str(error.strerror))
            return
        self._ended(size, digest)

    def _ended(self, size: int, digest: str) -> None:
        name = f"{SEGMENTS}/{self.progress.number:04d}.mp4.age"
        self.progress.digests[name] = digest
        self.journal(
            lines.SegmentEnd(
                segment=self.progress.number,
                fragments=self._in_segment,
                age_bytes=size,
                age_sha256=digest,
            ),
            sync=False,
        )

    def _abandon(self, why: str) -> None:
        """Cut the segment to what is durable; what was not goes into the next one."""
        segment, self._segment = self._segment, None
        if segment is None:
            return  # not even a new file could be made
        self.journal(
            lines.Fault(part="disk", code="segment-failed", detail=why, over=False), sync=False
        )
        try:
            segment.abandon()
        except OSError as error:
            if self._in_segment:
                self.journal(
                    lines.Loss(what=segment.path.name, detail=f"cannot be ended: {error.strerror}"),
                    sync=False,
                )
        if self._in_segment == 0:
            # Nothing in it was promised; its name is taken all the same.
            tails = self.folder / TAILS
            try:
                tails.mkdir(mode=0o750, exist_ok=True)
                os.rename(segment.path, tails / segment.path.name)
            except OSError:
                self.journal(
                    lines.Loss(what=segment.path.name, detail="cannot be set aside"), sync=False
                )


def _zero_ns(init: messages.Init, first: messages.Fragment) -> int:
    """Zero of the recording's media time: where its first track starts, by its own ticks."""
    scales = {t.kind: t.timescale for t in init.tracks}
    starts = [
        run.first_tick * NS // scales[kind]
        for kind, run in (("video", first.video), ("audio", first.audio))
        if run is not None and run.units and kind in scales
    ]
    if not starts:
        raise RecorderError("capture-protocol", "a first fragment without picture and sound")
    return min(starts)


def _moved(run: messages.TrackRun | None, zero: int) -> messages.TrackRun | None:
    if run is None or not run.units:
        return run
    return msgspec.structs.replace(run, first_tick=run.first_tick - zero)


def sha256(data: bytes) -> str:
    """Hex digest."""
    return hashlib.sha256(data).hexdigest()


def write_new(path: Path, data: bytes) -> str:
    """Create a file exclusively, with these bytes, synced (its name is not). Its SHA-256."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return sha256(data)
