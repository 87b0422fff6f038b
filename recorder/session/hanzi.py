"""Numbers and times as Mandarin says them: Hanzi only, because synthesisers stumble over digits."""

from datetime import UTC, datetime, timedelta, timezone

_DIGITS = "零一二三四五六七八九"
_LETTER_NAMES = {"-": "杠"}


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
    """二〇二六."""
    return "".join(_DIGITS[int(d)] for d in str(value)).replace("零", "〇")


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
    """两分十秒, 一小时零五分, 零秒."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = []
    if hours:
        parts.append(f"{count(hours)}小时")
    if minutes:
        parts.append(f"{count(minutes)}分" + ("" if rest else "钟"))
    if rest or not parts:
        parts.append(f"{number(rest) if parts or rest != 2 else '两'}秒")
    return "".join(parts)


def local(utc_ns: int, offset_min: int) -> datetime:
    """Wall time at an offset from UTC, as the device has it."""
    zone = timezone(timedelta(minutes=offset_min))
    return datetime.fromtimestamp(utc_ns // 1_000_000_000, UTC).astimezone(zone)
