"""The ring: its length, its bounds, and that it holds one unbroken run only."""

import pytest
from hypothesis import given, strategies as st

from recorder.clock import NS
from recorder.config import Ring as Settings
from recorder.ring import Ring
from tests.unit.pieces import piece

RAM = 1 << 30


def filled(seconds: float, count: int, ram: int = RAM) -> Ring:
    ring = Ring(Settings(seconds=seconds), ram)
    for second in range(count):
        ring.push(piece(second))
    return ring


@given(st.integers(1, 30), st.integers(0, 999))
def test_what_is_taken_begins_the_rings_length_before_the_press(length: int, ms: int) -> None:
    ring = filled(length, 60)
    press_ns = 60 * NS + ms * 1_000_000
    taken = ring.take(press_ns)
    assert abs(press_ns - taken[0].fragment.start_ns - length * NS) <= NS


def test_a_ring_of_zero_seconds_holds_nothing() -> None:
    ring = filled(0, 10)
    assert ring.take(10 * NS) == []


def test_it_never_outgrows_its_share_of_memory() -> None:
    ring = Ring(Settings(seconds=60, ram_share=0.1), 1_000_000)
    for second in range(60):
        ring.push(piece(second, size=500))
        assert ring.size_bytes <= 100_000 or len(ring) == 1
    assert ring.size_bytes == sum(len(p.media) for p in ring)


@pytest.mark.parametrize("after", [piece(11), piece(10, offset_ns=30_000_000), piece(10, stream=2)])
def test_a_hole_or_a_new_stream_empties_it(after: object) -> None:
    ring = filled(30, 10)
    ring.push(after)  # type: ignore[arg-type]
    assert len(ring) == 1
