"""The record sheet as one HTML file: printable on A4, nothing fetched from anywhere, no script."""

from collections.abc import Iterator
from html import escape

from recorder.evidence.sheet_shape import Row, Section, Sheet, Table

_STYLE = """
@page { size: A4; margin: 18mm 16mm 16mm; }
* { box-sizing: border-box; }
html { background: #e9ebee; }
body { margin: 0; color: #16181c; font: 10.5pt/1.55 "Noto Serif CJK SC", "Source Han Serif SC",
  "SimSun", "WenQuanYi Micro Hei", "Noto Sans CJK SC", serif; }
main { background: #fff; width: 210mm; margin: 8mm auto; padding: 18mm 16mm;
  box-shadow: 0 1px 6px rgba(0,0,0,.18); }
h1 { margin: 0; text-align: center; font-size: 20pt; letter-spacing: .18em; font-weight: 700; }
header p { margin: 2mm 0 0; text-align: center; color: #444; }
.verdict { display: block; width: fit-content; margin: 4mm auto 0; padding: 1mm 5mm;
  border: 1.5px solid #9b1c1c; color: #9b1c1c; border-radius: 2px; font-weight: 700; }
.verdict.good { border-color: #1d5c3a; color: #1d5c3a; }
h2 { margin: 6mm 0 2mm; padding-left: 2.5mm; border-left: 1.2mm solid #8c1d18;
  font-size: 12pt; line-height: 1.3; break-after: avoid; }
table { width: 100%; border-collapse: collapse; margin: 0 0 2mm; table-layout: auto; }
th, td { border: .35pt solid #666; padding: 1.2mm 2mm; text-align: left; vertical-align: top; }
th { background: #f4f4f1; font-weight: 600; white-space: nowrap; }
tr { break-inside: avoid; }
thead { display: table-header-group; }
table.rows th { width: 33mm; }
td.blank { height: 8.5mm; }
td.none { color: #666; text-align: center; }
table.digits { font-size: 8pt; line-height: 1.35; }
table.digits td:nth-child(2) { text-align: right; white-space: nowrap; }
table.digits td:last-child { font-family: "DejaVu Sans Mono", "Liberation Mono", monospace;
  font-size: 6.8pt; word-break: break-all; }
td.code { font-family: "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: 8pt;
  word-break: break-all; }
.note { margin: 0 0 1mm; padding-left: 2.5mm; }
.signatures { display: flex; gap: 8mm; margin-top: 12mm; break-inside: avoid; }
.signatures div { flex: 1; border-bottom: .5pt solid #333; padding-bottom: 9mm; }
footer { margin-top: 6mm; color: #666; font-size: 8pt; text-align: center; }
@media print { html { background: none; }
  main { width: auto; margin: 0; padding: 0; box-shadow: none; } }
"""


def as_html(sheet: Sheet) -> str:
    """The whole document, UTF-8."""
    return "\n".join(_document(sheet)) + "\n"


def _document(sheet: Sheet) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(sheet.title)} {escape(sheet.recording)}</title>"
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    yield f"<header><h1>{escape(sheet.title)}</h1>"
    yield f"<p>{escape(sheet.organisation)}</p>"
    good = " good" if sheet.good else ""
    yield f'<p class="verdict{good}">验证结论：{escape(sheet.verdict)}</p></header>'
    for section in sheet.sections:
        yield from _section(section)
    yield '<div class="signatures">'
    yield from (f"<div>{escape(name)}：</div>" for name in sheet.signatures)
    yield "</div>"
    yield "<footer>本表由记录设备的日志生成；空白处由承办人填写，手填内容不改变记录本身。</footer>"
    yield "</main>\n</body>\n</html>"


def _section(section: Section) -> Iterator[str]:
    yield f"<section><h2>{escape(section.title)}</h2>"
    if section.rows:
        yield '<table class="rows"><tbody>'
        yield from (_row(row) for row in section.rows)
        yield "</tbody></table>"
    for table in section.tables:
        yield from _table(table)
    yield from (f'<p class="note">{escape(note)}</p>' for note in section.notes)
    yield "</section>"


def _row(row: Row) -> str:
    if not row.value:
        return f'<tr><th>{escape(row.label)}</th><td class="blank"></td></tr>'
    code = ' class="code"' if row.label.startswith(("封存清单", "签名公钥")) else ""
    return f"<tr><th>{escape(row.label)}</th><td{code}>{escape(row.value)}</td></tr>"


def _table(table: Table) -> Iterator[str]:
    width = len(table.columns)
    yield '<table class="digits">' if table.digits else "<table>"
    yield "<thead><tr>" + "".join(f"<th>{escape(c)}</th>" for c in table.columns) + "</tr></thead>"
    yield "<tbody>"
    for row in table.rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    for _ in range(table.blanks):
        yield "<tr>" + '<td class="blank"></td>' * width + "</tr>"
    if not table.rows and not table.blanks:
        yield f'<tr><td class="none" colspan="{width}">{escape(table.empty)}</td></tr>'
    yield "</tbody></table>"
