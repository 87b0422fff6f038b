"""A short form of ``scripts/ordeal``: power cuts on disks that lose what they may lose."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ordeal import cuts, mutations
from tests.rigs.disks import CacheDisk, Disk, PosixDisk, SnapshotDisk

CUTS = 10
WORST_S = 1.3


def run(make: Callable[[Path], Disk], here: Path, count: int, forgotten: str = "") -> cuts.Result:
    disk = make(here / "rig")
    (here / "device").mkdir()
    log: list[str] = []
    try:
        if forgotten:
            source = mutations.mutant(forgotten, here)
            return cuts.run(disk, here / "device", count, 1, log.append, source=source)
        return cuts.run(disk, here / "device", count, 1, log.append)
    finally:
        disk.close()
        print("\n".join(log))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("make", [SnapshotDisk, CacheDisk, PosixDisk])
def test_a_power_cut_loses_the_fragment_in_the_making_and_nothing_else(
    make: Callable[[Path], Disk], tmp_path: Path
) -> None:
    result = run(make, tmp_path, CUTS)
    assert result.wrong == []
    assert result.cuts == CUTS
    assert result.lost_s
    assert sum(lost <= WORST_S for lost in result.lost_s) >= len(result.lost_s) - 1


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", mutations.FORGOTTEN)
def test_a_recorder_that_forgets_a_sync_is_found_out(name: str, tmp_path: Path) -> None:
    assert run(PosixDisk, tmp_path, 2, name).wrong
