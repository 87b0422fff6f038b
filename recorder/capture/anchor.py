"""Keeps a sound card's samples on the boot clock without a tick of gap.

The card's clock and the boot clock drift apart by tens of ppm, a few hundred at worst. Each block
is stretched or squeezed by a few samples, inaudibly, so that ticks stay unbroken and the error
stays below a few ms. Samples that were lost are filled with silence and told. It never moves a
tick that it gave away.
"""

import numpy as np
from numpy.typing import NDArray

from recorder.capture.units import AUDIO_SCALE, NS

_SMOOTH = 0.02
_TOLERANCE = AUDIO_SCALE // 1000
_GAIN = 0.02
_STEP_MIN, _STEP_MAX = 2, 16
_JUMP = AUDIO_SCALE // 10
_LONGEST = AUDIO_SCALE * 2


class Anchor:
    """One microphone's samples; ``place`` returns them as they go to the encoder."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._error = 0.0
        self.lost = 0

    def place(
        self, samples: NDArray[np.float32], at_ns: int, *, exact: bool
    ) -> tuple[NDArray[np.float32], int, int]:
        """(samples, first tick, ns of silence filled in before them).

        What lies before the grid's end by more than a tenth of a second is dropped and counted.
        ValueError where more than 2 s are missing: the microphone has to be opened anew.
        """
        tick = at_ns * AUDIO_SCALE // NS
        if self._next is None:
            self._next = tick
        first = self._next
        distance = tick - first
        if exact and abs(distance) <= 2:
            distance = 0
        if abs(distance) > _JUMP:
            self._error = 0.0
            return self._jump(samples, first, distance)
        self._error += _SMOOTH * (distance - self._error)
        if abs(self._error) > _TOLERANCE:
            size = min(_STEP_MAX, max(_STEP_MIN, round(abs(self._error) * _GAIN)), len(samples) - 1)
            change = size if self._error > 0 else -size
            old = np.arange(len(samples))
            new = np.linspace(0, len(samples) - 1, len(samples) + change)
            samples = np.interp(new, old, samples).astype(np.float32)
            self._error -= change
        self._next = first + len(samples)
        return samples, first, 0

    def _jump(
        self, samples: NDArray[np.float32], first: int, distance: int
    ) -> tuple[NDArray[np.float32], int, int]:
        if distance > _LONGEST:
            raise ValueError(f"{distance / AUDIO_SCALE:.1f} s of sound are missing")
        if distance < 0:
            self.lost += len(samples)
            return samples[:0], first, 0
        self.lost += distance
        filled = np.concatenate((np.zeros(distance, np.float32), samples))
        self._next = first + len(filled)
        return filled, first, distance * NS // AUDIO_SCALE
