"""Wall times of the journal as people on the spot read them. Reads no clock and no time zone."""

from datetime import UTC, datetime, timedelta


def _local(utc: str, offset_min: int) -> datetime | None:
    try:
        return datetime.fromisoformat(utc).astimezone(UTC) + timedelta(minutes=offset_min)
    except (ValueError, OverflowError):
        return None


def local_time(utc: str, offset_min: int) -> str:
    """2026年11月23日 09:30:05 for the journal's UTC text; "" where it is no time."""
    at = _local(utc, offset_min)
    return "" if at is None else f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S}"


def local_clock(utc: str, offset_min: int) -> str:
    """09:30:05; "" where it is no time."""
    at = _local(utc, offset_min)
    return "" if at is None else f"{at:%H:%M:%S}"


def local_day(utc: str, offset_min: int) -> datetime | None:
    """The local day as midnight; None where it is no time."""
    at = _local(utc, offset_min)
    return None if at is None else at.replace(hour=0, minute=0, second=0, microsecond=0)
