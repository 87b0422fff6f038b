"""``recorder verify`` of a folder: one recording, a spool, a device's folder or a whole store."""

from collections.abc import Iterator
from pathlib import Path

from recorder.errors import RecorderError
from recorder.evidence.statement_check import is_statement
from recorder.evidence.verification import is_recording
from recorder.evidence.verification_many import Given, judge_all
from recorder.evidence.verification_report import FolderReport
from recorder.evidence.verification_yard import FolderYard, Yard, device_in, devices_in
from recorder.spool import number_of


def is_one(path: Path) -> bool:
    """To be judged as one recording. RecorderError for a statement."""
    if is_statement(path) and number_of(path.resolve().name) is None:
        raise RecorderError(
            "no-bag", "this is a statement, no recording", where=str(path),
            remedy="Give the folder of the device that it is about, or `recorder statement read`",
        )  # fmt: skip
    return is_recording(path) or not path.is_dir()


def judge_folder(
    folder: Path, given: Given, *, ledger: Path | None = None, device: str = ""
) -> FolderReport:
    """Check a spool, a device's folder in a store, or a whole store: every recording, each held
    against the ledger, and every recording that the ledger has and the folder has not. ``device``:
    one of a store's.

    Raises RecorderError where there is neither a recording nor a ledger in it.
    """
    return judge_all(str(folder), _yards(folder, ledger, device, given.day), given)


def _yards(folder: Path, ledger: Path | None, device: str, day: str) -> Iterator[Yard]:
    places = [device_in(folder, device)] if device else list(devices_in(folder, ledger))
    if ledger is not None and len(places) > 1:
        raise RecorderError(
            "which-device", "one ledger is given, and there are several devices", where=str(folder),
            remedy="Say with --device whose it is; without --ledger each one's own counts",
        )  # fmt: skip
    for place in places:
        if day and not (place / "days").is_dir():
            raise RecorderError(
                "no-days", "nothing there is listed by days", where=str(place),
                remedy="--day needs a store, or a device's folder in one; a spool has no days",
            )  # fmt: skip
        yield FolderYard(place, ledger)
