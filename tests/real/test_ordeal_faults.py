"""A short form of ``scripts/ordeal``: one recording under faults of everything."""

from pathlib import Path

import pytest

from tests.ordeal import faults

SECONDS, EVERY_S = 60.0, 7.5


@pytest.mark.timeout(240)
def test_every_instant_of_a_recording_under_faults_is_covered_degraded_or_explained(
    tmp_path: Path,
) -> None:
    log: list[str] = []
    result = faults.run(tmp_path, SECONDS, EVERY_S, 1, log.append)
    print("\n".join([*log, *result.table(), result.covered()]))
    assert result.wrong == []
    assert len(result.faults) >= SECONDS // EVERY_S
    assert result.report is not None
    assert result.report.interruptions
    assert result.report.degraded
