"""The record sheet: every field, personal data only with the key, blanks left for people."""

from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from recorder.clock import NS, ClockState, Quality, parse_iso
from recorder.errors import RecorderError
from recorder.evidence import lines, sheet, story
from recorder.evidence.age import Identity
from recorder.evidence.sheet_html import as_html
from recorder.evidence.sheet_shape import BLANK, Sheet, Stored
from recorder.evidence.sheet_text import as_text
from recorder.evidence.timeline import timeline
from recorder.evidence.verification import verify_recording
from recorder.evidence.verification_report import Verdict
from recorder.evidence.verification_table import render
from tests.unit.evidence import bags

FIELDS = (
    *("案号", "档号", "记录编号", "执法机关", "制作人", "制作方法", "制作时间", "时钟质量"),
    *("地点", "事由", "当事人", "环节", "证明对象", "要素", "片中位置", "标记", "预录", "中止"),
    *("检查", "SHA-256", "验证方法", "验证结论", "存储时间", "存储器", "到期日"),
    *("调阅、复制记录", "声音文字记录", "转写人", "制表人", "复核人", "日期"),
)
PERSONAL = ("王建国", "14088100123", "张营镇东街", "占道经营", "李某某", "3号")


@pytest.fixture
def device(tmp_path: Path) -> bags.Device:
    return bags.Device(tmp_path)


def made(device: bags.Device, bag: Path, identities: list[Identity] | None) -> Sheet:
    report = verify_recording(bag, key=device.signer.public, identities=identities)
    return sheet.make(
        story.read(bag, identities),
        report,
        Stored("镇政府存储器"),
        {"封条": "封条粘贴", "见证人": "见证人在场"},
    )


def test_every_field_of_the_sheet_is_there_in_both_forms(device: bags.Device) -> None:
    page = made(device, bags.plain(device), [device.identity])
    for text in (as_html(page), as_text(page)):
        assert [field for field in FIELDS if field not in text] == []
        assert "bc-001-00000001-0001" in text
        assert "2056年11月23日" in text
        assert "封条粘贴" in text
        assert "未标记的重点内容：亮证、见证人在场。" in text
        assert "设备播报，执法人员口述确认" in text


def test_personal_data_only_with_the_custodians_key(device: bags.Device) -> None:
    bag = bags.plain(device)
    with_key, without = (made(device, bag, keys) for keys in ([device.identity], None))
    for form in (as_html, as_text):
        assert all(word in form(with_key) for word in PERSONAL)
        assert not any(word in form(without) for word in PERSONAL)
        assert "已加密" in form(without)


def test_a_key_that_is_not_the_custodians_is_an_error(device: bags.Device) -> None:
    stranger, _ = Identity.generate()
    with pytest.raises(RecorderError) as caught:
        story.read(bags.plain(device), [stranger])
    assert caught.value.code == "age-identity"
    assert caught.value.where


def test_an_interruption_stands_on_the_sheet_with_cause_choice_and_duty(
    device: bags.Device,
) -> None:
    text = as_text(made(device, bags.interrupted(device, statement=True), None))
    row = next(row for row in text.splitlines() if "采集进程退出" in row)
    for part in ("3.0 秒", "0:00:04.000", "设备故障", "未口述", "须书面说明"):
        assert part in row


def test_a_tampered_recording_says_so_on_top(device: bags.Device) -> None:
    bag = bags.plain(device)
    (bag / "data/segments/0001.mp4.age").unlink()
    page = as_html(made(device, bag, None))
    assert 'class="verdict"' in page
    assert "与签名不符" in page


def test_the_page_is_whole_escapes_what_it_shows_and_fetches_nothing(device: bags.Device) -> None:
    writer = device.begin()
    batch = bags.batch(bags.media(2))
    writer.fragments(batch)
    writer.journal(lines.Mark(at_ns=101 * NS, item='<img src="https://x/"> & "'))
    page = as_html(made(device, device.finish(writer, 102 * NS), [device.identity]))
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            assert tag not in ("img", "script", "link", "iframe")
            if tag not in ("meta",):
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Checker().feed(page)
    assert open_tags == []
    assert "url(" not in page
    assert "&lt;img" in page


def test_the_timeline_tells_what_happened_in_its_order(device: bags.Device) -> None:
    told = story.read(bags.interrupted(device), None)
    events = timeline(told.entries, "en")
    assert [event.kind for event in events] == [
        "start", "press", "interruption", "resumed", "reason", "end",
    ]  # fmt: skip
    assert [event.into_s for event in events] == [0.0, 2.0, 4.0, 7.0, 8.0, 11.0]
    assert events[1].utc == "2026-11-23T01:30:02.000Z"
    assert events[3].text == "resumed after 3.0 s"


def test_what_a_later_boot_says_of_the_end_is_on_the_clock_of_the_media(
    device: bags.Device,
) -> None:
    writer = device.begin()
    writer.fragments(bags.batch(bags.media(3)))
    device.clock._boot_id = "00000000-0000-4000-8000-000000000002"
    device.clock.now_ns = 20 * NS
    device.clock.wall_ns += 3600 * NS
    writer.journal(lines.Interruption(interruption=1, from_ns=103 * NS, cause="power", detail=""))
    bag = device.finish(writer, 103 * NS)
    events = timeline(story.read(bag).entries)
    assert [(e.kind, e.into_s) for e in events] == [
        ("start", 0.0), ("interruption", 3.0), ("end", 3.0),
    ]  # fmt: skip
    assert events[-1].utc == "2026-11-23T01:30:03.000Z"
    report = verify_recording(bag, key=device.signer.public)
    assert report.findings == ()
    assert report.interruptions[0].from_utc == "2026-11-23T01:30:03.000Z"
    assert report.facts is not None
    assert report.facts.end_utc == "2026-11-23T01:30:03.000Z"


def test_a_clock_that_is_synchronised_during_the_recording_dates_its_beginning(
    device: bags.Device,
) -> None:
    true_ns = device.clock.wall_ns
    device.clock.wall_ns = 0
    device.clock.clock_state = ClockState(Quality.UNSET, None)
    writer = device.begin()
    made_media = bags.media(4)
    writer.fragments(bags.batch(made_media))
    device.clock.wall_ns = true_ns
    device.clock.clock_state = ClockState(Quality.SYNCED, 20)
    bag = device.finish(writer, made_media.fragments[-1][0].end_ns)
    page = as_text(made(device, bag, None))
    assert "2026年11月23日 09:30:00" in page
    assert "已与时间源同步" in page
    assert "不可靠" not in page
    report = verify_recording(bag, key=device.signer.public)
    assert report.verdict is Verdict.VALID
    assert report.facts is not None
    start = report.facts.start
    assert start.error_ms is not None
    assert abs(parse_iso(start.utc) - true_ns) <= start.error_ms * 1_000_000


def test_without_a_trusted_clock_the_sheet_names_no_day_as_a_fact(device: bags.Device) -> None:
    device.clock.clock_state = ClockState(Quality.KEPT, None)
    kept = bags.plain(device)
    device.clock.clock_state = ClockState(Quality.UNSET, None)
    unset = bags.plain(device)
    for bag, shown in ((kept, "（时钟不可靠，仅供参考）"), (unset, "起 不详　止 不详")):
        page = as_text(made(device, bag, None))
        assert shown in page
        assert "2056年" not in page
        assert "Bagging-Date" not in (bag / "bag-info.txt").read_text()
        assert verify_recording(bag, key=device.signer.public).verdict is Verdict.VALID


def test_a_clock_that_contradicts_itself_is_told_and_not_believed(device: bags.Device) -> None:
    writer = device.begin()
    made_media = bags.media(4)
    writer.fragments(bags.batch(made_media))
    device.clock.wall_ns += 20 * 366 * 86_400 * NS
    bag = device.finish(writer, made_media.fragments[-1][0].end_ns)
    report = verify_recording(bag, key=device.signer.public)
    assert report.verdict is Verdict.VALID
    assert [finding.code for finding in report.findings] == ["clock-contradicts"]
    assert "doubtful" in render(report)
    assert "时间均不采信" in as_text(made(device, bag, None))


@pytest.mark.parametrize(
    ("retention", "until"),
    [("30y", "2056年11月23日"), ("999y", "3025年11月23日"), ("9999y", None), ("²y", None),
     ("1" * 5000 + "y", None), ("permanent", None), ("", None)],
)  # fmt: skip
def test_a_time_of_keeping_that_no_calendar_has_is_a_blank(
    device: bags.Device, retention: str, until: str | None
) -> None:
    bag = bags.plain(device)
    told = story.read(bag, None)
    assert told.open is not None and told.open.act is not None
    act = msgspec.structs.replace(told.open.act, retention=retention)
    told = msgspec.structs.replace(told, open=msgspec.structs.replace(told.open, act=act))
    page = sheet.make(told, verify_recording(bag, key=device.signer.public))
    rows = {row.label: row.value for section in page.sections for row in section.rows}
    assert rows["到期日"] == (until or BLANK)
