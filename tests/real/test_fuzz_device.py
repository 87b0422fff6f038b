"""A few seconds of bad input for every parser of what people, capture and sync hand the device."""

from pathlib import Path

import pytest

from tests.fuzz.runner import fuzz

SECONDS = 5
PARSERS = ("case", "catalogue", "config", "control", "messages", "phrases", "receipts")


@pytest.mark.parametrize("name", PARSERS)
def test_bad_input_crashes_nothing_and_no_lie_is_accepted(name: str, tmp_path: Path) -> None:
    result = fuzz(name, SECONDS, tmp_path, seed=7)
    print(result.line())
    assert result.findings == ()
