"""The ordeal finds a recorder that forgets a sync: else its silence would prove nothing."""

from pathlib import Path

import pytest

from tests.ordeal import cuts, mutations
from tests.rigs.disks import PosixDisk

CUTS = 2


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", mutations.FORGOTTEN)
def test_a_recorder_that_forgets_a_sync_is_found_out(name: str, tmp_path: Path) -> None:
    source = mutations.mutant(name, tmp_path)
    disk = PosixDisk(tmp_path / "rig")
    (tmp_path / "device").mkdir()
    try:
        result = cuts.run(disk, tmp_path / "device", CUTS, 1, lambda _: None, source=source)
    finally:
        disk.close()
    assert result.wrong
