"""A drive that acknowledges flushes and forgets them: it may lose, but never silently.

What the device had written when the power went is held against what is left and against what
``recorder verify`` says of that, with the ledger as the store would have it.
"""

import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.errors import RecorderError
from recorder.evidence import lines
from recorder.evidence.chain import sync_folder
from recorder.evidence.verification_report import FolderReport, Level
from tests.ordeal.reboot import FINE, register_of, start_on
from tests.rigs.daemon import DEMO, Daemon, journal_of
from tests.rigs.disks import CacheDisk
from tests.unit.evidence.judge import verify_folder

CUTS_A_DISK = 10
SETTINGS = DEMO.replace("seconds = 4.0", "seconds = 1.0")


class Result(msgspec.Struct):
    """``lost`` counts cuts after which something was missing that had been acknowledged."""

    cuts: int = 0
    unreadable: int = 0
    lost: int = 0
    told: int = 0
    wrong: list[str] = msgspec.field(default_factory=list)


class Had(msgspec.Struct, frozen=True):
    """A recording before the cut: its journal's raw lines, and its signature where sealed."""

    lines: tuple[bytes, ...]
    signature: bytes


def run(here: Path, count: int, seed: int, tell: Callable[[str], None]) -> Result:
    """``count`` cuts of drives that begin to lie while they are used."""
    dice, result = random.Random(seed), Result()
    while result.cuts < count:
        place = here / f"disk-{result.cuts}"
        disk = CacheDisk(place / "rig")
        try:
            _use(disk, place / "device", min(CUTS_A_DISK, count - result.cuts), dice, result, tell)
        finally:
            disk.close()
    return result


def _use(
    disk: CacheDisk, here: Path, count: int, dice: random.Random, result: Result,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    here.mkdir()
    device = Daemon(here, SETTINGS)
    (disk.path / "spool").mkdir()
    (here / "spool").symlink_to(disk.path / "spool")
    sync_folder(disk.path)
    device.start()
    try:
        for _ in range(count):
            disk.lie(False)
            if dice.random() < 0.5:
                disk.lie(True)
            device.ask("start")
            time.sleep(dice.uniform(0.5, 3))
            disk.lie(True)
            time.sleep(dice.uniform(0.5, 3))
            if dice.random() < 0.7:
                device.end()
            _cut(disk, device, here / f"reboot-{result.cuts}", result, tell)
            if device.status()["state"] != "ready":
                device.end()
    finally:
        device.stop()


def _cut(
    disk: CacheDisk, device: Daemon, here: Path, result: Result, tell: Callable[[str], None]
) -> None:
    had = {
        each.name: Had(
            tuple(line.raw for line in journal_of(each, torn=True)), _signature(each)
        )
        for each in device.recordings()
    }  # fmt: skip
    ledger = here.with_suffix(".ledger")
    shutil.copytree(device.spool / "ledger", ledger)
    name = here.name
    result.cuts += 1
    try:
        left = disk.cut(name).path
    except subprocess.CalledProcessError:
        result.unreadable += 1
        tell(f"{name}: the file system does not mount")
        return
    try:
        _, wrong, _ = start_on(device, left, here, here / "no-store")
        lost = _lost(had, left / "spool")
        silent, told = _judge(device, left / "spool", ledger, lost)
        result.lost += bool(lost)
        result.told += told
        result.wrong += [f"{name}: {text}" for text in (*wrong, *silent)]
        tell(f"{name}: {len(lost)} recordings lost something, {told} told"
             + "".join(f"\n    {text}" for text in (*wrong, *silent)))  # fmt: skip
    finally:
        disk.drop(name)


def _signature(bag: Path) -> bytes:
    path = bag / "tagmanifest-sha256.txt.sig"
    return path.read_bytes() if path.exists() else b""


def _lost(had: dict[str, Had], spool: Path) -> list[str]:
    """Recordings that are not what they were, but for the tail of an open one."""
    lost = []
    for name, was in had.items():
        bag = spool / name
        try:
            if not bag.exists():
                raise FileNotFoundError(name)
            now = tuple(line.raw for line in journal_of(bag, torn=True))
        except (RecorderError, OSError):
            lost.append(name)
            continue
        common = [a == b for a, b in zip(was.lines, now, strict=False)]
        if was.signature:
            same = was.lines == now and was.signature == _signature(bag)
        else:
            # An open one may end earlier: then what was added says so by its own lines.
            same = all(common) or _recovered(bag)
        if not same:
            lost.append(name)
    return lost


def _recovered(bag: Path) -> bool:
    return any(isinstance(line.body, lines.Recovered) for line in journal_of(bag, torn=True))


def _judge(device: Daemon, spool: Path, ledger: Path, lost: list[str]) -> tuple[list[str], int]:
    """(losses of which ``verify`` says nothing, those of which it does)."""
    register, identities = register_of(device), device.identities()
    reports = []
    for known in (None, ledger):
        try:
            reports.append(
                verify_folder(spool, register=register, ledger=known, identities=identities)
            )
        except RecorderError:
            continue  # neither a recording nor a ledger is left: the next one says so
    silent = [f"{name} lost something and verify says nothing" for name in lost
              if not any(_says(report, name) for report in reports)]  # fmt: skip
    return silent, len(lost) - len(silent)


def _says(report: FolderReport, name: str) -> bool:
    """The report has a finding about this recording, or about the ledger that holds it."""
    own = any(each.recording == name and each.verdict not in FINE for each in report.recordings)
    return own or any(
        f.level is not Level.NOTE and (name in f.text or name in (f.file or ""))
        for f in report.findings
    )
