"""Finds recordings that were open when the daemon or the power went, and makes them whole again.

Everything behind the last durable line moves to ``data/tails/``; segments are cut at their last
journalled fragment and ended with the final chunk that the journal holds for that place, so no key
is needed. Idempotent: it may be killed anywhere and run again. It never judges (verify does).
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from recorder.clock import Clock
from recorder.config import Recording as RecordingSettings
from recorder.errors import RecorderError
from recorder.evidence import lines, plaintext
from recorder.evidence.age import Recipient
from recorder.evidence.chain import Defect, Line, Log, Signer, files, open_plain, read, sync_folder
from recorder.evidence.keys import base64_public
from recorder.evidence.recording import JOURNAL, PRIVATE, SEGMENTS, TAILS, Progress, RecordingWriter
from recorder.evidence.seal import SIGNATURE, TAG_FILES, TAGMANIFEST, file_sha256
from recorder.evidence.verification_bag import signed
from recorder.evidence.verification_lines import heir, raw_key
from recorder.evidence.verification_segments import proper

_PIECE = 1024 * 1024
HUGE_BYTES = 4 * 1024 * 1024 * 1024
"""No segment and no journal of ours grows so large."""
TAIL_BYTES = 256 * 1024 * 1024
"""Nor does what a crash can leave behind a last durable line."""
FOLDERS = frozenset({"data", SEGMENTS, PRIVATE, TAILS})
_SEGMENT = re.compile(r"([0-9]{4,9})\.mp4\.age")
_OWN = {
    "": re.compile("|".join(re.escape(name) for name in (*TAG_FILES, SIGNATURE + ".part"))),
    "data": re.compile(r"journal(-[0-9]{4,9})?\.jsonl"),
    SEGMENTS: re.compile(r"[0-9]{4,9}\.mp4\.age"),
    PRIVATE: re.compile(r"[0-9]{1,12}\.json\.age"),
    TAILS: re.compile(r"[A-Za-z0-9._-]{1,200}"),
}
"""The names that the recorder gives, by folder."""


class Found(msgspec.Struct, frozen=True):
    """An open recording, cut to what is durable and ready to be gone on with."""

    writer: RecordingWriter
    opened: lines.Open
    journal: tuple[lines.Journal, ...]
    last_boot_id: str
    moved: tuple[str, ...]

    @property
    def ended(self) -> lines.End | None:
        """The end, where it was journalled before the daemon went."""
        last = next((b for b in reversed(self.journal) if isinstance(b, lines.End)), None)
        return last

    @property
    def closed(self) -> bool:
        """Only the tag files are missing."""
        return bool(self.journal) and isinstance(self.journal[-1], lines.Close)


def walk(folder: Path) -> tuple[list[Line], list[Defect]]:
    """A journal's lines up to the first that is not as it was written."""
    good: list[Line] = []
    bad: list[Defect] = []
    paths = files(folder / "data", JOURNAL)
    first = next(read(paths, lines.Journal, None), None)
    if not isinstance(first, Line) or not isinstance(first.body, lines.Open):
        return good, bad
    key = raw_key(first.body.key)
    if key is None:
        return good, bad
    for item in read(paths, lines.Journal, key, heir=heir):
        if isinstance(item, Defect):
            # What a failed write left torn is whole in the next file.
            if item.code != "line-torn" or item.file == paths[-1].name:
                bad.append(item)
                break  # nothing behind it counts, be it a million lines
        else:
            good.append(item)
    return good, bad


def is_sealed(folder: Path, *, desk: bool = False) -> bool:
    """A signature is there and fits the tag manifest under the key of the journal's line 0; with
    ``desk`` also under that of a desk to which the journal was handed over."""
    try:
        signature, listing = (_small(folder / name) for name in (SIGNATURE, TAGMANIFEST))
    except OSError:
        return False
    good, _ = walk(folder)
    if not good or not isinstance(good[0].body, lines.Open):
        return False
    heirs = [b.key for line in good if isinstance(b := line.body, lines.Handover)] if desk else []
    key = raw_key([good[0].body.key, *heirs][-1])
    return key is not None and signed(key, signature, listing)


def _small(path: Path) -> bytes:
    with open_plain(path) as file:
        return file.read(_PIECE)


def foreign(folder: Path) -> list[str]:
    """What the recorder cannot have made in a recording: links, pipes, other names, huge files.

    Paths in the folder, those inside a foreign folder not among them.
    """
    found: list[str] = []
    waiting = [""]
    while waiting:
        place = waiting.pop()
        for entry in sorted(os.scandir(folder / place), key=lambda entry: entry.name):
            path = f"{place}/{entry.name}" if place else entry.name
            status = entry.stat(follow_symlinks=False)
            is_folder = stat.S_ISDIR(status.st_mode)
            if is_folder and path in FOLDERS:
                waiting.append(path)
            elif (
                is_folder
                or not stat.S_ISREG(status.st_mode)
                or not _OWN[place].fullmatch(entry.name)
                or status.st_size > HUGE_BYTES
            ):
                found.append(path)
    return found


def ours(folder: Path, signer: Signer) -> bool | None:
    """Whether this key began the journal; None where there is no line 0 to tell."""
    opened = _opened(folder)
    return None if opened is None else opened.key == base64_public(signer)


def waits(folder: Path, signer: Signer) -> bool:
    """The device's own key began the journal, and only an ephemeral one is there now: the next
    start that has the key can still go on."""
    opened = _opened(folder)
    return opened is not None and opened.key_kind == "device" and signer.kind == "ephemeral"


def _opened(folder: Path) -> lines.Open | None:
    first = next(read(files(folder / "data", JOURNAL)[:1], lines.Journal, None), None)
    body = first.body if isinstance(first, Line) else None
    return body if isinstance(body, lines.Open) else None


def same_key(folder: Path, signer: Signer) -> None:
    """RecorderError where another key began the journal: nothing can be added to it, ever."""
    if ours(folder, signer) is False:
        raise RecorderError(
            "recording-foreign-key",
            "it was begun with a key that is gone",
            where=str(folder),
            remedy="It is moved to quarantine whole, as it is",
        )


def reopen(
    folder: Path,
    *,
    signer: Signer,
    recipients: Sequence[Recipient],
    clock: Clock,
    settings: RecordingSettings,
    readable: Mapping[str, int] | None = None,
) -> Found:
    """Cut, tail and set aside; the writer then goes on in a new journal file.

    ``readable``: how many bytes of a file (by its path in the bag) the medium gave back, where it
    did not give all. Durable on return. RecorderError where there is no line 0 (the folder
    cannot be understood), or where a desk has closed it already.
    """
    good, _ = walk(folder)
    if not good or not isinstance(good[0].body, lines.Open):
        raise RecorderError(
            "recording-unreadable",
            "its journal has no line 0",
            where=str(folder),
            remedy="It is moved to quarantine whole",
        )
    _bounded(folder, good)
    opened = good[0].body
    bodies = tuple(line.body for line in good)
    if any(isinstance(body, lines.Handover) for body in bodies):
        raise RecorderError(
            "recording-handed-over",
            "a desk has closed it: nothing can be added to it, ever",
            where=str(folder),
            remedy="It is moved to quarantine whole, as it is",
        )
    tails = folder / TAILS
    moved: list[str] = []
    for sub in (SEGMENTS, PRIVATE):
        (folder / sub).mkdir(mode=0o750, exist_ok=True)
    moved += _cut_journal(folder, good, tails)
    progress, moved_segments = _segments(folder, bodies, tails, readable or {})
    moved += moved_segments
    moved += _privates(folder, bodies, tails, readable or {})
    moved += _strangers(folder, bodies, tails)
    if tails.exists():
        sync_folder(tails)
    sync_folder(folder / "data")
    press_ns = next((b.at_ns for b in bodies if isinstance(b, lines.Press)), 0)
    number = len(files(folder / "data", JOURNAL))
    log = Log(
        folder / "data", JOURNAL, signer, clock,
        first=True, n=good[-1].header.n + 1, prev=good[-1].sha256, number=number + 1,
    )  # fmt: skip
    writer = RecordingWriter(folder, log, signer, recipients, settings, press_ns, progress)
    return Found(writer, opened, bodies, good[-1].header.boot_id, tuple(moved))


def _bounded(folder: Path, good: list[Line]) -> None:
    """RecorderError before anything is changed, where what is to be moved is no crash's doing."""
    ends = {b.segment: b.age_bytes for line in good if isinstance(b := line.body, lines.Fragment)}
    names = {b.segment: b.file for line in good if isinstance(b := line.body, lines.Segment)}
    keeps = {folder / names[n]: size for n, size in ends.items() if n in names}
    for path in files(folder / "data", JOURNAL):
        if path.name == good[-1].file:
            keeps[path] = _end_of_line(path, good[-1].number)
        elif (path.name, 0) > (good[-1].file, 0) and path not in keeps:
            keeps[path] = 0
    for path, keep in keeps.items():
        if path.exists() and path.stat().st_size - keep > TAIL_BYTES:
            raise RecorderError(
                "recording-overgrown",
                f"{path.name} goes on for too long behind its last line",
                where=str(folder),
                remedy="It is moved to quarantine whole",
            )


def _cut_journal(folder: Path, good: list[Line], tails: Path) -> list[str]:
    """Bytes behind the last good line, in whatever file, go to tails/."""
    moved = []
    last = good[-1]
    paths = files(folder / "data", JOURNAL)
    seen = False
    for path in paths:
        if path.name == last.file:
            seen = True
            keep = _end_of_line(path, last.number)
            moved += _move_tail(path, keep, tails)
        elif seen:
            moved += _move_whole(path, tails)
    return moved


def _end_of_line(path: Path, number: int) -> int:
    with path.open("rb") as file:
        for _ in range(number):
            file.readline()
        return file.tell()


def _move_tail(path: Path, keep: int, tails: Path) -> list[str]:
    """Copy what lies behind ``keep`` to tails/ (durably), then cut it off."""
    size = path.stat().st_size
    if size <= keep:
        return []
    tails.mkdir(mode=0o750, exist_ok=True)
    target = _free_name(tails, f"{path.name}.{keep}")
    with path.open("rb") as source, target.open("xb") as out:
        source.seek(keep)
        while piece := source.read(_PIECE):
            out.write(piece)
        out.flush()
        os.fsync(out.fileno())
    sync_folder(tails)
    with path.open("r+b") as file:
        file.truncate(keep)
        os.fsync(file.fileno())
    return [target.name]


def _move_whole(path: Path, tails: Path) -> list[str]:
    tails.mkdir(mode=0o750, exist_ok=True)
    target = _free_name(tails, path.name)
    os.rename(path, target)
    sync_folder(tails)
    sync_folder(path.parent)
    return [target.name]


def _free_name(folder: Path, name: str) -> Path:
    target, number = folder / name, 1
    while target.exists():
        target = folder / f"{name}.{number}"
        number += 1
    return target


def _segments(
    folder: Path, bodies: Sequence[lines.Journal], tails: Path, readable: Mapping[str, int]
) -> tuple[Progress, list[str]]:
    """Cut every segment to its journalled fragments, as far as they are there, and end it."""
    progress = Progress(digests={})
    names = _names(bodies)
    ends: dict[int, list[lines.Fragment]] = {}
    finished: dict[int, lines.SegmentEnd] = {}
    for body in bodies:
        match body:
            case lines.Start():
                progress.start_ns, progress.zero_ns = body.start_ns, body.zero_ns
            case lines.Fragment():
                ends.setdefault(body.segment, []).append(body)
                progress.fragments += 1
            case lines.SegmentEnd():
                finished[body.segment] = body
                progress.digests[names.get(body.segment, "")] = body.age_sha256
            case lines.Interruption():
                progress.interruptions += 1
            case lines.StatementDue():
                progress.statements_due += 1
            case lines.Close():
                progress.closed = True
            case _:
                continue
    moved: list[str] = []
    for number, fragments in ends.items():
        if number not in names:
            continue  # verify tells it
        path = folder / names[number]
        whole = finished.get(number)
        if not path.exists():
            continue  # short_segments tells it
        size = path.stat().st_size
        there = min(size, readable.get(names[number], size))
        if whole is not None and there == whole.age_bytes:
            continue
        last = next((f for f in reversed(fragments) if f.age_bytes <= there), None)
        if last is None:
            moved += _move_whole(path, tails)  # not one fragment is left; short_segments tells it
            continue
        tail = plaintext.tail(last)
        with path.open("rb") as file:
            file.seek(last.age_bytes)
            ended = file.read(len(tail) + 1) == tail
        if not ended:
            moved += _move_tail(path, last.age_bytes, tails)
            with path.open("r+b") as file:
                file.seek(last.age_bytes)
                file.write(tail)
                file.flush()
                os.fsync(file.fileno())
    progress.segments = len(names)
    taken = _numbers(folder)
    progress.number = max([*names, 0])
    while progress.number + 1 in taken:  # one in the making; it goes to tails/
        progress.number += 1
    return progress, moved


def _names(bodies: Sequence[lines.Journal]) -> dict[int, str]:
    """The segments' files. One that is named out of their folder is none: it stays untouched."""
    found = {b.segment: b.file for b in bodies if isinstance(b, lines.Segment)}
    return {number: file for number, file in found.items() if proper(file)}


def _numbers(folder: Path) -> set[int]:
    names = (path.name.partition(".")[0] for path in (folder / SEGMENTS).glob("*.mp4.age"))
    return {int(name) for name in names if name.isdecimal()}


def _privates(
    folder: Path, bodies: Sequence[lines.Journal], tails: Path, readable: Mapping[str, int]
) -> list[str]:
    """Private records have the length that their line says, or go to tails/ as what is left."""
    moved: list[str] = []
    for record in (getattr(body, "private", None) for body in bodies):
        if not isinstance(record, lines.Private) or not proper(record.file, PRIVATE):
            continue  # verify tells it
        if (folder / record.file).is_file():
            path = folder / record.file
            size = path.stat().st_size
            if min(size, readable.get(record.file, size)) < record.bytes:
                moved += _move_whole(path, tails)  # missing_privates tells it
            else:
                moved += _move_tail(path, record.bytes, tails)
    return moved


def _strangers(folder: Path, bodies: Sequence[lines.Journal], tails: Path) -> list[str]:
    """Segments without a durable fragment, and private files that no line knows, go to tails/."""
    held = {b.segment for b in bodies if isinstance(b, lines.Fragment)}
    known = {b.file for b in bodies if isinstance(b, lines.Segment) and b.segment in held}
    known |= {
        record.file
        for b in bodies
        if isinstance(record := getattr(b, "private", None), lines.Private)
    }
    moved = []
    for sub in (SEGMENTS, PRIVATE):
        for path in sorted((folder / sub).iterdir()):
            if path.is_file() and path.relative_to(folder).as_posix() not in known:
                moved += _move_whole(path, tails)
    return moved


def missing_ends(found: Found) -> list[lines.SegmentEnd]:
    """``segment-end`` lines that the crash swallowed, for segments that are whole now."""
    ended = {b.segment for b in found.journal if isinstance(b, lines.SegmentEnd)}
    names = _names(found.journal)
    out = []
    counts: dict[int, int] = {}
    lasts: dict[int, lines.Fragment] = {}
    for body in found.journal:
        if isinstance(body, lines.Fragment):
            counts[body.segment] = counts.get(body.segment, 0) + 1
            lasts[body.segment] = body
    for number, last in lasts.items():
        if number in ended or number not in names:
            continue
        path = found.writer.folder / names[number]
        digest = hashlib.sha256()
        size = 0
        try:
            with open_plain(path) as file:
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    size += len(piece)
        except OSError:
            continue
        if size == last.age_bytes + len(plaintext.tail(last)):
            out.append(
                lines.SegmentEnd(
                    segment=number, fragments=counts[number],
                    age_bytes=size, age_sha256=digest.hexdigest(),
                )
            )  # fmt: skip
    return out


def unlisted(found: Found) -> lines.Loss | None:
    """A loss of journal lines, where more than one segment lies behind the last one that the
    journal knows: before the second begins, a device has the lines of the first on its card."""
    known = [b.segment for b in found.journal if isinstance(b, lines.Fragment)]
    if not known:
        return None  # the ring's head, whose lines come after all of it
    later = sorted(
        number
        for name in found.moved
        if (match := _SEGMENT.match(name)) and (number := int(match[1])) > max(known)
    )
    if len(later) < 2:
        return None
    detail = f"it ends in segment {max(known)}, and segments {later[0]} to {later[-1]} are there"
    return lines.Loss(what="journal", detail=detail)


def short_segments(found: Found) -> list[str]:
    """Segments that hold less than their journal promises: the medium lost it."""
    names = _names(found.journal)
    lasts = {b.segment: b for b in found.journal if isinstance(b, lines.Fragment)}
    out = []
    for number, last in lasts.items():
        if number not in names:
            continue
        path = found.writer.folder / names[number]
        if not path.exists() or path.stat().st_size < last.age_bytes:
            out.append(path.name)
    return out


def missing_privates(found: Found) -> list[str]:
    """Private records that a line speaks of and that are not there."""
    records = (getattr(body, "private", None) for body in found.journal)
    files_ = [record.file for record in records if isinstance(record, lines.Private)]
    return [Path(f).name for f in files_ if not (found.writer.folder / f).exists()]


def open_gap(journal: Sequence[lines.Journal]) -> bool:
    """The last interruption has not ended."""
    last = next(
        (b for b in reversed(journal) if isinstance(b, lines.Interruption | lines.Resumed)), None
    )
    return isinstance(last, lines.Interruption)


def resealed(folder: Path) -> lines.Sealed:
    """The ledger's line for a bag that was signed just before the daemon went.

    RecorderError where the journal has not the end that a seal follows.
    """
    good, _ = walk(folder)
    opened, close = good[0].body, good[-1].body
    end = next((line.body for line in reversed(good) if isinstance(line.body, lines.End)), None)
    if not isinstance(opened, lines.Open) or not isinstance(close, lines.Close) or end is None:
        raise RecorderError(
            "recording-unreadable", "it is sealed, but its journal has no end",
            where=str(folder), remedy="It is moved to quarantine whole",
        )  # fmt: skip
    return lines.Sealed(
        recording=folder.name,
        journal_lines=good[-1].header.n + 1,
        journal_sha256=good[-1].sha256,
        tagmanifest_sha256=file_sha256(folder / TAGMANIFEST),
        planned=end.planned,
        statements_due=close.statements_due,
        end_ns=end.end_ns,
        card=opened.act.card if opened.act else "",
    )


Why = Literal["crash", "reboot"]
