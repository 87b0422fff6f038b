"""Spools of a bench's own and runs of sync over them, as processes that are measured."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from recorder.config import Settings
from scripts.benches.sync_child import Run
from tests.rigs.gateway import ROOT
from tests.unit.sync.spools import Place

MB = int(os.environ.get("BENCH_MB", "2000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
_SEGMENT_MB = 15
"""20 s at 6 Mbit/s."""
_SEGMENTS = 20
_MADE = "2026-11-23T01:30:00.000Z"


def filled(folder: Path) -> Place:
    """A spool with MB of segments in recordings of up to _SEGMENTS."""
    place = Place(folder)
    left = max(1, MB // _SEGMENT_MB)
    while left:
        count = min(left, _SEGMENTS)
        place.act(_MADE, *[_SEGMENT_MB * 1_000_000] * count)
        left -= count
    return place


def size_mb(folder: Path) -> float:
    """Of all files below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def cold(folder: Path) -> None:
    """On the disk and out of the page cache, as for sync after a day's work."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


def forget(folder: Path) -> None:
    """Sync's own folder without what it knows to be stored."""
    for path in (*(folder / "receipts").glob("*"), folder / "index", folder / "ledger.json"):
        path.unlink(missing_ok=True)


def run(settings: Settings, folder: Path, *words: str) -> Run:
    """One run of sync as a process of its own."""
    path = folder / "settings.json"
    path.write_bytes(msgspec.json.encode(settings))
    command = [sys.executable, "-m", "scripts.benches.sync_child", str(path), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT)
    return msgspec.json.decode(done.stdout, type=Run)


def take_turns(size: float, contenders: dict[str, Callable[[], tuple[float, str]]]) -> None:
    """Print each one's median rate over ROUNDS; each says its seconds and what else to print."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    more: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            seconds, more[name] = contender()
            rates[name].append(size / seconds)
    print(f"{size:.0f} MB, median of {ROUNDS} rounds (lowest to highest)")
    for name, each in rates.items():
        spread = f"({min(each):.0f} to {max(each):.0f})"
        print(f"{name:27} {statistics.median(each):6.1f} MB/s {spread:13} {more[name]}")


def told(found: Run) -> str:
    """What a run cost beside time."""
    return f"{found.cpu_s:.1f} s of CPU, {found.peak_mb:.0f} MB of memory at most"
