"""A sheet in Chinese has a Chinese word for whatever verification can find."""

import re
from pathlib import Path

import pytest

from recorder import evidence
from recorder.evidence import words

SOURCE = Path(evidence.__file__).parent
CODE = re.compile(r'(?:Level\.[A-Z]+,|Defect\([^,]*,[^,]*,|_wrong\()\s*"([a-z][a-z0-9-]+)"')
CODES = sorted({code for file in SOURCE.glob("*.py") for code in CODE.findall(file.read_text())})


def test_the_source_names_its_findings() -> None:
    assert {"missing", "sequence", "line-torn", "unbegun"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_finding_has_a_chinese_word(code: str) -> None:
    assert words.word("finding", code) != code
