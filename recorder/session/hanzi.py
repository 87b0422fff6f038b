"""Numbers and times as Mandarin says them: Hanzi only, because synthesisers stumble over digits."""

import re
from datetime import UTC, datetime, timedelta, timezone

_DIGITS = "零一二三四五六七八九"
_LETTER_NAMES = {"-": "杠"}
_MEASURES = "个名位人处条间辆件户家次台张份箱袋块根栋座层户种"
_NARROW = str.maketrans("０１２３４５６７８９", "0123456789")


def number(value: int) -> str:
    """0 to 9999 as a quantity: 十, 二十, 一百零五. ValueError outside."""
    if not 0 <= value <= 9999:
        raise ValueError(f"cannot say {value}")
    if value == 0:
        return "零"
    out = ""
    gap = False
    for unit, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit, value = divmod(value, size)
        if digit:
            if gap:
                out += "零"
            out += _DIGITS[digit] + unit
            gap = False
        else:
            gap = bool(out)
    return out.removeprefix("一") if out.startswith("一十") else out


def count(value: int) -> str:
    """A count before a measure word: 两条, not 二条."""
    return "两" if value == 2 else number(value)


def digits(text: str) -> str:
    """A certificate or telephone-like number digit by digit, with 幺 for 1; letters stay."""
    spoken = {str(i): d for i, d in enumerate(_DIGITS)} | {"1": "幺"} | _LETTER_NAMES
    return "".join(spoken.get(c, c) for c in text)


def year(value: int) -> str:
    """二〇二六, always four digits."""
    return "".join(_DIGITS[int(d)] for d in f"{value:04d}").replace("零", "〇")


def day(local: datetime) -> str:
    """十一月二十三日."""
    return f"{number(local.month)}月{number(local.day)}日"


def clock(local: datetime) -> str:
    """九时三十分, 九时零五分, 九时整, on 24 hours."""
    if local.minute == 0:
        return f"{number(local.hour)}时整"
    zero = "零" if local.minute < 10 else ""
    return f"{number(local.hour)}时{zero}{number(local.minute)}分"


def time(local: datetime) -> str:
    """二〇二六年十一月二十三日九时三十分."""
    return f"{year(local.year)}年{day(local)}{clock(local)}"


def duration(seconds: int) -> str:
    """两分十秒, 两分零五秒, 一小时零五分, 两分钟, 零秒. ValueError from 10000 hours on."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    out = f"{count(hours)}小时" if hours else ""
    if minutes:
        out += _after(out, minutes) + "分"
    if seconds or not out:
        out += _after(out, seconds, skipped=bool(hours) and not minutes) + "秒"
    return out + "钟" if minutes and not hours and not seconds else out


def _after(before: str, value: int, *, skipped: bool = False) -> str:
    """A smaller unit's figure: with 零 where a digit or a unit before it is left out."""
    if not before:
        return count(value)
    return ("零" if value < 10 or skipped else "") + number(value)


def text(written: str) -> str:
    """Free text (a place, a reason) with its digits spoken: 3组12号 → 三组十二号.

    Years, numbers over four digits and those with a leading zero go digit by digit; 3.5 is 三点五,
    9:30 is 九时三十分, 2个 is 两个.
    """
    plain = written.translate(_NARROW)
    plain = re.sub(r"(?<!\d)([01]?\d|2[0-3])[:：]([0-5]\d)(?!\d|[:：])", _time_of_day, plain)
    plain = re.sub(r"(?<![\d.])(\d{1,4})\.(\d+)(?![\d.])", _decimal, plain)
    return re.sub(r"\d+", _spoken, plain)


def _time_of_day(found: re.Match[str]) -> str:
    return clock(datetime(2000, 1, 1, int(found[1]), int(found[2]), tzinfo=UTC))


def _decimal(found: re.Match[str]) -> str:
    return number(int(found[1])) + "点" + "".join(_DIGITS[int(d)] for d in found[2])


def _spoken(found: re.Match[str]) -> str:
    figures = "".join(str(int(c)) for c in found[0])
    if len(figures) == 4 and found.string[found.end() :].startswith("年"):
        return year(int(figures))
    if len(figures) > 4 or (len(figures) > 1 and figures[0] == "0"):
        return digits(figures)
    follows = found.string[found.end() : found.end() + 1]
    return count(int(figures)) if follows and follows in _MEASURES else number(int(figures))


def local(utc_ns: int, offset_min: int) -> datetime:
    """Wall time at an offset from UTC, as the device has it."""
    zone = timezone(timedelta(minutes=offset_min))
    return datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC).astimezone(zone)
