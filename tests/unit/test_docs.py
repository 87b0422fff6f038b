"""The documents say what the code does: every line, every verb."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from recorder.capture.messages import Track, TrackRun
from recorder.evidence import desk_note, drill, lines
from recorder.evidence.statement import Statement
from recorder.evidence.statement_form import Facts
from recorder.evidence.statement_text import Text
from recorder.sync.receipts import Receipt

ROOT = Path(__file__).resolve().parent.parent.parent
FORMATS = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
SHAPES = [*get_args(lines.Journal), *get_args(lines.Ledger), *get_args(desk_note.Body)]
PARTS = [lines.Act, lines.Continues, lines.CheckRecord, lines.Private, Track, TrackRun, Receipt,
         Statement, Facts, Text, drill.Asked]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.__name__)
def test_every_line_and_field_stands_in_the_formats(shape: Any) -> None:
    kind = shape.__struct_config__.tag
    entries = [e for e in re.split(r"\n- ", FORMATS) if e.startswith(f"**`{kind}`**")]
    assert entries, kind
    fields = set(shape.__struct_fields__)
    assert any(fields <= set(re.findall(r"`(\w+)` ", entry)) for entry in entries), (kind, fields)


@pytest.mark.parametrize("part", PARTS, ids=lambda s: s.__name__)
def test_every_part_of_a_line_stands_in_the_formats(part: Any) -> None:
    missing = [field for field in part.__struct_fields__ if f"`{field}`" not in FORMATS]
    assert not missing


def test_readme_names_only_verbs_that_exist() -> None:
    from recorder.cli import _parser

    known = set(re.findall(r"[a-z]+", _parser().format_help()))
    for name in ("README.md", "README.zh.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for verb in re.findall(r"(?:^|`)recorder ([a-z]+)", text, re.MULTILINE):
            assert verb in known, (name, verb)


def test_no_document_names_a_machine_or_a_registry() -> None:
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.lock")):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|pypi\.|pythonhosted|/root/|/home/", text), path.name
