"""The sections of the record sheet that the journal's events fill."""

from collections.abc import Mapping

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.due import Owed
from recorder.evidence.local import local_time
from recorder.evidence.sheet_shape import Section, Table
from recorder.evidence.story import Story
from recorder.evidence.timeline import Entry
from recorder.evidence.verification_report import Report
from recorder.evidence.words import place, span, value, word

DOUBTFUL = "时钟不可靠，各项时间仅供参考；片中位置与时长不受影响。"


def elements(story: Story) -> Section:
    """What the opening said, element by element, to be checked by people (Art. 14)."""
    rows = []
    last: dict[str, Entry] = {}
    for entry in story.entries:
        if isinstance(entry.body, lines.Slot):
            last[entry.body.element] = entry
    for element, entry in last.items():
        assert isinstance(entry.body, lines.Slot)
        where = place(story.into_s(entry.body.from_ns))
        if entry.body.to_ns is not None:
            where += f" – {place(story.into_s(entry.body.to_ns))}"
        rows.append((word("element", element), word("slot", entry.body.state), where, "□"))
    told = any(isinstance(e.body, lines.Spoken) and e.body.phrase == "notice_all"
               and e.body.outcome == "spoken" for e in story.entries)  # fmt: skip
    return Section(
        "开始时语音说明的要素（第十四条）",
        tables=(Table(("要素", "方式", "片中位置", "已核"), tuple(rows), "未作说明"),),
        notes=(f"告知当事人及现场其他人员正在录音录像：{'已播报' if told else '未播报'}。",),
    )


def marks(story: Story, names: Mapping[str, str]) -> Section:
    """Key content, notices, stages and obstructions, and what was never marked (Art. 12, 16)."""
    rows = []
    never: tuple[str, ...] = ()
    for entry in story.entries:
        body = entry.body
        if isinstance(body, lines.Mark):
            item = names.get(body.item or "", body.item or "一般标记")
            rows.append((item, place(story.into_s(body.at_ns)),
                         story.local(entry, body.at_ns)))  # fmt: skip
        elif isinstance(body, lines.Notice | lines.Obstruction | lines.Stage | lines.Sensitive):
            rows.append((_event(body), place(story.into_s(body.at_ns)),
                         story.local(entry, body.at_ns)))  # fmt: skip
        elif isinstance(body, lines.Unmarked):
            never = tuple(names.get(item, item) for item in body.items)
    notes = [f"未标记的重点内容：{'、'.join(never)}。"] if never else []
    if rows and story.end.doubtful:
        notes.append(DOUBTFUL)
    return Section(
        "重点内容标记（第十二条、第十六条）",
        tables=(Table(("内容", "片中位置", "时间"), tuple(rows)),),
        notes=tuple(notes),
    )


def _event(body: lines.Notice | lines.Obstruction | lines.Stage | lines.Sensitive) -> str:
    match body:
        case lines.Notice():
            return "告知现场拍摄人员"
        case lines.Obstruction():
            return "现场人员阻挠"
        case lines.Stage():
            return f"进入环节：{body.stage}" + ("（自此应当记录）" if body.raised else "")
        case lines.Sensitive():
            return "敏感内容开始" if body.on else "敏感内容结束"


def interruptions(story: Story, report: Report) -> Section:
    """Every interruption and every degraded stretch (Art. 15)."""
    rows = []
    owed = {o.interruption: o for o in report.owed}
    for gap in report.interruptions:
        lasted = "未恢复" if gap.to_ns is None else span((gap.to_ns - gap.from_ns) / NS)
        category = "—" if gap.category is None else word("category", gap.category)
        reason = f"已口述（{place(gap.reason_from_s)}）" if gap.reason_heard else "未口述"
        if gap.statement_due or gap.number in owed:
            reason += "，须书面说明" + _archived(owed.get(gap.number))
        rows.append((str(gap.number), local_time(gap.from_utc, story.offset_min), lasted,
                     place(gap.from_s), word("cause", gap.cause), category, reason))  # fmt: skip
    bad = [(word("state", s.what), f"{place(s.from_s)} – {place(s.to_s)}", span(s.to_s - s.from_s))
           for s in report.degraded]  # fmt: skip
    notes = []
    if any(isinstance(e.body, lines.StatementDue) and e.body.interruption is None
           for e in story.entries):  # fmt: skip
        notes.append(f"记录非正常结束，须事后书面说明{_archived(owed.get(None))}。")
    if rows and story.end.doubtful:
        notes.append(DOUBTFUL)
    return Section(
        "中止与异常（第十五条）",
        tables=(
            Table(("序", "中止时间", "时长", "片中位置", "设备查明", "执法人员选择", "口述原因"),
                  tuple(rows), "无中止"),
            Table(("画面、声音异常", "片中位置", "时长"), tuple(bad), "无异常"),
        ),
        notes=tuple(notes),
    )  # fmt: skip


def _archived(owed: Owed | None) -> str:
    if owed is None or not owed.archived:
        return "（尚未归档）"
    return f"（已归档：{'、'.join(owed.archived)}）"


def checks(story: Story) -> Section:
    """What was measured before the press (Art. 13)."""
    rows = []
    for entry in story.entries:
        if isinstance(entry.body, lines.Checks):
            rows = [(word("check", r.name), value(r.value), value(r.limit),
                     word("level", r.level))
                    for r in entry.body.results]  # fmt: skip
            break
    return Section(
        "记录前检查（第十三条）",
        tables=(Table(("项目", "实测", "限值", "结果"), tuple(rows), "无检查结果"),),
    )
