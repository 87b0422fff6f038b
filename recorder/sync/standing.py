"""Where each recording stands that no store has confirmed yet, and by when it must (Art. 17).

``python -m recorder.sync.standing`` is a short-lived child of the supervisor: question by stdin,
answer by stdout, so that neither the calendar nor a full spool weighs on the process that
records. Reads only.
"""

import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from recorder import memory
from recorder.clock import Clock, SystemClock, iso
from recorder.config import CalendarSettings, Settings
from recorder.errors import RecorderError
from recorder.evidence import keys
from recorder.evidence.chain import files
from recorder.spool import LEDGER, QUARANTINE, Held, look, names, numbered
from recorder.sync import deadlines, quarantined, receipts
from recorder.sync.deadlines import Lateness
from recorder.sync.home import PUBLIC, aside_of
from recorder.sync.kept import Kept, Shelf
from recorder.sync.terms import Terms

Where = Literal["recording", "waiting", "set aside"]


class Asked(msgspec.Struct, frozen=True):
    """Where to look and how to count."""

    spool: str
    sync: str
    utc_offset_min: int
    calendar: CalendarSettings
    keys: str
    hold_days: float


class Unsent(msgspec.Struct, frozen=True, kw_only=True):
    """A recording without a receipt. ``due``: last local day, None while none is known or runs;
    ``ended``: the earliest possible end, UTC, "" where no clock tells."""

    recording: str
    where: Where
    lateness: Lateness
    due: date | None = None
    provisional: bool = False
    returned: bool = False
    ended: str = ""
    detail: str = ""


class Standing(msgspec.Struct, frozen=True):
    """All of them, oldest first; ``quarantined`` counts what could not be understood, and
    ``quarantined_unsent`` what of it no store has."""

    unsent: tuple[Unsent, ...]
    kept: Kept
    quarantined: int
    quarantined_unsent: int = 0

    def count(self, lateness: Lateness) -> int:
        """How many stand so."""
        return sum(each.lateness is lateness for each in self.unsent)

    @property
    def provisional(self) -> int:
        """How many deadlines a notice that is still to come may move."""
        return sum(each.provisional for each in self.unsent)


def question(settings: Settings) -> Asked:
    """What the settings say of it."""
    return Asked(
        settings.paths.spool, settings.paths.sync, settings.device.utc_offset_min,
        settings.calendar, settings.paths.keys, settings.freeing.hold_days,
    )  # fmt: skip


def standing(asked: Asked, clock: Clock) -> Standing:
    """Look at spool, receipts and ledger now. OSError, RecorderError where they cannot be read:
    then nothing is said, for what is stored would seem overdue."""
    spool, home = Path(asked.spool), Path(asked.sync)
    waiting: list[Held] = []
    key = _key(home)
    aside = names(spool / QUARANTINE)
    shelf = Shelf(spool, Path(asked.keys), home, key, asked.hold_days, clock)
    for name in numbered(spool):
        if not shelf.take(name) and (recording := look(spool / name)) is not None:
            waiting.append(recording)
    return Standing(
        tuple(_all(waiting, asked, clock)) if waiting else (),
        shelf.told(),
        len(aside),
        sum(key is None or not _is_stored(home, name, key) for name in aside),
    )


def _is_stored(home: Path, name: str, key: bytes) -> bool:
    return receipts.is_stored(home / "receipts", quarantined.label_of(name), key)


def _all(waiting: list[Held], asked: Asked, clock: Clock) -> Iterator[Unsent]:
    home = Path(asked.sync)
    terms = Terms(files(Path(asked.spool) / LEDGER, ""), asked.calendar, asked.utc_offset_min)
    now = deadlines.clock_bounds(clock.utc_ns(), clock.state())
    for recording in waiting:
        where, detail = _where(recording, home)
        end = None if where == "recording" else terms.end(recording.path)
        if end is None:
            yield Unsent(
                recording=recording.name, where=where, lateness=Lateness.UNKNOWN, detail=detail
            )
            continue
        found, lateness = terms.now(end, now)
        yield Unsent(
            recording=recording.name,
            where=where,
            lateness=lateness,
            due=found.day if found else None,
            provisional=found is not None and found.provisional,
            returned=found is not None and found.returned,
            ended=iso(end.earliest_ns),
            detail=detail,
        )


def _where(recording: Held, home: Path) -> tuple[Where, str]:
    if recording.state == "open":
        return "recording", ""
    aside = aside_of(home / "aside", recording.name)
    return ("set aside", f"{aside.code}: {aside.text}") if aside else ("waiting", "")


def _key(home: Path) -> bytes | None:
    try:
        (home / PUBLIC).stat()
    except FileNotFoundError:
        return None  # sync was never set up: nothing is stored
    return keys.load_public(home / PUBLIC, PUBLIC)


def main() -> int:
    """The child. Exit 1 with a line on stderr where spool or receipts cannot be read."""
    os.nice(19)
    memory.give_way(memory.HELPER)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    try:
        found = standing(asked, SystemClock())
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except RecorderError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
