"""A recording read back for people: its journal, and its personal parts where a key is given.

Believes what it reads, so a verification goes with everything that is made from it. Keeps the
lines that people read and no fragment's, so memory follows what happened, not how long it took.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from recorder.clock import NS
from recorder.errors import RecorderError
from recorder.evidence import chain, lines, plaintext
from recorder.evidence.age import Identity
from recorder.evidence.instants import Boot, Where, instant, instant_utc, wall_time
from recorder.evidence.local import local_clock
from recorder.evidence.timeline import Entry, told
from recorder.evidence.verification_bag import TAGMANIFEST, Digests
from recorder.evidence.wall_time import Instant
from recorder.shapes import UNREADABLE

_MANIFEST = "manifest-sha256.txt"
_PEOPLE = ("name", "certificate", "personnel")


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """``open_private`` is None where nothing opened it; ``closed`` says that there is something."""

    open: lines.Open | None
    open_private: Mapping[str, Any] | None
    closed: bool
    entries: tuple[Entry, ...]
    start: lines.Start | None
    segment: lines.Segment | None
    segments: tuple[lines.Segment, ...]
    files: tuple[tuple[str, int, str], ...]
    tagmanifest_sha256: str
    end: Instant

    @property
    def offset_min(self) -> int:
        """The device's place on the clock."""
        return self.open.utc_offset_min if self.open else 480

    def into_s(self, at_ns: int | None) -> float | None:
        """Where a player finds this instant."""
        if at_ns is None or self.start is None:
            return None
        return round((at_ns - self.start.zero_ns) / NS, 3)

    def local(self, entry: Entry, at_ns: int) -> str:
        """The local clock at an instant of this entry's boot."""
        return local_clock(instant_utc(entry.where, at_ns), self.offset_min)

    def personal(self, field: str) -> str:
        """One field of the case card's personal part as text; "" where it is unknown or closed."""
        return _text((self.open_private or {}).get(field))

    def shown(self, field: str, hidden: str) -> str:
        """The same, with ``hidden`` where it is there but closed."""
        return hidden if self.closed else self.personal(field)

    def officers(self) -> str:
        """Names and certificate numbers; "" where they are unknown or closed."""
        return self.personal("officers")


def read(bag: Path, identities: Sequence[Identity] | None = None) -> Story:
    """Read a recording's journal; damaged lines are passed over (verification names them).

    RecorderError where there is no journal, or where none of ``identities`` is a custodian's.
    """
    paths = chain.files(bag / "data", "journal")
    if not paths:
        raise RecorderError(
            "no-bag", "this is no recording", where=str(bag),
            remedy="Give a recording's folder: it has data/journal.jsonl in it",
        )  # fmt: skip
    opened: lines.Open | None = None
    open_private: Mapping[str, Any] | None = None
    start: lines.Start | None = None
    segments: list[lines.Segment] = []
    entries: list[Entry] = []
    end = Instant()
    wall = wall_time(paths)
    boot = Boot()
    for item in chain.read(paths, lines.Journal, None):
        if isinstance(item, chain.Defect):
            continue
        header, body = item.header, item.body
        where = Where(f"data/{item.file}", item.number, header.boot_id, header.boot_ns, wall)
        boot.feed(where, body)
        private = _private(bag, getattr(body, "private", None), identities)
        if isinstance(body, lines.Open) and opened is None:
            opened, open_private = body, private
        elif isinstance(body, lines.Start):
            start = body
        elif isinstance(body, lines.Segment):
            segments.append(body)
        elif isinstance(body, lines.End):
            end = instant(boot.of(where, body), body.end_ns)
        if told(body) or isinstance(body, lines.Checks):
            entries.append(Entry(where, header.n, body, private))
    return Story(
        open=opened,
        open_private=open_private,
        closed=bool(opened and opened.private is not None and open_private is None),
        entries=tuple(entries),
        start=start,
        segment=next((s for s in segments if len(s.tracks) > 1), next(iter(segments), None)),
        segments=tuple(segments),
        files=_files(bag),
        tagmanifest_sha256=_digest(bag),
        end=end,
    )


def _private(
    bag: Path, record: lines.Private | None, identities: Sequence[Identity] | None
) -> Mapping[str, Any] | None:
    if record is None or not identities:
        return None
    path = bag / record.file
    if bag.resolve() not in path.resolve().parents:
        return None
    try:
        found = msgspec.json.decode(plaintext.private(path, identities))
    except RecorderError as error:
        if error.code == "age-identity":
            error.where = str(path)
            raise
        return None
    except UNREADABLE:
        return None
    return found if isinstance(found, dict) else None


def _files(bag: Path) -> tuple[tuple[str, int, str], ...]:
    try:
        listing = (bag / _MANIFEST).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ()
    rows = []
    for row in listing.splitlines():
        digest, _, name = row.partition("  ")
        path = bag / name
        rows.append((name, path.stat().st_size if path.is_file() else 0, digest))
    return tuple(rows)


def _digest(bag: Path) -> str:
    try:
        return Digests(bag).of(TAGMANIFEST)
    except OSError:
        return ""


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case list() | tuple():
            return "；".join(filter(None, map(_text, value)))
        case dict():
            known = [_text(value[k]) for k in _PEOPLE if value.get(k)]
            if known:
                return known[0] + (f"（{'，'.join(known[1:])}）" if known[1:] else "")
            return "，".join(f"{v}" for v in map(_text, value.values()) if v)
        case _:
            return str(value)
