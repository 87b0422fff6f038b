"""A sentence is found in sound where it is, and in no noise."""

import numpy as np
import pytest

from recorder.selftest import hearing
from recorder.selftest.judging import LEAST_ALIKE

RATE, WITHIN_S = hearing.RATE, (-0.2, 1.0)


def sentence(seed: int, seconds: float = 3.0) -> hearing.Sound:
    """Syllables of noise, five a second."""
    dice = np.random.default_rng(seed)
    loud = np.repeat(dice.random(round(seconds * 5)) ** 2, RATE // 5)
    return loud * dice.normal(0, 0.2, len(loud))


def room(seconds: float = 6.0) -> hearing.Sound:
    return np.random.default_rng(9).normal(0, 0.002, round(seconds * RATE))


@pytest.mark.parametrize("late_s", [0.0, 0.105, 0.8])
def test_it_is_found_where_it_was_heard_however_quietly(late_s: float) -> None:
    sound, spoken = room(), sentence(1)
    begin = round((1.0 + late_s) * RATE)
    sound[begin : begin + len(spoken)] += spoken * 0.1
    at_s, score = hearing.heard_at(sound, spoken, 1.0, WITHIN_S)
    assert at_s == pytest.approx(1.0 + late_s, abs=0.011)
    assert score > 0.9


def test_one_that_breaks_off_once_is_found_too() -> None:
    sound, spoken = room(), sentence(1)
    half, gap = len(spoken) // 2, round(0.4 * RATE)
    sound[RATE : RATE + half] += spoken[:half]
    sound[RATE + half + gap : RATE + gap + len(spoken)] += spoken[half:]
    at_s, score = hearing.heard_at(sound, spoken, 1.0, WITHIN_S)
    assert score > 0.9
    assert at_s in (pytest.approx(1.0, abs=0.011), pytest.approx(1.4, abs=0.011))


def test_a_rooms_noise_is_not_it_nor_is_nothing_at_all() -> None:
    spoken = sentence(1)
    assert hearing.heard_at(room(), spoken, 1.0, WITHIN_S)[1] < LEAST_ALIKE * 0.7
    assert hearing.heard_at(np.zeros(6 * RATE), spoken, 1.0, WITHIN_S)[1] == 0.0
    assert hearing.heard_at(room(0.1), spoken, 1.0, WITHIN_S) == (0.0, 0.0)
