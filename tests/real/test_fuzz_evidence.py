"""A few seconds of bad input for every parser of evidence; and that faults are found."""

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz.runner import fuzz
from tests.fuzz.targets import names
from tests.real import test_fuzz_device

SECONDS = 5
PARSERS = ("age", "bag", "boxes", "custodians", "ledger", "lines", "register", "spool", "statement")


@pytest.mark.parametrize("name", PARSERS)
def test_bad_input_crashes_nothing_and_no_lie_is_accepted(name: str, tmp_path: Path) -> None:
    result = fuzz(name, SECONDS, tmp_path, seed=7)
    print(result.line())
    assert result.findings == ()


@pytest.mark.parametrize("blind", [False, True], ids=["guided", "blind"])
def test_the_fuzzer_finds_a_crash_a_hang_and_a_lie(blind: bool, tmp_path: Path) -> None:
    """Without atheris, too; then the line says that coverage was not measured."""
    result = fuzz("tests.real.planted_parser", 15, tmp_path, seed=7, blind=blind)
    for kind in ("KeyError", "Hangs", "Broken"):
        assert any(kind in finding for finding in result.findings), (kind, result)
    measured = importlib.util.find_spec("atheris") is not None and not blind
    assert ("not measured" in result.line()) != measured


def test_every_parser_is_fuzzed() -> None:
    assert sorted((*PARSERS, *test_fuzz_device.PARSERS)) == sorted(names())
