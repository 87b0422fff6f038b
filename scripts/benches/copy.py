"""Segments into a folder beside ``rsync --checksum --fsync``, from and to the same disk.

BENCH_MB says how much (2000), BENCH_ROUNDS how often (3).
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from recorder.sync.stores.marker import init_store
from scripts.benches import peers, room
from scripts.benches.segments import cold, filled, forget, run, size_mb, take_turns, told
from tests.unit.sync.spools import Place


def _rsync(place: Place) -> str:
    command, environment = peers.rsync()
    words = ["--recursive", "--checksum", "--fsync", f"{place.spool}/", f"{place.store}/x/"]
    subprocess.run([*command, *words], env=environment, check=True)
    return ""


def _ours(place: Place, *words: str) -> str:
    return told(run(place.settings, place.sync.parent, *words))


CONTENDERS: dict[str, Callable[[Place], str]] = {
    "sync, not read back": lambda place: _ours(place, "unread"),
    "rsync --checksum --fsync": _rsync,
    "sync, every byte read back": _ours,
}


def _timed(place: Place, contender: Callable[[Place], str]) -> tuple[float, str]:
    shutil.rmtree(place.store)
    init_store(place.store)
    forget(place.sync)
    cold(place.spool)
    began = time.perf_counter()
    more = contender(place)
    return time.perf_counter() - began, more


def main() -> None:
    """Median rates, ours with and without the read-back; all take turns in every round."""
    peers.install()
    with tempfile.TemporaryDirectory(dir=room()) as name:
        place = filled(Path(name) / "place")
        take_turns(
            size_mb(place.spool),
            {name: partial(_timed, place, each) for name, each in CONTENDERS.items()},
        )
