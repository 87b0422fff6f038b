"""ISO-BMFF: what is parsed, what is shifted, and that nonsense is an error and nothing worse."""

import time

import pytest
from hypothesis import given, strategies as st

from recorder import boxes
from recorder.errors import RecorderError
from tests.unit.pieces import box, media


@given(st.integers(0, 2**60), st.integers(1, 60))
def test_a_fragment_says_where_it_starts_and_how_long_it_is(tick: int, frames: int) -> None:
    (run,) = boxes.parse_fragment(media(tick, frames))
    assert (run.tfdt, run.ticks, len(run.sizes)) == (tick, frames * 3000, frames)


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_a_shift_changes_the_time_and_nothing_else(tick: int, zero: int) -> None:
    data = media(tick)
    if zero > tick:
        with pytest.raises(RecorderError):
            boxes.rebase(data, {1: zero})
        return
    moved = boxes.rebase(data, {1: zero})
    assert boxes.parse_fragment(bytes(moved))[0].tfdt == tick - zero
    assert sum(a != b for a, b in zip(data, moved, strict=True)) <= 8


@given(st.binary(max_size=400))
def test_nonsense_is_an_error_that_says_so(data: bytes) -> None:
    for parse in (boxes.parse_fragment, boxes.parse_init):
        with pytest.raises(RecorderError):
            parse(data)


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_a_damaged_fragment_is_read_or_refused_and_never_crashes(at: int, with_: bytes) -> None:
    data = bytearray(media(5))
    data[at : at + len(with_)] = with_
    try:
        boxes.parse_fragment(bytes(data))
    except RecorderError as error:
        assert error.code == "mp4-broken"


@given(st.integers(8, 100_000))
def test_a_free_box_has_the_size_that_was_asked_for(size: int) -> None:
    data = boxes.free(size)
    (found,) = boxes.iterate(data)
    assert (found.type, found.end, len(data)) == (b"free", size, size)


def test_a_box_that_claims_more_than_there_is_is_refused() -> None:
    with pytest.raises(RecorderError, match="bytes at 0"):
        list(boxes.iterate(box(b"mdat", b"abc")[:-1]))


def test_a_box_that_claims_endless_samples_is_refused_at_once() -> None:
    trun = box(b"trun", bytes(4) + (2**32 - 1).to_bytes(4, "big"))
    tfhd = box(b"tfhd", bytes(4) + (1).to_bytes(4, "big"))
    tfdt = box(b"tfdt", bytes([1, 0, 0, 0]) + bytes(8))
    data = box(b"moof", box(b"traf", tfhd + tfdt + trun)) + box(b"mdat", b"")
    with pytest.raises(RecorderError, match="trun"):
        boxes.parse_fragment(data)


def test_shifting_a_second_of_full_hd_takes_less_than_a_third_of_a_millisecond() -> None:
    data = media(5) + box(b"free", bytes(750_000))
    times = []
    for _ in range(20):
        began = time.perf_counter()
        boxes.rebase(data, {1: 5})
        times.append(time.perf_counter() - began)
    assert min(times) < 0.0003
