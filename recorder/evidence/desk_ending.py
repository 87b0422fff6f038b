"""Ends a copy of a dead device's open recording: the device's recovery, signed by the desk.

Works on the desk's own copy. The device's lines stay as they are; a ``handover`` names the key that
signs the few behind it and the seal. What a desk may add is verification_handover.py's to say.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from recorder import __version__
from recorder.clock import Clock
from recorder.config import Recording as RecordingSettings
from recorder.errors import RecorderError
from recorder.evidence import ending, lines, recovery
from recorder.evidence.chain import Line, Signer, files, read, sync_folder
from recorder.evidence.desk_copy import Copied, plain
from recorder.evidence.keys import base64_public, spki
from recorder.evidence.recording import JOURNAL, PRIVATE, SEGMENTS, TAILS
from recorder.evidence.seal import sign_tags
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_bag import inventory
from recorder.evidence.verification_handover import CAUSE, cut_lines, tails
from recorder.evidence.verification_lines import declared_key, desk_key
from recorder.evidence.verification_report import Finding, Level

_PROPER = re.compile(
    r"data/(journal(-\d{4,})?\.jsonl|segments/\d{4,}\.mp4\.age|private/\d+\.json\.age"
    r"|tails/[A-Za-z0-9_][A-Za-z0-9._-]*)"
)
_NOT_WHOLE = "not there, or not whole"
_NAMED = 500


def end(
    part: Path, name: str, copies: Mapping[str, Copied], *, signer: Signer, clock: Clock
) -> dict[str, str]:
    """End and seal ``part``, a copy of the open recording ``name`` (Art. 15). Durable on return.

    ``copies``: what is in it, with the holes. Returns what was no file of a recording, old path to
    new. RecorderError ``recording-unreadable`` or ``recording-handed-over``, before anything is
    changed, where it cannot be ended.
    """
    journals = [p for p in files(part / "data", JOURNAL) if p.is_file()]
    first = next(read(journals[:1], lines.Journal, declared_key(journals)), None)
    if not isinstance(first, Line) or first.file != f"{JOURNAL}.jsonl":
        raise RecorderError("recording-unreadable", "its journal has no line 0")
    if desk_key(journals) is not None:
        raise RecorderError("recording-handed-over", "another desk began to end it")
    holed = {n: c for n, c in copies.items() if c.holes}
    strange = _tidy(part)
    found = recovery.reopen(
        part,
        signer=signer,
        recipients=(),
        clock=clock,
        settings=RecordingSettings(),
        readable={n: c.holes[0].offset for n, c in holed.items()},
    )
    writer, progress = found.writer, found.writer.progress
    key = base64_public(signer)
    since = writer.log.n
    writer.journal(lines.Handover(key=key, software=__version__), sync=False)
    for line in recovery.missing_ends(found):
        writer.journal(line, sync=False)
    for loss in _losses(found, holed, since):
        writer.journal(loss, sync=False)
    if (lost := recovery.unlisted(found)) is not None:
        writer.journal(lost, sync=False)
    moved = [*(new.rpartition("/")[2] for new in strange.values()), *found.moved]
    if len(moved) > _NAMED:  # a line has its limit
        moved[_NAMED:] = [f"and {len(moved) - _NAMED} more"]
    writer.journal(
        lines.Recovered(why="desk", fragments=progress.fragments, moved=tuple(moved)), sync=False
    )
    ended = ending.end(
        found,
        source="desk",
        cause=CAUSE,
        why=CAUSE,
        detail="found on the card at the desk",
        sync=False,
    )
    writer.journal(
        lines.Close(
            start_ns=progress.start_ns,
            end_ns=ended.end_ns,
            segments=progress.segments,
            fragments=progress.fragments,
            interruptions=progress.interruptions,
            statements_due=progress.statements_due,
        )
    )
    writer.log.close()
    sign_tags(
        part,
        name=name,
        source=found.opened.organisation,
        description="Recording of an enforcement act",
        utc=clock.stamp().utc,
        digests={},  # what lies there counts, not what the journal says of it
        signer=signer,
        more=f"Sealed-By: a desk, for a dead device (journal, line {since}, counted from 0)\n"
        f"Sealed-By-Key: {spki(signer.public)}\n",
    )
    return strange


def not_whole(part: Path) -> Sequence[Finding]:
    """What verification finds missing or wrong in ``part``, which ``end`` has ended.

    The device's key is the one that line 0 names: whom to trust is asked later, by others.
    OSError where it cannot be read.
    """
    report = verify_recording(part, key=declared_key(files(part / "data", JOURNAL)))
    return [f for f in report.findings if f.level in (Level.INCOMPLETE, Level.TAMPERED)]


def _losses(found: recovery.Found, holed: Mapping[str, Copied], since: int) -> Iterator[lines.Loss]:
    folder = found.writer.folder
    for name in recovery.short_segments(found):
        file = holed.get(f"{SEGMENTS}/{name}")
        why = "shorter than its journal says" if file is None else file.unread
        yield lines.Loss(what=name, detail=why)
    for name in recovery.missing_privates(found):
        file = holed.get(f"{PRIVATE}/{name}")
        yield lines.Loss(what=name, detail=_NOT_WHOLE if file is None else file.unread)
    key = base64.b64decode(found.opened.key)
    count = cut_lines(tails(inventory(folder)), key, since)
    if count:
        yield lines.Loss(
            what="journal", detail=f"{count} signed lines behind damaged ones, in {TAILS}"
        )


def _tidy(part: Path) -> dict[str, str]:
    """Whatever is no file of an open recording goes to tails/ under a plain name: old path to new
    path. Durable on return."""
    moved: dict[str, str] = {}
    found = inventory(part)
    target = part / TAILS
    wrong = sorted(n for n in found.files if not _PROPER.fullmatch(n))
    taken = {f for f in found.files if f.startswith(TAILS)}
    between = part.with_name(f"{part.name}.moving")
    if wrong:
        between.mkdir(mode=0o750)
    for name in wrong:
        flat = plain(name.removeprefix("data/").replace("/", "_"))
        new, count = f"{TAILS}/{flat}", 1
        while new in taken:
            new, count = f"{TAILS}/{flat}.{count}", count + 1
        taken.add(new)
        moved[name] = new
        os.rename(part / name, between / str(len(moved)))  # it may stand where tails/ belongs
    for number, new in enumerate(moved.values(), 1):
        target.mkdir(mode=0o750, parents=True, exist_ok=True)
        os.rename(between / str(number), part / new)
    for name in sorted(found.folders, reverse=True):
        if name not in ("data", SEGMENTS, PRIVATE, TAILS):
            (part / name).rmdir()
    if wrong:
        between.rmdir()
    for folder in (part, part / "data", target):
        if folder.is_dir():
            sync_folder(folder)
    return moved
