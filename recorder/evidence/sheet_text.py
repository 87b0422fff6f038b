"""The record sheet as plain text, for terminals and for files that must outlive every browser."""

from collections.abc import Iterator
from unicodedata import east_asian_width

from recorder.evidence.sheet_shape import Section, Sheet, Table

_WIDTH = 78
_BLANK = "＿" * 16


def as_text(sheet: Sheet) -> str:
    """The whole sheet, UTF-8, lines of about 78 columns."""
    return "\n".join(_document(sheet)) + "\n"


def _document(sheet: Sheet) -> Iterator[str]:
    for line in (sheet.title, sheet.organisation, f"验证结论：{sheet.verdict}"):
        yield " " * max(0, (_WIDTH - _columns(line)) // 2) + line
    for section in sheet.sections:
        yield ""
        yield f"【{section.title}】"
        yield from _section(section)
    yield ""
    yield "　　".join(f"{name}：{'＿' * 6}" for name in sheet.signatures)


def _section(section: Section) -> Iterator[str]:
    width = max((_columns(row.label) for row in section.rows), default=0)
    for row in section.rows:
        yield f"  {_pad(row.label, width)}  {row.value or _BLANK}"
    for table in section.tables:
        yield from _table(table)
    for note in section.notes:
        yield f"  {note}"


def _table(table: Table) -> Iterator[str]:
    if not table.rows and not table.blanks:
        yield f"  {table.empty}"
        return
    rows = [*table.rows, *[("＿" * 4,) * len(table.columns)] * table.blanks]
    widths = [
        max(_columns(row[i]) for row in [table.columns, *rows]) for i in range(len(table.columns))
    ]
    for row in [table.columns, *rows]:
        cells = (_pad(cell, width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _columns(text))
