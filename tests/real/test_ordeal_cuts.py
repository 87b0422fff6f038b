"""A short form of ``scripts/ordeal``: power cuts on disks that lose what they may lose."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ordeal import cuts
from tests.rigs.disks import CacheDisk, Disk, PosixDisk, SnapshotDisk

CUTS = 10
WORST_S = 5.0
"""Far more than a fragment and its way to the card, also on a busy machine; how much it is, is
printed, and measured by the long run."""


@pytest.mark.timeout(400)
@pytest.mark.parametrize("make", [SnapshotDisk, CacheDisk, PosixDisk])
def test_a_power_cut_loses_the_fragment_in_the_making_and_nothing_else(
    make: Callable[[Path], Disk], tmp_path: Path
) -> None:
    disk = make(tmp_path / "rig")
    (tmp_path / "device").mkdir()
    log: list[str] = []
    try:
        result = cuts.run(disk, tmp_path / "device", CUTS, 1, log.append)
    finally:
        disk.close()
        print("\n".join(log))
    assert result.wrong == []
    assert result.cuts == CUTS
    assert result.lost_s
    print(result.lost())
    assert max(result.lost_s) < WORST_S
