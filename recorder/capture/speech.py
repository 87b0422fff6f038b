"""Are people speaking? silero's model (silero.py), in a thread of its own.

Loaded after the first fragment, so that it delays no start; without it recording goes on and the
fault is told. It knows nothing of words or voices, and keeps no sound.
"""

import queue
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recorder.capture.messages import Fault, Speech
from recorder.capture.silero import WINDOW, Silero
from recorder.capture.units import NS
from recorder.clock import boot_ns

_RATE = 16_000
_ON, _OFF = 0.5, 0.35
_ONSET = 2
_LOST_S = 0.5
_HANG_NS = 400_000_000
_TELL_NS = 250_000_000


def _low_pass() -> NDArray[np.float32]:
    """FIR for 48 to 16 kHz: 48 taps, windowed sinc at 7 kHz."""
    taps = np.arange(48) - 23.5
    cut = 7000 / 48_000
    kernel = 2 * cut * np.sinc(2 * cut * taps) * np.hamming(48)
    return np.asarray(kernel / kernel.sum(), np.float32)


class Detector:
    """``feed`` blocks; ``emit`` gets Speech messages and, where the model is missing, a Fault."""

    def __init__(self, emit: Callable[[Speech | Fault], None]) -> None:
        self._emit = emit
        self._queue: queue.Queue[tuple[NDArray[np.float32], int]] = queue.Queue(maxsize=100)
        self._kernel = _low_pass()
        self._tail: NDArray[np.float32] = np.zeros(47, np.float32)
        self._waiting: NDArray[np.float32] = np.zeros(0, np.float32)
        self._probability: float | None = None
        self._run_length = 0
        self._start_ns: int | None = None
        self._last_ns = 0
        self._told_ns = 0
        self._started = self._begun = False

    def start(self) -> None:
        """Load the model in the background, once."""
        if not self._begun:
            self._begun = self._started = True
            threading.Thread(target=self._run, name="speech", daemon=True).start()

    def feed(self, samples: NDArray[np.float32], end_ns: int) -> None:
        """48 kHz samples whose last one is at ``end_ns``; dropped where the thread lags."""
        if self._started:
            try:
                self._queue.put_nowait((samples, end_ns))
            except queue.Full:
                return  # late detection would only mislead

    def _run(self) -> None:
        try:
            model = Silero()
            while True:
                try:
                    samples, end_ns = self._queue.get(timeout=_LOST_S)
                except queue.Empty:
                    self._reset()  # the microphone is gone: speech that goes on ends here
                    model.reset()
                    continue
                for probability, at_ns in self._judge(model, samples, end_ns):
                    self._step(probability, at_ns)
        except Exception as error:  # noqa: BLE001 - it becomes a fault; recording goes on
            self._started = False
            self._reset()
            self._emit(Fault(boot_ns(), "speech", "no-model", f"{type(error).__name__}: {error}"))

    def _reset(self) -> None:
        if self._start_ns is not None:
            self._emit(Speech(self._start_ns, self._last_ns, False))
        self._start_ns, self._run_length = None, 0
        self._waiting = self._waiting[:0]
        self._probability = None

    def _judge(
        self, model: Silero, samples: NDArray[np.float32], end_ns: int
    ) -> list[tuple[float, int]]:
        joined = np.concatenate((self._tail, samples))
        self._tail = joined[-47:]
        low = np.convolve(joined, self._kernel, "valid")[::3].astype(np.float32)
        self._waiting = np.concatenate((self._waiting, low))
        out = []
        while len(self._waiting) >= WINDOW:
            window, self._waiting = self._waiting[:WINDOW], self._waiting[WINDOW:]
            at_ns = end_ns - len(self._waiting) * NS // _RATE
            out.append((model.judge(window), at_ns))
        return out

    def _step(self, probability: float, at_ns: int) -> None:
        self._probability = max(self._probability or 0.0, probability)
        window_ns = WINDOW * NS // _RATE
        if self._start_ns is None:
            self._run_length = self._run_length + 1 if probability > _ON else 0
            if self._run_length >= _ONSET:
                self._start_ns = at_ns - _ONSET * window_ns
                self._last_ns = self._told_ns = at_ns
                self._emit(Speech(self._start_ns, at_ns, True))
            return
        if probability > _OFF:
            self._last_ns = at_ns
            if at_ns - self._told_ns >= _TELL_NS:
                self._told_ns = at_ns
                self._emit(Speech(self._start_ns, at_ns, True))
        elif at_ns - self._last_ns > _HANG_NS:
            self._emit(Speech(self._start_ns, self._last_ns, False))
            self._start_ns, self._run_length = None, 0

    def take_probability(self) -> float | None:
        """The highest probability since the last call; None: nothing was judged."""
        value, self._probability = self._probability, None
        return None if value is None else round(value, 3)
