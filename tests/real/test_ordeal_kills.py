"""A short form of ``scripts/ordeal``: SIGKILL of everything, at the steps that matter."""

from pathlib import Path

import pytest

from tests.ordeal import kills

KILLS = 10


@pytest.mark.timeout(300)
def test_after_any_kill_it_goes_on_by_itself_and_every_recording_is_whole(tmp_path: Path) -> None:
    log: list[str] = []
    result = kills.run(tmp_path, KILLS, 1, log.append)
    print("\n".join(log))
    assert result.wrong == []
    assert result.kills.total() == KILLS
    assert result.recordings
