"""Keeps a sound card's samples on the boot clock without a tick of gap.

The card's clock and the boot clock drift apart by tens of ppm, a few hundred at worst. Each block
is stretched or squeezed by a sample or two, inaudibly, so that ticks stay unbroken and the error
stays below a few ms. A jump (samples were lost) is filled with silence and told.
"""

import numpy as np
from numpy.typing import NDArray

from recorder.capture.units import AUDIO_SCALE, NS

_SMOOTH = 0.02
_STEP = 2
_TOLERANCE = AUDIO_SCALE // 1000
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
        """(samples, first tick, ns of silence filled in before them)."""
        tick = at_ns * AUDIO_SCALE // NS
        if self._next is None:
            self._next = tick
        distance = tick - self._next
        if exact and abs(distance) <= 2:
            distance = 0
        if abs(distance) > _JUMP:
            return self._jump(samples, distance)
        self._error += _SMOOTH * (distance - self._error)
        first = self._next
        if abs(self._error) > _TOLERANCE:
            change = _STEP if self._error > 0 else -_STEP
            old = np.arange(len(samples))
            new = np.linspace(0, len(samples) - 1, len(samples) + change)
            samples = np.interp(new, old, samples).astype(np.float32)
            self._error -= change
        self._next = first + len(samples)
        return samples, first, 0

    def _jump(
        self, samples: NDArray[np.float32], distance: int
    ) -> tuple[NDArray[np.float32], int, int]:
        """Samples were lost, or the card counts back: the grid holds all the same."""
        assert self._next is not None
        self._error = 0.0
        first = self._next
        if distance < 0 or distance > _LONGEST:
            # Nothing to fill: the block is taken where the grid is, and the error worked off.
            if distance > _LONGEST:
                self._next = first = first + distance
                self.lost += distance
                self._next += len(samples)
                return samples, first, distance * NS // AUDIO_SCALE
            self._next += len(samples)
            return samples, first, 0
        self.lost += distance
        filled = np.concatenate((np.zeros(distance, np.float32), samples))
        self._next = first + len(filled)
        return filled, first, distance * NS // AUDIO_SCALE
