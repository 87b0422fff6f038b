"""What a device sent to a store while it recorded, and what it proves. Reads only.

``<device>/live/<recording>/`` has pieces of the journal, each a file named by its first and last
line. Where the bag never arrived they are its journal; where it did they must say what it says.
"""

import itertools
import os
import re
from collections.abc import Sequence
from pathlib import Path

from recorder.evidence import chain, lines
from recorder.evidence.instants import Where, instant
from recorder.evidence.places import Place
from recorder.evidence.verification_leftovers import leftovers
from recorder.evidence.verification_report import Findings, Level
from recorder.spool import is_folder

FOLDER = "live"
RECEIPTS = "receipts"
_PIECE = re.compile(r"([0-9]{12})-([0-9]{12})\.jsonl")


def pieces(bag: Path) -> list[Path]:
    """The pieces of a recording in their order, whether or not ``bag`` itself is there."""
    return [path for path in _inside(_place(bag)) if _PIECE.fullmatch(path.name)]


def recordings(device: Path) -> list[str]:
    """Recordings of which a store has pieces."""
    return [path.name for path in _inside(device / FOLDER) if is_folder(path)]


def receipt(bag: Path) -> str:
    """A receipt of the recording in its store, "" where there is none: the whole bag was there."""
    whole = bag.resolve()
    for day in _inside(whole.parent / RECEIPTS):
        for number in (1, 2):
            if os.path.lexists(day / f"{whole.name}-{number}"):
                return f"{RECEIPTS}/{day.name}/{whole.name}-{number}"
    return ""


def first_of(piece: Path) -> int:
    """The number of its first line, by its name."""
    return int(piece.name[:12])


def check(bag: Path, findings: Findings) -> None:
    """Each piece is whole and holds the lines that its name says; nothing else lies there."""
    for path in _inside(_place(bag)):
        match = _PIECE.fullmatch(path.name)
        name = f"{FOLDER}/{path.name}"
        if match is None or not chain.is_plain(path):
            findings.add(Level.TAMPERED, "foreign", "no piece of a journal", file=name)
            continue
        if not _holds(path, int(match[1]), int(match[2])):
            findings.add(
                Level.TAMPERED, "line-foreign", "not the lines that its name says", file=name
            )


def compare(
    sent: Sequence[Place], journal: Sequence[Place], findings: Findings, handover_n: int | None
) -> None:
    """The journal that arrived has every line that was sent before, unchanged.

    What a desk left out (from ``handover_n`` on) is a loss, and no lie. OSError where a piece
    cannot be read.
    """
    entries = chain.read(journal, lines.Journal, None)
    own = (item for item in entries if isinstance(item, chain.Line))
    line = next(own, None)
    cut = 0
    for item in itertools.chain(leftovers(sent), chain.read(sent, lines.Journal, None)):
        file = f"{FOLDER}/{item.file}"
        if isinstance(item, chain.Defect):
            findings.add(Level.TAMPERED, item.code, item.text, file=file, line=item.number)
            continue
        while line is not None and line.header.n < item.header.n:
            line = next(own, None)
        if line is not None and line.raw == item.raw:
            continue
        if handover_n is not None and item.header.n >= handover_n:
            cut += 1
            continue
        findings.add(
            Level.TAMPERED, "live-differs",
            "the journal has another line in its place, or none: one of the two was changed",
            file=file, line=item.number,
        )  # fmt: skip
    if cut:
        findings.add(
            Level.INCOMPLETE, "cut-lines",
            f"{cut} lines that the device sent while it recorded are not in the desk's journal",
        )  # fmt: skip


def proven(findings: Findings, last: Where, count: int) -> None:
    """How far it goes, by ``count`` lines of which ``last`` is the last: the bag is not here."""
    when = instant(last, last.boot_ns)
    findings.add(
        Level.INCOMPLETE, "proven-to",
        f"the bag has not arrived: proven to line {count - 1}, at {when.utc or 'unknown'} "
        f"({when.describe()})",
        file=last.file, line=last.line, at_ns=last.boot_ns, utc=when.utc,
    )  # fmt: skip


def _holds(path: Path, first: int, last: int) -> bool:
    """The file has the lines with these numbers, whole, and no other."""
    expected = first
    for raw, ended in chain.raw_lines(path):
        if not ended or chain.number(raw) != expected:
            return False
        expected += 1
    return expected == last + 1


def _place(bag: Path) -> Path:
    whole = bag.resolve()
    return whole.parent / FOLDER / whole.name


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if is_folder(folder) else []
