"""A recording's timeline: what happened, when, and where in the media a player finds it.

Made from journal lines and, where they were opened, their personal parts; used by sheet,
captions and the demo. Pure: no file is read, no signature judged.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from recorder.clock import NS
from recorder.evidence import lines
from recorder.evidence.instants import Boot, Where, instant_utc
from recorder.evidence.local import local_time
from recorder.evidence.words import Language, span, word

Private = Mapping[str, Any]


class Entry(msgspec.Struct, frozen=True):
    """A journal line ready to be told: its place, number, body, and its personal part if opened."""

    where: Where
    n: int
    body: lines.Journal
    private: Private | None = None


class Event(msgspec.Struct, frozen=True):
    """One row of the timeline; ``into_s`` None: not on the media's clock."""

    n: int
    kind: str
    at_ns: int
    into_s: float | None
    to_s: float | None
    utc: str
    text: str


_At = tuple[int | None, int | None]
_Teller = Callable[[Any, Private | None, Language], tuple[_At, str] | None]


def _pick(language: Language, zh: str, en: str) -> str:
    return zh if language == "zh" else en


def _start(b: lines.Start, _: Private | None, lang: Language) -> tuple[_At, str]:
    before = span(b.pre_recorded_ns / NS, lang)
    return (b.start_ns, None), _pick(
        lang, f"录像起点（按键前预录 {before}）", f"first picture ({before} before the press)"
    )


def _press(b: lines.Press, _: Private | None, lang: Language) -> tuple[_At, str]:
    return (b.at_ns, None), _pick(lang, "按下开始键", "the starting press")


def _arrival(b: lines.Arrival, p: Private | None, lang: Language) -> tuple[_At, str]:
    late = _pick(lang, "，记录开始较晚", ", recording started late") if b.late else ""
    why = f"：{p['late_reason']}" if p and p.get("late_reason") else ""
    return (None, None), _pick(lang, f"到场时间 {b.arrived}", f"arrived {b.arrived}") + late + why


def _position(b: lines.Position, p: Private | None, lang: Language) -> tuple[_At, str]:
    if not p:
        return (b.at_ns, None), _pick(lang, "卫星定位（已加密）", "position (encrypted)")
    place = f"{p.get('latitude')}, {p.get('longitude')}"
    error = p.get("error_m")
    bound = "" if error is None else _pick(lang, f"（±{error} 米）", f" (±{error} m)")
    return (b.at_ns, None), _pick(lang, f"卫星定位：{place}", f"position: {place}") + bound


def _slot(b: lines.Slot, _: Private | None, lang: Language) -> tuple[_At, str]:
    name, state = word("element", b.element, lang), word("slot", b.state, lang)
    return (b.from_ns, b.to_ns), _pick(lang, f"{name}：{state}", f"{name}: {state}")


def _spoken(b: lines.Spoken, p: Private | None, lang: Language) -> tuple[_At, str]:
    text = b.text if b.text is not None else str((p or {}).get("text", ""))
    text = text or _pick(lang, "（个人信息，已加密）", "(personal, encrypted)")
    head = {
        "spoken": _pick(lang, "播报", "said"),
        "failed": _pick(lang, "播报失败", "could not say"),
        "cut": _pick(lang, "播报中断", "cut short"),
    }[b.outcome]
    return (b.from_ns, b.to_ns), _pick(lang, f"{head}：{text}", f"{head}: {text}")


def _mark(b: lines.Mark, _: Private | None, lang: Language) -> tuple[_At, str]:
    what = b.item or _pick(lang, "一般标记", "general")
    return (b.at_ns, None), _pick(lang, f"重点内容标记：{what}", f"mark: {what}")


def _notice(b: lines.Notice, _: Private | None, lang: Language) -> tuple[_At, str]:
    return (b.at_ns, None), _pick(lang, "告知现场拍摄人员", "people who film were told")


def _stage(b: lines.Stage, _: Private | None, lang: Language) -> tuple[_At, str]:
    raised = (
        _pick(lang, "（自此应当记录）", " (from here on it must be recorded)") if b.raised else ""
    )
    return (b.at_ns, None), _pick(lang, f"进入环节：{b.stage}", f"stage: {b.stage}") + raised


def _obstruction(b: lines.Obstruction, _: Private | None, lang: Language) -> tuple[_At, str]:
    return (b.at_ns, None), _pick(lang, "现场人员阻挠", "obstruction")


def _sensitive(b: lines.Sensitive, _: Private | None, lang: Language) -> tuple[_At, str]:
    zh, en = (
        ("敏感内容开始", "sensitive from here") if b.on else ("敏感内容结束", "sensitive no more")
    )
    return (b.at_ns, None), _pick(lang, zh, en)


def _unmarked(b: lines.Unmarked, _: Private | None, lang: Language) -> tuple[_At, str] | None:
    if not b.items:
        return None
    items = _pick(lang, "、", ", ").join(b.items)
    return (None, None), _pick(lang, f"尚未标记：{items}", f"never marked: {items}")


def _interruption(b: lines.Interruption, _: Private | None, lang: Language) -> tuple[_At, str]:
    cause = word("cause", b.cause, lang)
    return (b.from_ns, None), _pick(
        lang,
        f"记录中止（第 {b.interruption} 次）：{cause}",
        f"interruption {b.interruption}: {cause}",
    )


def _resumed(b: lines.Resumed, _: Private | None, lang: Language) -> tuple[_At, str]:
    lasted = span((b.to_ns - b.from_ns) / NS, lang)
    return (b.to_ns, None), _pick(lang, f"记录恢复，共中止 {lasted}", f"resumed after {lasted}")


def _reason(b: lines.Reason, _: Private | None, lang: Language) -> tuple[_At, str]:
    category = word("category", b.category, lang)
    heard = _pick(lang, "已口述", "spoken") if b.heard else _pick(lang, "未口述", "not spoken")
    return (b.from_ns, b.to_ns), _pick(
        lang, f"中止原因：{category}，{heard}", f"reason: {category}, {heard}"
    )


def _due(b: lines.StatementDue, _: Private | None, lang: Language) -> tuple[_At, str]:
    of = (
        ""
        if b.interruption is None
        else _pick(lang, f"（第 {b.interruption} 次中止）", f" ({b.interruption})")
    )
    return (None, None), _pick(lang, f"须事后书面说明{of}", f"written statement due{of}")


def _fault(b: lines.Fault, _: Private | None, lang: Language) -> tuple[_At, str]:
    part = word("part", b.part, lang)
    zh, en = (
        (f"{part}恢复正常", f"{part} works again") if b.over else (f"{part}故障", f"{part} failed")
    )
    return (None, None), f"{_pick(lang, zh, en)} ({b.code})"


def _delay(b: lines.Delay, _: Private | None, lang: Language) -> tuple[_At, str]:
    waited = span(b.waited_ms / 1000, lang)
    return (None, None), _pick(lang, f"写入延迟 {waited}", f"the disk was {waited} late")


def _loss(b: lines.Loss, _: Private | None, lang: Language) -> tuple[_At, str]:
    return (None, None), _pick(lang, f"丢失：{b.what}", f"lost: {b.what}")


def _refused(b: lines.Refused, _: Private | None, lang: Language) -> tuple[_At, str]:
    return (None, None), _pick(
        lang, f"操作未被接受：{b.event}", f"refused in state {b.state}: {b.event}"
    )


def _recovered(b: lines.Recovered, _: Private | None, lang: Language) -> tuple[_At, str]:
    zh, en = {
        "reboot": ("重启后找回未封存的记录", "found open after a reboot"),
        "crash": ("程序退出后找回未封存的记录", "found open after a crash"),
        "desk": ("档案室从存储卡找回未封存的记录", "found open on the card at the desk"),
    }[b.why]
    return (None, None), _pick(lang, zh, en)


def _handover(_: lines.Handover, __: Private | None, lang: Language) -> tuple[_At, str]:
    zh = "设备无法继续，以下各行及封存由档案室签名"
    return (None, None), _pick(lang, zh, "the device is dead; from here on the desk signs")


def _end(b: lines.End, _: Private | None, lang: Language) -> tuple[_At, str]:
    source = word("end", b.source, lang)
    said = "" if b.spoken else _pick(lang, "，未播报", ", not spoken")
    return (b.end_ns, None), _pick(lang, f"记录结束：{source}", f"the end: {source}") + said


_TELLERS: dict[type, _Teller] = {
    lines.Start: _start, lines.Press: _press, lines.Arrival: _arrival,
    lines.Position: _position, lines.Slot: _slot,
    lines.Spoken: _spoken, lines.Mark: _mark, lines.Notice: _notice, lines.Stage: _stage,
    lines.Obstruction: _obstruction, lines.Sensitive: _sensitive, lines.Unmarked: _unmarked,
    lines.Interruption: _interruption, lines.Resumed: _resumed, lines.Reason: _reason,
    lines.StatementDue: _due, lines.Fault: _fault, lines.Delay: _delay, lines.Loss: _loss,
    lines.Refused: _refused, lines.Recovered: _recovered, lines.Handover: _handover,
    lines.End: _end,
}  # fmt: skip


def told(body: lines.Journal) -> bool:
    """This kind of line has a row in a timeline."""
    return type(body) in _TELLERS


def timeline(
    entries: Iterable[Entry],
    language: Language = "zh",
    *,
    offset_min: int = 480,
    names: Mapping[str, str] | None = None,
) -> tuple[Event, ...]:
    """The recording's events by the time at which they happened; those of a later boot last.

    Give it all entries that ``told`` says yes to, ``start`` among them. ``names`` are the
    catalogue's words for content items, ``offset_min`` is the device's place on the clock.
    """
    entries = list(entries)
    start = next((e for e in entries if isinstance(e.body, lines.Start)), None)
    boot = Boot()
    rows: list[tuple[bool, int, int, Event]] = []
    for entry in entries:
        body = _worded(entry.body, offset_min, names or {})
        boot.feed(entry.where, body)
        teller = _TELLERS.get(type(body))
        row = teller(body, entry.private, language) if teller else None
        if row is None:
            continue
        (from_ns, to_ns), text = row
        where = boot.of(entry.where, body)
        at_ns = entry.where.boot_ns if from_ns is None else from_ns
        late = not boot.own(where)
        event = Event(
            n=entry.n,
            kind=str(type(body).__struct_config__.tag),
            at_ns=at_ns,
            into_s=None if late else _into(start, at_ns),
            to_s=None if late or to_ns is None else _into(start, to_ns),
            utc=instant_utc(where, at_ns),
            text=text,
        )
        rows.append((late, at_ns, entry.n, event))
    return tuple(event for *_, event in sorted(rows, key=lambda row: row[:3]))


def _worded(body: lines.Journal, offset_min: int, names: Mapping[str, str]) -> lines.Journal:
    """The line with people's words and times in the place of ids and UTC."""
    match body:
        case lines.Arrival(arrived=arrived):
            local = local_time(arrived, offset_min) if arrived.endswith("Z") else arrived
            return msgspec.structs.replace(body, arrived=local.replace("T", " "))
        case lines.Mark(item=str(item)):
            return msgspec.structs.replace(body, item=names.get(item, item))
        case lines.Unmarked(items=items):
            return msgspec.structs.replace(body, items=tuple(names.get(i, i) for i in items))
        case _:
            return body


def _into(start: Entry | None, at_ns: int) -> float | None:
    if start is None:
        return None
    assert isinstance(start.body, lines.Start)
    return round((at_ns - start.body.zero_ns) / NS, 3)
