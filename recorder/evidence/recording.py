"""Writes one open recording: ledger line, folder, journal, private records, segments.

Owned by one thread, which may be stalled by the card. What a method's docstring calls durable has
been synced when it returns; what was not synced stays in memory, and every later call writes it
again, elsewhere, before its own. Sealing is seal.py's, recovery after a crash recovery.py's.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
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
"""So many fragments wait in memory for a card that fails: about a minute."""
_SETTLE_TRIES = 10
"""A seal is tried about once a second: so long a card may refuse to end one of its files."""


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


class _Unended(msgspec.Struct, frozen=True):
    """A segment's file that a failed write left behind: what of it is durable, and how it ends."""

    path: Path
    size_bytes: int
    tail: bytes

    def end(self) -> bool:
        """Cut it to what is durable and end it there; an empty one goes. False: not yet."""
        try:
            if not self.size_bytes:
                self.path.unlink(missing_ok=True)
                return True
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
            try:
                os.ftruncate(descriptor, self.size_bytes)
                os.pwrite(descriptor, self.tail, self.size_bytes)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            return False
        return True


class RecordingWriter:
    """Appends to one recording until it is sealed.

    ``on_fault`` hears, as (code, detail), of a disk that begins to fail; the journal has it, too.
    """

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
        self._dropped: list[messages.Fragment] = []
        self._dropped_why = ""
        self._failing = False
        self._unended: list[_Unended] = []
        self._unsettled = 0
        self._records: list[tuple[str, bytes]] = []
        self._ledger: Ledger | None = None
        self._folders: list[Path] = []
        self._named = True
        self._told: dict[str, None] = {}
        self.on_fault: Callable[[str, str], None] | None = None
        log.on_failed = lambda error: self._fault("journal-failed", str(error.strerror))

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
        """Begin a recording (Art. 13-15). The first ``sync`` (or line, or fragment) makes durable,
        in this order: the ledger's ``open`` line, the folder, the journal's line 0, which quotes
        it (``body.ledger`` is replaced). Raises nothing: what the disk refuses waits in memory."""
        quoted = ledger.append(opened)
        folder = spool / opened.recording
        log = Log.create(folder / "data", JOURNAL, signer, clock)
        writer = cls(folder, log, signer, recipients, settings, press_ns)
        writer._ledger = ledger
        writer._folders = [folder / sub for sub in ("", "data", SEGMENTS, PRIVATE)]
        writer._named = False
        body = msgspec.structs.replace(body, ledger=quoted.line.decode())
        writer.journal(body, private, sync=False)
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
            case lines.Close():
                self.progress.closed = True
            case _:
                pass
        written = self.log.append(body)
        if sync:
            self.sync()
        return written

    def _private(self, record: Mapping[str, Any]) -> lines.Private:
        name = f"{PRIVATE}/{self.log.n}.json.age"
        data = age.encrypt(msgspec.json.encode(record), self.recipients)
        self._records.append((name, data))
        self.progress.digests[name] = sha256(data)
        return lines.Private(name, len(data), self.progress.digests[name])

    def sync(self) -> None:
        """Make everything durable that was journalled. OSError: the disk refuses; it all waits."""
        self._prepare()
        self.log.sync()
        if not self._named:
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
            self._named = True
        if self._told and not self._kept and not self.progress.closed:
            for code in self._told:
                self.log.append(lines.Fault(part="disk", code=code, detail="", over=True))
            self._told.clear()

    def _prepare(self) -> None:
        """The ledger's line, folders and private files: before the lines that speak of them.

        A ledger that cannot be written does not keep a recording from being: its line waits there.
        """
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            known = ledger.failing  # else the supervisor hears of it and writes it down
            try:
                ledger.sync()
            except OSError as error:
                if known:
                    self._fault("ledger-failed", str(error.strerror))
        try:
            self._make_folders()
            self._write_records()
        except OSError as error:
            if "files-failed" in self._told:
                raise  # one try a time, as long as it is known to fail
            self._fault("files-failed", str(error.strerror))
            self._make_folders()
            self._write_records()

    def _make_folders(self) -> None:
        while self._folders:
            try:
                self._folders[0].mkdir(mode=0o750)
            except FileExistsError:  # made, though the card said that it was not
                if not stat.S_ISDIR(self._folders[0].lstat().st_mode):
                    raise
            del self._folders[0]

    def _write_records(self) -> None:
        """Private files that are not durable yet, before the lines that name them."""
        written = bool(self._records)
        while self._records:
            name, data = self._records[0]
            try:
                write_new(self.folder / name, data)
            except OSError:
                (self.folder / name).unlink(missing_ok=True)  # made anew next time
                raise
            del self._records[0]
        if written:
            sync_folder(self.folder / PRIVATE)

    def _fault(self, code: str, detail: str) -> None:
        """Once for each stretch of failures. No line may follow the close line: then the supervisor
        alone hears of it."""
        if code not in self._told:
            self._told[code] = None
            if not self.progress.closed:
                self.log.append(lines.Fault(part="disk", code=code, detail=detail, over=False))
            if self.on_fault is not None:
                self.on_fault(code, detail)

    @property
    def waiting_from_ns(self) -> int | None:
        """Where the oldest fragment starts that is not durable yet."""
        return self._kept[0][2].start_ns if self._kept else None

    def fragments(self, batch: Batch) -> None:
        """Write fragments in their order; durable on return, media before lines.

        A segment ends where the stream changes or its length is reached. After a failed write or
        sync all that was not durable is written once more, into a new file. OSError where that
        fails too: then it is kept and goes before the next batch (or the seal), its oldest first
        and alone, so that a card that goes on failing is asked for little.
        """
        alone = self._failing
        batch = [*self._kept, *batch]
        self._kept = []
        start = 0
        try:
            if batch:
                self._prepare()
            for index in range(1, len(batch) + 1):
                first_alone = alone and index == 1
                if first_alone or index == len(batch) or self._turns(batch[start : index + 1]):
                    try:
                        self._group(batch[start:index])
                    except RecorderError as error:
                        self._refuse(index - start, error)
                    start = index
        except OSError:
            self._failing = True
            self._keep(batch[start:])
            raise
        if batch:
            self._failing = False
            self._tell_dropped()
            self._unended = [each for each in self._unended if not each.end()]
        self.sync()

    def _refuse(self, count: int, error: RecorderError) -> None:
        """Fragments that are none cannot be recorded; those after them can."""
        self._abandon(error.code)
        detail = f"{count} fragments: {error.problem}"
        self.journal(lines.Loss(what="fragments", detail=detail[:200]), sync=False)

    def _keep(self, batch: Batch) -> None:
        """Not durable: try again later, but not without bound."""
        self._kept = list(batch)
        self._drop(len(batch) - _KEEP, "no room left in memory")

    def give_up(self, why: str) -> None:
        """What still waits will never be written. The interruption around it is on record."""
        self._drop(len(self._kept), why)
        self._tell_dropped()

    def _drop(self, count: int, why: str) -> None:
        """A line a minute tells of it, or a card that fails for hours would fill memory with lines.

        The interruption around it is on record from its first second on.
        """
        if count > 0:
            self._dropped += [fragment for _, _, fragment, _ in self._kept[:count]]
            self._dropped_why = why
            del self._kept[:count]
            if len(self._dropped) >= _KEEP:
                self._tell_dropped()

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, []
        if dropped:
            from_ns, to_ns = dropped[0].start_ns, dropped[-1].end_ns
            detail = f"{len(dropped)} from {from_ns} to {to_ns}: {self._dropped_why}"
            self.log.append(
                lines.Fault(part="disk", code="fragments-dropped", detail=detail, over=False)
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
            if self._failing:
                raise
            try:
                places = self._media(group)
            except OSError as again:
                self._abandon(str(again.strerror))
                raise
        self._lines(group, places)

    def _media(self, group: Batch) -> list[tuple[messages.Fragment, Any]]:
        init, init_bytes, first, _ = group[0]
        fresh = self._segment is None
        zero_ns = self.progress.zero_ns
        if zero_ns is None:
            zero_ns = _zero_ns(init, first)
        if fresh:
            self._segment = self._new_segment()
            self._segment_start_ns = first.start_ns
            self._stream = init.stream
            self._in_segment = 0
        segment = self._segment
        assert segment is not None
        zero = {t.track_id: ticks(zero_ns, t.timescale) for t in init.tracks}
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
        self.progress.zero_ns = zero_ns
        return places

    def _new_segment(self) -> SegmentFile:
        while True:
            path = self.folder / SEGMENTS / f"{self.progress.number + 1:04d}.mp4.age"
            try:
                made = SegmentFile(path, self.recipients)
            except FileExistsError:  # made, though the card said that it was not
                self.progress.number += 1
                self._unended.append(_Unended(path, 0, b""))
                continue
            self.progress.number += 1
            return made

    def _lines(self, group: Batch, places: list[tuple[messages.Fragment, Any]]) -> None:
        init, init_bytes, first, _ = group[0]
        progress = self.progress
        if progress.fragments == 0:
            assert progress.zero_ns is not None
            progress.start_ns = first.start_ns
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

    def settle(self) -> None:
        """Before the seal: what could not be ended until now is tried once more. OSError where the
        card refuses that; after so many seals that were refused for it, it is a loss."""
        self._unended = [each for each in self._unended if not each.end()]
        if not self._unended:
            return
        self._unsettled += 1
        if self._unsettled < _SETTLE_TRIES:
            raise OSError(errno.EIO, "a segment cannot be ended yet")
        for each in self._unended:
            self.journal(lines.Loss(what=each.path.name, detail="cannot be ended"), sync=False)
        self._unended = []

    def _abandon(self, why: str) -> None:
        """Cut the segment to what is durable; what was not goes into the next one."""
        segment, self._segment = self._segment, None
        if segment is None:
            self._fault("segment-failed", why)
            return  # not even a new file could be made
        segment.close()
        left = _Unended(segment.path, *segment.durable)
        if left.end():
            # One that promised nothing is gone, and so its number is free again.
            self.progress.number -= 0 if left.size_bytes else 1
        else:
            self._unended.append(left)
        self._fault("segment-failed", why)


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
