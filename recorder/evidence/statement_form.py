"""The Chinese form of a statement (Art. 15), to print on A4 and to sign by hand: one HTML file.

Prefilled with what the device has on record, and with what people wrote where that is given;
personal data only where a custodian's key opened it. Fetches nothing, has no script.
"""

from collections.abc import Iterator
from html import escape

import msgspec

from recorder.clock import NS, parse_iso
from recorder.evidence.due import Owed
from recorder.evidence.local import local_time
from recorder.evidence.statement_text import Text
from recorder.evidence.story import Story
from recorder.evidence.words import span, word
from recorder.session.catalogue import NONE, Catalogue

_STYLE = """
@page { size: A4; margin: 12mm 16mm 10mm; }
* { box-sizing: border-box; }
html { background: #e9ebee; }
body { margin: 0; color: #111; font: 10.5pt/1.45 "Noto Serif CJK SC", "Source Han Serif SC",
  "SimSun", "WenQuanYi Micro Hei", "Noto Sans CJK SC", serif; }
main { background: #fff; width: 210mm; min-height: 297mm; margin: 8mm auto;
  padding: 12mm 16mm 10mm; box-shadow: 0 1px 6px rgba(0,0,0,.18); }
.office { margin: 0; text-align: center; font-size: 14pt; letter-spacing: .12em; }
h1 { margin: 1mm 0 0; text-align: center; font-size: 19pt; letter-spacing: .14em; }
.basis { margin: 1mm 0 3mm; text-align: center; font-size: 9.5pt; color: #333; }
.filed { display: flex; justify-content: space-between; margin: 0 0 1.5mm; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; border: 1.1pt solid #111; }
col.label { width: 29mm; }
th, td { border: .6pt solid #111; padding: 1mm 2mm; text-align: left; vertical-align: middle;
  overflow-wrap: anywhere; }
th { text-align: center; font-weight: 600; padding: 1mm; white-space: pre-line; }
td.write { height: 7.7mm; }
tr.long td { vertical-align: top; white-space: pre-wrap; height: var(--room); }
td.boxes span { display: inline-block; margin-right: 5mm; line-height: 1.7; white-space: nowrap; }
td .mark { display: block; white-space: normal; color: #222; }
td.sign { height: 17mm; vertical-align: bottom; }
td.sign .date { float: right; }
tr { break-inside: avoid; }
ol { margin: 2.5mm 0 0; padding-left: 5mm; color: #333; font-size: 8.5pt; line-height: 1.5; }
@media print { html { background: none; }
  main { width: auto; min-height: 0; margin: 0; padding: 0; box-shadow: none; } }
"""
_CATEGORIES = (
    ("fault", "设备突发故障"),
    ("weather", "天气恶劣"),
    ("obstruction", "现场人员阻挠"),
    ("other", "其他客观原因"),
    ("not_objective", "非客观原因（电量、存储不足，误操作等）"),
)
_DATE = "　　　　年　　月　　日"
_ROOM = {
    "what_happened": ("一、情况经过", 27),
    "act_during": ("二、当时正在\n进行的执法活动", 16),
    "act_went_on": ("三、执法行为\n是否继续", 15),
    "recorded_instead": ("四、以何种方式\n替代记录", 15),
    "why_not": ("五、未恢复记录\n或未口述原因\n的理由", 17),
    "proof": ("六、佐证材料\n（名称、份数）", 15),
}
_ASIDE = {
    "act_went_on": "□ 继续　　□ 停止　　说明：",
    "recorded_instead": "□ 文字记录　　□ 其他音像设备　　□ 无　　说明：",
}


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the device has on record of the thing to be explained, in words for a case file."""

    about: str
    what: str
    why: str
    device: str
    officer: str = ""
    organisation: str = ""
    rule: str = ""
    act: str = ""
    case_number: str = ""
    place: str = ""
    parties: str = ""
    from_local: str = ""
    to_local: str = ""
    lasted: str = ""
    found: str = ""
    detail: str = ""
    chosen: str = ""


def facts(owed: Owed, story: Story | None, catalogue: Catalogue = NONE) -> Facts:
    """The device's side. ``story`` is None for a line of the ledger: it knows no case, and of the
    act only the id, which ``catalogue`` puts into words."""
    offset_min = story.offset_min if story else 480
    opened = story.open if story else None
    act = opened.act if opened else None
    lasted = ""
    if owed.from_utc and owed.to_utc and owed.ledger_line is None:
        try:
            lasted = span((parse_iso(owed.to_utc) - parse_iso(owed.from_utc)) / NS)
        except ValueError:
            lasted = ""
    if owed.ledger_line is not None:
        what = f"未能开始记录（台账第 {owed.ledger_line} 行）"
    elif owed.interruption is None:
        what = "记录整体（非正常结束）"
    else:
        what = f"第 {owed.interruption} 次中止"
    return Facts(
        about=owed.about,
        what=what,
        why="；".join(word("why", why) for why in owed.why),
        device=owed.device,
        officer=opened.officer if opened else "",
        organisation=opened.organisation if opened else "",
        rule=opened.rule if opened else "",
        act=_act(act.title, act.article, act.obligation)
        if act
        else _named(owed.detail.partition(";")[0].removeprefix("act "), catalogue)
        if not opened
        else "",
        case_number=act.case_number if act else "",
        place=story.personal("place") if story else "",
        parties=story.personal("subject") if story else "",
        from_local=local_time(owed.from_utc, offset_min),
        to_local=local_time(owed.to_utc, offset_min),
        lasted=lasted,
        found=word("cause", owed.cause) if owed.cause else "",
        detail=owed.detail,
        chosen=word("category", owed.chosen) if owed.chosen else "",
    )


def _act(title: str, article: str, obligation: str) -> str:
    return f"{title}（{article}，{word('obligation', obligation)}）"


def _named(act_id: str, catalogue: Catalogue) -> str:
    entry = catalogue.find(act_id)
    return _act(entry.title, entry.article, entry.obligation) if entry else act_id


def as_html(known: Facts, text: Text | None = None) -> str:
    """The whole document, UTF-8; ``text``: what was written already, to be signed."""
    return "\n".join(_document(known, text)) + "\n"


def _document(known: Facts, text: Text | None) -> Iterator[str]:
    missed = known.what.startswith("未能")
    title = "未能进行音像记录情况说明" if missed else "音像记录中止情况说明"
    rule = f"《{known.rule}》" if known.rule else "行政执法全过程记录办法"
    office = known.organisation or "＿" * 12
    yield '<!doctype html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title} {escape(known.about)}</title>"
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
    yield f'<p class="office">{escape(office)}</p><h1>{title}</h1>'
    yield f'<p class="basis">（依据{escape(rule)}第十五条）</p>'
    yield '<p class="filed"><span>归档编号：＿＿＿＿＿＿＿＿＿＿＿＿</span>'
    yield f"<span>填写日期：{_DATE}</span></p>"
    yield '<table><colgroup><col class="label"><col><col class="label"><col></colgroup><tbody>'
    yield from _head(known, text)
    yield _boxes(text.category if text else "")
    for key, (label, room_mm) in _ROOM.items():
        written = str(getattr(text, key)) if text else ""
        aside = "" if text else _ASIDE.get(key, "")
        yield f'<tr class="long" style="--room:{room_mm}mm"><th>{label}</th>'
        yield f'<td colspan="3">{escape(written or aside)}</td></tr>'
    yield from _signatures(text)
    yield "</tbody></table>"
    yield "<ol><li>各栏均须填写；确实不清楚的，写“不详”。身份证号、电话号码不写入本表。</li>"
    yield "<li>“设备查明”“按键选择”由设备记录，“原因类别”由说明人认定，各自保留，互不替代。</li>"
    yield "<li>本表签名后由档案人员加密、签名归档，与原始音像记录并存，不改变原始记录。</li></ol>"
    yield "</main>\n</body>\n</html>"


def _head(known: Facts, text: Text | None) -> Iterator[str]:
    case = text.case_number if text else known.case_number
    place = text.place if text else known.place
    parties = text.parties if text else known.parties
    yield _pair("案号", case, "记录编号", known.about)
    yield _pair("执法事项", known.act, "当事人", parties)
    yield _pair("时间", text.time if text else "", "地点", place)
    yield _pair("设备编号", known.device, "佩戴人编号", known.officer)
    yield _pair("说明事项", known.what, "须说明情形", known.why)
    yield _pair("设备记录起", known.from_local, "设备记录止", known.to_local or "未记录")
    lasted = known.lasted or "不详（设备未记录）"
    found = escape(known.found or "未查明")
    yield _pair("设备记录时长", lasted, "按键选择", known.chosen or "未选择")
    yield f'<tr><th>设备查明</th><td class="write" colspan="3">{found}</td></tr>'


def _pair(left: str, value: str, right: str, other: str) -> str:
    cells = "".join(
        f'<th>{label}</th><td class="write">{escape(shown)}</td>'
        for label, shown in ((left, value), (right, other))
    )
    return f"<tr>{cells}</tr>"


def _boxes(chosen: str) -> str:
    boxes = "".join(
        f"<span>{'☑' if code == chosen else '□'} {label}</span>" for code, label in _CATEGORIES
    )
    return f'<tr><th>原因类别\n（说明人认定）</th><td class="boxes" colspan="3">{boxes}</td></tr>'


def _signatures(text: Text | None) -> Iterator[str]:
    rows = (("author", "说明人"), ("fellow_officer", "同行执法人员"))
    cells = ""
    for key, label in rows:
        name = str(getattr(text, key)) if text else ""
        shown = f'<span class="mark">{escape(name)}</span>' if name else ""
        cells += (
            f'<th>{label}\n（签名）</th><td class="sign">{shown}'
            f'{"" if name else "执法证号：<br>"}<span class="date">{_DATE}</span></td>'
        )
    yield f"<tr>{cells}</tr>"
    opinion = f'<span class="mark">{escape(text.head_opinion)}</span>' if text else ""
    yield "<tr><th>负责人意见\n（是否属于\n客观原因）</th>"
    yield f'<td class="sign" colspan="3">{opinion}'
    yield f'<span class="date">签名：　　　　　　　{_DATE}</span></td></tr>'
