"""A microphone through sounddevice (PortAudio).

PortAudio does not tell of a microphone that is gone: no callback for 0.3 s, or a stream that is no
longer active, means lost. Its time of a sample is carried to the boot clock by the smallest
distance between the two seen of late, because a callback's own time jitters by tens of ms.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from recorder.capture.microphones import RATE, Block, MicrophoneError
from recorder.capture.units import NS
from recorder.clock import boot_ns

_BLOCK = 1024
_LATENCY_S = 0.2
_LOST_S = 0.3
_OPENS_S = 3.0
_WINDOW = 500
_SETTLE_NS = NS
_LOST_SAMPLES_S = 0.03
_STEPPED_S = 0.5


class PortAudioMicrophone:
    """Opened by its constructor; what is heard comes out of ``run``."""

    def __init__(self, source: str) -> None:
        import sounddevice

        # A sound server that came after PortAudio's start is seen only by a new start.
        sounddevice._terminate()
        sounddevice._initialize()
        self.overflows = 0
        self._queue: queue.Queue[tuple[Any, float, float, int]] = queue.Queue(maxsize=400)
        try:
            info = sounddevice.query_devices(source or None, "input")
            self.name = f"portaudio {info['name']}"
            self._stream = sounddevice.InputStream(
                samplerate=RATE, blocksize=_BLOCK, device=source or None, channels=1,
                dtype="float32", latency=_LATENCY_S, callback=self._heard,
            )  # fmt: skip
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            raise MicrophoneError(f"the microphone does not open: {error}") from error
        self._distances: deque[float] = deque(maxlen=_WINDOW)

    def _heard(self, data: Any, frames: int, times: Any, status: Any) -> None:
        """On PortAudio's thread: take and leave."""
        now_ns = boot_ns()
        if status.input_overflow:
            self.overflows += 1
        try:
            self._queue.put_nowait(
                (data[:, 0].copy(), times.inputBufferAdcTime, times.currentTime, now_ns)
            )
        except queue.Full:
            self.overflows += 1

    def run(self, emit: Callable[[Block], None], stop: threading.Event) -> None:
        """Blocks with their first sample's time."""
        wait_s = _OPENS_S
        began_ns = boot_ns()
        given = 0
        starts: deque[float] = deque(maxlen=_WINDOW)
        while not stop.is_set():
            try:
                samples, adc_s, current_s, now_ns = self._queue.get(timeout=wait_s)
            except queue.Empty:
                why = "no sound arrives" if self._stream.active else "the stream ended"
                raise MicrophoneError(why) from None
            wait_s = _LOST_S
            distance_s = now_ns / NS - current_s
            if self._distances and abs(distance_s - self._distances[-1]) > _STEPPED_S:
                self._distances.clear()  # PortAudio counts on the wall clock, and that was set
            self._distances.append(distance_s)
            # Some hosts do not know when a sample was taken: then it is one block old.
            age_s = current_s - adc_s if 0 < adc_s <= current_s else _BLOCK / RATE
            at_s = min(self._distances) + current_s - age_s
            first, given = given, given + len(samples)
            if now_ns - began_ns < _SETTLE_NS:
                continue  # blocks are lost and times are off until the stream has run for a while
            # A block's own time jitters by some ms; where the stream began, seen through many, not.
            start_s = at_s - first / RATE
            if starts and abs(start_s - sum(starts) / len(starts)) > _LOST_SAMPLES_S:
                starts.clear()
            starts.append(start_s)
            if now_ns - began_ns < 2 * _SETTLE_NS:
                continue
            at_ns = round((sum(starts) / len(starts) + first / RATE) * NS)
            emit(Block(np.asarray(samples, np.float32), at_ns))

    def close(self) -> None:
        """Abort the stream."""
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)
