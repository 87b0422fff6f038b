"""The record sheet (音像记录情况说明) of one recording (Art. 6, 9, 14, 15).

Made from the journal and from what verification found; personal data only where a custodian's
key opened it. What people have to judge (what it proves, who checked) stays a blank to fill in.
Lays out nothing itself: ``sheet_html.py`` and ``sheet_text.py`` print what is built here.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import MAXYEAR, timedelta

from recorder.evidence import lines
from recorder.evidence.local import local_day, local_time
from recorder.evidence.sheet_events import checks, elements, interruptions, marks
from recorder.evidence.sheet_shape import BLANK, NONE, Row, Section, Sheet, Stored, Table
from recorder.evidence.story import Story
from recorder.evidence.verification_report import Report
from recorder.evidence.wall_time import Instant
from recorder.evidence.words import span, word

_HIDDEN = "（已加密，须持保管人密钥查看）"


def make(
    story: Story,
    report: Report,
    stored: Stored | None = None,
    names: Mapping[str, str] | None = None,
) -> Sheet:
    """Build the sheet. Times are the device's local time, with the clock's quality beside them;
    ``names`` are the catalogue's words for content items."""
    names = names or {}
    opened = story.open
    organisation = opened.organisation if opened else ""
    if opened and opened.entrusted_by:
        organisation = f"{opened.entrusted_by}（委托{opened.organisation}实施）"
    return Sheet(
        title="音像记录情况说明",
        recording=report.recording,
        organisation=organisation,
        verdict=_verdict(report),
        good=report.exit_code == 0 and not report.demo,
        sections=(
            _head(story, report, organisation),
            elements(story),
            marks(story, names),
            interruptions(story, report),
            checks(story),
            _files(story, report),
            _keeping(story, stored or Stored()),
            Section("调阅、复制记录", tables=(
                Table(("时间", "调阅（复制）人", "事由", "批准人", "方式及份数"), (), blanks=3),)),
            Section("声音文字记录", rows=(Row("主要内容", BLANK), Row("", BLANK), Row("", BLANK),
                                    Row("转写人签名、日期", BLANK))),
        ),
        signatures=("制表人（签名）", "复核人（签名）", "日期"),
    )  # fmt: skip


def _verdict(report: Report) -> str:
    verdict = word("verdict", report.verdict.value)
    return f"{verdict}（{word('finding', 'demo')}）" if report.demo else verdict


def _head(story: Story, report: Report, organisation: str) -> Section:
    opened, act, facts = story.open, story.open.act if story.open else None, report.facts
    case_number = story.personal("case_number") or (act.case_number if act else "")
    officers = story.officers() or (_HIDDEN if story.closed else "")
    start = end = press = clock = ""
    if facts is not None:
        start, end, press = (
            _time(at, story.offset_min) for at in (facts.start, facts.end, facts.press)
        )
        clock = "；".join(dict.fromkeys(map(_quality, (facts.start, facts.end))))
    rows = [
        Row("案号", case_number or BLANK),
        Row("档号", BLANK),
        Row("记录编号", report.recording),
        Row("执法机关", organisation),
        Row("执法事项", _act(act)),
        Row("制作人（执法证号）", officers or BLANK),
        Row("设备佩戴人编号", opened.officer if opened else ""),
        Row("制作方法", _method(story)),
        Row("制作时间", f"起 {start}　止 {end}"),
        Row("时长", span(facts.duration_s) if facts else ""),
        Row("按键时间", f"{press}（此前预录 {span(facts.pre_recorded_s)}）" if facts else ""),
        Row("时钟质量", clock),
        Row("到场时间", _arrival(story)),
        Row("地点", story.shown("place", _HIDDEN) or BLANK),
        Row("事由", story.shown("reason", _HIDDEN) or BLANK),
        Row("当事人", story.shown("subject", _HIDDEN) or BLANK),
        Row("环节", "、".join(act.stages) if act and act.stages else BLANK),
        Row("相关文书", story.shown("documents", "") or BLANK),
        Row("证明对象", BLANK),
    ]  # fmt: skip
    if opened and opened.continues is not None:
        rows.insert(3, Row("接续记录", opened.continues.recording))
    return Section("基本情况", tuple(rows))


def _time(at: Instant, offset_min: int) -> str:
    """Local time; one that may be wrong says so, for a sheet's reader looks at no other row."""
    shown = local_time(at.utc, offset_min)
    if not shown:
        return "不详"
    return f"{shown}（时钟不可靠，仅供参考）" if at.doubtful else shown


def _quality(at: Instant) -> str:
    if at.contradicted:
        return "各次读数前后矛盾，时间均不采信"
    bound = "" if at.error_ms is None else f"（误差 ±{at.error_ms / 1000:g} 秒）"
    return word("quality", at.quality.value) + bound


def _act(act: lines.Act | None) -> str | None:
    if act is None:
        return BLANK
    return f"{act.title}（{act.article}，{word('obligation', act.obligation)}）"


def _method(story: Story) -> str:
    opened = story.open
    if opened is None:
        return ""
    parts = [f"执法记录仪 {opened.device}", f"软件 {opened.software}"]
    if story.segment is not None:
        for track in story.segment.tracks:
            if track.kind == "video":
                parts.append(f"图像 {track.codec} {track.width}×{track.height}")
            else:
                parts.append(f"声音 {track.codec} {track.sample_rate} Hz")
        parts.append(f"编码器 {story.segment.encoder}")
    return "；".join(parts)


def _arrival(story: Story) -> str | None:
    found = [e.body for e in story.entries if isinstance(e.body, lines.Arrival)]
    if not found:
        return BLANK
    arrived = found[-1].arrived
    shown = local_time(arrived, story.offset_min) if arrived.endswith("Z") else arrived
    return shown.replace("T", " ") + ("（记录开始较晚）" if found[-1].late else "")


def _files(story: Story, report: Report) -> Section:
    listed = tuple((name, f"{size:,}", digest) for name, size, digest in story.files)
    wrong = [f for f in report.findings if f.level.value not in ("note", "degraded")]
    findings = [word("finding", f.code) + (f"（{f.file}）" if f.file else "") for f in wrong]
    more = [f"另有 {len(findings) - 20} 项。"] if len(findings) > 20 else []
    return Section(
        "文件清单与验证",
        rows=(
            Row("封存清单 SHA-256", story.tagmanifest_sha256 or "未封存"),
            Row("签名公钥（Ed25519）", story.open.key if story.open else ""),
            *_desk(report),
            Row("验证方法", "recorder verify；另可用 sha256sum -c、bagit.py --validate、"
                "openssl pkeyutl -verify、age -d、ffprobe 逐项核验"),
            Row("验证结论", _verdict(report)),
            Row("未核验", "、".join(_unchecked(report)) or NONE),
        ),
        tables=(Table(("文件", "字节", "SHA-256"), listed, "未封存，无清单", digits=True),),
        notes=(*findings[:20], *more),
    )  # fmt: skip


def _desk(report: Report) -> Iterable[Row]:
    """A dead device's recording: whose signature the seal is."""
    if report.facts is not None and report.facts.desk:
        yield Row("封存公钥（设备损坏，由档案室封存）", report.facts.desk)


def _unchecked(report: Report) -> Iterable[str]:
    names = {
        "custodian's key": "加密内容（未提供保管人密钥）",
        "ledger": "设备台账（未提供）",
        "register": "密钥登记（未提供）",
    }
    for item in report.not_checked:
        head = item.split(":")[0]
        yield names.get(head, head)


def _keeping(story: Story, stored: Stored) -> Section:
    act = story.open.act if story.open else None
    term = act.retention if act else ""
    match = re.fullmatch(r"([0-9]{1,3})y", term)
    years = int(match[1]) if match else 0
    until = BLANK
    if years and not story.end.doubtful:
        day = local_day(story.end.utc, story.offset_min)
        if day is not None and day.year + years <= MAXYEAR:
            try:
                last = day.replace(year=day.year + years)
            except ValueError:
                last = day.replace(year=day.year + years, day=28) + timedelta(days=1)
            until = f"{last.year}年{last.month}月{last.day}日"
    shown = {"permanent": "永久", "case": "同案卷"}.get(term, f"{years}年" if years else term)
    return Section(
        "存储与保管（第十七条）",
        rows=(
            Row("存储时间", stored.at or BLANK),
            Row("存储器", stored.store or BLANK),
            Row("保管期限", shown or BLANK),
            Row("到期日", until),
        ),
    )
