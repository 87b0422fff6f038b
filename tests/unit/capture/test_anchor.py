"""Sound stays on the boot clock, and its ticks stay unbroken, whatever the card's clock does."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from recorder.capture.anchor import Anchor
from recorder.capture.units import AUDIO_SCALE, NS

BLOCK = np.ones(1024, np.float32)


def block_ns(number: int, ppm: float) -> int:
    """When block ``number`` of a card that is ``ppm`` too slow began."""
    return 5 * NS + round(number * 1024 * NS / AUDIO_SCALE * (1 + ppm / 1e6))


@settings(max_examples=20, deadline=None)
@given(st.floats(-500, 500), st.integers(0, 2**32))
def test_a_drifting_card_stays_within_three_ms_and_unbroken(ppm: float, seed: int) -> None:
    anchor = Anchor()
    noise = np.random.default_rng(seed).uniform(0, 4e6, 3000)
    following = None
    for number in range(3000):
        at_ns = block_ns(number, ppm)
        samples, first, hole_ns = anchor.place(BLOCK, at_ns + int(noise[number]), exact=False)
        assert following is None or first == following
        assert hole_ns == 0
        following = first + len(samples)
        # Half of the noise is on top of what is measured.
        assert abs(first * NS // AUDIO_SCALE - at_ns - 2e6) < 5e6
    assert anchor.lost == 0


def test_a_clock_that_is_exact_is_left_alone() -> None:
    anchor = Anchor()
    for number in range(500):
        samples, first, _ = anchor.place(BLOCK, block_ns(number, 0), exact=True)
        assert len(samples) == 1024
        assert abs(first - block_ns(number, 0) * AUDIO_SCALE // NS) <= 2


def test_a_first_guess_that_is_70_ms_off_is_worked_off_within_six_seconds() -> None:
    anchor = Anchor()
    anchor.place(BLOCK, block_ns(0, 0) + 70_000_000, exact=False)
    for number in range(1, 6 * 47):
        _, first, hole_ns = anchor.place(BLOCK, block_ns(number, 0), exact=False)
        assert hole_ns == 0
    assert abs(first * NS / AUDIO_SCALE - block_ns(number, 0)) < 5e6


def test_lost_samples_become_silence_of_their_length_and_are_told() -> None:
    anchor = Anchor()
    _, first, _ = anchor.place(BLOCK, block_ns(0, 0), exact=False)
    samples, second, hole_ns = anchor.place(BLOCK, block_ns(11, 0), exact=False)
    assert second == first + 1024
    assert len(samples) == 11 * 1024
    assert not samples[: 10 * 1024].any()
    assert abs(hole_ns - 10 * 1024 * NS / AUDIO_SCALE) < 100_000
    assert anchor.lost == 10 * 1024


def test_sound_from_before_the_grids_end_is_dropped_until_it_has_caught_up() -> None:
    anchor = Anchor()
    following = 0
    for number in range(50):
        samples, first, _ = anchor.place(BLOCK, block_ns(number, 0), exact=False)
        following = first + len(samples)
    for number in range(30, 60):
        samples, first, hole_ns = anchor.place(BLOCK, block_ns(number, 0), exact=False)
        assert first == following
        assert hole_ns == 0
        following = first + len(samples)
    assert abs(following * NS / AUDIO_SCALE - block_ns(60, 0)) < 100e6
    assert anchor.lost > 0


def test_a_card_that_slept_for_long_is_to_be_opened_anew() -> None:
    anchor = Anchor()
    anchor.place(BLOCK, block_ns(0, 0), exact=False)
    with pytest.raises(ValueError, match="missing"):
        anchor.place(BLOCK, block_ns(0, 0) + 3 * NS, exact=False)
