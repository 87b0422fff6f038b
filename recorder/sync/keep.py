"""How long a recording must be kept, as its own journal says. Locks nothing itself.

The shortest lawful time: what the catalogue said when it was recorded, two years (config) where
that is bound to a case file or no act was known; lengthened later by people, never shortened.
"""

from collections.abc import Sequence

import msgspec

from recorder import config
from recorder.clock import Quality, parse_iso
from recorder.evidence import chain, lines
from recorder.evidence.places import Place
from recorder.shapes import UNREADABLE
from recorder.sync.bag import Bag
from recorder.sync.stores import Keep

PERMANENT = "permanent"


def of_ledger(settings: config.Settings) -> Keep:
    """For a line of the ledger: it tells of recordings that may be gone."""
    return Keep(settings.s3.ledger_years)


def of_quarantine(settings: config.Settings) -> Keep:
    """For what nobody could read: which act it was is not known."""
    return Keep(settings.s3.case_years if settings.bucket else None)


def of_recording(bag: Bag, settings: config.Settings) -> Keep:
    """For every file of a sealed recording. OSError where its journal cannot be read.

    A recording in which somebody hindered the act (Art. 23) is held as well.
    """
    if not settings.bucket:
        return Keep(None)  # a folder keeps what people keep
    ended_ns, obstructed = _journal(chain.files(bag.folder / "data", "journal"))
    return of_act(bag.retention, settings.s3, obstructed=obstructed, ended_ns=ended_ns)


def of_journal(paths: Sequence[Place], s3: config.S3) -> Keep:
    """The same for a bag that lies anywhere, from its journal's files alone."""
    retention = ""
    for path in paths[:1]:
        raw, _ = next(iter(chain.raw_lines(path)), (b"", False))
        try:
            _, opened = chain.decode(raw, lines.Journal, None)
        except ValueError:
            break
        if isinstance(opened, lines.Open) and opened.act is not None:
            retention = opened.act.retention
    ended_ns, obstructed = _journal(paths)
    return of_act(retention, s3, obstructed=obstructed, ended_ns=ended_ns)


def of_act(retention: str, s3: config.S3, *, obstructed: bool, ended_ns: int | None = None) -> Keep:
    """By the words of the act; without an end it counts from each file's arrival."""
    permanent = retention == PERMANENT
    years = None if permanent else _years(retention, s3.case_years)
    return Keep(years, permanent or obstructed, ended_ns)


def _years(retention: str, case_years: int) -> int:
    number = retention.removesuffix("y")
    return int(number) if number.isascii() and number.isdigit() else case_years


def _journal(paths: Sequence[Place]) -> tuple[int | None, bool]:
    """(latest possible end by a synchronised clock, else None; was there an obstruction)."""
    header: chain.Header | None = None
    obstructed = False
    for path in paths:
        for raw, _ in chain.raw_lines(path):
            try:
                header = msgspec.json.decode(raw.partition(b"\t")[0], type=chain.Header)
            except UNREADABLE:
                return None, obstructed
            obstructed = obstructed or header.kind == "obstruction"
    if header is None or header.clock.quality is not Quality.SYNCED:
        return None, obstructed
    if header.clock.error_ms is None:
        return None, obstructed
    try:
        return parse_iso(header.utc) + header.clock.error_ms * 1_000_000, obstructed
    except ValueError:
        return None, obstructed
