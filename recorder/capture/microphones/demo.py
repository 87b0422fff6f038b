"""A microphone where there is none: faint noise, and a beep at each whole second of the boot clock,
which is when the demo camera flashes."""

import threading
from collections.abc import Callable

import numpy as np

from recorder.capture.microphones import RATE, Block
from recorder.capture.units import NS
from recorder.clock import boot_ns

_BLOCK = 1024
_BEEP = RATE // 20
_HZ = 1000


class DemoMicrophone:
    """Blocks on the grid of the boot clock."""

    name = "demo"

    def __init__(self) -> None:
        times = np.arange(_BEEP) / RATE
        self._beep = (0.5 * np.sin(2 * np.pi * _HZ * times)).astype(np.float32)
        self._noise = np.random.default_rng(1).normal(0, 0.001, RATE).astype(np.float32)

    def run(self, emit: Callable[[Block], None], stop: threading.Event) -> None:
        """A block whenever it is due."""
        sample = boot_ns() * RATE // NS
        while not stop.is_set():
            due_ns = (sample + _BLOCK) * NS // RATE
            wait_s = (due_ns - boot_ns()) / NS
            if wait_s > 0 and stop.wait(wait_s):
                return
            emit(Block(self._make(sample), sample * NS // RATE, exact=True))
            sample += _BLOCK

    def _make(self, first: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        phase = np.arange(first, first + _BLOCK) % RATE
        out = self._noise[phase].copy()
        beeping = phase < _BEEP
        out[beeping] += self._beep[phase[beeping]]
        return out

    def close(self) -> None:
        """Nothing to release."""
