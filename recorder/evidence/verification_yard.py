"""One device's recordings, wherever they lie: what verification of many asks of a folder or bucket.

The folder's answers are here, the bucket's in verification_bucket.py. Judges no recording.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from recorder.errors import RecorderError
from recorder.evidence import verification_ledger, verification_live, verification_note
from recorder.evidence.statement_check import STATEMENTS, is_statement
from recorder.evidence.verification import bag_at, is_recording
from recorder.evidence.verification_bag import Inventory
from recorder.evidence.verification_ledger import Ledger
from recorder.evidence.verification_report import Findings, Level, Report
from recorder.evidence.verification_trust import Vouched
from recorder.spool import number_of
from recorder.sync.stores.marker import MARKER

BESIDE = frozenset(
    {"ledger", "quarantine", "days", verification_live.FOLDER, STATEMENTS, "receipts", "recovery"}
)


class Yard(Protocol):
    """Recordings of one device, beside its ledger. Findings are about what lies beside them."""

    @property
    def name(self) -> str:
        """The device's, or the folder's."""
        ...

    @property
    def in_store(self) -> bool:
        """This is where a recording must be that was freed on the device."""
        ...

    def recordings(self, findings: Findings) -> Iterator[str]:
        """The names of all."""
        ...

    def of_day(self, day: str) -> Iterator[str]:
        """The names of those that began on a local day, by its own list."""
        ...

    def ledger(self, findings: Findings, checked: list[str]) -> Ledger | None:
        """None where there is none. RecorderError where it cannot be read."""
        ...

    def aside(
        self, findings: Findings, vouched: Vouched, unchecked: list[str]
    ) -> Mapping[str, str]:
        """What a desk could not bring out, and why."""
        ...

    def statements(self, findings: Findings) -> list[Path]:
        """The folders in which statements of this device lie."""
        ...

    def look(self, recording: str, judge: Callable[[Inventory], Report]) -> Report:
        """``judge`` of a recording, and what its place has to say. RecorderError where it is none,
        or cannot be had."""
        ...


class FolderYard:
    """A spool, or a device's folder in a store. ``given``: a ledger that is not beside it."""

    def __init__(self, place: Path, given: Path | None) -> None:
        self._place = place
        self._given = given

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._place.name

    @property
    def in_store(self) -> bool:
        """By the store's mark."""
        return any((at / MARKER).is_file() for at in (self._place, self._place.parent))

    def recordings(self, findings: Findings) -> Iterator[str]:
        """By name; what is none is noted."""
        for path in _bags(self._place, findings):
            yield path.name

    def of_day(self, day: str) -> Iterator[str]:
        """As ``days/<day>/`` has them, which is a store's."""
        folder = self._place / "days" / day
        yield from sorted(path.name for path in folder.iterdir()) if folder.is_dir() else ()

    def ledger(self, findings: Findings, checked: list[str]) -> Ledger | None:
        """The one given, or the one that lies there."""
        folder = self._given or next(
            (p for p in (self._place / "ledger", self._place.parent / "ledger") if _is_folder(p)),
            None,
        )
        return None if folder is None else verification_ledger.read(folder, findings)

    def aside(
        self, findings: Findings, vouched: Vouched, unchecked: list[str]
    ) -> Mapping[str, str]:
        """By the desk's own record."""
        return verification_note.read(self._place, findings, vouched, unchecked)

    def statements(self, findings: Findings) -> list[Path]:
        """Here."""
        return [self._place]

    def look(self, recording: str, judge: Callable[[Inventory], Report]) -> Report:
        """Of the folder of that name."""
        return judge(bag_at(self._place / recording))


def devices_in(folder: Path, ledger: Path | None) -> Iterator[Path]:
    """The folders that hold one device's recordings: itself, or its children in a store."""
    if not folder.is_dir():
        return
    inside = sorted(p for p in folder.iterdir() if _is_folder(p) and not p.name.startswith("."))
    if (
        (ledger is not None and not (folder / MARKER).is_file())
        or (folder / "ledger").is_dir()
        or any(_may_be_recording(p) for p in inside)
    ):
        yield folder
        return
    for child in inside:
        if (child / "ledger").is_dir() or any(
            _may_be_recording(p) for p in child.iterdir() if _is_folder(p)
        ):
            yield child


def device_in(store: Path, device: str) -> Path:
    """One device's folder in a store. RecorderError where there is none."""
    place = store / device
    if "/" in device or device.startswith(".") or not place.is_dir():
        raise RecorderError(
            "no-device", "the store has nothing of that device", where=f"{store}: {device}",
            remedy="Give the name of one of its folders with --device",
        )  # fmt: skip
    return place


def _is_folder(path: Path) -> bool:
    """What a damaged card does not even show may be one: who looks into it says what is wrong."""
    try:
        return path.is_dir()
    except OSError:
        return True


def _may_be_recording(path: Path) -> bool:
    """By its name, or by what is in it; a statement's bag is none."""
    return number_of(path.name) is not None or (is_recording(path) and not is_statement(path))


def bags_in(place: Path) -> Iterator[Path]:
    """A device's recordings, by name."""
    return _bags(place, Findings())


def _bags(place: Path, findings: Findings) -> Iterator[Path]:
    sent = {place / name for name in verification_live.recordings(place)}
    for path in sorted({*place.iterdir(), *sent}):
        if path in sent and not os.path.lexists(path):
            yield path
            continue
        if path.name.startswith(".") or (path.name in BESIDE and not is_recording(path)):
            if path.name == "quarantine" and path.is_dir():
                for each in sorted(path.iterdir()):
                    findings.add(
                        Level.INCOMPLETE,
                        "quarantined",
                        "could not be parsed",
                        file=f"quarantine/{each.name}",
                    )
            continue
        if os.path.islink(path) or not _is_folder(path):
            findings.add(Level.NOTE, "beside", "no recording", file=path.name)
        elif _may_be_recording(path):
            yield path
        elif is_statement(path):
            continue
        else:
            findings.add(Level.NOTE, "beside", "no recording", file=path.name)
