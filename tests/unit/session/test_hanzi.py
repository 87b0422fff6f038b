"""Numbers and times as Mandarin says them."""

from datetime import datetime

import pytest
from hypothesis import given, strategies as st

from recorder.session import hanzi

_VALUE = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0, "幺": 1}
_SIZE = {"十": 10, "百": 100, "千": 1000}


def value(spoken: str) -> int:
    """An oracle of its own: reads a spoken quantity back."""
    total, digit = 0, 0
    if spoken.startswith("十"):
        spoken = "一" + spoken
    for c in spoken:
        if c in _SIZE:
            total += digit * _SIZE[c]
            digit = 0
        else:
            digit = _VALUE[c]
    return total + digit


@given(st.integers(0, 9999))
def test_a_quantity_reads_back_as_itself(n: int) -> None:
    assert value(hanzi.number(n)) == n
    assert value(hanzi.count(n)) == n


@pytest.mark.parametrize(
    ("n", "spoken"),
    [
        (0, "零"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1001, "一千零一"),
        (1010, "一千零一十"),
        (9999, "九千九百九十九"),
    ],
)
def test_quantities_are_said_as_people_say_them(n: int, spoken: str) -> None:
    assert hanzi.number(n) == spoken


@pytest.mark.parametrize("n", [-1, 10_000])
def test_a_quantity_out_of_range_is_an_error(n: int) -> None:
    with pytest.raises(ValueError, match="cannot say"):
        hanzi.number(n)


def test_two_of_something_is_liang() -> None:
    assert hanzi.count(2) == "两"
    assert hanzi.count(12) == "十二"


@given(st.text("0123456789", max_size=20))
def test_a_certificate_number_keeps_every_digit(figures: str) -> None:
    spoken = hanzi.digits(figures)
    assert "".join(str(_VALUE[c]) for c in spoken) == figures
    assert "一" not in spoken


def test_a_certificate_number_may_have_letters_and_dashes() -> None:
    assert hanzi.digits("M-101") == "M杠幺零幺"


@pytest.mark.parametrize(
    ("at", "spoken"),
    [
        (datetime(2026, 11, 23, 9, 30), "二〇二六年十一月二十三日九时三十分"),
        (datetime(2026, 11, 23, 9, 5), "二〇二六年十一月二十三日九时零五分"),
        (datetime(2030, 1, 1, 9, 0), "二〇三〇年一月一日九时整"),
        (datetime(2026, 12, 31, 0, 59), "二〇二六年十二月三十一日零时五十九分"),
    ],
)
def test_times_are_said_in_the_written_style(at: datetime, spoken: str) -> None:
    assert hanzi.time(at) == spoken


@given(st.datetimes(datetime(2020, 1, 1), datetime(2099, 12, 31)))
def test_a_time_holds_no_digit(at: datetime) -> None:
    assert not any(c.isascii() for c in hanzi.time(at))


@pytest.mark.parametrize(
    ("seconds", "spoken"),
    [
        (0, "零秒"),
        (2, "两秒"),
        (12, "十二秒"),
        (60, "一分钟"),
        (65, "一分零五秒"),
        (120, "两分钟"),
        (130, "两分十秒"),
        (3600, "一小时"),
        (3605, "一小时零五秒"),
        (3610, "一小时零十秒"),
        (3900, "一小时零五分"),
        (7325, "两小时零二分零五秒"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds: int, spoken: str) -> None:
    assert hanzi.duration(seconds) == spoken


@given(st.integers(0, 9999 * 3600 + 3599))
def test_a_duration_reads_back_as_itself(seconds: int) -> None:
    rest, total = hanzi.duration(seconds).removesuffix("钟"), 0
    for unit, size in (("小时", 3600), ("分", 60), ("秒", 1)):
        if unit in rest:
            figure, rest = rest.split(unit)
            total += value(figure.removeprefix("零") or "零") * size
    assert rest == ""
    assert total == seconds


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("张营村3组12号", "张营村三组十二号"),
        ("2026年5月", "二〇二六年五月"),
        ("13800138000", "幺三八零零幺三八零零零"),
        ("007号", "零零七号"),
        ("１２号", "十二号"),
        ("身份待查", "身份待查"),
    ],
)
def test_digits_in_free_text_are_said_as_words(written: str, spoken: str) -> None:
    assert hanzi.text(written) == spoken


@given(st.text())
def test_no_free_text_breaks_the_voice_or_keeps_a_digit(written: str) -> None:
    assert not set(hanzi.text(written)) & set("0123456789０１２３４５６７８９")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("2个摊位", "两个摊位"),
        ("违建2处", "违建两处"),
        ("高3.5米", "高三点五米"),
        ("9:30到场", "九时三十分到场"),
        ("３组12号", "三组十二号"),
        ("1.2.3", "一.二.三"),
    ],
)
def test_figures_in_free_text_are_read_as_people_read_them(written: str, spoken: str) -> None:
    assert hanzi.text(written) == spoken
