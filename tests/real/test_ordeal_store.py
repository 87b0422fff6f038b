"""A short form of ``scripts/ordeal --only store``: a gateway that fails open, and a strict one."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.ordeal import store
from tests.rigs.gateway import Gateway, Release

CUTS = {"sync killed": 5, "gateway killed": 2, "gateway frozen": 2}


@pytest.mark.parametrize("release", ["lenient", "strict"])
def test_cut_anywhere_every_bag_is_whole_and_once_and_a_cut_costs_a_file(
    release: Release, tmp_path: Path
) -> None:
    with closing(Gateway(release, tmp_path)) as gateway:
        log: list[str] = []
        result = store.run(gateway, "evidence", tmp_path, CUTS, 1, log.append)
    print("\n".join(log), result)
    assert result.wrong == []
    assert result.cuts == CUTS and result.bags > 1
    assert result.versions <= (0 if release == "strict" else result.cuts.total())
