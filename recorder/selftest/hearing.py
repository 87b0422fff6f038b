"""Finds a spoken sentence in recorded sound: by its loudness over time, which stays the same when a
sound card's clock is followed by stretching a block a little, and behind any room's echo.
"""

import wave
from pathlib import Path
from typing import Any

import numpy as np

RATE = 48_000
FRAME = 240
"""5 ms."""
FRAMES_PER_S = RATE // FRAME
Sound = np.ndarray[Any, Any]


def loudness(sound: Sound) -> Sound:
    """RMS of each 5 ms of sound at 48 kHz."""
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def clip(path: Path) -> Sound:
    """A mono 16-bit WAV file at 48 kHz, full scale is 1. OSError, wave.Error where it is none."""
    with wave.open(str(path), "rb") as file:
        rate = file.getframerate()
        spoken = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    steps = np.arange(0, len(spoken) - 1, rate / RATE)
    return np.asarray(np.interp(steps, np.arange(len(spoken)), spoken))


def found_at(
    sound: Sound, spoken: Sound, near_s: float, within_s: tuple[float, float] = (-0.4, 0.4)
) -> tuple[float, float]:
    """(seconds into ``sound``, correlation) of the best place for ``spoken`` about ``near_s``.

    (0, 0) where nothing of that length lies there.
    """
    wanted = loudness(spoken)
    wanted -= wanted.mean()
    first = max(0, round((near_s + within_s[0]) * RATE))
    heard = loudness(sound[first : round((near_s + within_s[1]) * RATE) + len(spoken)])
    best = (0.0, 0.0)
    for offset in range(len(heard) - len(wanted) + 1):
        part = heard[offset : offset + len(wanted)]
        part = part - part.mean()
        size = float(np.linalg.norm(part) * np.linalg.norm(wanted))
        score = float(part @ wanted) / size if size else 0.0
        best = max(best, (first / RATE + offset / FRAMES_PER_S, score), key=lambda f: f[1])
    return best


def heard_at(
    sound: Sound, spoken: Sound, near_s: float, within_s: tuple[float, float]
) -> tuple[float, float]:
    """The same for a sentence that may have broken off once on its way: its better half counts."""
    half = len(spoken) // 2
    whole = found_at(sound, spoken, near_s, within_s)
    first = found_at(sound, spoken[:half], near_s, within_s)
    at_s, score = found_at(sound, spoken[half:], near_s + half / RATE, within_s)
    second = (at_s - half / RATE, score)
    return max(whole, first, second, key=lambda found: found[1])
